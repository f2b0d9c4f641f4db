//! Reading partitions and following their tails.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    block::{Block, Cursor},
    queue::Signal,
    shared::Shared,
    store::{Store, storage},
};
use crate::{Chunk, LogError, Partition, Reader};

/// Blocks below this size are copied together into one chunk; larger ones are handed on as they
/// are.
const SHARED_BYTES_MIN: usize = 32 << 10;

/// A partition that is read.
struct Assigned {
    partition: Partition,
    slot: usize,
    /// The next offset.
    position: u64,
    /// The end was reached and reported, and nothing came since.
    end_reported: bool,
    /// The block that `position` is in, when only part of it has been handed out.
    rest: Option<(Block, Cursor)>,
}

pub(super) struct EmbeddedReader {
    shared: Arc<Shared>,
    signal: Arc<Signal>,
    assigned: VecDeque<Assigned>,
}

impl EmbeddedReader {
    pub(super) fn new(shared: Arc<Shared>) -> EmbeddedReader {
        EmbeddedReader { shared, signal: Arc::default(), assigned: VecDeque::new() }
    }

    /// What is there now.
    fn read(&mut self, store: &Store, max_bytes: usize) -> Result<Vec<Chunk>, LogError> {
        let mut chunks = Vec::new();
        // All ends before anything is read: what one write brought to several partitions is read
        // together, or is not there for any of them yet.
        let ends: Vec<u64> =
            self.assigned.iter().map(|assigned| store.index[assigned.slot].end()).collect();
        let behind =
            self.assigned.iter().zip(&ends).filter(|(it, end)| it.position < **end).count();
        // An equal share for each partition that has something, so that none waits for another.
        let share = (max_bytes / behind.max(1)).max(1);
        let mut left = max_bytes;
        for (assigned, end) in self.assigned.iter_mut().zip(ends) {
            if assigned.position < end && left > 0 {
                let max_bytes = share.min(left);
                left = left.saturating_sub(assigned.read(store, (end, max_bytes), &mut chunks)?);
                assigned.end_reported = false;
            }
            if assigned.position >= end && !assigned.end_reported {
                assigned.end_reported = true;
                let mut report = Chunk::new(assigned.partition, assigned.position);
                report.at_end = true;
                chunks.push(report);
            }
        }
        // Another partition comes first the next time.
        if behind > 0 {
            self.assigned.rotate_left(1);
        }
        Ok(chunks)
    }
}

impl Assigned {
    /// Adds chunks of some `max_bytes` bytes; how many they became. What is there behind `end` by now
    /// is the next call's.
    fn read(
        &mut self,
        store: &Store,
        (end, max_bytes): (u64, usize),
        chunks: &mut Vec<Chunk>,
    ) -> Result<usize, LogError> {
        let mut taker = Taker { chunks, partition: self.partition, taken: 0, max_bytes };
        let mut rest = None;
        if let Some((block, cursor)) = self.rest.take() {
            rest = taker.take(block, cursor, &mut self.position)?;
        }
        let mut gone = false;
        if rest.is_none() && taker.taken < max_bytes && self.position < end {
            gone = true;
            let position = &mut self.position;
            store.read(self.slot, self.partition, *position, |block| {
                if block.first() >= end {
                    return Ok(false);
                }
                let cursor = block.cursor();
                rest = taker.take(block, cursor, position)?;
                gone = rest.is_none() && taker.taken < taker.max_bytes;
                Ok(gone)
            })?;
        }
        self.rest = rest;
        // Nothing is kept between here and the end.
        if gone {
            self.position = self.position.max(end);
        }
        let taken = taker.taken;
        if let Some(last) = chunks.last_mut()
            && last.partition == self.partition
            && self.position >= end
        {
            last.next_offset = self.position;
            last.at_end = true;
        }
        Ok(taken)
    }
}

/// Takes records out of blocks until there are enough bytes.
struct Taker<'a> {
    chunks: &'a mut Vec<Chunk>,
    partition: Partition,
    taken: usize,
    max_bytes: usize,
}

impl Taker<'_> {
    /// Takes records from `position` on; what is left of the block when enough were taken.
    fn take(
        &mut self,
        block: Block,
        mut cursor: Cursor,
        position: &mut u64,
    ) -> Result<Option<(Block, Cursor)>, LogError> {
        let share = block.bytes().len() >= SHARED_BYTES_MIN;
        let open = self.chunks.last().is_some_and(|last| last.partition == self.partition);
        if share || !open || self.chunks.last().is_some_and(Chunk::is_shared) {
            self.chunks.push(if share {
                // Room for all of its records, if all of them will be taken.
                let all = block.bytes().len() <= self.max_bytes.saturating_sub(self.taken);
                let records = if all { block.records() } else { 0 };
                Chunk::of_block(self.partition, *position, block.bytes().clone(), records)
            } else {
                Chunk::new(self.partition, *position)
            });
        }
        let chunk = self.chunks.last_mut().expect("one was pushed, or was there");
        let bytes = block.bytes();
        let mut enough = false;
        while !enough {
            let Some(record) = cursor.next(&block).map_err(storage)? else { break };
            if record.offset < *position {
                continue;
            }
            if share {
                chunk.push_shared(record.offset, record.key_start, record.value_start, record.end);
            } else {
                let key = &bytes[record.key_start..record.value_start];
                chunk.push(record.offset, key, &bytes[record.value_start..record.end]);
            }
            *position = record.offset + 1;
            self.taken += record.end - record.key_start + 1;
            enough = self.taken >= self.max_bytes;
        }
        if !enough {
            *position = (*position).max(block.end());
            chunk.next_offset = *position;
        }
        if chunk.is_empty() {
            self.chunks.pop();
        }
        let done = *position >= block.end();
        Ok((enough && !done).then_some((block, cursor)))
    }
}

impl Reader for EmbeddedReader {
    fn assign(&mut self, partition: Partition, offset: u64) -> Result<(), LogError> {
        let slot = self.shared.slot(partition)?;
        self.unassign(partition)?;
        self.shared.watch(slot, &self.signal);
        self.assigned.push_front(Assigned {
            partition,
            slot,
            position: offset,
            end_reported: false,
            rest: None,
        });
        Ok(())
    }

    fn unassign(&mut self, partition: Partition) -> Result<(), LogError> {
        if let Some(at) = self.assigned.iter().position(|known| known.partition == partition) {
            self.assigned.remove(at);
            self.shared.unwatch(self.shared.slot(partition)?, &self.signal);
        }
        Ok(())
    }

    fn poll(&mut self, max_bytes: usize, timeout: Duration) -> Result<Vec<Chunk>, LogError> {
        let deadline = Instant::now() + timeout;
        loop {
            let store = self.shared.store()?;
            let chunks = self.read(&store, max_bytes)?;
            drop(store);
            if !chunks.is_empty() || Instant::now() >= deadline {
                return Ok(chunks);
            }
            if self.shared.is_closed() {
                return Err(LogError::Closed);
            }
            self.signal.wait(deadline);
        }
    }
}

impl Drop for EmbeddedReader {
    fn drop(&mut self) {
        for assigned in &self.assigned {
            self.shared.unwatch(assigned.slot, &self.signal);
        }
    }
}
