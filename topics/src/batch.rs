//! Records on their way in ([`RecordBatch`]) and out ([`Chunk`]): many records in one buffer, so
//! that a record costs no allocation of its own.

use crate::{Partition, Topic};

#[derive(Clone, Copy, Debug)]
struct Entry {
    partition: Partition,
    key_start: usize,
    value_start: usize,
    end: usize,
}

/// Records to append, each with its partition.
#[derive(Clone, Debug, Default)]
pub struct RecordBatch {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl RecordBatch {
    /// An empty batch.
    pub fn new() -> RecordBatch {
        RecordBatch::default()
    }

    /// An empty batch with room for so many bytes of keys and values.
    pub fn with_capacity(bytes: usize) -> RecordBatch {
        RecordBatch { bytes: Vec::with_capacity(bytes), entries: Vec::new() }
    }

    /// Adds a record.
    pub fn push(&mut self, topic: Topic, partition: u32, key: &[u8], value: &[u8]) {
        self.push_with(topic, partition, key, |out| out.extend_from_slice(value));
    }

    /// Adds a record whose value `write` appends to the buffer.
    pub fn push_with(
        &mut self,
        topic: Topic,
        partition: u32,
        key: &[u8],
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        let key_start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let value_start = self.bytes.len();
        write(&mut self.bytes);
        debug_assert!(self.bytes.len() >= value_start, "`write` may only append");
        let partition = Partition { topic, number: partition };
        self.entries.push(Entry { partition, key_start, value_start, end: self.bytes.len() });
    }

    /// The records in the order they were added: partition, key, value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (Partition, &[u8], &[u8])> {
        self.entries.iter().map(|entry| {
            (
                entry.partition,
                &self.bytes[entry.key_start..entry.value_start],
                &self.bytes[entry.value_start..entry.end],
            )
        })
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Removes all records and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }
}

#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    key_start: u32,
    value_start: u32,
    end: u32,
}

/// One record as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// Its offset in the partition.
    pub offset: u64,
    /// Its key; may be empty.
    pub key: &'a [u8],
    /// Its value; empty for "removed" in compacted topics.
    pub value: &'a [u8],
}

/// Consecutive records of one partition, in the order of their offsets.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// Where they come from.
    pub partition: Partition,
    /// The offset to read next: after the last record.
    pub next_offset: u64,
    /// Nothing more was there when this chunk was read.
    pub at_end: bool,
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Chunk {
    /// A chunk without records that starts at an offset.
    pub fn new(partition: Partition, next_offset: u64) -> Chunk {
        Chunk { partition, next_offset, at_end: false, bytes: Vec::new(), spans: Vec::new() }
    }

    /// Adds a record and moves `next_offset` behind it.
    pub fn push(&mut self, offset: u64, key: &[u8], value: &[u8]) {
        debug_assert!(self.spans.last().is_none_or(|last| last.offset < offset));
        let at = |position: usize| u32::try_from(position).expect("a chunk is far below 4 GiB");
        let key_start = at(self.bytes.len());
        self.bytes.extend_from_slice(key);
        let value_start = at(self.bytes.len());
        self.bytes.extend_from_slice(value);
        self.spans.push(Span { offset, key_start, value_start, end: at(self.bytes.len()) });
        self.next_offset = offset + 1;
    }

    /// The records.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> {
        self.spans.iter().map(|span| self.resolve(span))
    }

    /// The record at an index, from 0.
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        self.spans.get(index).map(|span| self.resolve(span))
    }

    fn resolve(&self, span: &Span) -> RecordRef<'_> {
        RecordRef {
            offset: span.offset,
            key: &self.bytes[span.key_start as usize..span.value_start as usize],
            value: &self.bytes[span.value_start as usize..span.end as usize],
        }
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of all keys and values.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }
}
