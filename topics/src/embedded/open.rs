//! Opening the files of a log, or making the first.

use std::{
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Settings,
    cache::Cache,
    commit::Writing,
    frame::{Entry, NUMBER_MAX},
    frames::{self, Frames},
    index::{Index, PartitionIndex},
    layout::{Family, Layout, end_key},
    placed::PlacedBlocks,
    repair,
    segment::{self, Segment},
    shared::{lock, make_folder, write_lock},
    store::{Segments, Store, storage, u64_of},
};
use crate::LogError;

impl Store {
    /// Opens or makes the files in `dir`.
    pub(super) fn open(dir: &Path, settings: &Settings, now_ms: i64) -> Result<Store, LogError> {
        make_folder(dir)?;
        let layout = Layout::new(settings.partitions);
        refuse_former(dir)?;
        let mut segments = Segments::default();
        let numbers: [AtomicU64; Family::ALL.len()] = Default::default();
        for found in segment::find(dir)? {
            let segment = Segment::open(&found, settings.partitions, now_ms)?;
            segments[found.family.index()].push(Arc::new(segment));
            numbers[found.family.index()].store(found.number + 1, Ordering::Relaxed);
        }
        let last_write = repair::repair(&segments, layout)?;
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
        let mut writing = lock(&self.writing);
        let buffer = &mut writing.buffer;
        let made = Segment::make(&self.dir, (family, number), partitions, now_ms, buffer);
        let segment = Arc::new(made.map_err(storage)?);
        self.add_segment(segment.clone());
        writing.active[family.index()] = Some(segment);
        Ok(())
    }

    /// Finds which partitions have blocks in a file.
    fn load(&self, segment: &Arc<Segment>) -> Result<(), LogError> {
        let mut frames = Frames::of(segment, self.layout);
        let Some(first) = frames.next()? else {
            frames::check_rest(segment, frames.end())?;
            *write_lock(&segment.index) = Some(Index::new());
            self.activate(segment);
            return Ok(());
        };
        segment.oldest_ms.store(first.written_ms, Ordering::Relaxed);
        let complete = frames::index_frame(segment, self.layout)?;
        let index = frames::index(segment, self.layout)?;
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
        frames::check_rest(segment, frames.end())?;
        *write_lock(&segment.index) = Some(index);
        self.activate(segment);
        Ok(())
    }

    /// The last file that is loaded is the one that is written to, unless it is complete.
    fn activate(&self, segment: &Arc<Segment>) {
        lock(&self.writing).active[segment.family.index()] = Some(segment.clone());
    }

    fn load_compacted(&self, segment: &Arc<Segment>) -> Result<(), LogError> {
        let mut frames = Frames::of(segment, self.layout);
        let mut meta = lock(&self.meta);
        while let Some(frame) = frames.next()? {
            segment.newest_ms.fetch_max(frame.written_ms, Ordering::Relaxed);
            for entry in frame.entries() {
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
        frames::check_rest(segment, frames.end())?;
        self.activate(segment);
        Ok(())
    }

    fn load_ends(&self) -> Result<(), LogError> {
        let meta = lock(&self.meta);
        for (slot, partition) in self.layout.all() {
            if let Some(end) = meta.get(&end_key(partition)[..]) {
                let end = u64_of(end)?;
                if end >= NUMBER_MAX {
                    return Err(storage(format!("{end} can't be where {partition:?} ends")));
                }
                self.index[slot].end.fetch_max(end, Ordering::Release);
            }
        }
        Ok(())
    }
}

/// Refuses what versions before this one stored in the same folder, in a database.
fn refuse_former(dir: &Path) -> Result<(), LogError> {
    let is_former = ["keyspaces", "0.jnl", "version"].iter().any(|name| dir.join(name).exists());
    if !is_former {
        return Ok(());
    }
    Err(LogError::Format(format!(
        "{} was written by an earlier version of Footfall, in a format that this one does not read: \
         run that version until everything in it is counted and stop it; then move the folder away \
         and start again (sites, keys and users have to be added anew)",
        dir.display()
    )))
}
