//! Events from a Kafka topic, each counted exactly once: differences of counts and the offsets
//! behind the events are committed together, and the counts are read back from what is committed.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use footfall_aggregator::tally::Tally;
use footfall_topics::kafka::Settings;
use footfall_topics::kafka::foreign::{self, Foreign};

use super::Counts;

/// Partitions of a topic that is made for generated events.
const PARTITIONS: u32 = 2;
/// Events between two looks at the clock.
const STRIDE: u64 = 20_000;
/// How often what was counted is committed.
const COMMIT_EVERY: Duration = Duration::from_millis(500);
const POLL_TIMEOUT: Duration = Duration::from_millis(100);

/// A run over a topic.
pub(super) struct Run {
    settings: Settings,
    name: String,
    topic: String,
    results: String,
}

impl Run {
    /// The run of this name, or one of its own. Results go to the topic `TOPIC-counts`.
    pub(super) fn new(settings: Settings, topic: &str, name: Option<&str>) -> Run {
        let name = match name {
            Some(name) => name.to_owned(),
            None => format!("ysb-{}", uuid::Uuid::now_v7()),
        };
        let results = format!("{topic}-counts");
        Run { settings, name, topic: topic.to_owned(), results }
    }

    /// Counts up to the topic's end.
    pub(super) fn count(&self, tally: &mut Tally) -> Result<()> {
        let mut foreign = Foreign::open(&self.settings, &self.name, &self.topic, &self.results)?;
        let mut committed = Instant::now();
        let mut uncommitted = 0;
        loop {
            let read = foreign.read(STRIDE, POLL_TIMEOUT, |event| tally.event(event))?;
            uncommitted += read.records;
            if uncommitted > 0 && (read.at_end || committed.elapsed() >= COMMIT_EVERY) {
                let mut results = Vec::with_capacity(tally.changed());
                tally.drain(|campaign, start, count| {
                    let key = format!("{},{campaign},{start}", self.name);
                    results.push((key, count.to_string()));
                });
                foreign.commit(&results).context("the counts can't be committed")?;
                committed = Instant::now();
                uncommitted = 0;
            }
            if read.at_end {
                return Ok(());
            }
        }
    }

    /// Adds up what the run has committed.
    pub(super) fn read_back(&self, counts: &mut Counts) -> Result<()> {
        foreign::read_all(&self.settings, &self.results, |key, value| {
            let parsed = || -> Option<(String, i64, u64)> {
                let key = std::str::from_utf8(key).ok()?;
                let key = key.strip_prefix(self.name.as_str())?.strip_prefix(',')?;
                let (campaign, start) = key.rsplit_once(',')?;
                let count = std::str::from_utf8(value).ok()?.parse().ok()?;
                Some((campaign.to_owned(), start.parse().ok()?, count))
            };
            // What can't be read so is another run's.
            if let Some((campaign, start, count)) = parsed() {
                *counts.entry((campaign, start)).or_default() += count;
            }
        })?;
        Ok(())
    }
}

/// Writes generated events into a topic.
pub(super) fn fill(
    settings: Settings,
    topic: &str,
    events: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
) -> Result<()> {
    foreign::fill(&settings, topic, PARTITIONS, events)
}
