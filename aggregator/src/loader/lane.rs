//! One partition's blocks: one being filled while another is inserted.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use footfall_topics::{Chunk, Partition, Position, RecordBatch};
use footfall_warehouse::RecordError;

use super::table::{Keeping, Rows};
use crate::core::dead_letter;
use crate::settings::Settings;

/// A block that is complete: its rows and its bounds.
pub(crate) struct Block {
    pub(crate) rows: Rows,
    /// First offset of the block; a record may be missing there.
    pub(crate) start: u64,
    /// Offset behind its last record.
    pub(crate) end: u64,
    /// Records that make no row: written to `dead-letters` with the offset.
    pub(crate) letters: RecordBatch,
}

/// A block that takes rows.
struct Filling {
    block: Block,
    bytes: usize,
    full: bool,
    /// A block begun by an earlier owner must end exactly here.
    must_end: Option<u64>,
}

/// The blocks of one partition.
pub(crate) struct Lane {
    pub(crate) partition: Partition,
    queue: VecDeque<(Chunk, usize)>,
    queue_bytes: usize,
    filling: Filling,
    /// Rows of the last block, emptied: their memory is used again.
    spare: Option<Rows>,
    /// The block that is being inserted: its end.
    pub(crate) inserting: Option<u64>,
    inserted_at: Option<Instant>,
    insert_took: Duration,
}

const NO_ROWS: &str = "unreadable";

impl Lane {
    /// A lane that continues at a committed position.
    pub(crate) fn new(partition: Partition, position: Option<&Position>) -> Lane {
        let start = position.map_or(0, |position| position.offset);
        let must_end = position.and_then(|position| intent(&position.metadata));
        let rows = Rows::of(partition.topic);
        Lane {
            partition,
            queue: VecDeque::new(),
            queue_bytes: 0,
            filling: Filling::new(rows, start, must_end),
            spare: None,
            inserting: None,
            inserted_at: None,
            insert_took: Duration::ZERO,
        }
    }

    /// Where to read from.
    pub(crate) fn start(&self) -> u64 {
        self.filling.block.start
    }

    /// Takes a chunk as read.
    pub(crate) fn accept(&mut self, chunk: Chunk) {
        if !chunk.is_empty() {
            self.queue_bytes += chunk.bytes();
            self.queue.push_back((chunk, 0));
        }
    }

    /// Whether more should be read.
    pub(crate) fn has_room(&self, settings: &Settings) -> bool {
        !self.filling.full && self.queue_bytes < settings.block_bytes_max / 4
    }

    /// Moves what was read into the block, as far as it goes.
    pub(crate) fn fill(&mut self, settings: &Settings, keeping: &Keeping<'_>) {
        while !self.filling.full {
            let Some((chunk, index)) = self.queue.front_mut() else { break };
            let Some(record) = chunk.get(*index) else {
                self.queue_bytes = self.queue_bytes.saturating_sub(chunk.bytes());
                self.queue.pop_front();
                continue;
            };
            if record.offset < self.filling.block.end {
                *index += 1;
                continue;
            }
            let days = keeping.days(record.value);
            if self.filling.push(self.partition, record.offset, record.value, days) {
                *index += 1;
            }
            let filling = &mut self.filling;
            filling.full |= filling.must_end.is_some_and(|end| filling.block.end >= end)
                || (filling.must_end.is_none()
                    && (filling.block.rows.len() >= settings.block_rows_max
                        || filling.bytes >= settings.block_bytes_max));
        }
    }

    /// When the block may be inserted, if nothing else of this partition is: at once when it is full,
    /// otherwise not too soon after the one before. `None`: there is nothing to insert.
    pub(crate) fn due(&self, now: Instant, settings: &Settings) -> Option<Instant> {
        if self.filling.full {
            return Some(now);
        }
        if self.filling.must_end.is_some() || self.filling.block.end == self.filling.block.start {
            return None;
        }
        // A slow engine gets fewer and larger blocks: it is busy half of the time at the most.
        let least = Duration::from_millis(settings.insert_interval_ms);
        let pause = least.max(self.insert_took.min(Duration::from_secs(5)) * 2);
        Some(self.inserted_at.map_or(now, |at| at + pause))
    }

    /// Takes the block out to be inserted and begins the next one behind it.
    pub(crate) fn close(&mut self) -> Block {
        let rows = self.spare.take().unwrap_or_else(|| Rows::of(self.partition.topic));
        let next = Filling::new(rows, self.filling.block.end, None);
        let block = std::mem::replace(&mut self.filling, next).block;
        self.inserting = Some(block.end);
        self.inserted_at = Some(Instant::now());
        block
    }

    /// The block is in the warehouse.
    pub(crate) fn inserted(&mut self, mut rows: Rows, took: Duration) {
        self.inserting = None;
        self.insert_took = took;
        rows.clear();
        self.spare = Some(rows);
    }

    /// The position that says: everything before `offset` is in, and the next block ends at `end`.
    pub(crate) fn position(&self, offset: u64, end: Option<u64>) -> Position {
        let metadata = end.map_or_else(String::new, |end| format!("block={end}"));
        Position { partition: self.partition, offset, metadata }
    }

    /// The token under which the warehouse knows a block.
    pub(crate) fn token(&self, block: &Block) -> String {
        let Partition { topic, number } = self.partition;
        format!("{}/{number}/{}-{}", topic.name(), block.start, block.end - 1)
    }
}

fn intent(metadata: &str) -> Option<u64> {
    metadata.strip_prefix("block=")?.parse().ok()
}

impl Filling {
    fn new(rows: Rows, start: u64, must_end: Option<u64>) -> Filling {
        let block = Block { rows, start, end: start, letters: RecordBatch::new() };
        Filling { block, bytes: 0, full: false, must_end }
    }

    /// Adds one record. Whether it was taken; otherwise the block is full.
    fn push(&mut self, partition: Partition, offset: u64, value: &[u8], keep_days: u16) -> bool {
        if let Some(end) = self.must_end.filter(|end| offset >= *end) {
            // Only when the log lost what the block was made of.
            tracing::error!(?partition, offset, end, "a block's records are gone from the log");
            self.block.end = end;
            self.full = true;
            return false;
        }
        match self.block.rows.push(value, keep_days) {
            Ok(()) => {}
            Err(RecordError::Full { .. }) => {
                self.full = true;
                return false;
            }
            Err(error) => {
                let detail = error.to_string();
                let from = (partition, offset);
                dead_letter(&mut self.block.letters, from, NO_ROWS, &detail, value);
            }
        }
        self.bytes += value.len();
        self.block.end = offset + 1;
        true
    }
}
