//! The outbox: what was put is in the log once, whatever the log does and whenever the process ends.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use footfall_topics::outbox::{Outbox, Settings};
use footfall_topics::{
    AppendError, Done, Log, LogError, Membership, Partition, Reader, RecordBatch, Topic,
};

/// A log that can be made to fail and to wait, and counts what it stored.
#[derive(Default)]
struct Fake {
    stored: Mutex<BTreeMap<Vec<u8>, usize>>,
    order: Mutex<Vec<Vec<u8>>>,
    fails: AtomicBool,
    silent: AtomicBool,
    kept: Mutex<Vec<Done>>,
}

impl Fake {
    fn count(&self) -> usize {
        self.stored.lock().unwrap().len()
    }
}

impl Log for Fake {
    fn partitions(&self, _: Topic) -> u32 {
        4
    }
    fn append(&self, batch: RecordBatch, done: Done) {
        if self.fails.load(Ordering::Acquire) {
            return done(Err(AppendError::Unavailable("away".into())));
        }
        if self.silent.load(Ordering::Acquire) {
            return self.kept.lock().unwrap().push(done);
        }
        for (_, _, value) in batch.iter() {
            *self.stored.lock().unwrap().entry(value.to_vec()).or_default() += 1;
            self.order.lock().unwrap().push(value.to_vec());
        }
        done(Ok(()));
    }
    fn offsets(&self, _: Partition) -> Result<Range<u64>, LogError> {
        Ok(0..0)
    }
    fn reader(&self) -> Result<Box<dyn Reader>, LogError> {
        Err(LogError::Closed)
    }
    fn join(&self, _: &str) -> Result<Box<dyn Membership>, LogError> {
        Err(LogError::Closed)
    }
    fn writable(&self) -> Result<(), AppendError> {
        Ok(())
    }
    fn close(&self, _: Duration) {}
}

fn batch(number: u32) -> RecordBatch {
    let mut batch = RecordBatch::new();
    let value = format!("click {number} {}", "x".repeat(900));
    batch.push(Topic::Clicks, number % 4, &number.to_be_bytes(), value.as_bytes());
    batch
}

fn open(log: &Arc<Fake>, dir: &Path) -> Arc<Outbox> {
    Outbox::open(log.clone(), Settings::new(dir)).unwrap()
}

/// What was there, unless the outbox has removed it meanwhile.
fn there<T>(found: std::io::Result<T>) -> Option<T> {
    match found {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        found => Some(found.unwrap()),
    }
}

/// The files of a folder, with their lengths.
fn files(dir: &Path) -> Vec<(PathBuf, u64)> {
    let entry = |entry: std::io::Result<std::fs::DirEntry>| {
        let entry = entry.unwrap();
        Some((entry.path(), there(entry.metadata())?.len()))
    };
    std::fs::read_dir(dir).unwrap().filter_map(entry).collect()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_was_put_is_in_the_log_once_and_in_order() {
    let (log, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    let outbox = open(&log, dir.path());
    // Several files' worth.
    for number in 0..12_000 {
        outbox.put(&batch(number)).unwrap();
    }
    outbox.close(Duration::from_secs(20));
    assert_eq!((outbox.waiting(), log.count()), (0, 12_000));
    let order = log.order.lock().unwrap();
    assert!((0..12_000).all(|n| order[n].starts_with(format!("click {n} ").as_bytes())));
    assert!(matches!(outbox.put(&batch(0)), Err(AppendError::Closed)));
    assert!(files(dir.path()).len() <= 2);
    // Nothing comes again.
    drop(order);
    let again = open(&log, dir.path());
    again.put(&batch(12_000)).unwrap();
    again.close(Duration::from_secs(20));
    assert!(log.stored.lock().unwrap().values().all(|count| *count == 1));
    assert_eq!(log.count(), 12_001);
}

#[test]
fn what_the_log_did_not_take_is_taken_by_the_next_process() {
    let (log, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    log.fails.store(true, Ordering::Release);
    let first = open(&log, dir.path());
    for number in 0..100 {
        first.put(&batch(number)).unwrap();
    }
    assert_eq!(first.waiting(), 100);
    first.close(Duration::ZERO);
    // A file that a crash tore in the middle of a record, whose caller never heard of it.
    let file = std::fs::read_dir(dir.path()).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&file).unwrap();
    bytes.extend_from_within(16..500);
    std::fs::write(&file, bytes).unwrap();
    log.fails.store(false, Ordering::Release);
    let second = open(&log, dir.path());
    second.put(&batch(100)).unwrap();
    until("all are in the log", || log.count() == 101);
    second.close(Duration::from_secs(20));
    assert!(log.stored.lock().unwrap().values().all(|count| *count == 1));
    assert!(log.order.lock().unwrap()[0].starts_with(b"click 0 "));
    let third = open(&log, dir.path());
    third.close(Duration::from_secs(20));
    assert_eq!(log.order.lock().unwrap().len(), 101);
}

#[test]
fn files_are_used_again_and_what_was_in_them_does_not_come_back() {
    let (log, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    let outbox = open(&log, dir.path());
    let mut number = 0;
    let mut put = |count| {
        for _ in 0..count {
            // All are of one length: what is new ends where something old begins.
            outbox.put(&batch(10_000_000 + number)).unwrap();
            number += 1;
        }
    };
    for _ in 0..10 {
        put(4_500);
        until("all are in the log", || outbox.waiting() == 0);
    }
    let used = files(dir.path());
    assert!(used.len() <= 4, "{used:?}");
    log.fails.store(true, Ordering::Release);
    put(1_000);
    // As a process that is killed leaves them.
    let left = tempfile::tempdir().unwrap();
    for (path, _) in files(dir.path()) {
        there(std::fs::copy(&path, left.path().join(path.file_name().unwrap())));
    }
    outbox.close(Duration::ZERO);
    log.fails.store(false, Ordering::Release);
    let next = open(&log, left.path());
    until("what was left is in the log", || next.waiting() == 0);
    assert_eq!(log.count(), 46_000);
    assert!(log.stored.lock().unwrap().values().all(|count| *count == 1));
    // Nothing of it stays in the files when nothing comes.
    let rest = || files(left.path()).iter().map(|(_, bytes)| *bytes).sum::<u64>();
    next.put(&batch(0)).unwrap();
    until("the files are given up", || rest() < 10_000);
    // Nor is it there after another start.
    next.close(Duration::from_secs(20));
    drop(next);
    // Files that are there for another reason, more than are kept.
    for number in 900..910 {
        std::fs::write(left.path().join(format!("outbox-{number}.bin")), b"").unwrap();
    }
    open(&log, left.path()).close(Duration::from_secs(20));
    assert_eq!(log.order.lock().unwrap().len(), 46_001);
    assert!(files(left.path()).len() <= 1, "{:?}", files(left.path()));
}

#[test]
fn nobody_waits_for_a_log_that_does_not_answer_and_what_waits_is_bounded() {
    let (log, dir) = (Arc::new(Fake::default()), tempfile::tempdir().unwrap());
    log.silent.store(true, Ordering::Release);
    let settings = Settings { bytes_max: 100_000, ..Settings::new(dir.path()) };
    let outbox = Outbox::open(log.clone(), settings).unwrap();
    let mut taken = 0;
    let refused = loop {
        match outbox.put(&batch(taken)) {
            Ok(()) => taken += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(refused, AppendError::Busy), "{refused}");
    assert!((100..120).contains(&taken), "{taken}");
    until("the first batch is asked for", || !log.kept.lock().unwrap().is_empty());
    log.silent.store(false, Ordering::Release);
    for done in log.kept.lock().unwrap().drain(..) {
        done(Err(AppendError::Unavailable("timed out".into())));
    }
    until("all are in the log", || outbox.waiting() == 0);
    assert_eq!(log.count(), taken as usize);
    outbox.put(&batch(taken)).unwrap();
}
