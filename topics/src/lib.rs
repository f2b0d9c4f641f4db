//! The log: topics of ordered, durable records, embedded on one disk or on Apache Kafka.
//!
//! Everything that Footfall knows went through here first. The rest of the program sees only the
//! traits of this module and can't tell the two implementations apart; one contract suite
//! (`tests/contract/`) is run against both.
//!
//! # Layout
//!
//! - [`Log`]: append and look; hands out the following.
//! - [`Reader`]: reads partitions from an offset and follows their tails without polling.
//! - [`Membership`] and [`ShardLog`]: who owns which shard of a group, and that owner's atomic
//!   commits of outputs together with input offsets.
//! - [`embedded`]: the log in a folder. [`kafka`]: the log on a cluster.
//! - [`catalog`]: the live view of the topic `catalog`.
//! - [`follow`]: the live view of any compacted topic.
//! - [`spool`]: the embedded log in front of Kafka, for the time that Kafka is away.
//! - [`outbox`]: a file in front of the log, for those who must not wait for it.
//!
//! # What a shard is
//!
//! Shard *i* of a group reads partition *i* of each of its input topics. A shard has one owner at
//! a time; opening it fences the owner before. Outputs, input offsets and their metadata become
//! visible together or not at all.

use std::time::Duration;

pub use footfall_event::Topic;

pub mod batch;
pub mod catalog;
pub mod embedded;
pub mod error;
pub mod follow;
pub mod kafka;
pub mod metrics;
pub mod outbox;
pub mod spool;

pub use batch::{Chunk, RecordBatch, RecordRef};
pub use error::{AppendError, CommitError, LogError};

/// One partition of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Partition {
    /// The topic.
    pub topic: Topic,
    /// The partition's number, from 0.
    pub number: u32,
}

/// Called once, on a thread of the log, when a batch is durable or can't be stored.
pub type Done = Box<dyn FnOnce(Result<(), AppendError>) + Send + 'static>;

/// The log. Cheap to share behind an `Arc`; all methods may be called from any thread.
pub trait Log: Send + Sync + 'static {
    /// How many partitions a topic has. All activity topics have the same number.
    fn partitions(&self, topic: Topic) -> u32;

    /// Appends all records of the batch, each to its partition, in the batch's order within a
    /// partition. `done` is called when all of them are durable; an error says that they may or may
    /// not have been stored (a sender that repeats them is protected by the events' ids).
    /// Never blocks: when the log is full or its queue is, `done` gets the error.
    fn append(&self, batch: RecordBatch, done: Done);

    /// The offsets of a partition: first kept record and end (one past the last record).
    ///
    /// # Errors
    /// When the log can't be asked.
    fn offsets(&self, partition: Partition) -> Result<std::ops::Range<u64>, LogError>;

    /// A new reader, without any partition yet.
    ///
    /// # Errors
    /// When the log can't make one.
    fn reader(&self) -> Result<Box<dyn Reader>, LogError>;

    /// Joins a group whose shards are the partitions of [`Topic::Shards`].
    ///
    /// # Errors
    /// When the log can't be asked.
    fn join(&self, group: &str) -> Result<Box<dyn Membership>, LogError>;

    /// Whether appends can be expected to succeed now, and if not, why.
    ///
    /// # Errors
    /// The reason.
    fn writable(&self) -> Result<(), AppendError>;

    /// Ends the log's threads after everything appended so far is durable or has failed. At most
    /// `timeout`. Appends after this fail.
    fn close(&self, timeout: Duration);
}

/// Reads partitions in order from given offsets and follows their tails.
///
/// Only committed records are seen. Offsets may have holes (transaction markers, compaction).
pub trait Reader: Send {
    /// Adds a partition, or moves one that is already read, to an offset. An offset before the
    /// first kept record starts at that record.
    ///
    /// # Errors
    /// When the log can't be asked.
    fn assign(&mut self, partition: Partition, offset: u64) -> Result<(), LogError>;

    /// Removes a partition.
    ///
    /// # Errors
    /// When the log can't be asked.
    fn unassign(&mut self, partition: Partition) -> Result<(), LogError>;

    /// The next records of the assigned partitions, some `max_bytes` at the most (at least one
    /// record if there is any). Waits until there is one or `timeout` has passed; wakes at once when
    /// a record comes. A chunk without records reports that a partition's end was reached, once
    /// each time it is.
    ///
    /// # Errors
    /// Only for what won't pass by itself; a log that is away is waited for.
    fn poll(&mut self, max_bytes: usize, timeout: Duration) -> Result<Vec<Chunk>, LogError>;
}

/// What a member of a group gets to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// The shard is ours: open it.
    Gained(u32),
    /// The shard goes to another member as soon as this one polls again: commit what is at hand
    /// and stop.
    Revoked(u32),
    /// The shard is already somebody else's: drop everything.
    Lost(u32),
}

/// A member of a group. Must be polled at least every few seconds.
pub trait Membership: Send {
    /// What changed. Waits at most `timeout`.
    ///
    /// # Errors
    /// Only for what won't pass by itself.
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Ownership>, LogError>;

    /// Opens shards on behalf of this member; may be used from other threads.
    fn opener(&self) -> std::sync::Arc<dyn ShardOpener>;
}

/// Opens shards that a member owns.
pub trait ShardOpener: Send + Sync {
    /// Opens a shard: waits for open transactions of the owner before to end, and fences it.
    /// Must be called each time the shard is gained, even if its state is still warm.
    ///
    /// # Errors
    /// `Lost` when the shard is not this member's any more.
    fn open(&self, shard: u32) -> Result<Box<dyn ShardLog>, CommitError>;
}

/// How far a shard has read one of its inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The input.
    pub partition: Partition,
    /// The next offset to read.
    pub offset: u64,
    /// What the owner noted with it; at most 4,096 bytes.
    pub metadata: String,
}

/// The exclusive hold of one shard.
pub trait ShardLog: Send {
    /// The last committed positions of the given partitions; `None` for one never committed.
    ///
    /// # Errors
    /// When the shard is lost, or the log is away for too long.
    fn committed(&mut self, partitions: &[Partition])
    -> Result<Vec<Option<Position>>, CommitError>;

    /// Makes the outputs visible and the positions committed, atomically. Durable when it returns.
    ///
    /// # Errors
    /// [`CommitError::Lost`]: nothing was committed, drop the shard. [`CommitError::Unknown`]: it
    /// may or may not have been committed; open the shard again and compare `committed`.
    fn commit(&mut self, outputs: &RecordBatch, positions: &[Position]) -> Result<(), CommitError>;
}

/// Appends and waits until the batch is durable.
///
/// # Errors
/// See [`Log::append`].
pub async fn append(log: &dyn Log, batch: RecordBatch) -> Result<(), AppendError> {
    if batch.is_empty() {
        return Ok(());
    }
    let (sender, receiver) = tokio::sync::oneshot::channel();
    log.append(batch, Box::new(move |result| drop(sender.send(result))));
    receiver.await.unwrap_or(Err(AppendError::Closed))
}

/// [`append`] for threads that may block.
///
/// # Errors
/// See [`Log::append`].
pub fn append_blocking(log: &dyn Log, batch: RecordBatch) -> Result<(), AppendError> {
    if batch.is_empty() {
        return Ok(());
    }
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    log.append(batch, Box::new(move |result| drop(sender.send(result))));
    receiver.recv().unwrap_or(Err(AppendError::Closed))
}
