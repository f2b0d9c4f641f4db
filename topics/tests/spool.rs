//! The spool in front of a real Kafka broker that is killed, frozen and brought back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_tests::Broker;
use footfall_topics::kafka;
use footfall_topics::spool::{Settings, Spool};
use footfall_topics::{AppendError, Log, RecordBatch, Topic, append_blocking};

use support::{partition, read_all, settings, values};

#[path = "kafka/support.rs"]
#[allow(dead_code)]
mod support;

const PARTITIONS: u32 = 2;
const QUICK: Duration = Duration::from_secs(4);

struct Bench {
    broker: Broker,
    kafka: kafka::Settings,
    spool: Settings,
    _folder: tempfile::TempDir,
}

fn bench(test: &str) -> Option<Bench> {
    let broker = Broker::own().expect("a broker")?;
    let folder = tempfile::tempdir().expect("a folder");
    let kafka = kafka::Settings {
        partitions: PARTITIONS,
        request_timeout_ms: 3_000,
        ..settings(&broker, &broker.prefix(test))
    };
    let spool =
        Settings { dir: folder.path().join("spool"), patience_ms: 500, ..Settings::default() };
    Some(Bench { broker, kafka, spool, _folder: folder })
}

impl Bench {
    fn open(&self) -> Arc<Spool> {
        Spool::open(self.kafka.clone(), self.spool.clone()).expect("opens")
    }
}

/// Appends a numbered record to each partition and returns how long the answer took.
fn append(spool: &Spool, number: usize) -> Duration {
    let started = Instant::now();
    let mut batch = RecordBatch::new();
    for partition in 0..PARTITIONS {
        batch.push(Topic::Clicks, partition, b"key", format!("{number:06}").as_bytes());
    }
    append_blocking(spool, batch).expect("acknowledged");
    started.elapsed()
}

fn wait_until_empty(spool: &Spool) {
    let deadline = Instant::now() + support::PATIENCE;
    while spool.records() > 0 {
        assert!(Instant::now() < deadline, "{} records stay in the spool", spool.records());
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Every number at least once, first occurrences in order.
fn assert_all_in_order(log: &dyn Log, count: usize) {
    for number in 0..PARTITIONS {
        let found = read_all(log, partition(Topic::Clicks, number), 0);
        let mut next = 0;
        for value in values(&found) {
            let value: usize = value.parse().expect("a number");
            assert!(value <= next, "{value} came before {next} in partition {number}");
            next = next.max(value + 1);
        }
        assert_eq!(next, count, "partition {number} ends early");
    }
}

#[test]
fn an_outage_and_a_restart_within_it_lose_nothing_and_keep_the_order() {
    let Some(mut bench) = bench("spool") else { return };
    let spool = bench.open();
    let mut count = 0;
    let mut append_some = |spool: &Spool| {
        let mut slowest = Duration::ZERO;
        for _ in 0..200 {
            slowest = slowest.max(append(spool, count));
            count += 1;
        }
        (slowest, count)
    };
    append_some(&spool);
    wait_until_empty(&spool);
    bench.broker.stop();
    let (slowest, _) = append_some(&spool);
    assert!(slowest < QUICK, "an answer took {slowest:?}");
    spool.writable().expect("it takes events");
    assert!(spool.records() > 0);
    let mut catalog = RecordBatch::new();
    catalog.push(Topic::Catalog, 0, b"site", b"{}");
    let refused = append_blocking(&*spool, catalog);
    assert!(matches!(refused, Err(AppendError::Unavailable(_))), "not spooled: {refused:?}");

    // The process ends and starts while Kafka is still away.
    spool.close(Duration::from_secs(5));
    drop(spool);
    let spool = bench.open();
    assert!(spool.records() > 0, "what waited still waits");
    append_some(&spool);

    bench.broker.start_again().expect("back");
    // Events that come while the spool runs empty.
    let (slowest, _) = append_some(&spool);
    assert!(slowest < QUICK, "an answer took {slowest:?}");
    wait_until_empty(&spool);
    let (_, count) = append_some(&spool);
    wait_until_empty(&spool);
    assert_all_in_order(&*spool, count);
}

#[test]
fn a_frozen_broker_is_noticed_and_writers_in_parallel_are_answered() {
    let Some(bench) = bench("frozen") else { return };
    let spool = bench.open();
    append(&spool, 0);
    wait_until_empty(&spool);
    bench.broker.pause().expect("frozen");
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let took = append(&spool, 1);
                assert!(took < QUICK, "an answer took {took:?}");
            });
        }
    });
    bench.broker.resume().expect("and on");
    wait_until_empty(&spool);
    append(&spool, 2);
    wait_until_empty(&spool);
    assert_all_in_order(&*spool, 3);
}

#[test]
fn a_full_spool_says_so() {
    let Some(mut bench) = bench("full") else { return };
    bench.spool.bytes_max = 1 << 20;
    let spool = bench.open();
    append(&spool, 0);
    bench.broker.stop();
    let mut outcome = Ok(());
    for _ in 0..40 {
        let mut batch = RecordBatch::new();
        batch.push(Topic::Views, 0, b"", &vec![b'x'; 60_000]);
        outcome = append_blocking(&*spool, batch);
        if outcome.is_err() {
            break;
        }
    }
    assert!(matches!(outcome, Err(AppendError::Full(_))), "{outcome:?}");
    spool.writable().expect_err("and it is known");
}
