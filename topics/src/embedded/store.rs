//! The open files: the segments of each family, where each partition's blocks are in them, and the
//! positions of groups.
//!
//! Blocks that are kept for a time lie in files of their family; retention deletes whole files,
//! which costs the same whatever they hold. Compacted topics, positions and the ends of partitions
//! share a family of files that is rewritten from its oldest file on (`compact`).

use std::{
    collections::{BTreeMap, VecDeque},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Settings,
    block::Block,
    cache::Cache,
    commit::{Write, Writing},
    frame::{BlockRef, Entry},
    layout::{Family, Layout, end_key},
    placed::{Placed, PlacedBlocks},
    scan,
    segment::{self, Index, PartitionIndex, Segment},
    shared::{lock, read_lock, write_lock},
};
use crate::{LogError, Partition};

/// So many complete files at the most have their index in memory.
const INDEXES_MAX: usize = 8;
/// So many blocks are looked up at a time ...
const LOOKED_UP: usize = 256;
/// ... and neighbours in a file are read together up to so many bytes.
const READ_BYTES: u64 = 128 << 10;

/// Key of the time at which a file was dropped last.
const DROPPED_KEY: &[u8] = b"d";

/// By family, oldest first.
type Segments = [Vec<Arc<Segment>>; Family::ALL.len()];

/// The open files.
pub(super) struct Store {
    pub(super) dir: PathBuf,
    pub(super) settings: Settings,
    pub(super) layout: Layout,
    segments: Mutex<Segments>,
    /// By slot.
    pub(super) index: Vec<PartitionIndex>,
    /// The blocks of compacted topics.
    pub(super) placed: PlacedBlocks,
    /// Positions and ends by their keys.
    pub(super) meta: Mutex<BTreeMap<Vec<u8>, Vec<u8>>>,
    pub(super) writing: Mutex<Writing>,
    pub(super) cache: Cache,
    /// Complete files whose index is in memory.
    indexed: Mutex<VecDeque<Arc<Segment>>>,
    /// Number of the next file of each family.
    numbers: [AtomicU64; Family::ALL.len()],
}

impl Store {
    /// Opens or makes the files in `dir`.
    pub(super) fn open(dir: &Path, settings: &Settings, now_ms: i64) -> Result<Store, LogError> {
        std::fs::create_dir_all(dir).map_err(storage)?;
        let layout = Layout::new(settings.partitions);
        let mut segments = Segments::default();
        let numbers: [AtomicU64; Family::ALL.len()] = Default::default();
        for found in segment::find(dir)? {
            let segment = Segment::open(&found, settings.partitions, now_ms)?;
            segments[found.family.index()].push(Arc::new(segment));
            numbers[found.family.index()].store(found.number + 1, Ordering::Relaxed);
        }
        let last_write = scan::repair(&segments, layout)?;
        let mut index = Vec::new();
        index.resize_with(layout.slots(), PartitionIndex::default);
        let store = Store {
            dir: dir.to_owned(),
            settings: settings.clone(),
            layout,
            segments: Mutex::default(),
            index,
            placed: PlacedBlocks::default(),
            meta: Mutex::default(),
            writing: Mutex::new(Writing::after(last_write)),
            cache: Cache::new(settings.cache_bytes),
            indexed: Mutex::default(),
            numbers,
        };
        for segment in segments.iter().flatten() {
            match segment.family {
                Family::Compacted => store.load_compacted(segment)?,
                _ => store.load(segment)?,
            }
        }
        store.load_ends()?;
        let none = segments.iter().all(Vec::is_empty);
        *store.lock_segments() = segments;
        if none {
            // Says how many partitions there are.
            store.make_first(now_ms)?;
        }
        Ok(store)
    }

    fn make_first(&self, now_ms: i64) -> Result<(), LogError> {
        let (family, partitions) = (Family::Compacted, self.settings.partitions);
        let number = self.next_number(family);
        let made = Segment::make(&self.dir, family, number, partitions, now_ms);
        let segment = Arc::new(made.map_err(storage)?);
        self.add_segment(segment.clone());
        lock(&self.writing).active[family.index()] = Some(segment);
        Ok(())
    }

    /// Finds which partitions have blocks in a file.
    fn load(&self, segment: &Arc<Segment>) -> Result<(), LogError> {
        let mut frames = scan::Frames::of(segment);
        let Some(first) = frames.next()? else {
            *write_lock(&segment.index) = Some(Index::new());
            self.activate(segment);
            return Ok(());
        };
        segment.oldest_ms.store(first.written_ms, Ordering::Relaxed);
        let complete = scan::index_frame(segment)?;
        let index = scan::index(segment, self.layout)?;
        let mut blocks = 0;
        for (slot, of_partition) in &index {
            let (Some(first), Some(last)) = (of_partition.first(), of_partition.last()) else {
                continue;
            };
            blocks += of_partition.len() as u64;
            self.index[*slot].note(first.first, segment);
            self.index[*slot].end.fetch_max(last.end(), Ordering::Release);
        }
        segment.blocks.store(blocks, Ordering::Relaxed);
        if let Some(complete) = complete {
            segment.newest_ms.store(complete.written_ms, Ordering::Relaxed);
            lock(&self.writing).active[segment.family.index()] = None;
            return Ok(());
        }
        segment.newest_ms.store(first.written_ms, Ordering::Relaxed);
        while let Some(frame) = frames.next()? {
            segment.newest_ms.fetch_max(frame.written_ms, Ordering::Relaxed);
        }
        *write_lock(&segment.index) = Some(index);
        self.activate(segment);
        Ok(())
    }

    /// The last file that is loaded is the one that is written to, unless it is complete.
    fn activate(&self, segment: &Arc<Segment>) {
        lock(&self.writing).active[segment.family.index()] = Some(segment.clone());
    }

    fn load_compacted(&self, segment: &Arc<Segment>) -> Result<(), LogError> {
        let mut frames = scan::Frames::of(segment);
        let mut meta = lock(&self.meta);
        while let Some(frame) = frames.next()? {
            segment.newest_ms.fetch_max(frame.written_ms, Ordering::Relaxed);
            for entry in frame.entries(self.layout) {
                match entry {
                    Entry::Block { slot, block, .. } => {
                        self.index[slot].end.fetch_max(block.end(), Ordering::Release);
                    }
                    Entry::Meta { key, value } => drop(meta.insert(key.into(), value.into())),
                    _ => {}
                }
                self.placed.apply(segment, &entry);
            }
        }
        self.activate(segment);
        Ok(())
    }

    fn load_ends(&self) -> Result<(), LogError> {
        let meta = lock(&self.meta);
        for (slot, partition) in self.layout.all() {
            if let Some(end) = meta.get(&end_key(partition)[..]) {
                self.index[slot].end.fetch_max(u64_of(end)?, Ordering::Release);
            }
        }
        Ok(())
    }

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
    /// writes in the file count as whole though one of their files is missing (`scan`).
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

    /// The offset of the first kept record of a partition, or its end.
    pub(super) fn start(&self, slot: usize, partition: Partition) -> Result<u64, LogError> {
        let mut start = None;
        self.read(slot, partition, 0, |block| {
            let record = block.cursor().next(&block).map_err(storage)?;
            start = Some(record.map_or(block.first(), |record| record.offset));
            Ok(false)
        })?;
        Ok(start.unwrap_or_else(|| self.index[slot].end()))
    }

    /// Calls `each` with the blocks of a partition that cover offsets from `from` on, in order,
    /// until it says `false`.
    pub(super) fn read(
        &self,
        slot: usize,
        partition: Partition,
        mut from: u64,
        mut each: impl FnMut(Block) -> Result<bool, LogError>,
    ) -> Result<(), LogError> {
        let family = Family::of(partition.topic);
        loop {
            let placed = match family {
                Family::Compacted => self.placed.from(slot, from, LOOKED_UP),
                _ => self.look_up(slot, from)?,
            };
            let Some(last) = placed.last() else { return Ok(()) };
            let next = last.block.end();
            let mut rest = &placed[..];
            while !rest.is_empty() {
                let run;
                (run, rest) = rest.split_at(run_length(rest));
                for block in self.fetch(run)? {
                    if !each(block)? {
                        return Ok(());
                    }
                }
            }
            from = next;
        }
    }

    /// Some blocks that cover offsets from `from` on.
    fn look_up(&self, slot: usize, from: u64) -> Result<Vec<Placed>, LogError> {
        let mut skipped = 0;
        while let Some(segment) = self.index[slot].part_from(from, skipped) {
            let blocks = self.with_index(&segment, |index| {
                let blocks = index.get(&slot).map_or(&[][..], Vec::as_slice);
                let at = blocks.partition_point(|block| block.end() <= from);
                let some = blocks[at..].iter().take(LOOKED_UP);
                let placed = |block: &BlockRef| Placed { segment: segment.clone(), block: *block };
                some.map(placed).collect::<Vec<_>>()
            })?;
            if !blocks.is_empty() {
                return Ok(blocks);
            }
            skipped += 1;
        }
        Ok(Vec::new())
    }

    /// Looks into a file's index, which is read if it is not in memory.
    fn with_index<T>(
        &self,
        segment: &Arc<Segment>,
        look: impl Fn(&Index) -> T,
    ) -> Result<T, LogError> {
        if let Some(index) = &*read_lock(&segment.index) {
            return Ok(look(index));
        }
        let index = scan::index(segment, self.layout)?;
        let found = look(&index);
        *write_lock(&segment.index) = Some(index);
        self.keep_index(segment);
        Ok(found)
    }

    /// Notes that a complete file's index is in memory; the one that is so for longest goes.
    pub(super) fn keep_index(&self, segment: &Arc<Segment>) {
        let mut indexed = lock(&self.indexed);
        indexed.push_back(segment.clone());
        if indexed.len() > INDEXES_MAX
            && let Some(oldest) = indexed.pop_front()
        {
            *write_lock(&oldest.index) = None;
        }
    }

    fn fetch(&self, run: &[Placed]) -> Result<Vec<Block>, LogError> {
        let (first, last) = (&run[0], &run[run.len() - 1]);
        if run.len() == 1
            && let Some(bytes) = self.cache.get((first.segment.id, first.block.at))
        {
            return Ok(vec![Block::parse(first.block.first, bytes).map_err(storage)?]);
        }
        let from = first.block.at;
        let count = last.block.at + u64::from(last.block.bytes) - from;
        let read = first.segment.read_at(from, count as usize).map_err(storage)?;
        let read = bytes::Bytes::from(read);
        let block = |placed: &Placed| {
            let at = (placed.block.at - from) as usize;
            let bytes = read.slice(at..at + placed.block.bytes as usize);
            if xxhash_rust::xxh3::xxh3_64(&bytes) != placed.block.sum {
                return Err(storage(format!(
                    "{} is damaged at byte {}: restore it from a copy",
                    placed.segment.path.display(),
                    placed.block.at
                )));
            }
            Block::parse(placed.block.first, bytes).map_err(storage)
        };
        run.iter().map(block).collect()
    }

    fn lock_segments(&self) -> MutexGuard<'_, Segments> {
        lock(&self.segments)
    }
}

/// How many of the blocks are read together.
fn run_length(placed: &[Placed]) -> usize {
    let first = &placed[0];
    let near = |next: &&Placed| {
        Arc::ptr_eq(&next.segment, &first.segment)
            && next.block.at > first.block.at
            && next.block.at + u64::from(next.block.bytes) - first.block.at <= READ_BYTES
    };
    1 + placed[1..].iter().take_while(near).count()
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
