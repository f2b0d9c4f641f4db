//! One topic of a shard: what was read of it and not yet taken.

use std::collections::VecDeque;
use std::sync::Arc;

use footfall_topics::{Chunk, Partition};

use crate::shard::Input;

/// A run of records of one chunk.
pub(super) struct Piece {
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

    /// Adds a piece of so many bytes, which may go on where the last one ends.
    pub(super) fn add(&mut self, (piece, bytes): (Piece, usize)) {
        self.records += piece.to - piece.from;
        self.bytes += bytes;
        match self.pieces.last_mut() {
            Some(last) if Arc::ptr_eq(&last.chunk, &piece.chunk) && last.to == piece.from => {
                last.to = piece.to;
            }
            _ => self.pieces.push(piece),
        }
    }
}

/// One topic of a shard.
pub(super) struct Lane {
    pub(super) partition: Partition,
    queue: VecDeque<Piece>,
    /// Bytes of keys and values in the queue.
    pub(super) bytes: usize,
    /// Offset behind the last record taken.
    pub(super) taken_to: u64,
    /// Offset behind the last record read.
    pub(super) read_to: u64,
    /// Nothing more was there at the last look.
    ended: bool,
    /// Not read for now: enough of it waits.
    pub(super) aside: bool,
}

impl Lane {
    /// A lane of which nothing was read yet.
    pub(super) fn new(partition: Partition, offset: u64) -> Lane {
        Lane {
            partition,
            queue: VecDeque::new(),
            bytes: 0,
            taken_to: offset,
            read_to: offset,
            ended: false,
            aside: false,
        }
    }

    /// Takes in what was read.
    pub(super) fn accept(&mut self, chunk: Chunk) {
        self.ended = chunk.at_end;
        // What was under way before a topic was put aside comes a second time.
        let from = chunk.iter().take_while(|record| record.offset < self.read_to).count();
        // Holes count as read: what is before the next offset won't come any more.
        self.read_to = self.read_to.max(chunk.next_offset);
        if from < chunk.len() {
            self.bytes +=
                chunk.iter().skip(from).map(|r| r.key.len() + r.value.len()).sum::<usize>();
            let to = chunk.len();
            self.queue.push_back(Piece { chunk: Arc::new(chunk), from, to });
        }
    }

    /// Whether nothing waits here, and there may be more to read.
    pub(super) fn may_bring_more(&self) -> bool {
        self.queue.is_empty() && !self.ended
    }

    /// When the first record that waits was received.
    pub(super) fn front_received_at(&self, received_at: fn(&[u8]) -> Option<i64>) -> Option<i64> {
        let piece = self.queue.front()?;
        let record = piece.chunk.get(piece.from)?;
        // What can't be read has no time of its own: it goes first, to be set aside.
        Some(received_at(record.value).unwrap_or(i64::MIN))
    }

    /// Takes some records from the front: at least one, and none received after `bound`.
    pub(super) fn slice(
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

    /// Takes the records before an offset, of those that wait.
    pub(super) fn take_before(&mut self, end: u64, taken: &mut Taken) {
        while let Some(piece) = self.queue.front() {
            let offset = |index| piece.chunk.get(index).map_or(u64::MAX, |record| record.offset);
            let to = (piece.from..piece.to).find(|&i| offset(i) >= end).unwrap_or(piece.to);
            if to == piece.from {
                break;
            }
            taken.add(self.cut(to));
        }
    }
}
