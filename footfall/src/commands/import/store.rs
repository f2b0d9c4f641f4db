//! From accepted events to rows: one block after the other through the aggregator's core, then into
//! the warehouse.
//!
//! The core sees every event, also those that are stored already, so that visits and counts of
//! visitors are right when a file has grown; only what new events cause is written. A block of new
//! events goes through the core at once. In a block that is partly stored, what an event causes must
//! be told apart, so its events go one by one.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use footfall_aggregator::core::Core;
use footfall_aggregator::shard::{Input, Stage};
use footfall_event::time::{DAY_MS, day_of, format_rfc3339};
use footfall_event::{Id, Topic};
use footfall_topics::RecordBatch;
use footfall_warehouse::{Error, Warehouse};

use super::cut::Block;
use super::pending::Pending;

/// A warehouse that is away is waited for, so long.
const PATIENCE: Duration = Duration::from_secs(60);

/// What became of the events.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Stored {
    /// New rows.
    pub(crate) imported: u64,
    /// Stored by an earlier import.
    pub(crate) already_there: u64,
    /// Came twice in this one.
    pub(crate) repeated: u64,
}

/// Everything that a block needs on its way.
pub(crate) struct Store {
    /// Judges and makes visits. It drops what is behind by the events' own time.
    pub(crate) core: Core,
    /// Where the rows go.
    pub(crate) warehouse: Warehouse,
    /// The site.
    pub(crate) site: String,
    /// Rows are deleted so many days after their time; 0 keeps them.
    pub(crate) retention_days: u16,
    /// When the import began, milliseconds since 1970.
    pub(crate) received_at: i64,
    /// Where the block that is being inserted is kept.
    pub(crate) block_path: PathBuf,
    /// Events that went through so far, for the progress bar.
    pub(crate) progress: Arc<AtomicU64>,
    /// The counts.
    pub(crate) stored: Stored,
}

impl Store {
    /// Stores what is new in a block.
    ///
    /// # Errors
    /// When the warehouse does not answer for a minute, or refuses.
    pub(crate) async fn block(&mut self, block: &Block) -> Result<()> {
        let existing = existing(&self.warehouse, &self.site, &block.ids).await?;
        let is_new: Vec<bool> =
            block.ids.iter().map(|(id, _)| !existing.contains(&id.as_u128())).collect();
        let new = is_new.iter().filter(|new| **new).count();
        let inputs: Vec<Input<'_>> = block
            .records
            .iter()
            .enumerate()
            .map(|(index, (partition, key, value))| Input {
                topic: partition.topic,
                offset: index as u64,
                key,
                value,
            })
            .collect();
        let mut pending = Pending::new(&self.site, self.retention_days, self.received_at);
        let mut out = RecordBatch::new();
        if new == inputs.len() || new == 0 {
            self.core.process(&inputs, 0, &mut out);
            if new > 0 {
                keep(&out, &mut pending)?;
            }
        } else {
            for (input, is_new) in inputs.iter().zip(&is_new) {
                out.clear();
                self.core.process(std::slice::from_ref(input), 0, &mut out);
                if *is_new {
                    keep(&out, &mut pending)?;
                }
            }
        }
        let imported = pending.events();
        pending.insert(&self.block_path, &self.warehouse).await?;
        self.stored.imported += imported as u64;
        self.stored.repeated += (new - imported) as u64;
        self.stored.already_there += (inputs.len() - new) as u64;
        self.progress.fetch_add(imported as u64, Ordering::Relaxed);
        Ok(())
    }
}

/// Takes over what the core wrote.
fn keep(out: &RecordBatch, pending: &mut Pending) -> Result<()> {
    for (partition, _, value) in out.iter() {
        match partition.topic {
            // A second stage, which looks at all clicks of a campaign together, is for what happens
            // now: history is stored as the first stage judges it, and makes no windows of ads.
            Topic::JudgedEvents | Topic::AdClicks | Topic::AdConversions if is_event(value) => {
                pending.push_event(value);
            }
            // Nor does it block anybody now.
            Topic::AdClicks | Topic::AdConversions | Topic::AdDeltas | Topic::Blocklist => {}
            Topic::Sessions => pending.push_session(value),
            other => bail!(
                "an accepted event could not be judged ({}): {}",
                other.name(),
                String::from_utf8_lossy(value)
            ),
        }
    }
    Ok(())
}

/// Stage 1 also writes notes about events that it has passed on before.
fn is_event(record: &[u8]) -> bool {
    record.starts_with(b"{\"v\":")
}

/// Which of these events (id and time) are stored.
///
/// # Errors
/// When the warehouse does not answer for a minute, or refuses.
pub(crate) async fn existing(
    warehouse: &Warehouse,
    site: &str,
    ids: &[(Id, i64)],
) -> Result<HashSet<u128>> {
    let times = ids.iter().map(|(_, time)| *time);
    let (Some(first), Some(last)) = (times.clone().min(), times.max()) else {
        return Ok(HashSet::new());
    };
    let asked: HashSet<u128> = ids.iter().map(|(id, _)| id.as_u128()).collect();
    // The table is sorted by site and day: naming the days reads nothing else, also when one line
    // of a block has a time that is years off.
    let days: BTreeSet<i64> = ids.iter().map(|(_, time)| day_of(*time)).collect();
    let days: Vec<String> =
        days.iter().map(|day| format!("'{}'", &format_rfc3339(day * DAY_MS)[..10])).collect();
    let sql = format!(
        "SELECT toUInt128(id) FROM events WHERE site = ? AND toDate(time) IN ({}) \
         AND toUnixTimestamp64Milli(time) BETWEEN ? AND ?",
        days.join(", ")
    );
    let mut found = HashSet::new();
    patiently(async || {
        found.clear();
        let mut cursor = warehouse
            .client()
            .query(&sql)
            .with_setting("max_query_size", "4194304")
            .bind(site)
            .bind(first)
            .bind(last)
            .fetch::<u128>()?;
        while let Some(id) = cursor.next().await? {
            if asked.contains(&id) {
                found.insert(id);
            }
        }
        Ok(())
    })
    .await?;
    Ok(found)
}

/// Tries again while the warehouse is away or busy.
///
/// # Errors
/// What it said last, after a minute; at once what won't pass by itself.
pub(crate) async fn patiently(mut attempt: impl AsyncFnMut() -> Result<(), Error>) -> Result<()> {
    let began = Instant::now();
    let mut pause = Duration::from_millis(50);
    loop {
        match attempt().await {
            Ok(()) => return Ok(()),
            Err(error) if error.is_retriable() && began.elapsed() < PATIENCE => {
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(error) => {
                return Err(error).context(
                    "the import stopped; what was stored stays, and the same command goes on",
                );
            }
        }
    }
}
