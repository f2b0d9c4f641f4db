//! Measures the log on Kafka: appends from many threads, then reading, then commits of a shard.
//!
//! ```text
//! cargo run --release -p footfall-topics --example kafka_speed -- [records per batch] [seconds]
//! ```
//!
//! Starts the tests' broker (`tests/kafka/fetch.sh` fetches it); `FOOTFALL_TEST_KAFKA=host:port`
//! names another. Every record has 250 bytes; 64 batches wait for their answer at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use footfall_tests::Broker;
use footfall_topics::kafka::{KafkaLog, Settings};
use footfall_topics::{Log, Partition, Position, RecordBatch, Topic};

const WAITING: usize = 64;
const VALUE_BYTES: usize = 250;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let per_batch: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let broker = Broker::shared();
    let log = KafkaLog::open(Settings {
        brokers: broker.bootstrap().to_owned(),
        topic_prefix: broker.prefix("speed"),
        ..Settings::default()
    })?;
    let stored = append(&log, per_batch, Duration::from_secs(seconds))?;
    read(&log, stored)?;
    commit(&log)
}

/// Keeps `WAITING` batches on their way; each answer sends the next.
fn append(log: &Arc<KafkaLog>, per_batch: usize, time: Duration) -> Result<u64> {
    let partitions = log.partitions(Topic::Pageviews);
    let value = value();
    let (answered, answers) = mpsc::channel();
    let failed = Arc::new(AtomicU64::new(0));
    let send = |number: u64| {
        let mut batch = RecordBatch::with_capacity(per_batch * (VALUE_BYTES + 8));
        for index in 0..per_batch as u64 {
            let partition = ((number + index) % u64::from(partitions)) as u32;
            batch.push(Topic::Pageviews, partition, &number.to_be_bytes(), &value);
        }
        let (answered, failed, sent_at) = (answered.clone(), Arc::clone(&failed), Instant::now());
        log.append(
            batch,
            Box::new(move |result| {
                failed.fetch_add(u64::from(result.is_err()), Ordering::Relaxed);
                let _ = answered.send(sent_at.elapsed());
            }),
        );
    };
    let started = Instant::now();
    let (mut sent, mut latencies) = (0, Vec::new());
    while sent < WAITING as u64 {
        send(sent);
        sent += 1;
    }
    while (latencies.len() as u64) < sent {
        latencies.push(answers.recv().context("an answer")?);
        if started.elapsed() < time {
            send(sent);
            sent += 1;
        }
    }
    let elapsed = started.elapsed().as_secs_f64();
    latencies.sort_unstable();
    let at = |share: f64| latencies[((latencies.len() - 1) as f64 * share) as usize];
    println!(
        "append, {per_batch} per batch: {:.0} batches/s, {:.0} records/s, p50 {:?}, p99 {:?}, {} failed",
        sent as f64 / elapsed,
        (sent * per_batch as u64) as f64 / elapsed,
        at(0.5),
        at(0.99),
        failed.load(Ordering::Relaxed)
    );
    Ok(sent * per_batch as u64)
}

fn read(log: &Arc<KafkaLog>, stored: u64) -> Result<()> {
    let mut reader = log.reader()?;
    let started = Instant::now();
    for number in 0..log.partitions(Topic::Pageviews) {
        reader.assign(Partition { topic: Topic::Pageviews, number }, 0)?;
    }
    let mut found = 0;
    while found < stored {
        let chunks = reader.poll(1 << 20, Duration::from_secs(10))?;
        anyhow::ensure!(!chunks.is_empty(), "{found} of {stored} records in 10 s");
        found += chunks.iter().map(|chunk| chunk.len() as u64).sum::<u64>();
    }
    let rate = stored as f64 / started.elapsed().as_secs_f64();
    println!("read, one reader: {rate:.0} records/s");
    Ok(())
}

/// Commits of 1,000 outputs and a position, one after the other.
fn commit(log: &Arc<KafkaLog>) -> Result<()> {
    let mut member = log.join("speed")?;
    while member.poll(Duration::from_millis(100))?.is_empty() {}
    let mut shard = member.opener().open(0)?;
    let mut outputs = RecordBatch::new();
    for _ in 0..1_000 {
        outputs.push(Topic::JudgedEvents, 0, b"", &value());
    }
    let mut times = Vec::new();
    for offset in 0..50 {
        let partition = Partition { topic: Topic::Pageviews, number: 0 };
        let started = Instant::now();
        shard.commit(&outputs, &[Position { partition, offset, metadata: String::new() }])?;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("commit of 1,000 outputs: p50 {:?}, slowest {:?}", times[25], times[49]);
    Ok(())
}

/// Compresses about as well as an event does.
fn value() -> Vec<u8> {
    (0..VALUE_BYTES)
        .map(|index| b"{\"site\":\"example.com\",\"path\":\"/a\"}"[index % 34])
        .collect()
}
