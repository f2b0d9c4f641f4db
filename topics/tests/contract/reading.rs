//! Reading and following.

use std::time::{Duration, Instant};

use footfall_topics::{RecordBatch, Topic, append_blocking};

use super::{LogUnderTest, PATIENCE, end, partition, put, read_to_end, reader, records, values};

/// A reader begins at exactly the offset that it was given.
pub(crate) fn from_any_offset(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::Engagements, 0);
    let start = end(&*log, place);
    for round in 0..4 {
        let values: Vec<_> = (0..5).map(|i| format!("{round}/{i}").into_bytes()).collect();
        put(&*log, place, b"k", &values.iter().map(Vec::as_slice).collect::<Vec<_>>());
    }
    let all = read_to_end(&*log, place, start);
    assert_eq!(all.len(), 20);
    for skipped in 0..20 {
        assert_eq!(read_to_end(&*log, place, all[skipped].0), all[skipped..], "{skipped}");
    }
    assert_eq!(read_to_end(&*log, place, end(&*log, place)), []);
}

/// A waiting reader gets a record as soon as it is stored.
pub(crate) fn follows_the_tail(test: &impl LogUnderTest) {
    const ROUNDS: usize = 21;
    let log = test.log();
    let place = partition(Topic::Conversions, 0);
    let start = end(&*log, place);
    let mut follower = reader(&*log, place, start);
    let mut latencies = Vec::new();
    for round in 0..ROUNDS {
        // Until it has reported the end and waits.
        while !follower.poll(1 << 20, Duration::from_millis(30)).unwrap().is_empty() {}
        let appender = log.clone();
        let appended = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(5 + 3 * round as u64));
            let before = Instant::now();
            put(&*appender, place, b"k", &[format!("{round}").as_bytes()]);
            before
        });
        let deadline = Instant::now() + PATIENCE;
        let seen = loop {
            let chunks = follower.poll(1 << 20, PATIENCE).unwrap();
            if let [record] = &records(&chunks)[..] {
                assert_eq!(record.2, format!("{round}").as_bytes());
                break Instant::now();
            }
            assert!(Instant::now() < deadline, "the record comes in time");
        };
        latencies.push(seen - appended.join().unwrap());
    }
    latencies.sort();
    assert!(latencies[ROUNDS / 2] < test.tail_latency_max(), "{latencies:?}");
}

/// Without records a poll lasts as long as it may.
pub(crate) fn waits_without_records(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::Verdicts, 1);
    let mut reader = reader(&*log, place, end(&*log, place));
    let deadline = Instant::now() + PATIENCE;
    loop {
        let begin = Instant::now();
        if reader.poll(1 << 20, Duration::from_millis(200)).unwrap().is_empty() {
            let waited = begin.elapsed();
            assert!(waited >= Duration::from_millis(190), "{waited:?}");
            return;
        }
        assert!(Instant::now() < deadline, "it becomes quiet");
    }
}

/// The end is reported when it is reached, not again, and again after more records.
pub(crate) fn reports_the_end_once(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::Verdicts, 0);
    let mut reader = reader(&*log, place, end(&*log, place));
    let mut ends = |expected_records: usize| {
        let (mut ends, mut count, mut quiet) = (0, 0, 0);
        while quiet < 3 {
            let chunks = reader.poll(1 << 20, Duration::from_millis(100)).unwrap();
            quiet = if chunks.is_empty() && count == expected_records && ends > 0 {
                quiet + 1
            } else {
                0
            };
            ends += chunks.iter().filter(|chunk| chunk.is_empty() && chunk.at_end).count();
            count += records(&chunks).len();
        }
        assert_eq!(count, expected_records);
        ends
    };
    assert_eq!(ends(0), 1);
    put(&*log, place, b"k", &[b"a", b"b"]);
    assert_eq!(ends(2), 1);
}

/// A poll brings some `max_bytes`, but at least a record.
pub(crate) fn respects_max_bytes(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::AdWindows, 0);
    let start = end(&*log, place);
    let value = vec![b'x'; 10_000];
    let mut batch = RecordBatch::new();
    for _ in 0..100 {
        batch.push(place.topic, place.number, b"k", &value);
    }
    append_blocking(&*log, batch).unwrap();
    for (max_bytes, records_max) in [(1, 1), (10_000, 2), (100_000, 11)] {
        let mut reader = reader(&*log, place, start);
        let mut count = 0;
        let deadline = Instant::now() + PATIENCE;
        while count < 100 {
            let chunks = reader.poll(max_bytes, Duration::from_secs(5)).unwrap();
            let new = records(&chunks);
            assert!(new.len() <= records_max, "{} records at {max_bytes}", new.len());
            count += new.len();
            assert!(Instant::now() < deadline);
        }
        assert_eq!(count, 100);
    }
}

/// Partitions can be added, moved and taken away while reading.
pub(crate) fn assigns_and_unassigns(test: &impl LogUnderTest) {
    let log = test.log();
    let places = [partition(Topic::SearchWindows, 0), partition(Topic::SearchWindows, 1)];
    let starts = places.map(|place| end(&*log, place));
    let mut reader = reader(&*log, places[0], starts[0]);
    let next = |reader: &mut Box<dyn footfall_topics::Reader>, expected: &[&str]| {
        let mut found = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while found.len() < expected.len() {
            found.extend(values(&records(&reader.poll(1 << 20, Duration::from_secs(1)).unwrap())));
            assert!(Instant::now() < deadline, "{found:?} of {expected:?}");
        }
        found.extend(values(&records(&reader.poll(1 << 20, Duration::from_millis(200)).unwrap())));
        found.sort();
        assert_eq!(found, expected);
    };
    put(&*log, places[0], b"k", &[b"a0"]);
    put(&*log, places[1], b"k", &[b"b0"]);
    next(&mut reader, &["a0"]);
    reader.assign(places[1], starts[1]).unwrap();
    next(&mut reader, &["b0"]);
    reader.assign(places[0], starts[0]).unwrap();
    next(&mut reader, &["a0"]);
    reader.unassign(places[0]).unwrap();
    put(&*log, places[0], b"k", &[b"a1"]);
    put(&*log, places[1], b"k", &[b"b1"]);
    next(&mut reader, &["b1"]);
}
