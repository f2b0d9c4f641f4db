//! The log on Apache Kafka.
//!
//! Built for exactly-once work: appends are idempotent and acknowledged by all replicas, each shard
//! commits its outputs and input offsets in a Kafka transaction under an id of its own, and readers
//! see committed records only. The safety of a shard rests on that id: whoever opens the shard
//! fences the owner before. Group membership only decides who should open it.
//!
//! # Layout
//!
//! - [`settings`]: what can be configured, and each client's options.
//! - `layout`: topic names and partition counts; creates what is missing, refuses what can't work.
//! - `appender`: the one producer behind [`Log::append`].
//! - `reader`: follows partitions. [`foreign`]: reads topics that are not Footfall's, if it can
//!   without librdkafka.
//! - `membership`: who owns which shard. `opener`: takes one. `shard`: the owner's commits, with
//!   `acks` for their records. `transaction`: what each transaction error means.
//!
//! A single broker of Kafka 4.3.0 that is killed within the few milliseconds between a commit and
//! its markers skips the markers when it starts again; the transaction then hangs for all clients
//! (`kafka-transactions.sh find-hanging`). Seen on one broker alone; not tried with replicas.
//!
//! It does not configure brokers, and never changes or deletes a topic that exists.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;

use crate::{AppendError, Done, Log, LogError, Membership, Partition, Reader, RecordBatch, Topic};

mod acks;
mod appender;
mod context;
pub mod foreign;
mod layout;
mod membership;
mod opener;
mod reader;
pub mod settings;
mod shard;
mod transaction;

use appender::Appender;
pub use layout::Layout;
pub use settings::Settings;

/// The log on a Kafka cluster.
pub struct KafkaLog {
    settings: Arc<Settings>,
    layout: Arc<Layout>,
    appender: Appender,
}

impl KafkaLog {
    /// Connects, creates the topics that are missing, and waits until the log can be written.
    /// Blocks for as long as `request_timeout_ms` per step.
    ///
    /// # Errors
    /// When the settings are wrong, the cluster can't be reached or refuses, or its topics have
    /// partition counts that don't fit together.
    pub fn open(settings: Settings) -> Result<Arc<KafkaLog>, LogError> {
        settings.check()?;
        let layout = layout::ensure(&settings)?;
        let log = KafkaLog::open_away(settings, layout)?;
        log.appender.warm_up()?;
        Ok(log)
    }

    /// The log on a cluster whose topics are known from an earlier run, without contact to it: it
    /// may be away. Appends fail and readers wait until it is back.
    ///
    /// # Errors
    /// When the settings are wrong.
    pub fn open_away(settings: Settings, layout: Layout) -> Result<Arc<KafkaLog>, LogError> {
        settings.check()?;
        let settings = Arc::new(settings);
        let layout = Arc::new(layout);
        let appender = Appender::new(Arc::clone(&settings), Arc::clone(&layout))?;
        Ok(Arc::new(KafkaLog { settings, layout, appender }))
    }

    /// As [`KafkaLog::open`], but if the cluster does not answer and its number of partitions is
    /// known from an earlier run, as [`KafkaLog::open_away`].
    ///
    /// # Errors
    /// As [`KafkaLog::open`].
    pub fn open_or_away(
        settings: Settings,
        partitions: Option<u32>,
    ) -> Result<Arc<KafkaLog>, LogError> {
        settings.check()?;
        match (layout::reach(&settings), partitions) {
            (Err(error), Some(partitions)) => {
                tracing::warn!(%error, "starting without kafka");
                let layout = Layout::new(&settings.topic_prefix, partitions);
                KafkaLog::open_away(settings, layout)
            }
            (Err(error), None) => Err(error),
            (Ok(()), _) => KafkaLog::open(settings),
        }
    }

    /// Names and partition counts of its topics.
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// [`Log::append`] for a caller that keeps the batch, to store it elsewhere when this fails.
    pub fn append_ref(&self, batch: &RecordBatch, done: Done) {
        self.appender.append(batch, done);
    }

    /// Gives up everything that was appended and is not acknowledged yet: it fails at once instead
    /// of when its time is up. Some of it may be stored all the same.
    pub fn give_up_pending(&self) {
        self.appender.purge();
    }
}

impl Log for KafkaLog {
    fn partitions(&self, topic: Topic) -> u32 {
        self.layout.partitions(topic)
    }

    fn append(&self, batch: RecordBatch, done: Done) {
        self.appender.append(&batch, done);
    }

    fn offsets(&self, partition: Partition) -> Result<Range<u64>, LogError> {
        let name = self.layout.name(partition.topic);
        if partition.number >= self.layout.partitions(partition.topic) {
            return Err(LogError::Kafka(format!("{name} has no partition {}", partition.number)));
        }
        let number = settings::partition_number(partition.number)?;
        let producer = self.appender.producer().ok_or(LogError::Closed)?;
        let timeout = self.settings.request_timeout();
        let deadline = Instant::now() + timeout;
        loop {
            match producer.client().fetch_watermarks(name, number, timeout) {
                Ok((low, high)) => return Ok(settings::offset(low)..settings::offset(high)),
                // A leader that was just elected is not known everywhere at once.
                Err(error) if is_leaderless(&error) && Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                Err(error) => {
                    let why = format!("no offsets of {name}/{number}: {error}");
                    return Err(LogError::Kafka(why));
                }
            }
        }
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::KafkaReader::new(&self.settings, Arc::clone(&self.layout))?))
    }

    fn join(&self, group: &str) -> Result<Box<dyn Membership>, LogError> {
        let member = membership::KafkaMembership::join(
            Arc::clone(&self.settings),
            Arc::clone(&self.layout),
            group,
        )?;
        Ok(Box::new(member))
    }

    fn writable(&self) -> Result<(), AppendError> {
        self.appender.writable()
    }

    fn close(&self, timeout: Duration) {
        self.appender.close(timeout);
    }
}

fn is_leaderless(error: &KafkaError) -> bool {
    matches!(
        error.rdkafka_error_code(),
        Some(
            RDKafkaErrorCode::NotLeaderForPartition
                | RDKafkaErrorCode::LeaderNotAvailable
                | RDKafkaErrorCode::UnknownTopicOrPartition
        )
    )
}
