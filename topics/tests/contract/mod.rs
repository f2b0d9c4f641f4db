//! What every log has to do, as functions that run against any of them.
//!
//! A log under test may be shared by several cases and hold records of earlier runs (a Kafka
//! broker does), so a case looks only at what comes after the end that it found, and names its
//! groups and keys freshly.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use footfall_topics::{
    Chunk, Log, Membership, Ownership, Partition, Reader, RecordBatch, ShardLog, Topic,
    append_blocking,
};

pub(crate) mod appending;
pub(crate) mod keeping;
pub(crate) mod reading;
pub(crate) mod shards;

/// A log that is tested.
pub(crate) trait LogUnderTest {
    /// The log as it is open now.
    fn log(&self) -> Arc<dyn Log>;

    /// Ends the log and opens it again on the same data.
    fn restart(&self);

    /// Has compacted topics rewritten now. `false` when this log can't be told to.
    fn compact(&self) -> bool;

    /// How long waking up may take at the most (median of many).
    fn tail_latency_max(&self) -> Duration;
}

/// Makes one `#[test]` for each case. `$start` makes a [`LogUnderTest`].
#[macro_export]
macro_rules! contract {
    ($start:path) => {
        $crate::contract!($start;
            appending: keeps_order, many_appenders, large_batch, any_bytes, refuses_too_large,
                refuses_unknown_partitions, empty_batch;
            reading: from_any_offset, follows_the_tail, waits_without_records, reports_the_end_once,
                respects_max_bytes, assigns_and_unassigns;
            shards: commits_outputs_and_positions, fences_the_owner_before, moves_to_another_member,
                unknown_positions_are_none;
            keeping: survives_a_restart, compaction_keeps_the_last, offsets_go_on_after_compaction;
        );
    };
    ($start:path; $($module:ident: $($case:ident),+;)+) => {
        $(mod $module {
            $(#[test]
            fn $case() {
                $crate::contract::$module::$case(&$start());
            })+
        })+
    };
}

/// A record as read: offset, key, value.
pub(crate) type Record = (u64, Vec<u8>, Vec<u8>);

/// How long anything may take that has to happen.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A partition.
pub(crate) fn partition(topic: Topic, number: u32) -> Partition {
    Partition { topic, number }
}

/// A name that no other case and no earlier run uses.
pub(crate) fn fresh(name: &str) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    format!("{name}-{}-{}", now.as_nanos(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Appends values with one key and waits until they are durable.
pub(crate) fn put(log: &dyn Log, partition: Partition, key: &[u8], values: &[&[u8]]) {
    let mut batch = RecordBatch::new();
    for value in values {
        batch.push(partition.topic, partition.number, key, value);
    }
    append_blocking(log, batch).expect("the append succeeds");
}

/// One past the last record.
pub(crate) fn end(log: &dyn Log, partition: Partition) -> u64 {
    log.offsets(partition).unwrap().end
}

/// A reader of one partition.
pub(crate) fn reader(log: &dyn Log, partition: Partition, offset: u64) -> Box<dyn Reader> {
    let mut reader = log.reader().unwrap();
    reader.assign(partition, offset).unwrap();
    reader
}

/// All records of the chunks.
pub(crate) fn records(chunks: &[Chunk]) -> Vec<Record> {
    let record = |record: footfall_topics::RecordRef<'_>| {
        (record.offset, record.key.to_vec(), record.value.to_vec())
    };
    chunks.iter().flat_map(|chunk| chunk.iter().map(record)).collect()
}

/// Everything from an offset to the end.
pub(crate) fn read_to_end(log: &dyn Log, partition: Partition, offset: u64) -> Vec<Record> {
    let mut reader = reader(log, partition, offset);
    let mut all: Vec<Record> = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        let chunks = reader.poll(1 << 20, Duration::from_secs(5)).unwrap();
        all.extend(records(&chunks));
        if chunks.iter().any(|chunk| chunk.at_end) {
            assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "offsets ascend");
            return all;
        }
        assert!(Instant::now() < deadline, "the end of {partition:?} is reported in time");
    }
}

/// The values of records.
pub(crate) fn values(records: &[Record]) -> Vec<String> {
    records.iter().map(|(_, _, value)| String::from_utf8_lossy(value).into_owned()).collect()
}

/// Polls a member until it holds all shards.
pub(crate) fn gain_all(member: &mut dyn Membership, shards: u32) {
    let mut held = std::collections::BTreeSet::new();
    let deadline = Instant::now() + PATIENCE;
    while held.len() < shards as usize {
        for change in member.poll(Duration::from_millis(100)).unwrap() {
            match change {
                Ownership::Gained(shard) => held.insert(shard),
                Ownership::Revoked(shard) | Ownership::Lost(shard) => held.remove(&shard),
            };
        }
        assert!(Instant::now() < deadline, "all {shards} shards are gained in time: {held:?}");
    }
}

/// Opens a shard; a member that just joined may have to wait for the one before.
pub(crate) fn open(member: &dyn Membership, shard: u32) -> Box<dyn ShardLog> {
    member.opener().open(shard).expect("the shard is ours")
}
