//! The open files: the segments of each family, where each partition's blocks are in them, and the
//! positions of groups.
//!
//! Blocks that are kept for a time lie in files of their family; retention deletes whole files,
//! which costs the same whatever they hold. Compacted topics, positions and the ends of partitions
//! share a family of files that is rewritten from its oldest file on (`clean`).

use std::{
    collections::{BTreeMap, VecDeque},
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Settings,
    cache::Cache,
    commit::{Write, Writing},
    index::PartitionIndex,
    layout::{Family, Layout, end_key},
    placed::PlacedBlocks,
    segment::Segment,
    shared::lock,
};
use crate::{LogError, Partition};

/// Key of the time at which a file was dropped last.
const DROPPED_KEY: &[u8] = b"d";

/// By family, oldest first.
pub(super) type Segments = [Vec<Arc<Segment>>; Family::ALL.len()];

/// The open files.
pub(super) struct Store {
    pub(super) dir: PathBuf,
    pub(super) settings: Settings,
    pub(super) layout: Layout,
    pub(super) segments: Mutex<Segments>,
    /// By slot.
    pub(super) index: Vec<PartitionIndex>,
    /// The blocks of compacted topics.
    pub(super) placed: PlacedBlocks,
    /// Positions and ends by their keys.
    pub(super) meta: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(super) writing: Mutex<Writing>,
    pub(super) cache: Cache,
    /// Complete files whose index is in memory.
    pub(super) indexed: Mutex<VecDeque<Arc<Segment>>>,
    /// Number of the next file of each family.
    pub(super) numbers: [AtomicU64; Family::ALL.len()],
}

impl Store {
    pub(super) fn next_number(&self, family: Family) -> u64 {
        self.numbers[family.index()].fetch_add(1, Ordering::Relaxed)
    }

    pub(super) fn add_segment(&self, segment: Arc<Segment>) {
        self.lock_segments()[segment.family.index()].push(segment);
    }

    /// The files of a family, oldest first.
    pub(super) fn segments(&self, family: Family) -> Vec<Arc<Segment>> {
        self.lock_segments()[family.index()].clone()
    }

    pub(super) fn is_active(&self, segment: &Arc<Segment>) -> bool {
        let writing = lock(&self.writing);
        let active = &writing.active[segment.family.index()];
        active.as_ref().is_some_and(|active| Arc::ptr_eq(active, segment))
    }

    /// Has the next write begin a new file if nothing was written to this one since `before_ms`;
    /// whether that is so.
    pub(super) fn retire(&self, segment: &Segment, before_ms: i64) -> bool {
        let mut writing = lock(&self.writing);
        let is_old = segment.newest_ms.load(Ordering::Relaxed) < before_ms;
        if is_old {
            writing.active[segment.family.index()] = None;
        }
        is_old
    }

    /// Removes a file that is not written to any more, with all its blocks. The partitions' ends
    /// are noted first: nothing else may tell them. This is also the later write that makes the
    /// writes in the file count as whole though one of their files is missing (`repair`).
    pub(super) fn drop_segment(
        &self,
        segment: &Arc<Segment>,
        mut meta: Vec<(Vec<u8>, Vec<u8>)>,
        now_ms: i64,
    ) -> Result<(), LogError> {
        meta.push((DROPPED_KEY.to_vec(), now_ms.to_be_bytes().to_vec()));
        let all_meta = segment.family == Family::Compacted;
        let write = Write { meta, all_meta, now_ms, ..Write::default() };
        self.commit(write).map_err(|failed| storage(failed.error))?;
        for index in &self.index {
            index.forget(segment);
        }
        self.lock_segments()[segment.family.index()].retain(|kept| !Arc::ptr_eq(kept, segment));
        lock(&self.indexed).retain(|kept| !Arc::ptr_eq(kept, segment));
        self.cache.forget(segment.id);
        std::fs::remove_file(&segment.path).map_err(storage)?;
        let dir = std::fs::File::open(&self.dir).map_err(storage)?;
        dir.sync_all().map_err(storage)
    }

    /// The ends of the partitions that have blocks in a file.
    pub(super) fn ends_of(&self, segment: &Arc<Segment>) -> Vec<(Vec<u8>, Vec<u8>)> {
        let within =
            self.layout.all().filter(|(slot, _)| self.index[*slot].end_in(segment).is_some());
        let entry = |(slot, partition): (usize, Partition)| {
            (end_key(partition).to_vec(), self.index[slot].end().to_be_bytes().to_vec())
        };
        within.map(entry).collect()
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.lock_segments().iter().flatten().map(|segment| segment.bytes()).sum()
    }

    pub(super) fn lock_segments(&self) -> MutexGuard<'_, Segments> {
        lock(&self.segments)
    }
}

pub(super) fn u64_of(bytes: &[u8]) -> Result<u64, LogError> {
    let bytes = bytes.first_chunk().ok_or_else(|| {
        LogError::Storage("an offset is shorter than eight bytes: the store is damaged".to_owned())
    })?;
    Ok(u64::from_be_bytes(*bytes))
}

/// Any error of the storage as a [`LogError`].
pub(super) fn storage(error: impl std::fmt::Display) -> LogError {
    LogError::Storage(error.to_string())
}
