//! Frames: what one write adds to one file.
//!
//! A frame is a header, a table and the blocks that the table lists, in its order. The header's
//! checksum covers header and table, the table has the checksum of each block; so every byte is
//! covered once, and the table can be read without the blocks.
//!
//! Layout, little-endian. Header: checksum `u64`, magic, number of the write `u64`, bytes of the
//! blocks `u64`, time in ms `i64`, bytes of the table `u32`, files of the write (a bit for each
//! family) `u8`, 3 zero bytes. Entries of the table: see [`Entry`].

use xxhash_rust::xxh3::xxh3_64;

use super::{
    layout::Layout,
    layout::{PARTITION_KEY_BYTES, partition_key},
};
use crate::Partition;

/// Bytes of a frame's header.
pub(super) const HEADER_BYTES: usize = 48;
/// Has bytes that are not in any UTF-8, so records (which are text) don't look like frames.
const MAGIC: [u8; 8] = *b"\xff\xfeframe\x01";
/// Where the magic lies in the header.
pub(super) const MAGIC_AT: usize = 8;
/// A table is refused above this size: far more than any write has.
const TABLE_BYTES_MAX: u32 = 64 << 20;

/// Offsets and numbers of writes stay below this, so that adding to them is safe.
pub(super) const NUMBER_MAX: u64 = 1 << 62;

const BLOCK: u8 = 1;
const REPLACING: u8 = 2;
const EMPTIED: u8 = 3;
const META: u8 = 4;
const INDEX: u8 = 5;

/// Where a block lies and what it covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BlockRef {
    pub(super) first: u64,
    /// Offsets that it covers.
    pub(super) span: u32,
    pub(super) bytes: u32,
    /// XXH3 of its bytes.
    pub(super) sum: u64,
    /// Position in the file.
    pub(super) at: u64,
}

impl BlockRef {
    /// One past the last offset that it covers.
    pub(super) fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.span))
    }
}

/// An entry of a frame's table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A block of new records; or one that takes the place of all blocks in its range.
    Block { slot: usize, block: BlockRef, replacing: bool },
    /// The blocks in this range of offsets are gone.
    Emptied { slot: usize, first: u64, end: u64 },
    /// A position or the end of a partition.
    Meta { key: &'a [u8], value: &'a [u8] },
    /// In the last frame of a complete file: a block somewhere in the file.
    Index { slot: usize, block: BlockRef },
}

/// Writes header and table of a frame.
pub(super) struct FrameWriter {
    bytes: Vec<u8>,
    payload: u64,
}

impl FrameWriter {
    pub(super) fn new() -> FrameWriter {
        FrameWriter { bytes: vec![0; HEADER_BYTES], payload: 0 }
    }

    /// Adds a block; its position follows from the order.
    pub(super) fn block(&mut self, partition: Partition, block: &BlockRef, replacing: bool) {
        self.bytes.push(if replacing { REPLACING } else { BLOCK });
        self.reference(&partition_key(partition), block);
        self.payload += u64::from(block.bytes);
    }

    pub(super) fn emptied(&mut self, partition: Partition, first: u64, end: u64) {
        self.bytes.push(EMPTIED);
        self.bytes.extend_from_slice(&partition_key(partition));
        self.bytes.extend_from_slice(&first.to_le_bytes());
        self.bytes.extend_from_slice(&end.to_le_bytes());
    }

    pub(super) fn meta(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.push(META);
        for part in [key, value] {
            let length = u32::try_from(part.len()).expect("names and metadata are short");
            self.bytes.extend_from_slice(&length.to_le_bytes());
        }
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value);
    }

    pub(super) fn index(&mut self, partition: Partition, block: &BlockRef) {
        self.bytes.push(INDEX);
        self.reference(&partition_key(partition), block);
        self.bytes.extend_from_slice(&block.at.to_le_bytes());
    }

    fn reference(&mut self, partition: &[u8], block: &BlockRef) {
        self.bytes.extend_from_slice(partition);
        self.bytes.extend_from_slice(&block.first.to_le_bytes());
        self.bytes.extend_from_slice(&block.span.to_le_bytes());
        self.bytes.extend_from_slice(&block.bytes.to_le_bytes());
        self.bytes.extend_from_slice(&block.sum.to_le_bytes());
    }

    /// The bytes that come before the blocks.
    pub(super) fn finish(mut self, write: u64, families: u8, now_ms: i64) -> Vec<u8> {
        let table = u32::try_from(self.bytes.len() - HEADER_BYTES).expect("tables are bounded");
        self.bytes[MAGIC_AT..16].copy_from_slice(&MAGIC);
        self.bytes[16..24].copy_from_slice(&write.to_le_bytes());
        self.bytes[24..32].copy_from_slice(&self.payload.to_le_bytes());
        self.bytes[32..40].copy_from_slice(&now_ms.to_le_bytes());
        self.bytes[40..44].copy_from_slice(&table.to_le_bytes());
        self.bytes[44] = families;
        let sum = xxh3_64(&self.bytes[8..]);
        self.bytes[..8].copy_from_slice(&sum.to_le_bytes());
        self.bytes
    }
}

/// A frame's header and table.
#[derive(Clone, Debug)]
pub(super) struct Frame {
    /// Position in the file.
    pub(super) at: u64,
    /// One past the last block.
    pub(super) end: u64,
    /// The number of the write.
    pub(super) write: u64,
    /// The families whose files the write went to, as bits; none in the last frame of a complete
    /// file.
    pub(super) families: u8,
    pub(super) written_ms: i64,
    layout: Layout,
    table: Vec<u8>,
}

/// What a header says about the bytes that follow.
pub(super) struct Sizes {
    pub(super) table: usize,
    pub(super) payload: u64,
}

/// Reads sizes from a header, if it looks like one.
pub(super) fn sizes(header: &[u8]) -> Option<Sizes> {
    let header: &[u8; HEADER_BYTES] = header.first_chunk()?;
    let table = u32_at(header, 40);
    (header[MAGIC_AT..16] == MAGIC && table <= TABLE_BYTES_MAX)
        .then_some(Sizes { table: table as usize, payload: u64_at(header, 24) })
}

/// Where the next header may begin in some bytes.
pub(super) fn find(bytes: &[u8]) -> Option<usize> {
    bytes.windows(MAGIC.len()).position(|window| window == MAGIC)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    bytes[at..].first_chunk().map_or(0, |chunk| u64::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes[at..].first_chunk().map_or(0, |chunk| u32::from_le_bytes(*chunk))
}

impl Frame {
    /// Reads header and table, if they are whole and can be true of a file of `length` bytes. `at`
    /// is their position in it.
    pub(super) fn parse(at: u64, head: &[u8], layout: Layout, length: u64) -> Option<Frame> {
        let sizes = sizes(head)?;
        let head = head.get(..HEADER_BYTES + sizes.table)?;
        if u64_at(head, 0) != xxh3_64(&head[8..]) {
            return None;
        }
        let end = at.checked_add(head.len() as u64)?.checked_add(sizes.payload)?;
        let frame = Frame {
            at,
            end,
            write: u64_at(head, 16),
            families: head[44],
            written_ms: u64_at(head, 32).cast_signed(),
            layout,
            table: head[HEADER_BYTES..].to_vec(),
        };
        (end <= length && frame.is_sound()).then_some(frame)
    }

    /// Whether the table can be read to its end and lists the blocks that follow it. A checksum says
    /// that a table is what was written, not that this version wrote it.
    fn is_sound(&self) -> bool {
        let mut entries = self.entries();
        let lies_before = |block: BlockRef, end| block.at.saturating_add(block.bytes.into()) <= end;
        let all_sound = entries.by_ref().all(|entry| match entry {
            Entry::Block { block, .. } => block.end() < NUMBER_MAX && lies_before(block, self.end),
            Entry::Index { block, .. } => block.end() < NUMBER_MAX && lies_before(block, self.at),
            Entry::Emptied { end, .. } => end < NUMBER_MAX,
            Entry::Meta { .. } => true,
        });
        let is_read = entries.rest.is_empty() && entries.block_at == self.end;
        all_sound && is_read && self.write < NUMBER_MAX
    }

    /// The table's entries.
    pub(super) fn entries(&self) -> Entries<'_> {
        let block_at = self.at + (HEADER_BYTES + self.table.len()) as u64;
        Entries { rest: &self.table, layout: self.layout, block_at }
    }
}

/// The entries of a table. Ends at one that can't be read.
pub(super) struct Entries<'a> {
    rest: &'a [u8],
    layout: Layout,
    /// Where the next block lies.
    block_at: u64,
}

impl<'a> Iterator for Entries<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        let mut rest = self.rest;
        let entry = self.read(&mut rest)?;
        self.rest = rest;
        Some(entry)
    }
}

impl<'a> Entries<'a> {
    fn read(&mut self, rest: &mut &'a [u8]) -> Option<Entry<'a>> {
        let tag = *rest.split_off_first()?;
        if tag == META {
            let lengths = rest.split_off(..8)?;
            let key = rest.split_off(..u32_at(lengths, 0) as usize)?;
            let value = rest.split_off(..u32_at(lengths, 4) as usize)?;
            return Some(Entry::Meta { key, value });
        }
        let slot = self.layout.slot_of_key(rest.split_off(..PARTITION_KEY_BYTES)?)?;
        if tag == EMPTIED {
            let range = rest.split_off(..16)?;
            let (first, end) = (u64_at(range, 0), u64_at(range, 8));
            return (first <= end).then_some(Entry::Emptied { slot, first, end });
        }
        let fixed = rest.split_off(..24)?;
        let mut block = BlockRef {
            first: u64_at(fixed, 0),
            span: u32_at(fixed, 8),
            bytes: u32_at(fixed, 12),
            sum: u64_at(fixed, 16),
            at: self.block_at,
        };
        match tag {
            BLOCK | REPLACING => {
                self.block_at = self.block_at.checked_add(u64::from(block.bytes))?;
                Some(Entry::Block { slot, block, replacing: tag == REPLACING })
            }
            INDEX => {
                block.at = u64_at(rest.split_off(..8)?, 0);
                Some(Entry::Index { slot, block })
            }
            _ => None,
        }
    }
}
