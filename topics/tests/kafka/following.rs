//! Topics, appends and readers.

use std::time::{Duration, Instant};

use footfall_tests::Broker;
use footfall_topics::kafka::{KafkaLog, Settings};
use footfall_topics::{AppendError, Log, RecordBatch, Topic, append_blocking};

use crate::support::{PARTITIONS, append, collect, open, partition, read_all, settings, values};

#[test]
fn topics_are_created_once_and_must_fit_together() {
    let broker = Broker::shared();
    let prefix = broker.prefix("layout");
    let log = KafkaLog::open(settings(broker, &prefix)).expect("created");
    assert_eq!(log.partitions(Topic::Clicks), PARTITIONS);
    assert_eq!(log.partitions(Topic::Catalog), 1);
    // The topics that exist decide, not the setting.
    let other = Settings { partitions: 7, ..settings(broker, &prefix) };
    let log = KafkaLog::open(other).expect("found");
    assert_eq!(log.partitions(Topic::Clicks), PARTITIONS);
    // A log opened by someone who knows the layout needs no contact.
    let away = Settings { brokers: "127.0.0.1:1".into(), ..settings(broker, &prefix) };
    let log = KafkaLog::open_away(away, log.layout().clone()).expect("opened");
    assert_eq!(log.partitions(Topic::Clicks), PARTITIONS);
}

#[test]
fn a_cluster_that_is_not_there_is_named() {
    let nowhere =
        Settings { brokers: "127.0.0.1:1".into(), request_timeout_ms: 500, ..Settings::default() };
    let error = KafkaLog::open(nowhere).map(drop).expect_err("nobody is there").to_string();
    assert!(error.contains("127.0.0.1:1"), "{error}");
}

#[test]
fn records_come_back_in_order_from_any_offset() {
    let log = open("order");
    let lines: Vec<String> = (0..500).map(|n| format!("line {n}")).collect();
    for piece in lines.chunks(50) {
        let piece: Vec<&str> = piece.iter().map(String::as_str).collect();
        append(&*log, Topic::Clicks, 1, &piece);
        append(&*log, Topic::Views, 1, &["other topic, same number"]);
    }
    let found = read_all(&*log, partition(Topic::Clicks, 1), 0);
    assert_eq!(values(&found), lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(found.iter().enumerate().all(|(index, (offset, _))| *offset == index as u64));
    let tail = read_all(&*log, partition(Topic::Clicks, 1), 490);
    assert_eq!(values(&tail), lines[490..].iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(log.offsets(partition(Topic::Clicks, 1)).expect("known"), 0..500);
    assert_eq!(log.offsets(partition(Topic::Clicks, 0)).expect("known"), 0..0);
}

#[test]
fn a_reader_follows_the_tails_of_many_topics_and_names_their_ends() {
    let log = open("tails");
    let mut reader = log.reader().expect("a reader");
    let followed = Topic::ACTIVITIES.map(|topic| partition(topic, 2));
    append(&*log, Topic::Clicks, 2, &["first"]);
    for partition in followed {
        reader.assign(partition, 0).expect("assigned");
    }
    let mut ended = std::collections::BTreeSet::new();
    let mut records = 0;
    let deadline = Instant::now() + Duration::from_secs(20);
    while ended.len() < followed.len() && Instant::now() < deadline {
        for chunk in reader.poll(1 << 20, Duration::from_millis(200)).expect("readable") {
            records += chunk.len();
            if chunk.at_end {
                assert!(ended.insert(chunk.partition), "{:?} ended twice", chunk.partition);
            }
        }
    }
    assert_eq!((ended.len(), records), (8, 1), "every topic's end, once");
    assert!(reader.poll(1 << 20, Duration::from_millis(200)).expect("readable").is_empty());

    // A record that arrives during the wait ends it.
    std::thread::scope(|scope| {
        scope.spawn(|| {
            std::thread::sleep(Duration::from_millis(300));
            append(&*log, Topic::Searches, 2, &["late"]);
        });
        let started = Instant::now();
        let chunks = reader.poll(1 << 20, Duration::from_secs(20)).expect("readable");
        assert!(started.elapsed() < Duration::from_secs(5), "woke after {:?}", started.elapsed());
        assert_eq!(chunks[0].partition, partition(Topic::Searches, 2));
        assert_eq!(chunks[0].get(0).expect("a record").value, b"late");
    });

    reader.unassign(partition(Topic::Clicks, 2)).expect("removed");
    append(&*log, Topic::Clicks, 2, &["unread"]);
    let rest = reader.poll(1 << 20, Duration::from_millis(700)).expect("readable");
    assert!(rest.iter().all(|chunk| chunk.partition.topic != Topic::Clicks), "{rest:?}");
    // Assigned again, from the start: everything, once more.
    reader.assign(partition(Topic::Clicks, 2), 0).expect("assigned");
    let again = collect(reader.as_mut(), 2);
    assert_eq!(again, [b"first".to_vec(), b"unread".to_vec()]);
}

#[test]
fn polls_are_bounded_and_nothing_is_skipped() {
    let log = open("bounds");
    let value = "x".repeat(1_000);
    for number in 0..2 {
        append(&*log, Topic::Views, number, &vec![value.as_str(); 300]);
    }
    let mut reader = log.reader().expect("a reader");
    for number in 0..2 {
        reader.assign(partition(Topic::Views, number), 0).expect("assigned");
    }
    let mut next = [0; 2];
    while next != [300, 300] {
        let chunks = reader.poll(10_000, Duration::from_secs(10)).expect("readable");
        assert!(chunks.iter().map(|chunk| chunk.bytes()).sum::<usize>() <= 12_000);
        assert!(!chunks.is_empty(), "stuck at {next:?}");
        for chunk in chunks {
            for record in chunk.iter() {
                let next = &mut next[chunk.partition.number as usize];
                assert_eq!(record.offset, *next);
                *next += 1;
            }
        }
    }
}

#[test]
fn an_empty_value_removes_a_key_and_keys_come_back() {
    let log = open("tombstones");
    let mut batch = RecordBatch::new();
    batch.push(Topic::Catalog, 0, b"site/a", b"{}");
    batch.push(Topic::Catalog, 0, b"site/a", b"");
    append_blocking(&*log, batch).expect("stored");
    let mut reader = log.reader().expect("a reader");
    reader.assign(partition(Topic::Catalog, 0), 0).expect("assigned");
    let mut found = Vec::new();
    for _ in 0..20 {
        for chunk in reader.poll(1 << 20, Duration::from_secs(1)).expect("readable") {
            found.extend(chunk.iter().map(|r| (r.key.to_vec(), r.value.to_vec())));
        }
        if found.len() == 2 {
            break;
        }
    }
    assert_eq!(found[0], (b"site/a".to_vec(), b"{}".to_vec()));
    assert_eq!(found[1], (b"site/a".to_vec(), Vec::new()));
}

#[test]
fn what_cannot_be_stored_is_refused_as_a_whole() {
    let broker = Broker::shared();
    let small =
        Settings { queue_bytes_max: 4 << 20, ..settings(broker, &broker.prefix("refused")) };
    let log = KafkaLog::open(small).expect("opens");
    let mut batch = RecordBatch::new();
    batch.push(Topic::Clicks, 0, b"", b"small");
    batch.push(Topic::Clicks, 0, b"", &vec![0; 2_000_000]);
    let error = append_blocking(&*log, batch).expect_err("too large");
    assert_eq!(error, AppendError::TooLarge(2_000_000));

    let mut batch = RecordBatch::new();
    for _ in 0..10 {
        batch.push(Topic::Clicks, 0, b"", &vec![0; 900_000]);
    }
    assert_eq!(append_blocking(&*log, batch), Err(AppendError::Busy));
    assert_eq!(log.offsets(partition(Topic::Clicks, 0)).expect("known"), 0..0);

    let mut batch = RecordBatch::new();
    batch.push(Topic::Clicks, 99, b"", b"no such partition");
    let error = append_blocking(&*log, batch).expect_err("no such partition");
    assert!(matches!(error, AppendError::Unavailable(_)), "{error:?}");

    log.close(Duration::from_secs(5));
    append(&*open("closed"), Topic::Clicks, 0, &["others go on"]);
    let mut batch = RecordBatch::new();
    batch.push(Topic::Clicks, 0, b"", b"late");
    assert_eq!(append_blocking(&*log, batch), Err(AppendError::Closed));
}
