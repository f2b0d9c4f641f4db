//! What a response brought of one partition, without what was rolled back.

use bytes::Bytes;
use kafka_protocol::messages::fetch_response::PartitionData;

use super::Trouble;
use super::batch::{self, Batch};

/// Batches of one partition, in order.
pub(super) struct Chunk {
    /// The partition's number.
    pub(super) partition: usize,
    /// The offset behind the last batch.
    pub(super) end: i64,
    /// The offset up to which no transaction is open: nothing is handed out from there on.
    pub(super) stable: i64,
    bytes: Bytes,
    /// Aborted transactions that begin here or go on: first offset and producer, the last on top.
    aborted: Vec<(i64, i64)>,
    /// Producers whose records at this place are rolled back.
    dropping: Vec<i64>,
}

/// What comes next in a chunk.
pub(super) enum Step {
    /// Records to hand out.
    Records(Batch),
    /// Nothing to hand out up to this offset, which is not skipped itself.
    Skip(i64),
    /// Nothing more.
    End,
}

impl Chunk {
    /// What was asked for from offset `from`.
    pub(super) fn new(from: i64, mut data: PartitionData) -> Result<Chunk, Trouble> {
        let bytes = data.records.take().unwrap_or_default();
        let aborted = data.aborted_transactions.take().unwrap_or_default();
        let mut aborted: Vec<(i64, i64)> =
            aborted.iter().map(|one| (one.first_offset, one.producer_id.0)).collect();
        aborted.sort_unstable_by(|one, other| other.cmp(one));
        let stable = match data.last_stable_offset {
            -1 => data.high_watermark,
            stable => stable,
        };
        Ok(Chunk {
            partition: data.partition_index as usize,
            end: batch::end_of(&bytes)?.map_or(from, |end| end.max(from)),
            stable,
            bytes,
            aborted,
            dropping: Vec::new(),
        })
    }

    /// The next batch. Which records were rolled back is known as the protocol says: from the first
    /// offset of an aborted transaction to its end marker, whatever that producer wrote.
    pub(super) fn step(&mut self) -> Result<Step, Trouble> {
        let Some(batch) = Batch::take(&mut self.bytes)? else { return Ok(Step::End) };
        while let Some((_, producer)) = self.aborted.pop_if(|(first, _)| *first <= batch.last()) {
            self.dropping.push(producer);
        }
        let behind = batch.last().saturating_add(1);
        if batch.is_control() {
            if batch.is_abort()? {
                self.dropping.retain(|producer| *producer != batch.producer());
            }
            return Ok(Step::Skip(behind));
        }
        if batch.is_transactional() && self.dropping.contains(&batch.producer()) {
            return Ok(Step::Skip(behind));
        }
        batch.check()?;
        Ok(Step::Records(batch))
    }
}
