//! Where each partition's blocks are.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{frame::BlockRef, segment::Segment, shared::lock};

/// By slot: a file's blocks in order.
pub(super) type Index = HashMap<usize, Vec<BlockRef>>;

/// In which files one partition's blocks are.
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

    /// The segment after `skipped` others that holds offsets from `offset` on.
    pub(super) fn part_from(&self, offset: u64, skipped: usize) -> Option<Arc<Segment>> {
        let parts = self.parts();
        let from = parts.partition_point(|(first, _)| *first <= offset).saturating_sub(1);
        parts.get(from + skipped).map(|(_, segment)| segment.clone())
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

    fn parts(&self) -> MutexGuard<'_, Vec<(u64, Arc<Segment>)>> {
        lock(&self.parts)
    }
}
