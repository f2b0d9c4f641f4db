//! The blocks that were written last, so that whoever follows a topic's tail needs no read.

use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};

use bytes::Bytes;

use super::shared::lock;

/// A block's file (by the number that the process gave it) and position in it.
type Place = (u64, u64);

/// Bounded in bytes; the oldest go first.
pub(super) struct Cache {
    blocks: Mutex<Blocks>,
    bytes_max: usize,
}

#[derive(Default)]
struct Blocks {
    by_place: HashMap<Place, Bytes>,
    order: VecDeque<Place>,
    bytes: usize,
}

impl Cache {
    pub(super) fn new(bytes_max: u64) -> Cache {
        let bytes_max = usize::try_from(bytes_max).unwrap_or(usize::MAX);
        Cache { blocks: Mutex::default(), bytes_max }
    }

    pub(super) fn get(&self, place: Place) -> Option<Bytes> {
        lock(&self.blocks).by_place.get(&place).cloned()
    }

    pub(super) fn insert(&self, place: Place, bytes: Bytes) {
        // What a block takes besides its bytes.
        const OVERHEAD: usize = 128;
        let mut blocks = lock(&self.blocks);
        blocks.bytes += bytes.len() + OVERHEAD;
        blocks.order.push_back(place);
        blocks.by_place.insert(place, bytes);
        while blocks.bytes > self.bytes_max {
            let Some(oldest) = blocks.order.pop_front() else { break };
            if let Some(bytes) = blocks.by_place.remove(&oldest) {
                blocks.bytes -= bytes.len() + OVERHEAD;
            }
        }
    }

    /// Forgets the blocks of a file that is dropped.
    pub(super) fn forget(&self, file: u64) {
        let mut blocks = lock(&self.blocks);
        let Blocks { by_place, order, bytes } = &mut *blocks;
        order.retain(|place| place.0 != file);
        by_place.retain(|place, _| place.0 != file);
        *bytes = by_place.values().map(|block| block.len() + 128).sum();
    }
}
