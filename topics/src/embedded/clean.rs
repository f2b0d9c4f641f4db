//! Gives back what compacted topics take on the disk: rewrites what is left of the oldest file, then
//! removes it.
//!
//! Only ever the oldest: a later file may say that a block is gone, and as long as an earlier one has
//! that block, this must not be forgotten.

use std::sync::Arc;

use super::{
    commit::{NewBlock, Write},
    layout::Family,
    segment::Segment,
    shared::{Shared, lock, now_ms},
    store::{Store, storage},
};
use crate::LogError;

/// Bytes rewritten in one write at the most, but at least one block.
const WRITE_BYTES: usize = 4 << 20;
/// Bytes that the files may have beyond twice what is in use ...
const SLACK_BYTES: u64 = 16 << 20;

/// Cleans until no more than half, and some slack, is unused.
pub(super) fn pass(shared: &Shared, store: &Arc<Store>) -> Result<(), LogError> {
    let slack = SLACK_BYTES.min(store.settings.segment_bytes());
    loop {
        let segments = store.segments(Family::Compacted);
        let Some(oldest) = segments.first() else { return Ok(()) };
        let bytes: u64 = segments.iter().map(|segment| segment.bytes()).sum();
        let meta: usize =
            lock(&store.meta).iter().map(|(key, value)| key.len() + value.len()).sum();
        let used = store.placed.bytes() + meta as u64;
        if store.is_active(oldest) || bytes <= 2 * used + slack || shared.is_closed() {
            return Ok(());
        }
        clean(store, oldest)?;
    }
}

fn clean(store: &Store, segment: &Arc<Segment>) -> Result<(), LogError> {
    let mut write = Write::default();
    let mut gathered = 0;
    for (slot, block) in store.placed.within(segment) {
        let partition = store.layout.all().find(|(of, _)| *of == slot);
        let Some((_, partition)) = partition else { continue };
        let bytes = segment.file.read(block.at, block.bytes as usize).map_err(storage)?;
        gathered += bytes.len();
        write.blocks.push(NewBlock {
            slot,
            partition,
            first: block.first,
            span: block.span,
            sum: block.sum,
            bytes: bytes.into(),
            replacing: true,
        });
        if gathered >= WRITE_BYTES {
            commit(store, std::mem::take(&mut write))?;
            gathered = 0;
        }
    }
    commit(store, write)?;
    // Notes all positions anew: the only copy of some may be in this file.
    store.drop_segment(segment, Vec::new(), now_ms())
}

fn commit(store: &Store, write: Write) -> Result<(), LogError> {
    let write = Write { now_ms: now_ms(), ..write };
    if write.blocks.is_empty() {
        return Ok(());
    }
    store.commit(write).map_err(|failed| storage(failed.error))
}
