//! How a shard cut its input: written with each batch, read when the batches are replayed.
//!
//! Offsets order one topic, but a shard reads several, and the order in which their records meet
//! decides what is late and which visit is first. So the batch is the unit of replay, and its
//! bounds are part of what is committed.

use footfall_event::Topic;
use footfall_topics::{LogError, Partition, Reader, RecordBatch};
use serde::{Deserialize, Serialize};
use std::time::{Duration, Instant};

use super::BatchStats;

/// One batch of one shard, in the topic `batches`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BatchRecord {
    /// Version of the format.
    pub(crate) v: u8,
    /// The group whose batch it is: all stages write to the same topic.
    pub(crate) group: String,
    /// Counts the shard's batches from 1.
    pub(crate) seq: u64,
    /// For each input topic the offset behind the batch.
    pub(crate) ends: Vec<u64>,
    /// Version of the rules that judged it; 0 in records from before there were several.
    #[serde(default)]
    pub(crate) rules: u32,
    /// The shard's clock after the batch, milliseconds since 1970.
    pub(crate) clock_ms: i64,
    /// Records in the batch.
    pub(crate) records: u64,
    /// Events that had come before.
    pub(crate) repeats: u64,
    /// Records set aside.
    pub(crate) dead_letters: u64,
}

impl BatchRecord {
    /// The record of a batch.
    pub(crate) fn new(
        group: &str,
        seq: u64,
        ends: Vec<u64>,
        rules: u32,
        stats: &BatchStats,
    ) -> BatchRecord {
        BatchRecord {
            v: 1,
            group: group.to_owned(),
            seq,
            ends,
            rules,
            clock_ms: stats.clock_ms,
            records: stats.records,
            repeats: stats.repeats,
            dead_letters: stats.dead_letters,
        }
    }

    /// Adds it to a batch's outputs.
    pub(crate) fn write(&self, shard: u32, out: &mut RecordBatch) {
        out.push_with(Topic::Batches, shard, self.group.as_bytes(), |bytes| {
            serde_json::to_writer(bytes, self).expect("plain data");
        });
    }
}

/// Calls `each` with key and value of every record of a partition from an offset to its present end.
///
/// # Errors
/// When the log can't be read, or stays silent for a minute.
pub(crate) fn read_to_end(
    reader: &mut dyn Reader,
    partition: Partition,
    from: u64,
    end: u64,
    mut each: impl FnMut(u64, &[u8], &[u8]),
) -> Result<(), LogError> {
    if from >= end {
        return Ok(());
    }
    reader.assign(partition, from)?;
    let mut silent_since = Instant::now();
    'reading: loop {
        for chunk in reader.poll(4 << 20, Duration::from_millis(200))? {
            if chunk.partition != partition {
                continue;
            }
            silent_since = Instant::now();
            for record in chunk.iter() {
                each(record.offset, record.key, record.value);
            }
            if chunk.at_end || chunk.next_offset >= end {
                break 'reading;
            }
        }
        if silent_since.elapsed() > Duration::from_secs(60) {
            let (name, number) = (partition.topic.name(), partition.number);
            return Err(LogError::Storage(format!("{name}/{number} stays silent before its end")));
        }
    }
    reader.unassign(partition)
}

/// The batch records of a group in a shard's partition, from an offset on, with a larger number
/// than `after_seq`.
///
/// # Errors
/// When the log can't be read.
pub(crate) fn read(
    reader: &mut dyn Reader,
    shard: u32,
    group: &str,
    offsets: std::ops::Range<u64>,
    after_seq: u64,
) -> Result<Vec<BatchRecord>, LogError> {
    let mut records: Vec<BatchRecord> = Vec::new();
    let partition = Partition { topic: Topic::Batches, number: shard };
    read_to_end(reader, partition, offsets.start, offsets.end, |offset, key, value| {
        if key != group.as_bytes() {
            return;
        }
        match serde_json::from_slice::<BatchRecord>(value) {
            Ok(record) if record.seq > after_seq => records.push(record),
            Ok(_) => {}
            Err(error) => tracing::error!(shard, offset, %error, "a batch record can't be read"),
        }
    })?;
    Ok(records)
}
