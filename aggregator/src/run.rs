//! Starting and stopping.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use footfall_event::Topic;
use footfall_topics::Log;
use footfall_topics::catalog::CatalogView;
use footfall_warehouse::Warehouse;
use tokio_util::sync::CancellationToken;

use crate::ads::Ads;
use crate::alerts::AlertSettings;
use crate::alerts::worker::AlertWorker;
use crate::core::Core;
use crate::library::RuleLibrary;
use crate::loader::worker::LoadWorker;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::shard::worker::StageWorker;
use crate::shard::{Stage, group};

/// A running group. It runs until its token is cancelled; dropping the handle doesn't stop it.
#[derive(Debug)]
pub struct Handle {
    progress: Arc<Progress>,
    thread: JoinHandle<()>,
}

impl Handle {
    /// How far it is; the same for as long as it runs.
    pub fn progress(&self) -> Arc<Progress> {
        Arc::clone(&self.progress)
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.thread.is_finished()
    }

    /// Waits until it has ended: after the token is cancelled, every shard commits what it has and
    /// saves its state. Blocks; at most some 20 seconds.
    ///
    /// # Errors
    /// When its thread panicked, which is a defect.
    pub fn join(self) -> std::thread::Result<()> {
        self.thread.join()
    }
}

/// Starts stage 1 (group `aggregate`): activity topics → judged events and visits; clicks and
/// conversions go on to stage 2. It works on as many shards as the log's membership gives it, on
/// threads of its own. Rules that change are in force from the next batch on.
///
/// # Errors
/// When no thread can be started.
pub fn run_aggregator(
    log: Arc<dyn Log>,
    rules: Arc<RuleLibrary>,
    settings: Settings,
    shutdown: CancellationToken,
) -> std::io::Result<Handle> {
    let limits = settings.core_limits();
    let shards = log.partitions(Topic::AdClicks);
    let make = move || Core::new(limits).among(shards);
    run_stage("aggregate", (log, rules), settings, make, shutdown)
}

/// Starts stage 2 (group `ads`): clicks, conversions and sums of impressions → judged events,
/// windows, the current performance of ads.
///
/// # Errors
/// When no thread can be started.
pub fn run_ads(
    log: Arc<dyn Log>,
    rules: Arc<RuleLibrary>,
    settings: Settings,
    shutdown: CancellationToken,
) -> std::io::Result<Handle> {
    let limits = settings.ad_limits();
    let shards = log.partitions(Topic::AdClicks);
    let make = move || Ads::new(limits).among(shards);
    run_stage("ads", (log, rules), settings, make, shutdown)
}

fn run_stage<S: Stage>(
    group: &'static str,
    (log, rules): (Arc<dyn Log>, Arc<RuleLibrary>),
    settings: Settings,
    make: impl Fn() -> S + Send + Sync + 'static,
    shutdown: CancellationToken,
) -> std::io::Result<Handle> {
    let progress = Arc::new(Progress::new(group));
    let worker = Arc::new(StageWorker {
        group,
        log: Arc::clone(&log),
        rules,
        settings,
        progress: Arc::clone(&progress),
        make,
        warm: Default::default(),
    });
    let thread = std::thread::Builder::new()
        .name(group.to_owned())
        .spawn(move || crate::shard::group::run(log.as_ref(), &worker, &shutdown))?;
    Ok(Handle { progress, thread })
}

/// Starts the loader (group `load`): result topics → tables. The schema must be there already
/// ([`Warehouse::migrate`]); while the warehouse is away or refuses, it tries again for ever, and
/// [`Progress::state`] says since when and why.
///
/// # Errors
/// When no thread can be started.
pub fn run_loader(
    log: Arc<dyn Log>,
    warehouse: Warehouse,
    settings: Settings,
    shutdown: CancellationToken,
) -> std::io::Result<Handle> {
    let progress = Arc::new(Progress::new("load"));
    // Of its own: inserts encode large blocks, which must not hold up anybody's requests.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("load-insert")
        .enable_all()
        .build()?;
    let of_thread = Arc::clone(&progress);
    let thread = std::thread::Builder::new().name("load".to_owned()).spawn(move || {
        let Some(catalog) = follow_catalog(&log, &shutdown) else { return };
        let worker = Arc::new(LoadWorker {
            log: Arc::clone(&log),
            warehouse,
            catalog,
            runtime: runtime.handle().clone(),
            settings,
            progress: of_thread,
        });
        group::run(log.as_ref(), &worker, &shutdown);
        runtime.shutdown_background();
    })?;
    Ok(Handle { progress, thread })
}

/// Starts the delivery of alerts (group `alerts`).
///
/// # Errors
/// When no thread can be started.
pub fn run_alerts(
    log: Arc<dyn Log>,
    settings: AlertSettings,
    shutdown: CancellationToken,
) -> std::io::Result<Handle> {
    let progress = Arc::new(Progress::new("alerts"));
    let of_thread = Arc::clone(&progress);
    let thread = std::thread::Builder::new().name("alerts".to_owned()).spawn(move || {
        let Some(catalog) = follow_catalog(&log, &shutdown) else { return };
        let log_of_worker = Arc::clone(&log);
        let worker =
            Arc::new(AlertWorker { log: log_of_worker, catalog, settings, progress: of_thread });
        group::run(log.as_ref(), &worker, &shutdown);
    })?;
    Ok(Handle { progress, thread })
}

/// The catalogue says how long a site's rows are kept; nothing may be loaded without it.
fn follow_catalog(log: &Arc<dyn Log>, shutdown: &CancellationToken) -> Option<CatalogView> {
    while !shutdown.is_cancelled() {
        match CatalogView::follow(Arc::clone(log)) {
            Ok(catalog) => return Some(catalog),
            Err(error) => tracing::warn!(%error, "the catalogue can't be read; trying again"),
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    None
}
