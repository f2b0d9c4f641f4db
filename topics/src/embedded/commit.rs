//! Atomic, synced writes.
//!
//! A write adds one frame to the file of each family that it has something for, then syncs them.
//! What readers see changes only after that. When anything fails, the files are cut back to what
//! they were, so nothing of the write is stored and the next one may succeed; until the cutting
//! itself succeeds, nothing is written.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    buffer::PageBuffer,
    frame::{BlockRef, Entry, FrameWriter},
    layout::Family,
    segment::Segment,
    shared::{lock, read_lock, write_lock},
    store::Store,
};
use crate::{AppendError, Partition, metrics};

/// A block to write.
pub(super) struct NewBlock {
    pub(super) slot: usize,
    pub(super) partition: Partition,
    pub(super) first: u64,
    pub(super) span: u32,
    pub(super) sum: u64,
    pub(super) bytes: Bytes,
    /// It takes the place of all blocks in its range.
    pub(super) replacing: bool,
}

/// What one write consists of.
#[derive(Default)]
pub(super) struct Write {
    pub(super) blocks: Vec<NewBlock>,
    /// Partitions with a range of offsets in which nothing is left.
    pub(super) emptied: Vec<(usize, Partition, u64, u64)>,
    /// Positions and ends.
    pub(super) meta: Vec<(Vec<u8>, Vec<u8>)>,
    /// Write all positions and ends that there are.
    pub(super) all_meta: bool,
    pub(super) now_ms: i64,
}

/// Why a write failed.
pub(super) struct WriteError {
    pub(super) error: AppendError,
    /// Nothing of it is stored.
    pub(super) undone: bool,
}

/// The files that are written to.
pub(super) struct Writing {
    /// The number of the last write.
    pub(super) last_write: u64,
    /// By family.
    pub(super) active: [Option<Arc<Segment>>; Family::ALL.len()],
    /// Files that may have more bytes than they should, with the bytes that they should have.
    undo: Vec<(Arc<Segment>, u64)>,
    pub(super) buffer: PageBuffer,
}

impl Writing {
    pub(super) fn after(last_write: u64) -> Writing {
        let active = <[Option<Arc<Segment>>; Family::ALL.len()]>::default();
        Writing { last_write, active, undo: Vec::new(), buffer: PageBuffer::new() }
    }

    /// Cuts files back to what they were before a write that failed.
    pub(super) fn roll_back(&mut self) -> io::Result<()> {
        while let Some((segment, bytes)) = self.undo.last() {
            segment.file.cut(*bytes)?;
            self.undo.pop();
        }
        Ok(())
    }
}

impl Store {
    /// Writes and waits until it is on the disk.
    pub(super) fn commit(&self, mut write: Write) -> Result<(), WriteError> {
        let mut writing = lock(&self.writing);
        if write.all_meta {
            let all = lock(&self.meta);
            write.meta.extend(all.iter().map(|(key, value)| (key.clone(), value.clone())));
        }
        if let Err(error) = writing.roll_back() {
            return Err(WriteError { error: append_error(&error), undone: true });
        }
        match self.write(&mut writing, &write) {
            Ok(placed) => {
                writing.undo.clear();
                writing.last_write += 1;
                self.note(&write, &placed);
                Ok(())
            }
            Err(error) => {
                tracing::error!(%error, "the log could not be written");
                metrics::rolled_back();
                let undone = writing.roll_back();
                if let Err(error) = &undone {
                    tracing::error!(%error, "a failed write could not be cut off; trying again");
                }
                Err(WriteError { error: append_error(&error), undone: undone.is_ok() })
            }
        }
    }

    /// Cuts off a failed write if that is still to be done.
    pub(super) fn repair(&self) -> Result<(), AppendError> {
        lock(&self.writing).roll_back().map_err(|error| append_error(&error))
    }

    /// Each family's frame; the files they went to with the new references.
    fn write(&self, writing: &mut Writing, write: &Write) -> io::Result<Vec<Written>> {
        let families: Vec<_> = Family::ALL.into_iter().filter(|it| write.concerns(*it)).collect();
        let bits = families.iter().fold(0, |bits, family| bits | 1 << family.index());
        let mut written = Vec::new();
        for family in families {
            let segment = self.active_segment(writing, family, write.now_ms)?;
            let (head, blocks) = write.head(family, writing.last_write + 1, bits);
            let mut at = segment.bytes();
            writing.undo.push((segment.clone(), at));
            let payloads = blocks.iter().map(|(block, _)| &block.bytes[..]);
            segment.file.write(&mut writing.buffer, [&head[..]].into_iter().chain(payloads), at)?;
            at += head.len() as u64;
            let mut placed = Vec::new();
            for (block, mut reference) in blocks {
                reference.at = at;
                at += u64::from(reference.bytes);
                placed.push((block.slot, block.replacing, reference));
            }
            written.push(Written { segment, end: at, placed });
        }
        for part in &written {
            part.segment.file.sync()?;
        }
        Ok(written)
    }

    /// The file for a family's frame; a new one where the old is full or old.
    fn active_segment(
        &self,
        writing: &mut Writing,
        family: Family,
        now_ms: i64,
    ) -> io::Result<Arc<Segment>> {
        if let Some(active) = &writing.active[family.index()] {
            if !self.settings.is_segment_complete(active, now_ms) {
                return Ok(active.clone());
            }
            let active = active.clone();
            if family == Family::Compacted {
                active.file.cut(active.bytes())?;
            } else {
                self.complete(writing, &active)?;
            }
            writing.active[family.index()] = None;
        }
        let number = self.next_number(family);
        let (partitions, buffer) = (self.settings.partitions, &mut writing.buffer);
        let made = Segment::make(&self.dir, (family, number), partitions, now_ms, buffer)?;
        let segment = Arc::new(made);
        self.add_segment(segment.clone());
        writing.active[family.index()] = Some(segment.clone());
        Ok(segment)
    }

    /// Puts the index of its blocks at the end of a file.
    fn complete(&self, writing: &mut Writing, segment: &Arc<Segment>) -> io::Result<()> {
        let mut frame = FrameWriter::new();
        if let Some(index) = &*read_lock(&segment.index) {
            for (slot, partition) in self.layout.all() {
                for block in index.get(&slot).into_iter().flatten() {
                    frame.index(partition, block);
                }
            }
        }
        let newest_ms = segment.newest_ms.load(Ordering::Relaxed);
        let mut bytes = frame.finish(writing.last_write, 0, newest_ms);
        let at = segment.bytes();
        bytes.extend_from_slice(&at.to_le_bytes());
        bytes.extend_from_slice(&xxh3_64(&at.to_le_bytes()).to_le_bytes());
        writing.undo.push((segment.clone(), at));
        segment.file.write(&mut writing.buffer, [&bytes[..]].into_iter(), at)?;
        segment.file.sync()?;
        // The trailer is found from the file's end.
        let end = at + bytes.len() as u64;
        segment.file.cut(end)?;
        writing.undo.pop();
        segment.bytes.store(end, Ordering::Relaxed);
        self.keep_index(segment);
        Ok(())
    }

    /// Changes what readers will find to what was written.
    fn note(&self, write: &Write, written: &[Written]) {
        for part in written {
            let segment = &part.segment;
            segment.bytes.store(part.end, Ordering::Relaxed);
            segment.blocks.fetch_add(part.placed.len() as u64, Ordering::Relaxed);
            if segment.is_empty() {
                segment.oldest_ms.store(write.now_ms, Ordering::Relaxed);
            }
            segment.newest_ms.fetch_max(write.now_ms, Ordering::Relaxed);
            for &(slot, replacing, block) in &part.placed {
                if segment.family == Family::Compacted {
                    self.placed.apply(segment, &Entry::Block { slot, block, replacing });
                } else {
                    if let Some(index) = &mut *write_lock(&segment.index) {
                        index.entry(slot).or_default().push(block);
                    }
                    self.index[slot].note(block.first, segment);
                }
            }
        }
        for part in written {
            let family = part.segment.family;
            let blocks = write.blocks.iter().filter(|block| block.family() == family);
            for (block, (_, _, reference)) in blocks.zip(&part.placed) {
                self.cache.insert((part.segment.id, reference.at), block.bytes.clone());
            }
            for &(slot, _, first, end) in &write.emptied {
                if family == Family::Compacted {
                    self.placed.apply(&part.segment, &Entry::Emptied { slot, first, end });
                }
            }
        }
        let mut meta = lock(&self.meta);
        for (key, value) in &write.meta {
            meta.insert(key.clone(), value.clone());
        }
    }
}

/// A frame that was written.
struct Written {
    segment: Arc<Segment>,
    end: u64,
    /// Slot, whether it replaces others, and the block.
    placed: Vec<(usize, bool, BlockRef)>,
}

impl NewBlock {
    fn family(&self) -> Family {
        Family::of(self.partition.topic)
    }
}

impl Write {
    /// Whether there is something for a family's file. Positions and ends go with the compacted
    /// topics, because those are kept for ever.
    fn concerns(&self, family: Family) -> bool {
        self.blocks.iter().any(|block| block.family() == family)
            || family == Family::Compacted && (!self.meta.is_empty() || !self.emptied.is_empty())
    }

    /// The bytes before the blocks of a family's frame, and these blocks.
    fn head(
        &self,
        family: Family,
        number: u64,
        families: u8,
    ) -> (Vec<u8>, Vec<(&NewBlock, BlockRef)>) {
        let mut frame = FrameWriter::new();
        let mut blocks = Vec::new();
        for block in self.blocks.iter().filter(|block| block.family() == family) {
            let bytes = u32::try_from(block.bytes.len()).expect("blocks are far below 4 GiB");
            let (first, span, sum) = (block.first, block.span, block.sum);
            let reference = BlockRef { first, span, bytes, sum, at: 0 };
            frame.block(block.partition, &reference, block.replacing);
            blocks.push((block, reference));
        }
        if family == Family::Compacted {
            for (_, partition, first, end) in &self.emptied {
                frame.emptied(*partition, *first, *end);
            }
            for (key, value) in &self.meta {
                frame.meta(key, value);
            }
        }
        (frame.finish(number, families, self.now_ms), blocks)
    }
}

/// Why a write failed, as its senders are told.
fn append_error(error: &io::Error) -> AppendError {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            AppendError::Full("the disk is full: make room".to_owned())
        }
        _ => AppendError::Unavailable(format!("the log's storage failed: {error}")),
    }
}
