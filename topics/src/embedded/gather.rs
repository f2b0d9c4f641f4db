//! Makes blocks of the records of many batches.

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use super::{
    block::{BlockWriter, record_bytes_max},
    layout::Layout,
};
use crate::{Partition, RecordBatch};

/// A block is closed when it reaches this size.
const BLOCK_BYTES: usize = 1 << 20;

/// Records of one partition that are being gathered.
#[derive(Default)]
struct Gathered {
    partition: Option<Partition>,
    /// Bytes that are still to come in this write.
    expected_bytes: usize,
    block: Option<BlockWriter>,
}

/// A finished block that has no place yet.
pub(super) struct Finished {
    pub(super) slot: usize,
    pub(super) partition: Partition,
    /// Offsets that it covers.
    pub(super) span: u32,
    /// XXH3 of its bytes.
    pub(super) sum: u64,
    pub(super) bytes: Bytes,
}

/// Keeps its tables from write to write.
pub(super) struct Gatherer {
    layout: Layout,
    /// By slot.
    gathered: Vec<Gathered>,
    /// Slots that have records in this write.
    dirty: Vec<usize>,
    finished: Vec<Finished>,
    now_ms: i64,
}

impl Gatherer {
    pub(super) fn new(layout: Layout) -> Gatherer {
        let mut gathered = Vec::new();
        gathered.resize_with(layout.slots(), Gathered::default);
        Gatherer { layout, gathered, dirty: Vec::new(), finished: Vec::new(), now_ms: 0 }
    }

    /// Sums up how much comes for each partition, so that blocks get exactly the memory they need.
    fn measure<'a>(&mut self, batches: impl Iterator<Item = &'a RecordBatch>) {
        for batch in batches {
            for (partition, key, value) in batch.iter() {
                let Some(slot) = self.layout.slot(partition) else { continue };
                let gathered = &mut self.gathered[slot];
                if gathered.expected_bytes == 0 {
                    gathered.partition = Some(partition);
                    self.dirty.push(slot);
                }
                gathered.expected_bytes += record_bytes_max(key, value);
            }
        }
    }

    /// The blocks of all records, each partition's in order.
    pub(super) fn encode<'a>(
        &mut self,
        batches: impl Iterator<Item = &'a RecordBatch> + Clone,
        now_ms: i64,
    ) -> Vec<Finished> {
        self.now_ms = now_ms;
        self.measure(batches.clone());
        for batch in batches {
            for (partition, key, value) in batch.iter() {
                let Some(slot) = self.layout.slot(partition) else { continue };
                self.encode_record(slot, key, value);
            }
        }
        let mut dirty = std::mem::take(&mut self.dirty);
        for slot in dirty.drain(..) {
            self.finish_block(slot);
        }
        self.dirty = dirty;
        std::mem::take(&mut self.finished)
    }

    fn encode_record(&mut self, slot: usize, key: &[u8], value: &[u8]) {
        let bytes = record_bytes_max(key, value);
        let gathered = &mut self.gathered[slot];
        if gathered.block.as_ref().is_some_and(|block| block.bytes() + bytes > BLOCK_BYTES) {
            self.finish_block(slot);
        }
        let gathered = &mut self.gathered[slot];
        let block = gathered.block.get_or_insert_with(|| {
            BlockWriter::with_capacity(gathered.expected_bytes.min(BLOCK_BYTES.max(bytes)))
        });
        block.push(0, key, value);
        gathered.expected_bytes -= bytes;
    }

    fn finish_block(&mut self, slot: usize) {
        let gathered = &mut self.gathered[slot];
        let (Some(block), Some(partition)) = (gathered.block.take(), gathered.partition) else {
            return;
        };
        let span = block.span();
        let bytes = block.finish(span, self.now_ms);
        let sum = xxh3_64(&bytes);
        self.finished.push(Finished { slot, partition, span, sum, bytes });
    }
}
