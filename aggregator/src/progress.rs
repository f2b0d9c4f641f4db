//! How far a group is: for metrics, for readiness, and for the page's "figures are delayed".

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use footfall_event::Topic;
use footfall_topics::{Log, Partition};

use crate::metrics;
use crate::shard::BatchStats;

/// How far a group is, in this process.
#[derive(Debug)]
pub struct Progress {
    group: &'static str,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    shards: Vec<u32>,
    committed: BTreeMap<Partition, u64>,
    lags: BTreeMap<Partition, u64>,
    watermarks: BTreeMap<u32, i64>,
    records: u64,
    trouble: Option<Trouble>,
}

/// Why nothing moves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
    /// What the last try said.
    pub reason: String,
}

/// A look at [`Progress`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Shards that this process owns.
    pub shards: Vec<u32>,
    /// Records not committed yet, over all inputs of these shards, about a second ago.
    pub lag_events: u64,
    /// The oldest of the shards' newest events, milliseconds since 1970; `None` before the first.
    pub watermark_ms: Option<i64>,
    /// Records committed since the start.
    pub records: u64,
    /// Set while the warehouse doesn't take what is offered.
    pub trouble: Option<Trouble>,
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

impl Progress {
    pub(crate) fn new(group: &'static str) -> Progress {
        Progress { group, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is now.
    pub fn state(&self) -> State {
        let inner = self.lock();
        State {
            shards: inner.shards.clone(),
            lag_events: inner.lags.values().sum(),
            watermark_ms: inner.watermarks.values().min().copied(),
            records: inner.records,
            trouble: inner.trouble.clone(),
        }
    }

    pub(crate) fn batch(&self, shard: u32, topics: &[Topic], ends: &[u64], stats: &BatchStats) {
        let mut inner = self.lock();
        // A shard that has seen nothing but imports has no newest event.
        if stats.watermark_ms > i64::MIN {
            inner.watermarks.insert(shard, stats.watermark_ms);
        }
        inner.records += stats.records;
        for (&topic, &end) in topics.iter().zip(ends) {
            inner.committed.insert(Partition { topic, number: shard }, end);
        }
    }

    pub(crate) fn clock(&self, shard: u32, clock_ms: i64) {
        if clock_ms > i64::MIN {
            self.lock().watermarks.entry(shard).or_insert(clock_ms);
        }
    }

    pub(crate) fn block(&self, partition: Partition, end: u64, rows: u64) {
        let mut inner = self.lock();
        inner.committed.insert(partition, end);
        inner.records += rows;
    }

    pub(crate) fn trouble(&self, reason: &str) {
        let mut inner = self.lock();
        let since_ms = inner.trouble.as_ref().map_or_else(now_ms, |trouble| trouble.since_ms);
        inner.trouble = Some(Trouble { since_ms, reason: reason.to_owned() });
    }

    pub(crate) fn well(&self) {
        self.lock().trouble = None;
    }

    /// Compares with the ends of the partitions and publishes the lags.
    pub(crate) fn observe(
        &self,
        log: &dyn Log,
        shards: &[u32],
        partitions: impl Iterator<Item = Partition>,
    ) {
        let mut lags = BTreeMap::new();
        for partition in partitions {
            let Ok(offsets) = log.offsets(partition) else { return };
            let committed = self.lock().committed.get(&partition).copied();
            let lag =
                offsets.end.saturating_sub(committed.unwrap_or(offsets.start).max(offsets.start));
            metrics::lag(self.group, partition.topic.name(), partition.number, lag);
            lags.insert(partition, lag);
        }
        let mut inner = self.lock();
        inner.lags = lags;
        inner.shards = shards.to_vec();
        inner.watermarks.retain(|shard, _| shards.contains(shard));
        inner.committed.retain(|partition, _| shards.contains(&partition.number));
        for (&shard, &watermark_ms) in &inner.watermarks {
            metrics::watermark_age(self.group, shard, now_ms().saturating_sub(watermark_ms));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shard_that_has_seen_no_event_has_no_newest_one() {
        let progress = Progress::new("aggregator");
        let nothing = BatchStats { watermark_ms: i64::MIN, ..BatchStats::default() };
        progress.clock(0, i64::MIN);
        progress.batch(0, &[], &[], &nothing);
        assert_eq!(progress.state().watermark_ms, None);
        let seen = |watermark_ms| BatchStats { watermark_ms, ..BatchStats::default() };
        progress.batch(1, &[], &[], &seen(7_000));
        progress.batch(0, &[], &[], &seen(9_000));
        progress.batch(0, &[], &[], &nothing);
        assert_eq!(progress.state().watermark_ms, Some(7_000), "the oldest of the newest");
    }
}
