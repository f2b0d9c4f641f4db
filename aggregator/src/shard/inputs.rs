//! Reads a shard's input topics in step with each other, within bounded memory.
//!
//! When a shard is behind, one topic could be read hours ahead of another, and the other's events
//! would then be late. So records are taken in the order of their receipt across the topics, and a
//! topic that has more to give holds the others back until its next record is known. A topic that is
//! read too far ahead is put aside until it is needed.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_event::Topic;
use footfall_topics::{Chunk, LogError, Partition, Reader};

use super::Input;

/// Bytes kept of one topic before it is put aside.
const LANE_BYTES_MAX: usize = 8 << 20;

/// Bytes asked for at once.
const POLL_BYTES_MAX: usize = 4 << 20;

/// A topic that doesn't say for so long whether it has more holds the others back no longer: what it
/// brings then may be late. A shard waits so only when it begins, or has a backlog.
const PATIENCE: Duration = Duration::from_secs(30);

/// Topics may be read this far ahead of each other, milliseconds of receipt. Little beside the two
/// minutes of lateness that the rules wait for, also where a sender makes up for hours: events of
/// minutes are received within a second then.
const STEP_MS: i64 = 1_000;

/// Records looked at together.
const STRIDE: usize = 64;

/// A run of records of one chunk.
pub(crate) struct Piece {
    chunk: Arc<Chunk>,
    from: usize,
    to: usize,
}

/// Records taken from the inputs.
#[derive(Default)]
pub(crate) struct Taken {
    pieces: Vec<Piece>,
    /// Number of records.
    pub(crate) records: usize,
    /// Bytes of keys and values.
    pub(crate) bytes: usize,
}

impl Taken {
    /// The records, topic by topic within each piece.
    pub(crate) fn inputs(&self) -> Vec<Input<'_>> {
        let mut inputs = Vec::with_capacity(self.records);
        for piece in &self.pieces {
            for index in piece.from..piece.to {
                let record = piece.chunk.get(index).expect("a piece lies within its chunk");
                inputs.push(Input {
                    topic: piece.chunk.partition.topic,
                    offset: record.offset,
                    key: record.key,
                    value: record.value,
                });
            }
        }
        inputs
    }
}

struct Lane {
    partition: Partition,
    queue: VecDeque<Piece>,
    bytes: usize,
    /// Offset behind the last record taken.
    taken_to: u64,
    /// Offset behind the last record read.
    read_to: u64,
    /// Nothing more was there at the last look.
    ended: bool,
    aside: bool,
}

/// The inputs of one shard.
pub(crate) struct Inputs {
    reader: Box<dyn Reader>,
    lanes: Vec<Lane>,
    received_at: fn(&[u8]) -> Option<i64>,
    held_back_since: Option<Instant>,
    /// Nothing is taken that was received later.
    until: i64,
}

impl Inputs {
    /// Begins to read partition `shard` of each topic at an offset.
    ///
    /// # Errors
    /// When the log can't be asked.
    pub(crate) fn new(
        mut reader: Box<dyn Reader>,
        topics: &[Topic],
        shard: u32,
        offsets: &[u64],
        received_at: fn(&[u8]) -> Option<i64>,
    ) -> Result<Inputs, LogError> {
        let mut lanes = Vec::with_capacity(topics.len());
        for (&topic, &offset) in topics.iter().zip(offsets) {
            let partition = Partition { topic, number: shard };
            reader.assign(partition, offset)?;
            lanes.push(Lane {
                partition,
                queue: VecDeque::new(),
                bytes: 0,
                taken_to: offset,
                read_to: offset,
                ended: false,
                aside: false,
            });
        }
        Ok(Inputs { reader, lanes, received_at, held_back_since: None, until: i64::MAX })
    }

    /// The partitions, in the order of the topics.
    pub(crate) fn partitions(&self) -> Vec<Partition> {
        self.lanes.iter().map(|lane| lane.partition).collect()
    }

    /// For each topic the offset behind what was taken.
    pub(crate) fn ends(&self) -> Vec<u64> {
        self.lanes.iter().map(|lane| lane.taken_to).collect()
    }

    /// Bytes read and not yet taken.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.bytes).sum()
    }

    /// Whether one of the topics has no room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.lanes.iter().any(|lane| lane.bytes > LANE_BYTES_MAX)
    }

    /// Whether there are records that may not be taken before another topic was read.
    pub(crate) fn is_held_back(&self) -> bool {
        self.held_back_since.is_some()
    }

    /// From now on nothing is taken that was received later than this.
    pub(crate) fn take_until(&mut self, received_at: i64) {
        self.until = received_at;
    }

    /// Whether everything was taken that may be, of what there is before these offsets.
    pub(crate) fn is_used_up(&self, ends: &[u64]) -> bool {
        self.lanes.iter().zip(ends).all(|(lane, end)| {
            match lane.front_received_at(self.received_at) {
                Some(at) => at > self.until,
                None => lane.read_to >= *end,
            }
        })
    }

    /// When the next record was received, of those that were read.
    pub(crate) fn next_received_at(&self) -> Option<i64> {
        self.lanes.iter().filter_map(|lane| lane.front_received_at(self.received_at)).min()
    }

    /// Reads more, if there is room. Waits at most `timeout`. Whether anything came.
    ///
    /// # Errors
    /// When the log can't be read.
    pub(crate) fn fill(&mut self, timeout: Duration) -> Result<bool, LogError> {
        for lane in &mut self.lanes {
            if lane.aside && lane.bytes < LANE_BYTES_MAX / 2 {
                self.reader.assign(lane.partition, lane.read_to)?;
                lane.aside = false;
            } else if !lane.aside && lane.bytes > LANE_BYTES_MAX {
                self.reader.unassign(lane.partition)?;
                lane.aside = true;
            }
        }
        if self.lanes.iter().all(|lane| lane.aside) {
            return Ok(false);
        }
        let mut came = false;
        for chunk in self.reader.poll(POLL_BYTES_MAX, timeout)? {
            came |= !chunk.is_empty();
            self.accept(chunk);
        }
        Ok(came)
    }

    fn accept(&mut self, chunk: Chunk) {
        let Some(lane) = self.lanes.iter_mut().find(|lane| lane.partition == chunk.partition)
        else {
            return;
        };
        lane.ended = chunk.at_end;
        // What was under way before a topic was put aside comes a second time.
        let from = chunk.iter().take_while(|record| record.offset < lane.read_to).count();
        // Holes count as read: what is before the next offset won't come any more.
        lane.read_to = lane.read_to.max(chunk.next_offset);
        if from < chunk.len() {
            lane.bytes +=
                chunk.iter().skip(from).map(|r| r.key.len() + r.value.len()).sum::<usize>();
            let to = chunk.len();
            lane.queue.push_back(Piece { chunk: Arc::new(chunk), from, to });
        }
    }

    /// Takes what may be worked on, in the order of receipt, up to the limits. Empty when a topic
    /// that has more holds the others back: fill again.
    pub(crate) fn take(&mut self, records_max: usize, bytes_max: usize) -> Taken {
        let mut taken = Taken::default();
        while taken.records < records_max && taken.bytes < bytes_max {
            let Some((index, bound)) = self.next_lane() else { break };
            let room = records_max - taken.records;
            let (piece, bytes) = self.lanes[index].slice(room.min(STRIDE), bound, self.received_at);
            taken.records += piece.to - piece.from;
            taken.bytes += bytes;
            match taken.pieces.last_mut() {
                Some(last) if Arc::ptr_eq(&last.chunk, &piece.chunk) && last.to == piece.from => {
                    last.to = piece.to;
                }
                _ => taken.pieces.push(piece),
            }
        }
        taken
    }

    /// The topic whose next record was received first, and how far it may be read. `None` when there
    /// is nothing, or a topic that is not at its end has to be read first.
    fn next_lane(&mut self) -> Option<(usize, i64)> {
        let waiting = self.lanes.iter().any(|lane| lane.queue.is_empty() && !lane.ended);
        if waiting {
            let since = *self.held_back_since.get_or_insert_with(Instant::now);
            if since.elapsed() < PATIENCE {
                return None;
            }
        } else {
            self.held_back_since = None;
        }
        let mut first: Option<(i64, usize)> = None;
        let mut second = i64::MAX;
        for (index, lane) in self.lanes.iter().enumerate() {
            let Some(at) = lane.front_received_at(self.received_at) else { continue };
            match first {
                Some((best, _)) if at >= best => second = second.min(at),
                previous => {
                    second = previous.map_or(second, |(best, _)| best);
                    first = Some((at, index));
                }
            }
        }
        let (_, index) = first.filter(|(at, _)| *at <= self.until)?;
        Some((index, second.saturating_add(STEP_MS).min(self.until)))
    }

    /// Takes exactly up to the given offsets, reading as needed: for replay.
    ///
    /// # Errors
    /// When the log can't be read, or ends before.
    pub(crate) fn take_to(&mut self, ends: &[u64]) -> Result<Taken, LogError> {
        let mut taken = Taken::default();
        let mut silent_since = Instant::now();
        loop {
            for (lane, &end) in self.lanes.iter_mut().zip(ends) {
                lane.take_before(end, &mut taken);
            }
            let short = self.lanes.iter().zip(ends).find(|(lane, end)| lane.read_to < **end);
            let Some((lane, end)) = short else { break };
            if silent_since.elapsed() > Duration::from_secs(60) {
                let name = lane.partition.topic.name();
                let (read_to, number) = (lane.read_to, lane.partition.number);
                return Err(LogError::Storage(format!(
                    "{name}/{number} ends at {read_to}, but a batch reached {end}"
                )));
            }
            if self.fill(Duration::from_millis(100))? {
                silent_since = Instant::now();
            }
        }
        for (lane, &end) in self.lanes.iter_mut().zip(ends) {
            lane.taken_to = lane.taken_to.max(end);
        }
        Ok(taken)
    }

    /// The reader, for another use.
    ///
    /// # Errors
    /// When the log can't be asked.
    pub(crate) fn into_reader(mut self) -> Result<Box<dyn Reader>, LogError> {
        for lane in self.lanes.iter().filter(|lane| !lane.aside) {
            self.reader.unassign(lane.partition)?;
        }
        Ok(self.reader)
    }
}

impl Lane {
    fn front_received_at(&self, received_at: fn(&[u8]) -> Option<i64>) -> Option<i64> {
        let piece = self.queue.front()?;
        let record = piece.chunk.get(piece.from)?;
        // What can't be read has no time of its own: it goes first, to be set aside.
        Some(received_at(record.value).unwrap_or(i64::MIN))
    }

    /// Takes some records from the front: at least one, and none received after `bound`.
    fn slice(
        &mut self,
        room: usize,
        bound: i64,
        received_at: fn(&[u8]) -> Option<i64>,
    ) -> (Piece, usize) {
        let piece = self.queue.front().expect("the caller looked at its first record");
        let within = |index: usize| {
            let record = piece.chunk.get(index).expect("within the chunk");
            received_at(record.value).unwrap_or(i64::MIN) <= bound
        };
        let (from, to) = (piece.from, piece.to.min(piece.from + room.max(1)));
        // Each is looked at: what is sent once more stands behind what was received later.
        let to = (from + 1..to).find(|&index| !within(index)).unwrap_or(to);
        self.cut(to)
    }

    /// Takes the front piece's records up to an index.
    fn cut(&mut self, to: usize) -> (Piece, usize) {
        let piece = self.queue.front_mut().expect("the caller looked at its first record");
        let cut = Piece { chunk: Arc::clone(&piece.chunk), from: piece.from, to };
        let record = |index| piece.chunk.get(index).expect("within the chunk");
        let bytes = (cut.from..to).map(|i| record(i).key.len() + record(i).value.len()).sum();
        self.taken_to = record(to - 1).offset + 1;
        self.bytes -= bytes;
        if to == piece.to {
            self.queue.pop_front();
        } else {
            piece.from = to;
        }
        (cut, bytes)
    }

    fn take_before(&mut self, end: u64, taken: &mut Taken) {
        while let Some(piece) = self.queue.front() {
            let offset = |index| piece.chunk.get(index).map_or(u64::MAX, |record| record.offset);
            let to = (piece.from..piece.to).find(|&i| offset(i) >= end).unwrap_or(piece.to);
            if to == piece.from {
                break;
            }
            let (cut, bytes) = self.cut(to);
            taken.records += cut.to - cut.from;
            taken.bytes += bytes;
            taken.pieces.push(cut);
        }
    }
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
