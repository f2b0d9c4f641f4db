//! The life of one alerts shard: read → deliver to each channel → commit.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_event::alert::Alert;
use footfall_event::catalog::AlertChannel;
use footfall_event::{Id, Topic};
use footfall_topics::catalog::CatalogView;
use footfall_topics::{Log, Partition, Position, Reader, RecordBatch, ShardLog, ShardOpener};

use super::AlertSettings;
use super::cursors::Cursors;
use super::retry::pause;
use super::send::Sender;
use crate::metrics;
use crate::progress::{Progress, now_ms};
use crate::shard::group::{Ended, Signal, Worker};

/// Alerts at hand at the most; reading waits for the slowest channel then.
const WAITING_MAX: usize = 1_000;
/// Alerts before the committed one that are looked at again: an alert raised twice is known by its
/// id also after a restart, and a channel that was just added misses nothing.
const LOOK_BACK: u64 = 1_000;
const POLL: Duration = Duration::from_millis(250);
const POLL_BYTES_MAX: usize = 1 << 20;

/// Delivers alerts.
pub(crate) struct AlertWorker {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) catalog: CatalogView,
    pub(crate) settings: AlertSettings,
    pub(crate) progress: Arc<Progress>,
}

impl Worker for AlertWorker {
    fn group(&self) -> &'static str {
        "alerts"
    }

    fn run(&self, shard: u32, opener: &dyn ShardOpener, signal: &Signal) -> Result<(), Ended> {
        let partition = Partition { topic: Topic::Alerts, number: shard };
        let mut log = opener.open(shard)?;
        let position = log.committed(&[partition])?.pop().flatten();
        let (offset, metadata) = position.map_or((0, String::new()), |p| (p.offset, p.metadata));
        let mut reader = self.log.reader()?;
        reader.assign(partition, offset.saturating_sub(LOOK_BACK))?;
        let mut shard = Shard {
            of: self,
            partition,
            log,
            reader,
            sender: Sender::new(&self.settings),
            cursors: Cursors::restore(offset, &metadata),
            first: offset,
            end: offset,
            waiting: VecDeque::new(),
            known: HashMap::new(),
            failures: BTreeMap::new(),
            committed: (offset, metadata),
        };
        while signal.is_running() {
            shard.read()?;
            shard.deliver(signal)?;
            shard.commit()?;
        }
        Ok(())
    }

    fn observe(&self, shards: &[u32]) {
        let partitions = shards.iter().map(|&number| Partition { topic: Topic::Alerts, number });
        self.progress.observe(self.log.as_ref(), shards, partitions);
    }
}

/// A channel that could not be reached.
struct Failure {
    count: u32,
    again_at: Instant,
}

struct Shard<'a> {
    of: &'a AlertWorker,
    partition: Partition,
    log: Box<dyn ShardLog>,
    reader: Box<dyn Reader>,
    sender: Sender,
    cursors: Cursors,
    /// Where delivery began: what lies before is only looked at.
    first: u64,
    /// What was read.
    end: u64,
    waiting: VecDeque<(u64, Alert)>,
    /// Where an id was first.
    known: HashMap<Id, u64>,
    failures: BTreeMap<String, Failure>,
    committed: (u64, String),
}

impl Shard<'_> {
    fn read(&mut self) -> Result<(), Ended> {
        if self.waiting.len() >= WAITING_MAX {
            std::thread::sleep(POLL);
            return Ok(());
        }
        for chunk in self.reader.poll(POLL_BYTES_MAX, POLL)? {
            for record in chunk.iter() {
                match serde_json::from_slice::<Alert>(record.value) {
                    Ok(alert) => self.take(record.offset, alert),
                    Err(error) => tracing::warn!(%error, "an alert can't be read"),
                }
            }
            self.end = self.end.max(chunk.next_offset);
        }
        Ok(())
    }

    /// An alert that was raised before is known by its id.
    fn take(&mut self, offset: u64, alert: Alert) {
        let first = *self.known.entry(alert.id).or_insert(offset);
        if first == offset && offset >= self.first {
            self.waiting.push_back((offset, alert));
        }
        if self.known.len() > 4 * WAITING_MAX {
            let keep = self.end.saturating_sub(LOOK_BACK);
            self.known.retain(|_, at| *at >= keep);
        }
    }

    /// One alert to each channel that is due, so that nobody waits for another's backlog.
    fn deliver(&mut self, signal: &Signal) -> Result<(), Ended> {
        let catalog = self.of.catalog.load();
        let channels = &catalog.alert_channels;
        self.cursors.keep(channels.keys().map(String::as_str));
        self.failures.retain(|id, _| channels.contains_key(id));
        loop {
            let mut sent = false;
            for channel in channels.values() {
                if !signal.is_running() {
                    return Ok(());
                }
                sent |= self.deliver_to(channel);
            }
            if !sent {
                return Ok(());
            }
            self.commit()?;
        }
    }

    /// Whether an alert was delivered.
    fn deliver_to(&mut self, channel: &AlertChannel) -> bool {
        if self.failures.get(&channel.id).is_some_and(|f| f.again_at > Instant::now()) {
            return false;
        }
        let next = self.cursors.next(&channel.id);
        let wanted = |(offset, alert): &&(u64, Alert)| *offset >= next && channel.wants(alert);
        let Some((offset, alert)) = self.waiting.iter().find(wanted) else {
            self.cursors.advance(&channel.id, self.end);
            return false;
        };
        let now = now_ms();
        match self.sender.send(channel, alert, now) {
            Ok(()) => metrics::alert_sent(),
            Err(error) => {
                metrics::alert_failed();
                let failure = self
                    .failures
                    .entry(channel.id.clone())
                    .or_insert_with(|| Failure { count: 0, again_at: Instant::now() });
                failure.count = failure.count.saturating_add(1);
                failure.again_at = Instant::now() + pause(failure.count);
                let age_ms = now.saturating_sub(alert.at);
                let patience_ms = i64::from(self.of.settings.give_up_hours) * 3_600_000;
                let (channel, id, failures) = (&channel.id, alert.id, failure.count);
                if age_ms < patience_ms {
                    tracing::warn!(channel, %id, %error, failures, "an alert did not arrive");
                    return false;
                }
                metrics::alert_given_up();
                tracing::error!(channel, %id, %error, failures, "an alert is given up");
            }
        }
        self.failures.remove(&channel.id);
        self.cursors.advance(&channel.id, offset + 1);
        true
    }

    fn commit(&mut self) -> Result<(), Ended> {
        let offset = self.cursors.settle(self.end);
        while self.waiting.front().is_some_and(|(at, _)| *at < offset) {
            self.waiting.pop_front();
        }
        let now = (offset, self.cursors.metadata());
        if now == self.committed {
            return Ok(());
        }
        let (offset, metadata) = now.clone();
        let position = Position { partition: self.partition, offset, metadata };
        self.log.commit(&RecordBatch::new(), &[position])?;
        self.committed = now;
        self.of.progress.block(self.partition, offset, 0);
        Ok(())
    }
}
