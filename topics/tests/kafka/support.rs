//! What the tests share: a log with few partitions, and readers that collect.

use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_tests::Broker;
use footfall_topics::kafka::{KafkaLog, Settings};
use footfall_topics::{
    Log, Membership, Ownership, Partition, Reader, RecordBatch, Topic, append_blocking,
};

pub(crate) const PARTITIONS: u32 = 3;
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Settings for a quick test: short sessions, few partitions.
pub(crate) fn settings(broker: &Broker, prefix: &str) -> Settings {
    Settings {
        brokers: broker.bootstrap().to_owned(),
        topic_prefix: prefix.to_owned(),
        partitions: PARTITIONS,
        session_timeout_ms: 2_000,
        ..Settings::default()
    }
}

pub(crate) fn open(test: &str) -> Arc<KafkaLog> {
    let broker = Broker::shared();
    KafkaLog::open(settings(broker, &broker.prefix(test))).expect("the log opens")
}

pub(crate) fn partition(topic: Topic, number: u32) -> Partition {
    Partition { topic, number }
}

pub(crate) fn append(log: &dyn Log, topic: Topic, number: u32, values: &[&str]) {
    let mut batch = RecordBatch::new();
    for value in values {
        batch.push(topic, number, b"key", value.as_bytes());
    }
    append_blocking(log, batch).expect("stored");
}

/// Reads a partition from an offset to its end.
pub(crate) fn read_all(log: &dyn Log, from: Partition, offset: u64) -> Vec<(u64, String)> {
    let mut reader = log.reader().expect("a reader");
    reader.assign(from, offset).expect("assigned");
    read_to_end(reader.as_mut())
}

/// Reads one assigned partition until its end is reported.
pub(crate) fn read_to_end(reader: &mut dyn Reader) -> Vec<(u64, String)> {
    let mut found = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        for chunk in reader.poll(1 << 20, Duration::from_secs(1)).expect("readable") {
            for record in chunk.iter() {
                let value = String::from_utf8(record.value.to_vec()).expect("text");
                found.push((record.offset, value));
            }
            if chunk.at_end {
                return found;
            }
        }
    }
    panic!("the end of the partition was never reported; got {} records", found.len());
}

pub(crate) fn values(found: &[(u64, String)]) -> Vec<&str> {
    found.iter().map(|(_, value)| value.as_str()).collect()
}

/// Polls until the member owns so many shards.
pub(crate) fn gain(member: &mut dyn Membership, count: usize) -> Vec<u32> {
    let mut owned = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while owned.len() < count && Instant::now() < deadline {
        for event in member.poll(Duration::from_millis(100)).expect("a member") {
            match event {
                Ownership::Gained(shard) => owned.push(shard),
                Ownership::Revoked(shard) | Ownership::Lost(shard) => {
                    owned.retain(|other| *other != shard);
                }
            }
        }
    }
    assert_eq!(owned.len(), count, "shards gained: {owned:?}");
    owned.sort_unstable();
    owned
}

/// Polls until so many records came, and returns their values.
pub(crate) fn collect(reader: &mut dyn Reader, count: usize) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    while found.len() < count {
        assert!(Instant::now() < deadline, "got {} of {count} records", found.len());
        for chunk in reader.poll(1 << 20, Duration::from_secs(1)).expect("readable") {
            found.extend(chunk.iter().map(|record| record.value.to_vec()));
        }
    }
    found
}
