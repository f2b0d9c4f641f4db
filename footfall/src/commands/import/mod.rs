//! `footfall import access-log|events`: history, from files into the warehouse.
//!
//! An import does not go through the log, whose de-duplication knows one day only. It takes the
//! same accept steps and the same core as live events, with daily keys of its own, and writes
//! straight into the warehouse. It can be broken off and repeated at any time: events have ids made
//! from their source, and what is stored is found by them.
//!
//! # Layout: the way of a line
//!
//! - [`lines`]: the lines of a file. [`files`]: the files as one sequence of lines, by time.
//! - [`text_line`], [`json_line`] → [`hit`]: a line, the request it tells, whether it was a page.
//! - [`ids`]: the id of a line. [`cut`]: the accept steps; blocks of events.
//! - [`store`]: a block through the core and into the warehouse, only what is new.
//! - [`pending`]: the block that is being inserted, on disk. [`job`]: keys and lock of an import.
//! - [`summary`], [`progress`]: what is told.
//!
//! # What it does not do
//!
//! Two visits of one person in files that are imported apart stay two. A visit that is stored is
//! only continued when the lines that made it are given again, together with the new ones.

mod cut;
mod files;
mod hit;
mod ids;
mod job;
mod json_line;
mod lines;
mod pending;
mod progress;
mod store;
mod summary;
mod text_line;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use anyhow::{Context, Result, anyhow};
use footfall_aggregator::core::Core;
use footfall_aggregator::rules::RuleSet;
use footfall_aggregator::shard::Stage;
use footfall_event::Hex64;
use footfall_event::catalog::{Catalog, Entry, KINDS, PartitionKey, Site};
use footfall_ingest::ids::FreshIds;
use footfall_ingest::{Agents, Blocklist, Geo, Sites};
use footfall_warehouse::Warehouse;

use self::cut::{Acceptor, AccessLog, Block, Events, Kind, next_block};
use self::files::Files;
use self::job::Job;
use self::progress::Progress;
use self::store::{Store, Stored};
use self::summary::Summary;
use super::{now_ms, say};
use crate::cli::{ImportArgs, ImportCommand};
use crate::config::Config;
use crate::control::Access;

/// Blocks between reading and storing.
const QUEUE_BLOCKS: usize = 1;

/// Runs the command.
///
/// # Errors
/// When the site does not exist, a file can't be read, another import runs, or the warehouse
/// can't be reached.
pub(crate) fn run(config: &Config, command: ImportCommand, json: bool) -> Result<()> {
    let summary = match command {
        ImportCommand::AccessLog(args) => import(config, "access-log", args, AccessLog),
        ImportCommand::Events(args) => import(config, "events", args, Events),
    }?;
    say(json, &summary, || summary.text());
    Ok(())
}

/// The bar of a command that follows what somebody else does.
pub(crate) fn progress_bar() -> Progress {
    Progress::new(0, Arc::default())
}

fn import<F: Kind>(config: &Config, kind: &str, args: ImportArgs, format: F) -> Result<Summary> {
    let started = Instant::now();
    let now_ms = now_ms();
    let name = args.site.to_ascii_lowercase();
    let catalog = catalog(config)?;
    let site = catalog.sites.get(&name).cloned().ok_or_else(|| {
        anyhow!("there is no site {name}: add it first with `footfall site add {name}`")
    })?;
    let rules = match catalog.rules_in_force() {
        Some(rules) => RuleSet::parse(&rules.text).context("the rules in force can't be read")?,
        None => RuleSet::default(),
    };
    let sites = Sites::of(Arc::new(catalog), None).context("the catalogue has no key")?;
    let latest_ms = now_ms + config.ingest.limits.ahead_ms_max;
    let mut files = Files::open(&args.files, format, latest_ms)?;
    let job = Job::open(&config.data, kind, &name, &args.files)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let (warehouse, engine) =
        runtime.block_on(crate::roles::open_warehouse(&mut config.clone()))?;
    let broken_off = runtime.block_on(pending::complete(&job::folder(&config.data), &warehouse))?;

    let keys = job.keys();
    let acceptor = Acceptor {
        site: &site,
        allowed: std::slice::from_ref(&name),
        sites: &sites,
        limits: &config.ingest.limits,
        blocklist: &Blocklist::default(),
        keys: &keys,
        geo: &Geo::new(&config.ingest.geo),
        agents: &Agents::default(),
        fresh: &FreshIds::new(now_ms, rand::random()),
        now_ms,
    };
    let mut store = store(config, &site, warehouse, &job, now_ms);
    store.core.set_rules(Arc::new(rules));
    let mut summary =
        Summary { site: name.clone(), resumed: job.is_resumed(), ..Summary::default() };
    let progress = Progress::new(files.progress().0, Arc::clone(&store.progress));
    transfer(&mut files, &acceptor, &mut summary, &mut store, &runtime, progress)?;
    let Stored { imported, already_there, repeated } = store.stored;
    summary.imported = imported + broken_off as u64;
    summary.already_there = already_there.saturating_sub(broken_off as u64);
    summary.repeated = repeated;
    summary.seconds = started.elapsed().as_secs_f64();
    job.finish()?;
    if let Some(engine) = engine {
        runtime.block_on(engine.stop());
    }
    Ok(summary)
}

/// Reads on this thread, stores on another.
fn transfer<F: Kind>(
    files: &mut Files<F>,
    acceptor: &Acceptor<'_>,
    summary: &mut Summary,
    store: &mut Store,
    runtime: &tokio::runtime::Runtime,
    mut progress: Progress,
) -> Result<()> {
    let (sender, receiver) = sync_channel(QUEUE_BLOCKS);
    let result = std::thread::scope(|scope| {
        let storing = scope.spawn(|| runtime.block_on(store_all(store, receiver)));
        let read = read_all(files, acceptor, summary, sender, &mut progress);
        let stored = storing.join().unwrap_or_else(|_| Err(anyhow!("storing broke off")));
        stored.and(read)
    });
    progress.end();
    result
}

fn read_all<F: Kind>(
    files: &mut Files<F>,
    acceptor: &Acceptor<'_>,
    summary: &mut Summary,
    sender: SyncSender<Block>,
    progress: &mut Progress,
) -> Result<()> {
    while let Some(block) = next_block(files, acceptor, summary)? {
        if sender.send(block).is_err() {
            break; // Storing failed; it says why.
        }
        progress.show(files.progress().1, summary.lines);
    }
    Ok(())
}

async fn store_all(store: &mut Store, receiver: Receiver<Block>) -> Result<()> {
    // This thread has nothing else to do: it may block while it waits for the next block.
    while let Ok(block) = receiver.recv() {
        store.block(&block).await?;
    }
    Ok(())
}

fn store(config: &Config, site: &Site, warehouse: Warehouse, job: &Job, now_ms: i64) -> Store {
    let days = site.retention_days.map_or(0, |days| u16::try_from(days).unwrap_or(u16::MAX));
    Store {
        core: Core::new(config.aggregate.core_limits()),
        warehouse,
        site: site.domain.clone(),
        retention_days: days,
        received_at: now_ms,
        block_path: job.block_path(),
        progress: Arc::default(),
        stored: Stored::default(),
    }
}

/// The catalogue, with the lasting key that the first server would give it.
fn catalog(config: &Config) -> Result<Catalog> {
    let access = Access::open(config)?;
    let catalog = access.list(&KINDS)?;
    if catalog.partition_key.is_some() {
        return Ok(catalog);
    }
    let halves = (Hex64(rand::random()), Hex64(rand::random()));
    access.put(Entry::PartitionKey(PartitionKey { halves }))?;
    access.list(&KINDS)
}
