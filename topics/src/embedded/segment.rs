//! Segments (keyspaces of blocks), and where each partition's blocks are in them.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicU64, Ordering},
};

use fjall::{
    AbstractTree as _, CompressionType, Keyspace, KeyspaceCreateOptions, KvSeparationOptions,
};

use super::{layout::Family, shared::lock};

/// Memory per keyspace before its blocks are written out to files.
pub(super) const MEMTABLE_BYTES: u64 = 16 << 20;
/// Values from this size go to value files.
const SEPARATED_BYTES_MIN: u32 = 512;

/// A keyspace of blocks.
pub(super) struct Segment {
    pub(super) family: Family,
    pub(super) number: u64,
    pub(super) keyspace: Keyspace,
    /// Bytes of the blocks in it.
    pub(super) bytes: AtomicU64,
    /// When its first block was appended (or it was made), milliseconds since 1970.
    pub(super) oldest_ms: AtomicI64,
    /// When its last block was appended, milliseconds since 1970; `i64::MIN` while it is empty.
    pub(super) newest_ms: AtomicI64,
}

impl Segment {
    pub(super) fn new(family: Family, number: u64, keyspace: Keyspace, now_ms: i64) -> Segment {
        Segment {
            family,
            number,
            keyspace,
            bytes: AtomicU64::new(0),
            oldest_ms: AtomicI64::new(now_ms),
            newest_ms: AtomicI64::new(i64::MIN),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newest_ms.load(Ordering::Relaxed) == i64::MIN
    }
}

/// Where one partition's blocks are.
#[derive(Default)]
pub(super) struct PartitionIndex {
    /// The segments that hold blocks of it, each with the first offset there, in order.
    parts: Mutex<Vec<(u64, Arc<Segment>)>>,
    /// One past the last record.
    pub(super) end: AtomicU64,
}

impl PartitionIndex {
    pub(super) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// The parts that hold offsets from `offset` on.
    pub(super) fn parts_from(&self, offset: u64) -> Vec<(u64, Arc<Segment>)> {
        let parts = self.parts();
        let from = parts.partition_point(|(first, _)| *first <= offset).saturating_sub(1);
        parts[from..].to_vec()
    }

    /// Notes that a block went to a segment.
    pub(super) fn note(&self, first: u64, segment: &Arc<Segment>) {
        let mut parts = self.parts();
        if parts.last().is_none_or(|(_, last)| !Arc::ptr_eq(last, segment)) {
            parts.push((first, segment.clone()));
        }
    }

    pub(super) fn forget(&self, segment: &Arc<Segment>) {
        self.parts().retain(|(_, part)| !Arc::ptr_eq(part, segment));
    }

    /// One past the last offset that `segment` holds, if it holds any.
    pub(super) fn end_in(&self, segment: &Arc<Segment>) -> Option<u64> {
        let parts = self.parts();
        let at = parts.iter().position(|(_, part)| Arc::ptr_eq(part, segment))?;
        Some(parts.get(at + 1).map_or_else(|| self.end(), |(first, _)| *first))
    }

    /// Whether `segment` holds the last blocks.
    pub(super) fn ends_in(&self, segment: &Arc<Segment>) -> bool {
        self.parts().last().is_some_and(|(_, last)| Arc::ptr_eq(last, segment))
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Arc<Segment>)>> {
        lock(&self.parts)
    }
}

/// Bytes that a keyspace takes on disk and in memory.
pub(super) fn keyspace_bytes(keyspace: &Keyspace) -> u64 {
    keyspace.disk_space() + keyspace.tree.active_memtable().size()
}

/// How a segment's keyspace is made.
pub(super) fn block_options() -> KeyspaceCreateOptions {
    let values = KvSeparationOptions::default()
        .separation_threshold(SEPARATED_BYTES_MIN)
        .compression(CompressionType::None);
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES)
        .manual_journal_persist(true)
        .expect_point_read_hits(true)
        .with_kv_separation(Some(values))
}
