//! Judging history again by other rules, and keeping what they say in the table `replays`: in a running
//! server, whose log nobody else may open, or in the command itself.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use footfall_aggregator::replay::{ReplayProgress, Replayed, replay};
use footfall_aggregator::rules::RuleSet;
use footfall_event::ads::Revision;
use footfall_event::catalog::Catalog;
use footfall_event::record;
use footfall_topics::Log;
use footfall_topics::catalog::CatalogView;
use footfall_warehouse::{VerdictBlock, Warehouse};
use serde::{Deserialize, Serialize};

use crate::commands::now_ms;
use crate::config::Config;
use crate::roles::warehouse_client;

/// Rows of one insert.
const BLOCK_ROWS: usize = 100_000;
/// Tries of an insert while ClickHouse is away.
const TRIES: u32 = 10;

/// What is to be judged again, and by what.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Job {
    /// The rules.
    pub(crate) rules: String,
    /// Clicks from this time on, milliseconds since 1970.
    pub(crate) from_ms: i64,
}

/// What came out.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// Version of the rules.
    pub(crate) rules: u32,
    /// Events read.
    pub(crate) events: u64,
    /// Clicks judged.
    pub(crate) clicks: u64,
    /// Those that are invalid by these rules.
    pub(crate) invalid: u64,
    /// How long reading and judging took.
    pub(crate) seconds: f64,
}

/// How far it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct State {
    /// Events read.
    pub(crate) done: u64,
    /// Events to read.
    pub(crate) total: u64,
    /// The summary, or what went wrong, when it is over.
    pub(crate) ended: Option<Result<Summary, String>>,
}

/// One replay.
#[derive(Debug, Default)]
pub(crate) struct Running {
    progress: ReplayProgress,
    ended: OnceLock<Result<Summary, String>>,
}

impl Running {
    pub(crate) fn state(&self) -> State {
        State {
            done: self.progress.done.load(Ordering::Relaxed),
            total: self.progress.total.load(Ordering::Relaxed),
            ended: self.ended.get().cloned(),
        }
    }
}

/// Replays in a process: one at a time.
pub(crate) struct Replays {
    config: Config,
    log: Arc<dyn Log>,
    view: CatalogView,
    now: Mutex<Option<Arc<Running>>>,
}

impl Replays {
    pub(crate) fn new(config: &Config, log: Arc<dyn Log>, view: CatalogView) -> Replays {
        Replays { config: config.clone(), log, view, now: Mutex::default() }
    }

    /// Starts one on the current runtime.
    ///
    /// # Errors
    /// When another one is running.
    pub(crate) fn start(&self, job: Job) -> Result<Arc<Running>> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let busy = now.as_ref().is_some_and(|running| running.ended.get().is_none());
        ensure!(!busy, "another replay is running: try again when it is over");
        let running = Arc::new(Running::default());
        *now = Some(Arc::clone(&running));
        let (config, log, view) = (self.config.clone(), self.log.clone(), self.view.clone());
        let of_task = Arc::clone(&running);
        tokio::spawn(async move {
            let outcome = match warehouse_client(&config) {
                Ok(warehouse) => run(&config, log, &view, &warehouse, job, &of_task).await,
                Err(error) => Err(error),
            };
            let outcome = outcome.map_err(|error| format!("{error:#}"));
            // Nobody else ends it.
            drop(of_task.ended.set(outcome));
        });
        Ok(running)
    }

    /// How far the last one is.
    ///
    /// # Errors
    /// When there was none.
    pub(crate) fn state(&self) -> Result<State> {
        let now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(now.as_ref().context("no replay was started")?.state())
    }
}

async fn run(
    config: &Config,
    log: Arc<dyn Log>,
    view: &CatalogView,
    warehouse: &Warehouse,
    job: Job,
    running: &Arc<Running>,
) -> Result<Summary> {
    let catalog = view.load();
    let rules = Arc::new(checked(&catalog, &job.rules)?);
    let version = rules.version();
    let (began, clock) = (now_ms(), Instant::now());
    let (settings, of_thread) = (config.aggregate.clone(), Arc::clone(running));
    let judge = move || replay(&*log, &rules, &settings, job.from_ms, &of_thread.progress);
    let clicks = tokio::task::spawn_blocking(judge).await??;
    let seconds = clock.elapsed().as_secs_f64();
    store(warehouse, &catalog, (version, began), &clicks).await?;
    let invalid = clicks.iter().filter(|click| !click.verdict.is_net()).count();
    Ok(Summary {
        rules: version,
        events: running.progress.done.load(Ordering::Relaxed),
        clicks: clicks.len() as u64,
        invalid: invalid as u64,
        seconds,
    })
}

/// The rules, if their version says which they are.
fn checked(catalog: &Catalog, text: &str) -> Result<RuleSet> {
    let rules = RuleSet::parse(text)?;
    let version = rules.version();
    if let Some(known) = catalog.rules.get(&version) {
        ensure!(
            known.text == text,
            "version {version} was given to other rules already, by {}: the verdicts of the two \
             could not be told apart",
            known.by
        );
    }
    Ok(rules)
}

async fn store(
    warehouse: &Warehouse,
    catalog: &Catalog,
    (rules, decided_at): (u32, i64),
    clicks: &[Replayed],
) -> Result<()> {
    let mut block = VerdictBlock::of_replay();
    for (number, some) in clicks.chunks(BLOCK_ROWS).enumerate() {
        block.clear();
        for click in some {
            let site = catalog.sites.get(&*click.site);
            let days = site.and_then(|site| site.retention_days).unwrap_or(0);
            block.set_retention_days(u16::try_from(days).unwrap_or(u16::MAX));
            block.push(&serde_json::to_vec(&Revision {
                v: record::VERSION,
                site: (&*click.site).into(),
                id: click.id,
                time: click.time,
                rules,
                verdict: click.verdict,
                reasons: click.reasons.clone(),
                decided_at,
            })?)?;
        }
        let token = format!("replay/{rules}/{decided_at}/{number}");
        let mut tries = 0;
        while let Err(error) = block.insert(warehouse, &token).await {
            tries += 1;
            if !error.is_retriable() || tries == TRIES {
                return Err(anyhow!(error).context("the verdicts can't be stored"));
            }
            tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        }
    }
    Ok(())
}
