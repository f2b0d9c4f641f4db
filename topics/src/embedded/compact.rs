//! Compaction of the topics that keep the last record of each key.
//!
//! A pass over a partition notes the last offset of every key, then rewrites the blocks that hold
//! superseded records, and joins small neighbours. Each rewrite is one atomic write, so a crash
//! leaves either the old blocks or the new one. Offsets stay what they were; holes remain. Records
//! appended meanwhile are left to the next pass. A removal (empty value) is itself dropped after
//! `removals_seconds`, so that everybody who follows the topic has seen it.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::{
    block::{Block, BlockWriter},
    commit::{NewBlock, Write},
    layout::{Family, end_key},
    shared::{Shared, now_ms},
    store::{Store, storage},
};
use crate::{LogError, Partition};

/// A pass pays when so many records came ...
const RECORDS_MIN: u64 = 1_000;
/// ... or any did and the last pass is so long ago.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// Joined blocks get no larger than this.
const JOINED_BYTES: usize = 256 << 10;
/// Blocks from this size are left alone if all their records are kept.
const LARGE_BYTES: usize = 64 << 10;

/// By slot: what the last pass left.
#[derive(Default)]
pub(super) struct Progress(HashMap<usize, Passed>);

struct Passed {
    at: Instant,
    end: u64,
    kept: u64,
    /// There were removals, which a later pass can drop.
    removals: bool,
}

pub(super) fn pass(
    shared: &Shared,
    store: &Arc<Store>,
    progress: &mut Progress,
    thorough: bool,
) -> Result<(), LogError> {
    let removals_ms = shared.settings.retention.removals_seconds.saturating_mul(1_000);
    let removed_before = now_ms().saturating_sub(i64::try_from(removals_ms).unwrap_or(i64::MAX));
    for (slot, partition) in store.layout.all() {
        if Family::of(partition.topic) != Family::Compacted || shared.is_closed() {
            continue;
        }
        let end = store.index[slot].end();
        let due = match progress.0.get(&slot) {
            None => end > 0,
            Some(passed) => {
                let new = end.saturating_sub(passed.end);
                let idle = passed.at.elapsed() >= PAUSE_MAX;
                new >= RECORDS_MIN.max(passed.kept / 2)
                    || ((thorough || idle) && (new > 0 || passed.removals))
            }
        };
        if due {
            let mut pass = Pass::new(store, slot, partition, end, removed_before);
            pass.note_last_offsets()?;
            pass.rewrite(shared)?;
            let (kept, removals) = (pass.kept, pass.removals_kept);
            progress.0.insert(slot, Passed { at: Instant::now(), end, kept, removals });
        }
    }
    Ok(())
}

/// One pass over one partition.
struct Pass<'a> {
    store: &'a Store,
    slot: usize,
    partition: Partition,
    /// Records from here on are left to the next pass.
    end: u64,
    removed_before: i64,
    /// By key's hash: the offset of its last record. 128 bits: two keys never meet.
    last: HashMap<u128, u64>,
    kept: u64,
    removals_kept: bool,
}

/// Neighbouring blocks that become one.
struct Joined {
    writer: BlockWriter,
    first: u64,
    /// One past the last offset written.
    next_offset: u64,
    end: u64,
    append_ms: i64,
}

impl<'a> Pass<'a> {
    fn new(
        store: &'a Store,
        slot: usize,
        partition: Partition,
        end: u64,
        removed_before: i64,
    ) -> Pass<'a> {
        let last = HashMap::new();
        Pass { store, slot, partition, end, removed_before, last, kept: 0, removals_kept: false }
    }

    fn note_last_offsets(&mut self) -> Result<(), LogError> {
        let (end, last) = (self.end, &mut self.last);
        self.store.read(self.slot, self.partition, 0, |block| {
            let mut cursor = block.cursor();
            while let Some(record) = cursor.next(&block).map_err(storage)? {
                if record.offset < end {
                    let key = &block.bytes()[record.key_start..record.value_start];
                    last.insert(xxh3_128(key), record.offset);
                }
            }
            Ok(block.end() < end)
        })
    }

    fn rewrite(&mut self, shared: &Shared) -> Result<(), LogError> {
        let mut joined: Option<Joined> = None;
        let store = self.store;
        store.read(self.slot, self.partition, 0, |block| {
            if block.end() > self.end || shared.is_closed() {
                return Ok(false);
            }
            let is_old = block.append_ms() < self.removed_before;
            if let Some(open) = &joined
                && (open.writer.bytes() + block.bytes().len() > JOINED_BYTES
                    || (open.append_ms < self.removed_before) != is_old)
            {
                self.replace(joined.take())?;
            }
            let (kept, all) = self.count_kept(&block)?;
            self.kept += kept;
            if kept == all && block.bytes().len() >= LARGE_BYTES {
                self.replace(joined.take())?;
            } else {
                self.join(joined.get_or_insert_with(|| Joined::at(&block)), &block)?;
            }
            Ok(block.end() < self.end)
        })?;
        self.replace(joined.take())
    }

    fn is_kept(&mut self, block: &Block, record: &super::block::RecordAt) -> bool {
        let key = &block.bytes()[record.key_start..record.value_start];
        if self.last.get(&xxh3_128(key)) != Some(&record.offset) {
            return false;
        }
        let is_removal = record.value_start == record.end;
        let dropped = is_removal && block.append_ms() < self.removed_before;
        self.removals_kept |= is_removal && !dropped;
        !dropped
    }

    /// How many records of a block are kept, and how many there are.
    fn count_kept(&mut self, block: &Block) -> Result<(u64, u64), LogError> {
        let (mut kept, mut all) = (0, 0);
        let mut cursor = block.cursor();
        while let Some(record) = cursor.next(block).map_err(storage)? {
            all += 1;
            kept += u64::from(self.is_kept(block, &record));
        }
        Ok((kept, all))
    }

    fn join(&mut self, joined: &mut Joined, block: &Block) -> Result<(), LogError> {
        let mut cursor = block.cursor();
        while let Some(record) = cursor.next(block).map_err(storage)? {
            if !self.is_kept(block, &record) {
                continue;
            }
            let gap = u32::try_from(record.offset - joined.next_offset).map_err(storage)?;
            let bytes = block.bytes();
            let key = &bytes[record.key_start..record.value_start];
            joined.writer.push(gap, key, &bytes[record.value_start..record.end]);
            joined.next_offset = record.offset + 1;
        }
        joined.end = block.end();
        joined.append_ms = joined.append_ms.max(block.append_ms());
        Ok(())
    }

    /// Puts a joined block in the place of its sources.
    fn replace(&mut self, joined: Option<Joined>) -> Result<(), LogError> {
        let Some(joined) = joined else { return Ok(()) };
        let mut write = Write { now_ms: now_ms(), ..Write::default() };
        if joined.writer.records() == 0 {
            write.emptied.push((self.slot, self.partition, joined.first, joined.end));
            // If these were the last blocks, nothing else tells where the partition ends.
            let end = self.end.to_be_bytes().to_vec();
            write.meta.push((end_key(self.partition).to_vec(), end));
        } else {
            let span = u32::try_from(joined.end - joined.first).map_err(storage)?;
            let bytes = joined.writer.finish(span, joined.append_ms);
            write.blocks.push(NewBlock {
                slot: self.slot,
                partition: self.partition,
                first: joined.first,
                span,
                sum: xxh3_64(&bytes),
                bytes,
                replacing: true,
            });
        }
        self.store.commit(write).map_err(|failed| storage(failed.error))
    }
}

impl Joined {
    fn at(block: &Block) -> Joined {
        Joined {
            writer: BlockWriter::with_capacity(block.bytes().len()),
            first: block.first(),
            next_offset: block.first(),
            end: block.first(),
            append_ms: block.append_ms(),
        }
    }
}
