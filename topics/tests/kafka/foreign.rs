//! A topic that others wrote: each committed record once, whichever way it is read.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use footfall_tests::Broker;
use footfall_topics::LogError;
use footfall_topics::kafka::Settings;
use footfall_topics::kafka::foreign::{self, Foreign};
use rdkafka::ClientConfig;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::PATIENCE;

/// With an option, librdkafka reads.
pub(crate) fn settings(broker: &Broker, prefix: &str, by_librdkafka: bool) -> Settings {
    let mut settings = Settings {
        brokers: broker.bootstrap().to_owned(),
        topic_prefix: prefix.to_owned(),
        ..Settings::default()
    };
    if by_librdkafka {
        settings.options.insert("socket.nagle.disable".into(), "true".into());
    }
    settings
}

pub(crate) fn empty(settings: &Settings, topic: &str, partitions: u32) {
    foreign::fill::<LogError>(settings, topic, partitions, |_| Ok(())).expect("created");
}

pub(crate) fn producer(broker: &Broker, options: &[(&str, &str)]) -> BaseProducer {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap()).set("linger.ms", "20");
    for (name, value) in options {
        config.set(*name, *value);
    }
    config.create().expect("a producer")
}

fn transactional(broker: &Broker, id: &str) -> BaseProducer {
    let producer = producer(broker, &[("transactional.id", id)]);
    producer.init_transactions(PATIENCE).expect("initialised");
    producer
}

pub(crate) fn send(producer: &BaseProducer, topic: &str, partition: i32, values: &[Vec<u8>]) {
    for value in values {
        let record = BaseRecord::<(), _>::to(topic).partition(partition).payload(value);
        producer.send(record).map_err(|(error, _)| error).expect("queued");
    }
    producer.flush(PATIENCE).expect("sent");
}

pub(crate) fn texts(name: &str, numbers: std::ops::Range<usize>) -> Vec<Vec<u8>> {
    numbers.map(|number| format!("{name} {number}").into_bytes()).collect()
}

/// Bytes that no compression makes smaller.
pub(crate) fn noise(length: usize, mut seed: u64) -> Vec<u8> {
    let next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// Reads to the end, so many records at a time.
pub(crate) fn read(foreign: &mut Foreign, at_once: u64) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "the end is not reached after {}", found.len());
        let before = found.len() as u64;
        let read = foreign
            .read(at_once, Duration::from_millis(200), |value| found.push(value.to_vec()))
            .expect("readable");
        assert_eq!(read.records, found.len() as u64 - before);
        assert!(read.records <= at_once);
        if read.at_end {
            return found;
        }
    }
}

/// Writes records with and without keys, values and headers, in batches of that compression.
fn write_all_sorts(broker: &Broker, topic: &str, codec: &str) -> Vec<Vec<u8>> {
    let options = [("compression.type", codec), ("batch.num.messages", "400")];
    let producer = producer(broker, &options);
    let mut written = Vec::new();
    for number in 0..1_500 {
        let (key, text) = (number.to_string(), format!("{codec} {number} ").repeat(number % 40));
        let mut record = BaseRecord::to(topic).partition(0);
        if number % 2 == 0 {
            record = record.key(&key);
        }
        if number % 3 == 0 {
            let header = Header { key: "name", value: Some("value") };
            record = record.headers(OwnedHeaders::new().insert(header));
        }
        if number % 50 != 0 {
            record = record.payload(text.as_bytes());
        }
        producer.send(record).map_err(|(error, _)| error).expect("queued");
        written.push(if number % 50 == 0 { Vec::new() } else { text.into_bytes() });
    }
    written.push(noise(700_000, 9));
    send(&producer, topic, 0, &written[1_500..]);
    written
}

#[test]
fn every_compression_is_read() {
    let broker = Broker::shared();
    let prefix = broker.prefix("codecs");
    let settings = settings(broker, &prefix, false);
    let known = ["none", "gzip", "lz4", "zstd"];
    // What stands behind snappy is read by librdkafka, which takes over there.
    for (codecs, by_librdkafka) in [(&known[..], false), (&["lz4", "snappy", "lz4"], true)] {
        let topic = format!("{prefix}{}", codecs.len());
        empty(&settings, &topic, 1);
        let written = codecs.iter().map(|codec| write_all_sorts(broker, &topic, codec));
        let expected = written.collect::<Vec<_>>().concat();
        let out = format!("{prefix}out");
        let mut foreign = Foreign::open(&settings, &topic, &topic, &out).expect("opens");
        assert!(!foreign.by_librdkafka());
        assert!(read(&mut foreign, 97) == expected, "{codecs:?}");
        assert_eq!(foreign.by_librdkafka(), by_librdkafka);
    }
}

/// Every committed record up to the first open transaction, none that was rolled back; also when
/// what was rolled back goes on over several responses.
fn leaves_out_what_was_rolled_back(by_librdkafka: bool) {
    let broker = Broker::shared();
    let prefix = broker.prefix("rolled-back");
    let settings = settings(broker, &prefix, by_librdkafka);
    let (topic, out) = (format!("{prefix}in"), format!("{prefix}out"));
    empty(&settings, &topic, 1);
    let [a, b, c] = ["a", "b", "c"].map(|id| transactional(broker, &format!("{prefix}{id}")));
    let plain = producer(broker, &[]);
    let mut expected = Vec::new();
    let put = |producer: &BaseProducer, values: Vec<Vec<u8>>| {
        send(producer, &topic, 0, &values);
        values
    };
    a.begin_transaction().unwrap();
    put(&a, texts("a, given up", 0..5));
    b.begin_transaction().unwrap();
    expected.extend(put(&b, texts("b", 0..5)));
    for number in 0..6 {
        put(&a, vec![noise(900_000, number)]);
        expected.extend(put(&plain, vec![noise(100_000, 50 + number)]));
    }
    a.abort_transaction(PATIENCE).unwrap();
    expected.extend(put(&plain, texts("plain", 0..5)));
    // The same producer, this time for good.
    a.begin_transaction().unwrap();
    expected.extend(put(&a, texts("a", 0..5)));
    expected.extend(put(&b, texts("b", 5..7)));
    b.commit_transaction(PATIENCE).unwrap();
    a.commit_transaction(PATIENCE).unwrap();
    b.begin_transaction().unwrap();
    put(&b, texts("b, given up", 0..3));
    b.abort_transaction(PATIENCE).unwrap();

    let mut foreign = Foreign::open(&settings, "run", &topic, &out).unwrap();
    assert_eq!(foreign.by_librdkafka(), by_librdkafka);
    assert!(read(&mut foreign, 7) == expected);
    foreign.commit(&[]).unwrap();

    // What stands behind an open transaction waits for it.
    c.begin_transaction().unwrap();
    let open = put(&c, texts("c", 0..3));
    let behind = put(&plain, texts("behind", 0..3));
    assert!(read(&mut foreign, 7).is_empty());
    c.commit_transaction(PATIENCE).unwrap();
    let expected = [open, behind].concat();
    let mut found = Vec::new();
    while found.len() < expected.len() {
        found.extend(read(&mut foreign, 2));
    }
    assert_eq!(found, expected);

    // That was not committed, so the next one to open the run reads it again.
    let mut foreign = Foreign::open(&settings, "run", &topic, &out).unwrap();
    assert_eq!(read(&mut foreign, 4), expected);
    foreign.commit(&[]).unwrap();
    let mut foreign = Foreign::open(&settings, "run", &topic, &out).unwrap();
    assert!(read(&mut foreign, 4).is_empty());
}

#[test]
fn what_was_rolled_back_is_left_out() {
    leaves_out_what_was_rolled_back(false);
}

#[test]
fn what_was_rolled_back_is_left_out_by_librdkafka() {
    leaves_out_what_was_rolled_back(true);
}

/// A run that is opened again after every few records, in the middle of batches.
#[test]
fn a_run_goes_on_where_it_committed() {
    let broker = Broker::shared();
    let prefix = broker.prefix("goes-on");
    let (topic, out) = (format!("{prefix}in"), format!("{prefix}out"));
    let mut found: BTreeMap<Vec<u8>, u32> = BTreeMap::new();
    empty(&settings(broker, &prefix, false), &topic, 3);
    let producer = producer(broker, &[("compression.type", "lz4")]);
    for partition in 0..2 {
        send(&producer, &topic, partition, &texts(&format!("of {partition}:"), 0..500));
    }
    for round in 0_u64.. {
        // Both ways go on where the other stopped.
        let settings = settings(broker, &prefix, round % 3 == 2);
        let mut foreign = Foreign::open(&settings, "run", &topic, &out).expect("opens");
        let mut some = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        let mut at_end = false;
        while some.is_empty() && !at_end {
            assert!(Instant::now() < deadline, "neither records nor the end");
            let each = |value: &[u8]| some.push(value.to_vec());
            at_end = foreign.read(171, Duration::from_millis(200), each).expect("readable").at_end;
        }
        let results: Vec<(String, String)> = some
            .iter()
            .map(|value| (round.to_string(), String::from_utf8_lossy(value).into_owned()))
            .collect();
        if round % 4 == 1 {
            // Read, and never committed: it comes again.
            continue;
        }
        foreign.commit(&results).expect("committed");
        for value in some {
            *found.entry(value).or_default() += 1;
        }
        if at_end {
            break;
        }
    }
    assert_eq!(found.len(), 1_000);
    assert!(found.values().all(|times| *times == 1));
    let mut results = 0;
    let all = settings(broker, &prefix, false);
    foreign::read_all(&all, &out, |_, value| {
        assert!(found.contains_key(value));
        results += 1;
    })
    .expect("readable");
    assert_eq!(results, 1_000);
}
