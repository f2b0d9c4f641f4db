//! How long the embedded log keeps records: retention by time, the catalogue view, and
//! fairness between partitions.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use footfall_topics::{
    Log, LogError, RecordBatch, Topic, append_blocking,
    catalog::CatalogView,
    embedded::{EmbeddedLog, Retention, Settings},
};

#[path = "contract/mod.rs"]
#[allow(dead_code, unused_macros)]
mod contract;

use contract::{PATIENCE, end, partition, put, read_to_end, records, values};

/// What is too old is dropped, in the segment that is written to as well; offsets go on, also after
/// a restart; other topics stay.
#[test]
fn old_records_are_dropped_by_time() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { salts_seconds: 1, ..Retention::default() };
    let settings = Settings { retention, ..Settings::new(folder.path()) };
    let log = EmbeddedLog::open(settings.clone()).unwrap();
    let (salts, other) = (partition(Topic::Salts, 0), partition(Topic::Pageviews, 0));
    put(&*log, salts, b"day", &[b"first", b"second"]);
    put(&*log, other, b"k", &[b"stays"]);
    log.tidy().unwrap();
    assert_eq!(log.offsets(salts).unwrap(), 0..2);
    // By itself, within a few seconds.
    let deadline = Instant::now() + PATIENCE;
    while log.offsets(salts).unwrap().start < 2 {
        assert!(Instant::now() < deadline);
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(log.offsets(salts).unwrap(), 2..2);
    assert_eq!(read_to_end(&*log, salts, 0), []);
    log.close(Duration::from_secs(10));
    let log = EmbeddedLog::open(settings).unwrap();
    assert_eq!(log.offsets(salts).unwrap(), 2..2);
    put(&*log, salts, b"day", &[b"third"]);
    assert_eq!(read_to_end(&*log, salts, 0), [(2, b"day".to_vec(), b"third".to_vec())]);
    assert_eq!(values(&read_to_end(&*log, other, 0)), ["stays"]);
}

/// Once the keys of visitor ids are dropped, no file holds them; everything else is still there,
/// appends and readers go on.
#[test]
fn dropped_salts_are_erased_from_all_files() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { salts_seconds: 1, ..Retention::default() };
    let settings = Settings { retention, ..Settings::new(folder.path()) };
    let log = EmbeddedLog::open(settings.clone()).unwrap();
    let (salts, other) = (partition(Topic::Salts, 0), partition(Topic::Pageviews, 0));
    let secrets = [b"short-secret-salt".to_vec(), b"long-secret-salt-".repeat(100)];
    put(&*log, other, b"k", &[b"before"]);
    put(&*log, salts, b"day", &[&secrets[0], &secrets[1]]);
    let is_stored = |what: &[u8]| folder_holds(folder.path(), what);
    assert!(is_stored(b"short-secret-salt") && is_stored(b"long-secret-salt-"));
    let mut follower = log.reader().unwrap();
    follower.assign(other, 0).unwrap();
    let mut seen = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    let mut appended = vec!["before".to_owned()];
    while is_stored(b"short-secret-salt") || is_stored(b"long-secret-salt-") {
        assert!(Instant::now() < deadline, "the salts are erased");
        let value = format!("{}", appended.len());
        put(&*log, other, b"k", &[value.as_bytes()]);
        appended.push(value);
        seen.extend(values(&records(&follower.poll(1 << 20, Duration::from_millis(20)).unwrap())));
    }
    while seen.len() < appended.len() {
        assert!(Instant::now() < deadline);
        seen.extend(values(&records(&follower.poll(1 << 20, PATIENCE).unwrap())));
    }
    assert_eq!(seen, appended);
    assert_eq!(log.offsets(salts).unwrap(), 2..2);
    put(&*log, other, b"k", &[b"after"]);
    appended.push("after".to_owned());
    log.close(Duration::from_secs(10));
    let log = EmbeddedLog::open(settings).unwrap();
    assert_eq!(values(&read_to_end(&*log, other, 0)), appended);
    assert_eq!(log.offsets(salts).unwrap(), 2..2);
}

fn folder_holds(folder: &std::path::Path, what: &[u8]) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.flatten().map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return folder_holds(&path, what);
        }
        // A file may be gone by now.
        let bytes = std::fs::read(&path).unwrap_or_default();
        let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1);
        bytes[..end].windows(what.len()).any(|window| window == what)
    })
}

/// A reader that waits at the end of a partition whose records are all dropped goes on with the next.
#[test]
fn a_follower_is_not_disturbed_by_retention() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { notices_seconds: 1, ..Retention::default() };
    let log = EmbeddedLog::open(Settings { retention, ..Settings::new(folder.path()) }).unwrap();
    let place = partition(Topic::Alerts, 0);
    let mut reader = log.reader().unwrap();
    reader.assign(place, 0).unwrap();
    let mut seen = Vec::new();
    for round in 0..12 {
        put(&*log, place, b"k", &[format!("{round}").as_bytes()]);
        while seen.len() <= round {
            seen.extend(values(&records(&reader.poll(1 << 20, PATIENCE).unwrap())));
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    assert_eq!(seen, (0..12).map(|round| round.to_string()).collect::<Vec<_>>());
    assert!(log.offsets(place).unwrap().start > 0);
}

/// Removals are forgotten after their time, and then the topic is empty.
#[test]
fn removals_are_dropped_in_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { removals_seconds: 1, ..Retention::default() };
    let settings = Settings { retention, ..Settings::new(folder.path()) };
    let log = EmbeddedLog::open(settings.clone()).unwrap();
    let place = partition(Topic::Catalog, 0);
    for i in 0..10 {
        let key = format!("key-{i}");
        put(&*log, place, key.as_bytes(), &[b"value", b""]);
    }
    log.tidy().unwrap();
    assert_eq!(read_to_end(&*log, place, 0).len(), 10);
    std::thread::sleep(Duration::from_millis(1_100));
    log.tidy().unwrap();
    assert_eq!(read_to_end(&*log, place, 0), []);
    assert_eq!(end(&*log, place), 20);
    log.close(Duration::from_secs(10));
    let log = EmbeddedLog::open(settings).unwrap();
    assert_eq!(end(&*log, place), 20);
    put(&*log, place, b"key", &[b"new"]);
    assert_eq!(read_to_end(&*log, place, 0)[0].0, 20);
}

/// A partition with a long backlog doesn't keep another waiting.
#[test]
fn a_backlog_does_not_starve_other_partitions() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
    let (long, short) = (partition(Topic::Pageviews, 0), partition(Topic::Clicks, 0));
    let mut batch = RecordBatch::new();
    for _ in 0..20_000 {
        batch.push(long.topic, long.number, b"k", &[b'x'; 500]);
    }
    batch.push(short.topic, short.number, b"k", b"short");
    append_blocking(&*log, batch).unwrap();
    for order in [[long, short], [short, long]] {
        let mut reader = log.reader().unwrap();
        for place in order {
            reader.assign(place, 0).unwrap();
        }
        let first = reader.poll(64 << 10, PATIENCE).unwrap();
        for place in order {
            assert!(first.iter().any(|chunk| chunk.partition == place && !chunk.is_empty()));
        }
    }
}

/// The number of partitions is fixed once there is data, and the message says what to do.
#[test]
fn another_number_of_partitions_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(EmbeddedLog::open(Settings::new(folder.path())).unwrap());
    match EmbeddedLog::open(Settings { partitions: 8, ..Settings::new(folder.path()) }) {
        Err(LogError::Format(reason)) => assert!(reason.contains("set it back to 4"), "{reason}"),
        other => panic!("{:?}", other.err()),
    }
    match EmbeddedLog::open(Settings { partitions: 0, ..Settings::new(folder.path()) }) {
        Err(LogError::Format(reason)) => assert!(reason.contains("from 1 to 1024"), "{reason}"),
        other => panic!("{:?}", other.err()),
    }
}

/// Overwriting the same few keys again and again doesn't fill the disk.
#[test]
fn compacted_topics_give_space_back() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
    let place = partition(Topic::Snapshots, 0);
    let value = vec![b'x'; 500_000];
    for round in 0..200 {
        put(&*log, place, format!("{}", round % 4).as_bytes(), &[&value]);
        if round % 20 == 19 {
            log.tidy().unwrap();
        }
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        log.tidy().unwrap();
        let bytes = folder_bytes(&folder.path().join("store"));
        if bytes < 60_000_000 {
            println!("{bytes} bytes on disk");
            break;
        }
        assert!(Instant::now() < deadline, "{bytes} bytes on disk for 2 MB of records");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(read_to_end(&*log, place, 0).len(), 4);
}

fn folder_bytes(folder: &std::path::Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let bytes = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(bytes).sum()
}

mod catalog {
    use footfall_event::catalog::{Entry, Site};

    use super::*;

    fn site(domain: &str) -> Entry {
        Entry::Site(Site { domain: domain.to_owned(), ..Site::default() })
    }

    /// Changes show up in the own view when `put` returns, in others soon, and after a restart.
    #[test]
    fn views_follow_changes() {
        let folder = tempfile::tempdir().unwrap();
        let log: Arc<dyn Log> = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
        let (own, other) =
            (CatalogView::follow(log.clone()).unwrap(), CatalogView::follow(log.clone()).unwrap());
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let mut changed = other.changed();
            changed.mark_unchanged();
            own.put(&site("one.test")).await.unwrap();
            assert!(own.load().sites.contains_key("one.test"));
            tokio::time::timeout(PATIENCE, changed.changed()).await.unwrap().unwrap();
            assert!(other.load().sites.contains_key("one.test"));
        });
        own.put_blocking(&site("two.test")).unwrap();
        own.remove_blocking(&site("one.test").key()).unwrap();
        assert_eq!(own.load().sites.keys().collect::<Vec<_>>(), ["two.test"]);
        let key = own.ensure_partition_key_blocking().unwrap();
        // A record that nobody can read is skipped.
        put(&*log, partition(Topic::Catalog, 0), b"site/bad", &[b"{"]);
        own.put_blocking(&site("three.test")).unwrap();
        assert_eq!(own.unreadable(), 1);
        let state = own.load();
        drop((own, other));
        log.close(Duration::from_secs(10));
        drop(log);
        let log: Arc<dyn Log> = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
        let view = CatalogView::follow(log).unwrap();
        assert_eq!(view.load(), state);
        assert_eq!(runtime.block_on(view.ensure_partition_key()).unwrap(), key);
    }

    /// When several make a partition key at once, all agree on the first, also after compaction.
    #[test]
    fn one_partition_key_wins() {
        let folder = tempfile::tempdir().unwrap();
        let embedded = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
        let log: Arc<dyn Log> = embedded.clone();
        let views: Vec<_> = (0..4).map(|_| CatalogView::follow(log.clone()).unwrap()).collect();
        let keys: Vec<_> = std::thread::scope(|scope| {
            let make = |view: &CatalogView| view.ensure_partition_key_blocking().unwrap();
            let threads: Vec<_> =
                views.iter().map(|view| scope.spawn(move || make(view))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "{keys:?}");
        embedded.tidy().unwrap();
        let later = CatalogView::follow(log).unwrap();
        assert_eq!(later.load().partition_key, Some(keys[0]));
    }
}
