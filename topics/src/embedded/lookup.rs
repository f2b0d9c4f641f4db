//! Finding and reading blocks.

use std::sync::Arc;

use super::{
    block::Block,
    frame::BlockRef,
    frames,
    index::Index,
    layout::Family,
    placed::Placed,
    segment::Segment,
    shared::{lock, read_lock, write_lock},
    store::{Store, storage},
};
use crate::{LogError, Partition};

/// So many complete files at the most have their index in memory.
const INDEXES_MAX: usize = 8;
/// So many blocks are looked up at a time ...
const LOOKED_UP: usize = 256;
/// ... and neighbours in a file are read together up to so many bytes.
const READ_BYTES: u64 = 128 << 10;

impl Store {
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
            if next <= from {
                let path = last.segment.path.display();
                return Err(storage(format!(
                    "the index of {path} is damaged: restore it from a copy"
                )));
            }
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
        let index = frames::index(segment, self.layout)?;
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
        let read = first.segment.file.read_blocks(from, count as usize).map_err(storage)?;
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
