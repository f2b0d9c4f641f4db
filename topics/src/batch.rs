//! Records on their way in ([`RecordBatch`]) and out ([`Chunk`]): many records in one buffer, so
//! that a record costs no allocation of its own.

use bytes::Bytes;

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
    /// Records for other topics are let go.
    only: Option<&'static [Topic]>,
}

impl RecordBatch {
    /// An empty batch.
    pub fn new() -> RecordBatch {
        RecordBatch::default()
    }

    /// An empty batch with room for so many bytes of keys and values.
    pub fn with_capacity(bytes: usize) -> RecordBatch {
        RecordBatch { bytes: Vec::with_capacity(bytes), ..RecordBatch::default() }
    }

    /// An empty batch that lets go of records for other topics, without writing them at all.
    pub fn only(topics: &'static [Topic]) -> RecordBatch {
        RecordBatch { only: Some(topics), ..RecordBatch::default() }
    }

    /// Makes room for so many more records with so many bytes of keys and values together. A buffer
    /// that grows step by step is copied, and its pages are zeroed, at every step.
    pub fn reserve(&mut self, records: usize, bytes: usize) {
        self.entries.reserve(records);
        self.bytes.reserve(bytes);
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
        if !self.takes(topic) {
            return;
        }
        let key_start = self.bytes.len();
        self.bytes.extend_from_slice(key);
        let value_start = self.bytes.len();
        write(&mut self.bytes);
        debug_assert!(self.bytes.len() >= value_start, "`write` may only append");
        let partition = Partition { topic, number: partition };
        self.entries.push(Entry { partition, key_start, value_start, end: self.bytes.len() });
    }

    /// Whether it takes records for a topic.
    pub fn takes(&self, topic: Topic) -> bool {
        self.only.is_none_or(|topics| topics.contains(&topic))
    }

    /// Adds copies of all records of another batch.
    pub fn extend(&mut self, other: &RecordBatch) {
        let shift = self.bytes.len();
        self.bytes.extend_from_slice(&other.bytes);
        self.entries.extend(other.entries.iter().map(|entry| Entry {
            partition: entry.partition,
            key_start: entry.key_start + shift,
            value_start: entry.value_start + shift,
            end: entry.end + shift,
        }));
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
    buffer: Buffer,
    spans: Vec<Span>,
    record_bytes: usize,
}

/// Where a chunk's keys and values lie.
#[derive(Clone, Debug)]
enum Buffer {
    /// Copied together by [`Chunk::push`].
    Own(Vec<u8>),
    /// A stored block, shared with whoever else reads it.
    Shared(Bytes),
}

impl Buffer {
    fn as_slice(&self) -> &[u8] {
        match self {
            Buffer::Own(bytes) => bytes,
            Buffer::Shared(bytes) => bytes,
        }
    }
}

impl Chunk {
    /// A chunk without records that starts at an offset.
    pub fn new(partition: Partition, next_offset: u64) -> Chunk {
        Chunk::with_buffer(partition, next_offset, Buffer::Own(Vec::new()))
    }

    /// A chunk whose records lie in a block that is shared instead of copied; they are added with
    /// [`Chunk::push_shared`], some `records` of them.
    pub(crate) fn of_block(
        partition: Partition,
        next_offset: u64,
        block: Bytes,
        records: usize,
    ) -> Chunk {
        let mut chunk = Chunk::with_buffer(partition, next_offset, Buffer::Shared(block));
        chunk.spans.reserve_exact(records);
        chunk
    }

    fn with_buffer(partition: Partition, next_offset: u64, buffer: Buffer) -> Chunk {
        Chunk { partition, next_offset, at_end: false, buffer, spans: Vec::new(), record_bytes: 0 }
    }

    /// Adds a record and moves `next_offset` behind it.
    pub fn push(&mut self, offset: u64, key: &[u8], value: &[u8]) {
        if let Buffer::Shared(block) = &self.buffer {
            self.buffer = Buffer::Own(block.to_vec());
        }
        let Buffer::Own(bytes) = &mut self.buffer else { unreachable!("made own above") };
        let key_start = bytes.len();
        bytes.extend_from_slice(key);
        let value_start = bytes.len();
        bytes.extend_from_slice(value);
        let end = bytes.len();
        self.push_shared(offset, key_start, value_start, end);
    }

    /// Whether the records lie in a shared block.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.buffer, Buffer::Shared(_))
    }

    /// Adds a record that lies in the chunk's block already.
    pub(crate) fn push_shared(
        &mut self,
        offset: u64,
        key_start: usize,
        value_start: usize,
        end: usize,
    ) {
        debug_assert!(self.spans.last().is_none_or(|last| last.offset < offset));
        let at = |position: usize| u32::try_from(position).expect("a chunk is far below 4 GiB");
        let span =
            Span { offset, key_start: at(key_start), value_start: at(value_start), end: at(end) };
        self.spans.push(span);
        self.record_bytes += end - key_start;
        self.next_offset = offset + 1;
    }

    /// The records.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = RecordRef<'_>> {
        let bytes = self.buffer.as_slice();
        self.spans.iter().map(move |span| resolve(bytes, span))
    }

    /// The record at an index, from 0.
    pub fn get(&self, index: usize) -> Option<RecordRef<'_>> {
        self.spans.get(index).map(|span| resolve(self.buffer.as_slice(), span))
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
        self.record_bytes
    }
}

fn resolve<'a>(bytes: &'a [u8], span: &Span) -> RecordRef<'a> {
    RecordRef {
        offset: span.offset,
        key: &bytes[span.key_start as usize..span.value_start as usize],
        value: &bytes[span.value_start as usize..span.end as usize],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_may_let_go_of_what_nobody_wants() {
        let mut batch = RecordBatch::only(&[Topic::Verdicts]);
        assert!(batch.takes(Topic::Verdicts) && !batch.takes(Topic::Clicks));
        batch.push_with(Topic::Clicks, 0, b"key", |_| panic!("nobody wants it"));
        batch.push(Topic::Verdicts, 1, b"", b"said");
        batch.clear();
        batch.push(Topic::Sessions, 2, b"", b"let go");
        batch.push(Topic::Verdicts, 3, b"", b"said");
        let found: Vec<_> = batch.iter().map(|(to, _, value)| (to.number, value)).collect();
        assert_eq!(found, [(3, &b"said"[..])]);
        assert!(RecordBatch::new().takes(Topic::Sessions));
    }
}
