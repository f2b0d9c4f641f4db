//! The embedded log when there is no room: its own limit, and a disk that is really full.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    path::Path,
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use footfall_topics::{
    AppendError, Log, Position, RecordBatch, Topic, append_blocking,
    embedded::{EmbeddedLog, Settings},
};

#[path = "contract/mod.rs"]
#[allow(dead_code, unused_macros)]
mod contract;

use contract::{PATIENCE, end, gain_all, open, partition, put, read_to_end};

const VALUE_BYTES: usize = 50_000;

fn numbered(number: u64) -> RecordBatch {
    let mut value = number.to_string().into_bytes();
    value.push(b' ');
    value.resize(VALUE_BYTES, b'x');
    let mut batch = RecordBatch::new();
    batch.push(Topic::Pageviews, 0, b"k", &value);
    batch
}

/// Appends until it fails; the number of appends that succeeded, and the error.
fn fill(log: &dyn Log, from: u64, at_most: u64) -> (u64, AppendError) {
    for number in from..at_most {
        if let Err(error) = append_blocking(log, numbered(number)) {
            return (number, error);
        }
    }
    panic!("{at_most} appends did not fill the log");
}

/// The stored numbers from 0 on must be all that were acknowledged, and perhaps the one after.
fn check(log: &dyn Log, acknowledged: u64) {
    let place = partition(Topic::Pageviews, 0);
    let stored = read_to_end(log, place, 0);
    for (expected, (_, _, value)) in stored.iter().enumerate() {
        let number =
            std::str::from_utf8(value.split(|byte| *byte == b' ').next().unwrap()).unwrap();
        assert_eq!(number.parse::<usize>().unwrap(), expected);
        assert_eq!(value.len(), VALUE_BYTES);
    }
    assert!(stored.len() as u64 >= acknowledged, "{} of {acknowledged}", stored.len());
}

/// At `max_bytes` appends fail with the reason; what nobody has consumed stays; once it is consumed
/// there is room again.
#[test]
fn max_bytes_keeps_what_was_not_consumed() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: 8 << 20, ..Settings::new(folder.path()) };
    let log = EmbeddedLog::open(settings.clone()).unwrap();
    let (acknowledged, error) = fill(&*log, 0, 1_000);
    assert!(matches!(&error, AppendError::Full(reason) if reason.contains("max_bytes")), "{error}");
    assert_eq!(log.writable(), Err(error));
    log.tidy().unwrap();
    check(&*log, acknowledged);

    let place = partition(Topic::Pageviews, 0);
    let mut member = log.join("group").unwrap();
    gain_all(&mut *member, 4);
    let mut shard = open(&*member, 0);
    // A full log refuses commits of outputs too, but must not stop consumers from going on: what
    // they have read has to be droppable.
    let position = Position { partition: place, offset: acknowledged, metadata: String::new() };
    shard.commit(&RecordBatch::new(), std::slice::from_ref(&position)).unwrap();
    log.tidy().unwrap();
    log.writable().unwrap();
    append_blocking(&*log, numbered(acknowledged)).unwrap();
    let offsets = log.offsets(place).unwrap();
    assert!(offsets.start > 0 && offsets.end == acknowledged + 1, "{offsets:?}");
    assert!(read_to_end(&*log, place, 0)[0].0 >= offsets.start);
    log.close(Duration::from_secs(10));
    let log = EmbeddedLog::open(settings).unwrap();
    // What was dropped stays dropped; the upkeep may have dropped more by now.
    let later = log.offsets(place).unwrap();
    assert!(later.end == offsets.end && later.start >= offsets.start, "{offsets:?} {later:?}");
}

/// Notices, which nobody has to consume, are dropped to make room.
#[test]
fn max_bytes_drops_the_oldest_notices() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { max_bytes: 8 << 20, ..Settings::new(folder.path()) };
    let log = EmbeddedLog::open(settings).unwrap();
    let place = partition(Topic::DeadLetters, 1);
    let value = vec![b'x'; VALUE_BYTES];
    for _ in 0..400 {
        let mut batch = RecordBatch::new();
        batch.push(place.topic, place.number, b"k", &value);
        if append_blocking(&*log, batch).is_err() {
            log.tidy().unwrap();
        }
    }
    let offsets = log.offsets(place).unwrap();
    assert!(offsets.end > 300 && offsets.start > offsets.end - 170, "{offsets:?}");
}

/// Less free space on the disk than wanted: refused, with the numbers.
#[test]
fn min_free_bytes_is_kept_free() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { min_free_bytes: 1 << 60, ..Settings::new(folder.path()) };
    let log = EmbeddedLog::open(settings).unwrap();
    match append_blocking(&*log, numbered(0)) {
        Err(AppendError::Full(reason)) => assert!(reason.contains("min_free_bytes"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert_eq!(end(&*log, partition(Topic::Pageviews, 0)), 0);
}

/// More waiting than may wait is refused at once.
#[test]
fn a_full_queue_says_busy() {
    let folder = tempfile::tempdir().unwrap();
    let settings = Settings { queue_bytes_max: 200_000, ..Settings::new(folder.path()) };
    let log = EmbeddedLog::open(settings).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    for number in 0..500 {
        let sender = sender.clone();
        log.append(numbered(number), Box::new(move |result| sender.send(result).unwrap()));
    }
    let outcomes: Vec<_> = (0..500).map(|_| receiver.recv_timeout(PATIENCE).unwrap()).collect();
    let stored = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    let busy = outcomes.iter().filter(|outcome| **outcome == Err(AppendError::Busy)).count();
    assert!(stored > 0 && busy > 0 && stored + busy == 500, "{stored} stored, {busy} busy");
    assert_eq!(end(&*log, partition(Topic::Pageviews, 0)), stored as u64);
}

const SMALL_DISK: &str = "FOOTFALL_TEST_SMALL_DISK";

/// The real thing: a file system without a free byte. Runs in a mount namespace of its own, which
/// takes root (or user namespaces); elsewhere it says so and passes.
#[test]
fn a_full_disk_loses_nothing_and_is_recovered_from() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &[&str], script: &str| {
        Command::new("unshare")
            .args(options)
            .args(["sh", "-c", script])
            .env(SMALL_DISK, folder.path())
            .env("TEST_PROGRAM", std::env::current_exe().unwrap())
            .output()
    };
    let mount = "mount -t tmpfs -o size=96m none \"$FOOTFALL_TEST_SMALL_DISK\"";
    let options: [&[&str]; 2] = [&["--mount"], &["--user", "--map-root-user", "--mount"]];
    let works =
        |options: &&&[&str]| run(options, mount).is_ok_and(|output| output.status.success());
    let Some(options) = options.iter().find(works) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    let child = "child_on_a_small_disk";
    let script = format!("{mount} && exec \"$TEST_PROGRAM\" --ignored --exact {child} --nocapture");
    let output = run(options, &script).unwrap();
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Not a test: what [`a_full_disk_loses_nothing_and_is_recovered_from`] runs on a small disk.
#[test]
#[ignore = "is started by another test"]
fn child_on_a_small_disk() {
    let Some(disk) = std::env::var_os(SMALL_DISK) else { return };
    let disk = Path::new(&disk);
    let filler = disk.join("filler");
    std::fs::write(&filler, vec![1; 24 << 20]).unwrap();
    let settings = Settings { min_free_bytes: 0, ..Settings::new(disk.join("log")) };
    let log = EmbeddedLog::open(settings.clone()).unwrap();
    let acknowledged = fill_up(&*log, 0);
    check_when_readable(&*log, acknowledged);

    std::fs::remove_file(&filler).unwrap();
    let mut next = stored_when_writable(&log);
    assert!(next >= acknowledged);
    // Background work of the store that failed just before may fail one more append.
    let (target, deadline) = (next + 20, Instant::now() + PATIENCE);
    while next < target {
        if let Err(error) = append_blocking(&*log, numbered(next)) {
            println!("not yet: {error}");
            assert!(Instant::now() < deadline, "the log stays recovered");
            stored_when_writable(&log);
        }
        next = end(&*log, partition(Topic::Pageviews, 0));
    }
    check(&*log, target);
    let acknowledged = fill_up(&*log, next);
    log.close(Duration::from_secs(10));
    drop(log);

    // A restart on a full disk: either it opens and has everything, or it says why not.
    match EmbeddedLog::open(settings) {
        Ok(log) => check(&*log, acknowledged),
        Err(error) => println!("restart: {error}"),
    }
}

/// Appends until it fails for good (opening the store again frees some room at first); how many
/// were acknowledged. An append that failed may have been stored, so the count is asked again.
fn fill_up(log: &dyn Log, from: u64) -> u64 {
    let place = partition(Topic::Pageviews, 0);
    let (mut next, mut failures) = (from, 0);
    while failures < 3 {
        let begin = Instant::now();
        match append_blocking(log, numbered(next)) {
            Ok(()) => {
                next += 1;
                failures = 0;
            }
            Err(error) => {
                println!("after {next}: {error}");
                assert!(matches!(error, AppendError::Full(_) | AppendError::Unavailable(_)));
                assert!(begin.elapsed() < Duration::from_secs(40), "refused in time");
                failures += 1;
                std::thread::sleep(Duration::from_millis(500));
                if let Ok(offsets) = log.offsets(place) {
                    assert!(offsets.end >= next, "{} of {next} acknowledged", offsets.end);
                    next = offsets.end;
                }
            }
        }
        assert!(next < 10_000, "the disk is small");
    }
    assert!(next > 100);
    next
}

/// While the store can't be opened there is nothing to read.
fn check_when_readable(log: &dyn Log, acknowledged: u64) {
    if log.offsets(partition(Topic::Pageviews, 0)).is_ok() {
        check(log, acknowledged);
    }
}

/// Waits until the log has recovered; how many records it has.
fn stored_when_writable(log: &Arc<EmbeddedLog>) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    let probe = partition(Topic::Clicks, 0);
    loop {
        let mut batch = RecordBatch::new();
        batch.push(probe.topic, probe.number, b"k", b"v");
        match append_blocking(&**log, batch) {
            Ok(()) => break,
            Err(error) => println!("not yet: {error}"),
        }
        assert!(Instant::now() < deadline, "the log recovers by itself");
        std::thread::sleep(Duration::from_millis(200));
    }
    put(&**log, probe, b"k", &[b"v"]);
    end(&**log, partition(Topic::Pageviews, 0))
}
