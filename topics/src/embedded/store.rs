//! The open database: its keyspaces, the segments of each family, and where each partition's
//! blocks are.
//!
//! Blocks that are kept for a time lie in segments, one keyspace each; retention deletes whole
//! segments, which costs the same whatever they hold. Compacted topics share one keyspace, `meta`
//! holds positions and the ends of partitions whose blocks are all gone. Values of any size go to
//! value files, so that what the database merges later is only keys.
//!
//! A `Store` is dropped and opened anew when the storage has failed, so nobody may hold on to one
//! for longer than a call.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use fjall::{
    CompressionType, Database, Keyspace, KeyspaceCreateOptions, KvSeparationOptions, PersistMode,
    Readable,
};

use super::{
    Settings,
    block::Block,
    journal,
    layout::{Family, Layout, block_key, end_key, first_of_key, partition_key},
    shared::lock,
};
use crate::{LogError, Partition};

/// Memory per keyspace before its blocks are written out to files.
const MEMTABLE_BYTES: u64 = 16 << 20;
/// Values from this size go to value files.
const SEPARATED_BYTES_MIN: u32 = 512;
/// The database's journals together may grow to this size before small keyspaces are written out
/// to free them.
const JOURNALS_BYTES: u64 = 128 << 20;
/// Version of the layout on disk.
const FORMAT: u32 = 1;

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
    fn new(family: Family, number: u64, keyspace: Keyspace, now_ms: i64) -> Segment {
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

    fn forget(&self, segment: &Arc<Segment>) {
        self.parts().retain(|(_, part)| !Arc::ptr_eq(part, segment));
    }

    /// One past the last offset that `segment` holds, if it holds any.
    pub(super) fn end_in(&self, segment: &Arc<Segment>) -> Option<u64> {
        let parts = self.parts();
        let at = parts.iter().position(|(_, part)| Arc::ptr_eq(part, segment))?;
        Some(parts.get(at + 1).map_or_else(|| self.end(), |(first, _)| *first))
    }

    /// Whether `segment` holds the last blocks.
    fn ends_in(&self, segment: &Arc<Segment>) -> bool {
        self.parts().last().is_some_and(|(_, last)| Arc::ptr_eq(last, segment))
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Arc<Segment>)>> {
        lock(&self.parts)
    }
}

/// The open database.
pub(super) struct Store {
    pub(super) db: Database,
    pub(super) meta: Keyspace,
    pub(super) layout: Layout,
    /// By family, oldest first; the last one is written to.
    segments: Mutex<[Vec<Arc<Segment>>; Family::ALL.len()]>,
    /// By slot.
    pub(super) index: Vec<PartitionIndex>,
    /// Held while something is written to the active segments, and while one is taken away.
    pub(super) writing: Mutex<()>,
}

impl Store {
    /// Opens or makes the database in `dir`.
    pub(super) fn open(dir: &Path, settings: &Settings, now_ms: i64) -> Result<Store, LogError> {
        journal::prepare(dir)?;
        let db = Database::builder(dir)
            .cache_size(settings.cache_bytes)
            .journal_compression(CompressionType::None)
            .max_journaling_size(JOURNALS_BYTES)
            .manual_journal_persist(true)
            .worker_threads(2)
            .open()
            .map_err(|error| open_error(dir, &error))?;
        let meta = db
            .keyspace("meta", || KeyspaceCreateOptions::default().max_memtable_size(4 << 20))
            .map_err(storage)?;
        check_format(&db, &meta, settings.partitions)?;
        let layout = Layout::new(settings.partitions);
        let mut index = Vec::new();
        index.resize_with(layout.slots(), PartitionIndex::default);
        let store =
            Store { db, meta, layout, segments: Mutex::default(), index, writing: Mutex::new(()) };
        store.load_segments(now_ms)?;
        store.load_ends()?;
        Ok(store)
    }

    fn load_segments(&self, now_ms: i64) -> Result<(), LogError> {
        let names = self.db.list_keyspace_names();
        for family in Family::ALL {
            let mut numbers: Vec<u64> = names
                .iter()
                .filter_map(|name| {
                    name.strip_prefix(family.name())?.strip_prefix('-')?.parse().ok()
                })
                .collect();
            numbers.sort_unstable();
            for number in &numbers {
                let segment = self.make_segment(family, *number, now_ms)?;
                self.load_segment(&segment)?;
                self.lock_segments()[family.index()].push(segment);
            }
            if numbers.is_empty() {
                self.add_segment(family, now_ms)?;
            }
        }
        Ok(())
    }

    /// Finds which partitions have blocks in the segment.
    fn load_segment(&self, segment: &Arc<Segment>) -> Result<(), LogError> {
        let mut oldest = None;
        for (slot, partition) in self.layout.all() {
            if Family::of(partition.topic) != segment.family {
                continue;
            }
            let mut blocks = segment.keyspace.prefix(partition_key(partition));
            let Some(first) = blocks.next() else { continue };
            let first = read_block(first)?;
            let last = match blocks.next_back() {
                Some(last) => read_block(last)?,
                None => first.clone(),
            };
            self.index[slot].note(first.first(), segment);
            self.index[slot].end.fetch_max(last.end(), Ordering::Release);
            segment.newest_ms.fetch_max(last.append_ms(), Ordering::Relaxed);
            oldest = Some(first.append_ms().min(oldest.unwrap_or(i64::MAX)));
        }
        if let Some(oldest) = oldest {
            segment.oldest_ms.store(oldest, Ordering::Relaxed);
        }
        segment.bytes.store(keyspace_bytes(&segment.keyspace), Ordering::Relaxed);
        Ok(())
    }

    fn load_ends(&self) -> Result<(), LogError> {
        for (slot, partition) in self.layout.all() {
            if let Some(end) = self.meta.get(end_key(partition)).map_err(storage)? {
                let end = u64_of(&end)?;
                self.index[slot].end.fetch_max(end, Ordering::Release);
            }
        }
        Ok(())
    }

    fn make_segment(
        &self,
        family: Family,
        number: u64,
        now_ms: i64,
    ) -> Result<Arc<Segment>, LogError> {
        let name = format!("{}-{number:010}", family.name());
        let keyspace = self.db.keyspace(&name, block_options).map_err(storage)?;
        Ok(Arc::new(Segment::new(family, number, keyspace, now_ms)))
    }

    /// Starts a new segment; blocks go there from now on.
    pub(super) fn add_segment(
        &self,
        family: Family,
        now_ms: i64,
    ) -> Result<Arc<Segment>, LogError> {
        let number = self.lock_segments()[family.index()].last().map_or(0, |last| last.number + 1);
        let segment = self.make_segment(family, number, now_ms)?;
        self.lock_segments()[family.index()].push(segment.clone());
        Ok(segment)
    }

    /// The segments of a family, oldest first.
    pub(super) fn segments(&self, family: Family) -> Vec<Arc<Segment>> {
        self.lock_segments()[family.index()].clone()
    }

    /// The segment that a family's blocks go to.
    pub(super) fn active(&self, family: Family) -> Arc<Segment> {
        let segments = self.lock_segments();
        segments[family.index()].last().expect("every family has a segment").clone()
    }

    /// Puts a new segment in the place of an active one if nothing has been appended to it since
    /// `before_ms`; whether it did.
    pub(super) fn retire(&self, segment: &Segment, before_ms: i64) -> Result<bool, LogError> {
        let _writing = lock(&self.writing);
        let is_old = segment.newest_ms.load(Ordering::Relaxed) < before_ms;
        if is_old {
            self.add_segment(segment.family, before_ms)?;
        }
        Ok(is_old)
    }

    /// Removes a segment that is not written to any more, with all its blocks. The partitions'
    /// ends are kept.
    pub(super) fn drop_segment(&self, segment: &Arc<Segment>) -> Result<(), LogError> {
        let mut batch = self.db.batch().durability(Some(PersistMode::SyncData));
        for (slot, partition) in self.layout.all() {
            if self.index[slot].ends_in(segment) {
                let end = self.index[slot].end();
                batch.insert(&self.meta, end_key(partition), end.to_be_bytes());
            }
        }
        batch.commit().map_err(storage)?;
        for index in &self.index {
            index.forget(segment);
        }
        self.lock_segments()[segment.family.index()].retain(|kept| !Arc::ptr_eq(kept, segment));
        self.db.delete_keyspace(segment.keyspace.clone()).map_err(storage)
    }

    /// Bytes of all blocks.
    pub(super) fn bytes(&self) -> u64 {
        let segments = self.lock_segments();
        segments.iter().flatten().map(|segment| segment.bytes.load(Ordering::Relaxed)).sum()
    }

    /// The offset of the first kept record of a partition, or its end.
    pub(super) fn start(&self, slot: usize, partition: Partition) -> Result<u64, LogError> {
        let index = &self.index[slot];
        let end = index.end();
        for (_, segment) in index.parts_from(0) {
            let first = segment.keyspace.prefix(partition_key(partition)).next();
            let Some(first) = first else { continue };
            let block = read_block(first)?;
            let record = block.cursor().next(&block).map_err(storage)?;
            return Ok(record.map_or(block.first(), |record| record.offset));
        }
        Ok(end)
    }

    /// Calls `each` with the blocks of a partition that cover offsets from `from` on, in order,
    /// until it says `false`.
    pub(super) fn read(
        &self,
        slot: usize,
        partition: Partition,
        from: u64,
        mut each: impl FnMut(Block) -> Result<bool, LogError>,
    ) -> Result<(), LogError> {
        let limit = block_key(partition, u64::MAX);
        for (_, segment) in self.index[slot].parts_from(from) {
            let snapshot = self.db.snapshot();
            // The block before may reach beyond `from`.
            let before = snapshot
                .range(&segment.keyspace, block_key(partition, 0)..=block_key(partition, from))
                .next_back()
                .map(|guard| guard.key().map_err(storage))
                .transpose()?
                .and_then(|key| first_of_key(&key));
            let start = block_key(partition, before.unwrap_or(from));
            for guard in snapshot.range(&segment.keyspace, start..limit) {
                let block = read_block(guard)?;
                if block.end() > from && !each(block)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    fn lock_segments(&self) -> std::sync::MutexGuard<'_, [Vec<Arc<Segment>>; Family::ALL.len()]> {
        lock(&self.segments)
    }
}

/// Bytes that a keyspace takes on disk and in memory.
pub(super) fn keyspace_bytes(keyspace: &Keyspace) -> u64 {
    use fjall::AbstractTree as _;
    keyspace.disk_space() + keyspace.tree.active_memtable().size()
}

fn block_options() -> KeyspaceCreateOptions {
    let values = KvSeparationOptions::default()
        .separation_threshold(SEPARATED_BYTES_MIN)
        .compression(CompressionType::None);
    KeyspaceCreateOptions::default()
        .max_memtable_size(MEMTABLE_BYTES)
        .manual_journal_persist(true)
        .expect_point_read_hits(true)
        .with_kv_separation(Some(values))
}

/// Reads a block of a range.
pub(super) fn read_block(guard: fjall::Guard) -> Result<Block, LogError> {
    let (key, value) = guard.into_inner().map_err(storage)?;
    let first = first_of_key(&key)
        .ok_or_else(|| LogError::Storage("a block's key has the wrong length".to_owned()))?;
    Block::parse(first, value.into()).map_err(storage)
}

fn check_format(db: &Database, meta: &Keyspace, partitions: u32) -> Result<(), LogError> {
    let expected = [FORMAT.to_be_bytes(), partitions.to_be_bytes()].concat();
    match meta.get("format").map_err(storage)? {
        Some(found) if *found == *expected => Ok(()),
        Some(found) => {
            let number = |at: usize| {
                let bytes = found.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
                bytes.map_or(0, u32::from_be_bytes)
            };
            Err(LogError::Format(match number(0) {
                FORMAT => format!(
                    "the log has {} partitions and the configuration says {partitions}: the number \
                     can't be changed once there is data; set it back to {}",
                    number(4),
                    number(4)
                ),
                other => format!(
                    "the log was written in format {other}, this version reads format {FORMAT}: \
                     use the version that wrote it, or start with an empty folder"
                ),
            }))
        }
        None => {
            let mut batch = db.batch().durability(Some(PersistMode::SyncAll));
            batch.insert(meta, "format", expected);
            batch.commit().map_err(storage)
        }
    }
}

pub(super) fn u64_of(bytes: &[u8]) -> Result<u64, LogError> {
    let bytes = bytes.first_chunk().ok_or_else(|| {
        LogError::Storage("an offset is shorter than eight bytes: the store is damaged".to_owned())
    })?;
    Ok(u64::from_be_bytes(*bytes))
}

fn open_error(dir: &Path, error: &fjall::Error) -> LogError {
    match error {
        fjall::Error::Locked => LogError::InUse(dir.to_owned()),
        fjall::Error::InvalidVersion(_) => LogError::Format(format!(
            "{} was written by another version of the storage library: use the version of \
             Footfall that wrote it, or start with an empty folder",
            dir.display()
        )),
        other => storage(other),
    }
}

/// Any error of the storage as a [`LogError`].
pub(super) fn storage(error: impl std::fmt::Display) -> LogError {
    LogError::Storage(error.to_string())
}
