//! The stored form of consecutive records: one block per partition and gathered append.
//!
//! A block knows nothing of its partition and first offset, and carries no checksum: the table of the
//! frame that it lies in has them (`frame`).
//!
//! Layout, little-endian: version `u8`, compression `u8`, 2 zero bytes, records `u32`, span `u32`
//! (offsets that the block covers), append time in ms `i64`, uncompressed payload bytes `u32`; then
//! the payload. A record in it: gap `varint` (offsets left out before it), key bytes `varint`, value
//! bytes `varint`, key, value.

use bytes::Bytes;

use super::memory;

/// Bytes before the payload.
const HEADER_BYTES: usize = 24;
const VERSION: u8 = 1;
const UNCOMPRESSED: u8 = 0;
/// Three varints of at most five bytes.
const RECORD_OVERHEAD_MAX: usize = 15;

/// A block that can't be read: damaged, or written by a later version.
#[derive(Debug, thiserror::Error)]
#[error("a block of the log is damaged: {0}")]
pub(super) struct BlockError(&'static str);

/// Upper bound of what a record takes in a block.
pub(super) fn record_bytes_max(key: &[u8], value: &[u8]) -> usize {
    key.len() + value.len() + RECORD_OVERHEAD_MAX
}

/// Writes a block.
pub(super) struct BlockWriter {
    bytes: Vec<u8>,
    records: u32,
    span: u32,
}

impl BlockWriter {
    /// A block with room for a payload of so many bytes.
    pub(super) fn with_capacity(payload_bytes: usize) -> BlockWriter {
        let mut bytes = memory::empty(HEADER_BYTES + payload_bytes);
        bytes.resize(HEADER_BYTES, 0);
        BlockWriter { bytes, records: 0, span: 0 }
    }

    /// Adds a record `gap` offsets after the one before (0: directly after it).
    pub(super) fn push(&mut self, gap: u32, key: &[u8], value: &[u8]) {
        put_varint(&mut self.bytes, gap);
        put_varint(&mut self.bytes, length(key));
        put_varint(&mut self.bytes, length(value));
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
        self.records += 1;
        self.span += gap + 1;
    }

    /// Bytes so far, header included.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Records so far.
    pub(super) fn records(&self) -> u32 {
        self.records
    }

    /// Offsets covered so far.
    pub(super) fn span(&self) -> u32 {
        self.span
    }

    /// The finished block. `span` covers offsets left out after the last record, too.
    pub(super) fn finish(mut self, span: u32, append_ms: i64) -> Bytes {
        let payload = length(&self.bytes[HEADER_BYTES..]);
        self.bytes[0] = VERSION;
        self.bytes[1] = UNCOMPRESSED;
        self.bytes[4..8].copy_from_slice(&self.records.to_le_bytes());
        self.bytes[8..12].copy_from_slice(&span.max(self.span).to_le_bytes());
        self.bytes[12..20].copy_from_slice(&append_ms.to_le_bytes());
        self.bytes[20..24].copy_from_slice(&payload.to_le_bytes());
        memory::share(self.bytes)
    }
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("records and blocks are limited far below 4 GiB")
}

fn put_varint(out: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A block that was read.
#[derive(Clone, Debug)]
pub(super) struct Block {
    bytes: Bytes,
    first: u64,
    span: u32,
    append_ms: i64,
}

/// Where a record lies in its block.
#[derive(Clone, Copy, Debug)]
pub(super) struct RecordAt {
    pub(super) offset: u64,
    pub(super) key_start: usize,
    pub(super) value_start: usize,
    pub(super) end: usize,
}

impl Block {
    /// Reads the header. `first` is the offset in the block's key.
    pub(super) fn parse(first: u64, bytes: Bytes) -> Result<Block, BlockError> {
        let header: &[u8; HEADER_BYTES] =
            bytes.first_chunk().ok_or(BlockError("shorter than its header"))?;
        if header[0] != VERSION || header[1] != UNCOMPRESSED {
            return Err(BlockError("an unknown version"));
        }
        let u32_at = |at: usize| {
            u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]])
        };
        if u32_at(20) as usize != bytes.len() - HEADER_BYTES {
            return Err(BlockError("another length than its header says"));
        }
        let mut append_ms = [0; 8];
        append_ms.copy_from_slice(&header[12..20]);
        let append_ms = i64::from_le_bytes(append_ms);
        Ok(Block { first, span: u32_at(8), append_ms, bytes })
    }

    /// The first offset that it covers.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// One past the last offset that it covers.
    pub(super) fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.span))
    }

    /// When it was appended, milliseconds since 1970.
    pub(super) fn append_ms(&self) -> i64 {
        self.append_ms
    }

    /// How many records it has, or fewer.
    pub(super) fn records(&self) -> usize {
        let records = self.bytes[4..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        // Each takes three bytes at the least.
        (records as usize).min(self.bytes.len() / 3)
    }

    /// The stored bytes.
    pub(super) fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// A cursor before the first record.
    pub(super) fn cursor(&self) -> Cursor {
        Cursor { at: HEADER_BYTES, next_offset: self.first }
    }
}

/// A position between two records of a block.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cursor {
    at: usize,
    next_offset: u64,
}

impl Cursor {
    /// The next record, or `None` at the block's end.
    pub(super) fn next(&mut self, block: &Block) -> Result<Option<RecordAt>, BlockError> {
        let bytes = &block.bytes[..];
        if self.at == bytes.len() {
            return Ok(None);
        }
        let gap = get_varint(bytes, &mut self.at)?;
        let key = get_varint(bytes, &mut self.at)? as usize;
        let value = get_varint(bytes, &mut self.at)? as usize;
        let key_start = self.at;
        let value_start = key_start + key;
        let end = value_start + value;
        if end > bytes.len() {
            return Err(BlockError("a record that is longer than its block"));
        }
        let offset = self.next_offset.saturating_add(u64::from(gap));
        if offset >= block.end() {
            return Err(BlockError("a record behind the block's last offset"));
        }
        self.at = end;
        self.next_offset = offset + 1;
        Ok(Some(RecordAt { offset, key_start, value_start, end }))
    }
}

fn get_varint(bytes: &[u8], at: &mut usize) -> Result<u32, BlockError> {
    let mut value = 0u32;
    for shift in (0..32).step_by(7) {
        let byte = *bytes.get(*at).ok_or(BlockError("it ends within a record"))?;
        *at += 1;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(BlockError("a length that is no length"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_gaps_round_trip() {
        let long = vec![b'x'; 300];
        let mut writer = BlockWriter::with_capacity(100);
        writer.push(0, b"", b"");
        writer.push(0, b"key", &long);
        writer.push(200, b"k", b"v");
        assert_eq!((writer.records(), writer.span()), (3, 203));
        let block = Block::parse(1_000, writer.finish(210, -5)).unwrap();
        assert_eq!((block.first(), block.end(), block.append_ms()), (1_000, 1_210, -5));
        let mut cursor = block.cursor();
        let mut seen = Vec::new();
        while let Some(record) = cursor.next(&block).unwrap() {
            let bytes = block.bytes();
            seen.push((
                record.offset,
                bytes[record.key_start..record.value_start].to_vec(),
                bytes[record.value_start..record.end].to_vec(),
            ));
        }
        let expected = [
            (1_000, b"".to_vec(), b"".to_vec()),
            (1_001, b"key".to_vec(), long),
            (1_202, b"k".to_vec(), b"v".to_vec()),
        ];
        assert_eq!(seen, expected);
    }

    #[test]
    fn damaged_blocks_are_refused_without_a_panic() {
        let mut writer = BlockWriter::with_capacity(100);
        writer.push(0, b"key", b"value");
        writer.push(3, b"key", b"value");
        let whole = writer.finish(5, 7).to_vec();
        for cut in 0..whole.len() {
            assert!(Block::parse(0, whole[..cut].to_vec().into()).is_err(), "{cut}");
        }
        for at in HEADER_BYTES..whole.len() {
            for bit in 0..8 {
                let mut bytes = whole.clone();
                bytes[at] ^= 1 << bit;
                let block = Block::parse(0, bytes.into()).unwrap();
                let mut cursor = block.cursor();
                while let Ok(Some(_)) = cursor.next(&block) {}
            }
        }
    }
}
