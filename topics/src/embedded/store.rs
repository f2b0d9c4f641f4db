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
    sync::{Arc, Mutex, atomic::Ordering},
    time::{Duration, Instant},
};

use fjall::{CompressionType, Database, Keyspace, KeyspaceCreateOptions, PersistMode, Readable};

use super::{
    Settings,
    block::Block,
    format::check_format,
    journal,
    layout::{Family, Layout, block_key, end_key, first_of_key, partition_key},
    segment::{PartitionIndex, Segment, block_options, keyspace_bytes},
    shared::lock,
};
use crate::{LogError, Partition};

/// The database's journals together may grow to this size before small keyspaces are written out
/// to free them.
const JOURNALS_BYTES: u64 = 128 << 20;

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

    /// Writes everything that is in memory out to files; `false` if that was not done by `deadline`.
    /// Nobody may write meanwhile.
    pub(super) fn flush(&self, deadline: Instant) -> Result<bool, LogError> {
        let segments = Family::ALL.into_iter().flat_map(|family| self.segments(family));
        let keyspaces: Vec<_> =
            segments.map(|segment| segment.keyspace.clone()).chain([self.meta.clone()]).collect();
        for keyspace in &keyspaces {
            keyspace.rotate_memtable().map_err(storage)?;
        }
        while keyspaces.iter().any(|keyspace| keyspace.sealed_memtable_count() > 0) {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            // Fails when the background work has failed.
            self.db.persist(PersistMode::Buffer).map_err(storage)?;
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(true)
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

/// Reads a block of a range.
pub(super) fn read_block(guard: fjall::Guard) -> Result<Block, LogError> {
    let (key, value) = guard.into_inner().map_err(storage)?;
    let first = first_of_key(&key)
        .ok_or_else(|| LogError::Storage("a block's key has the wrong length".to_owned()))?;
    Block::parse(first, value.into()).map_err(storage)
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
