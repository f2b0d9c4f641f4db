//! Where the blocks of compacted topics are: any of them may be replaced by a later one, in another
//! file.

use std::{
    collections::HashMap,
    sync::{Arc, RwLock},
};

use super::{
    frame::{BlockRef, Entry},
    segment::Segment,
    shared::{read_lock, write_lock},
};

/// A block and its file.
#[derive(Clone)]
pub(super) struct Placed {
    pub(super) segment: Arc<Segment>,
    pub(super) block: BlockRef,
}

/// By slot: the blocks in order.
#[derive(Default)]
pub(super) struct PlacedBlocks(RwLock<HashMap<usize, Vec<Placed>>>);

impl PlacedBlocks {
    /// Applies an entry of a frame in `segment`.
    pub(super) fn apply(&self, segment: &Arc<Segment>, entry: &Entry<'_>) {
        let (slot, first, end, block) = match *entry {
            Entry::Block { slot, block, .. } => (slot, block.first, block.end(), Some(block)),
            Entry::Emptied { slot, first, end } => (slot, first, end, None),
            Entry::Meta { .. } | Entry::Index { .. } => return,
        };
        let placed = block.map(|block| Placed { segment: segment.clone(), block });
        let mut by_slot = write_lock(&self.0);
        let blocks = by_slot.entry(slot).or_default();
        let from = blocks.partition_point(|placed| placed.block.first < first);
        let to = blocks.partition_point(|placed| placed.block.first < end);
        blocks.splice(from..to, placed);
    }

    /// Up to `count` blocks that cover offsets from `from` on.
    pub(super) fn from(&self, slot: usize, from: u64, count: usize) -> Vec<Placed> {
        let by_slot = read_lock(&self.0);
        let Some(blocks) = by_slot.get(&slot) else { return Vec::new() };
        let at = blocks.partition_point(|placed| placed.block.end() <= from);
        blocks[at..].iter().take(count).cloned().collect()
    }

    /// The blocks that lie in a file.
    pub(super) fn within(&self, segment: &Arc<Segment>) -> Vec<(usize, BlockRef)> {
        let by_slot = read_lock(&self.0);
        let all = by_slot
            .iter()
            .flat_map(|(slot, blocks)| blocks.iter().map(move |placed| (*slot, placed)));
        all.filter(|(_, placed)| Arc::ptr_eq(&placed.segment, segment))
            .map(|(slot, placed)| (slot, placed.block))
            .collect()
    }

    /// Bytes of all blocks.
    pub(super) fn bytes(&self) -> u64 {
        let by_slot = read_lock(&self.0);
        by_slot.values().flatten().map(|placed| u64::from(placed.block.bytes)).sum()
    }
}
