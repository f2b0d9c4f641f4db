//! The parts of a role, each started from the configuration.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use footfall_aggregator::alerts::watch::Watch;
use footfall_aggregator::{Handle, Progress, run_ads, run_aggregator, run_alerts, run_loader};
use footfall_dashboard::{Dashboard, Freshness, Status};
use footfall_ingest::{Geo, Ingest, Salts, salts};
use footfall_topics::catalog::CatalogView;
use footfall_topics::follow::Followed;
use footfall_topics::outbox::{self, Outbox};
use footfall_topics::{Log, Topic};
use footfall_warehouse::engine;
use tokio_util::sync::CancellationToken;

use super::warehouse::{Engine, migrate, warehouse_client};
use crate::commands::now_ms;
use crate::config::Config;
use crate::telemetry::Ready;

/// How often the dashboard is told how current the figures are.
const STATUS_INTERVAL: Duration = Duration::from_millis(200);

/// The aggregator's two stages, the loader and the alerts.
pub(crate) struct Aggregator {
    stop: CancellationToken,
    aggregate: Handle,
    ads: Handle,
    alerts: Handle,
    load: tokio::task::JoinHandle<Result<Handle>>,
    /// How far the loader is; empty until the schema is there.
    loading: Arc<std::sync::OnceLock<Arc<Progress>>>,
}

impl Aggregator {
    /// Starts all of them. The loader begins when ClickHouse has its schema; until then the log keeps
    /// everything.
    pub(crate) async fn start(
        config: &Config,
        log: &Arc<dyn Log>,
        view: &CatalogView,
    ) -> Result<Aggregator> {
        let stop = CancellationToken::new();
        let rules = super::rules::start(config, view, stop.clone()).await?;
        let settings = config.aggregate.clone();
        let aggregate = run_aggregator(log.clone(), rules.clone(), settings.clone(), stop.clone())?;
        let ads = run_ads(log.clone(), rules, settings, stop.clone())?;
        let alerts = run_alerts(log.clone(), config.aggregate.alerts.clone(), stop.clone())?;
        let loading: Arc<std::sync::OnceLock<Arc<Progress>>> = Arc::default();
        let warehouse = warehouse_client(config)?;
        let (log, settings, token) = (log.clone(), config.aggregate.clone(), stop.clone());
        let started = loading.clone();
        let (aggregating, judging) = (aggregate.progress(), ads.progress());
        let load = tokio::spawn(async move {
            migrate(&warehouse).await.inspect_err(|error| {
                tracing::error!(error = format!("{error:#}"), "nothing is loaded into ClickHouse");
            })?;
            let load = run_loader(log.clone(), warehouse.clone(), settings, token.clone())?;
            drop(started.set(load.progress()));
            let groups = vec![aggregating, judging, load.progress()];
            tokio::spawn(Watch { log, warehouse, groups }.run(token));
            Ok(load)
        });
        Ok(Aggregator { stop, aggregate, ads, alerts, load, loading })
    }

    /// Ready when both stages run.
    pub(crate) fn ready(&self) -> Ready {
        let loading = self.loading.clone();
        Arc::new(move || match loading.get() {
            Some(progress) => match progress.state().trouble {
                Some(trouble) => Err(format!("ClickHouse takes nothing: {}", trouble.reason)),
                None => Ok(()),
            },
            None => Err("the warehouse is not set up yet".to_owned()),
        })
    }

    /// Waits until the warehouse has its schema, but not longer than `patience`.
    pub(crate) async fn set_up(&self, patience: Duration) {
        let deadline = tokio::time::Instant::now() + patience;
        while self.loading.get().is_none() && tokio::time::Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The loader's progress, once it runs.
    pub(crate) fn loading(&self) -> Arc<std::sync::OnceLock<Arc<Progress>>> {
        self.loading.clone()
    }

    /// Lets every shard commit what it has, then ends them.
    pub(crate) async fn stop(self) {
        self.stop.cancel();
        let join = |handle: Handle| async move {
            let joined = tokio::task::spawn_blocking(move || handle.join()).await;
            if !matches!(joined, Ok(Ok(()))) {
                tracing::error!("a part of the aggregator ended by a defect");
            }
        };
        join(self.aggregate).await;
        join(self.ads).await;
        join(self.alerts).await;
        self.load.abort();
        if let Ok(Ok(load)) = self.load.await {
            join(load).await;
        }
    }
}

/// Accepting events.
pub(crate) async fn ingest(
    config: &Config,
    log: &Arc<dyn Log>,
    view: &CatalogView,
) -> Result<Arc<Ingest>> {
    view.ensure_partition_key().await?;
    view.ensure_click_key().await?;
    let geo = Geo::new(&config.ingest.geo);
    if let Err(error) = geo.check() {
        tracing::warn!(%error, "visitors' places are not known");
    }
    let source = log.clone();
    let salts =
        tokio::task::spawn_blocking(move || Salts::follow(source, salts::system_clock())).await??;
    let source = log.clone();
    let follow = move || Followed::follow(&source, Topic::Blocklist);
    let blocked = tokio::task::spawn_blocking(follow).await??;
    let outbox = Outbox::open(log.clone(), outbox::Settings::new(config.data.join("outbox")))?;
    Ok(Ingest::new(log.clone(), outbox, view.clone(), blocked, geo, salts, config.ingest.clone())?)
}

/// The dashboard, and what tells it how current the figures are.
pub(crate) fn dashboard(
    config: &Config,
    log: &Arc<dyn Log>,
    view: &CatalogView,
    engine: Option<&Engine>,
    aggregator: Option<&Aggregator>,
) -> Result<Arc<Dashboard>> {
    let status = Arc::new(Status::default());
    super::rules::explain(&status, view);
    let mut settings = config.dashboard.clone();
    settings.require_login |= !config.listen.ip().is_loopback();
    settings.base_url = config.public_url();
    settings.secrets_dir.get_or_insert_with(|| config.data.join("secrets"));
    std::fs::create_dir_all(&config.data)?;
    let warehouse = warehouse_client(config)?;
    let dashboard = Dashboard::new(log.clone(), view.clone(), warehouse, settings, status.clone())?;
    if let Some(aggregator) = aggregator {
        tokio::spawn(report(status, engine.map(Engine::watch), aggregator.loading()));
    }
    Ok(dashboard)
}

/// Tells the dashboard what only this process knows: the engine's state and the loader's lag.
async fn report(
    status: Arc<Status>,
    engine: Option<tokio::sync::watch::Receiver<engine::State>>,
    loading: Arc<std::sync::OnceLock<Arc<Progress>>>,
) {
    let mut clock = tokio::time::interval(STATUS_INTERVAL);
    loop {
        clock.tick().await;
        let state = loading.get().map(|progress| progress.state());
        let down = engine.as_ref().and_then(|engine| match *engine.borrow() {
            engine::State::Down { since } => {
                Some(now_ms() - i64::try_from(since.elapsed().as_millis()).unwrap_or(0))
            }
            engine::State::Up { .. } => None,
        });
        let trouble = state.as_ref().and_then(|state| Some(state.trouble.as_ref()?.since_ms));
        status.set(Freshness {
            engine_down_since: down.or(trouble),
            loaded_up_to: state.as_ref().and_then(|state| state.watermark_ms),
            waiting: state.as_ref().map(|state| state.lag_events),
        });
    }
}
