//! The machinery that runs a pure [`Stage`] over the log, exactly once.
//!
//! Shard *i* of a group reads partition *i* of every input topic. It takes its input in batches;
//! the outputs of a batch, the input offsets behind it and a [`record::BatchRecord`] that says how
//! the batch was cut become visible together. What a stage remembers can be rebuilt at any time: the last
//! snapshot, then the input after it, cut exactly as the batch records say.
//!
//! # Layout
//!
//! - [`group`]: who owns which shard; one thread per shard.
//! - [`worker`]: the life of one shard: recover, then gather → process → commit.
//! - [`inputs`]: reads the input topics in step with each other.
//! - [`record`]: how input was cut. [`recovery`]: snapshot and silent replay.
//! - [`snapshots`]: a state in pieces in the compacted topic.

use std::sync::Arc;

use footfall_event::Topic;
use footfall_topics::RecordBatch;

use crate::rules::RuleSet;

pub(crate) mod group;
pub(crate) mod inputs;
pub(crate) mod record;
pub(crate) mod recovery;
pub(crate) mod snapshots;
pub(crate) mod worker;

/// One record of a batch.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// Where it comes from.
    pub topic: Topic,
    /// Its offset in the shard's partition of the topic.
    pub offset: u64,
    /// Its key.
    pub key: &'a [u8],
    /// Its value.
    pub value: &'a [u8],
}

/// What happened in one batch, and how much is remembered after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStats {
    /// Records read.
    pub records: u64,
    /// Events passed on.
    pub stored: u64,
    /// Events that had come before.
    pub repeats: u64,
    /// Records set aside.
    pub dead_letters: u64,
    /// Events behind the bounded lateness.
    pub late: u64,
    /// Visitors forgotten because there were too many.
    pub visitors_forgotten: u64,
    /// Ids remembered.
    pub ids: u64,
    /// Visitor ids remembered.
    pub visitors: u64,
    /// Visitors whose visits can still grow.
    pub timelines: u64,
    /// The newest receipt seen, milliseconds since 1970.
    pub clock_ms: i64,
    /// The newest event time seen, milliseconds since 1970.
    pub watermark_ms: i64,
    /// What concerns ads alone.
    pub ads: AdStats,
}

/// What happened to ads in one batch, and how much is remembered after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AdStats {
    /// Impressions remembered.
    pub impressions: u64,
    /// Clicks remembered.
    pub clicks: u64,
    /// Transactions remembered.
    pub transactions: u64,
    /// Ads in placements whose performance is followed.
    pub performances: u64,
    /// Places under which something is counted.
    pub keys: u64,
    /// Things forgotten because there were too many.
    pub forgotten: u64,
    /// Verdicts that were corrected.
    pub corrected: u64,
    /// Corrections of clicks that were forgotten: they have no effect.
    pub corrections_lost: u64,
    /// Differences counted under `(other)`, their search being beyond the day's cap.
    pub other_searches: u64,
}

/// Why a snapshot can't be used. The state is replayed from the input instead.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// Written by another version.
    #[error("the snapshot has version {found}, expected {expected}")]
    Version {
        /// The snapshot's.
        found: u8,
        /// This program's.
        expected: u8,
    },
    /// Not whole.
    #[error("the snapshot is not whole")]
    Torn,
}

/// What a shard does with its input. Pure: the same batches give the same outputs.
pub trait Stage: Send + 'static {
    /// The topics read, in a fixed order.
    fn inputs() -> &'static [Topic];

    /// Works through one batch (in any order; the stage sorts it) and adds what is to be written.
    /// Outputs go to the partition `shard`, but for those that are meant for another stage's shard.
    fn process(&mut self, batch: &[Input<'_>], shard: u32, out: &mut RecordBatch) -> BatchStats;

    /// What is to be written when nothing is left to read and nothing has come for a while. It may be
    /// written again, and is no part of what is replayed.
    fn rest(&self, _shard: u32, _out: &mut RecordBatch) {}

    /// Judges by these rules from the next batch on.
    fn set_rules(&mut self, rules: Arc<RuleSet>);

    /// When a record was received, milliseconds since 1970: used to read the topics in step.
    fn received_at(record: &[u8]) -> Option<i64>;

    /// How much of the past the state covers, milliseconds.
    fn history_ms() -> i64;

    /// The whole state.
    fn snapshot(&self) -> Vec<u8>;

    /// Takes over a state; on an error the state is unchanged.
    ///
    /// # Errors
    /// When the bytes are not a snapshot of this version.
    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError>;
}
