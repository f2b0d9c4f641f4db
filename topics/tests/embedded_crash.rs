//! The embedded log after kill -9, after an orderly end, and with a second opener.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use footfall_topics::{
    Log, LogError, Membership, Partition, Position, RecordBatch, ShardLog, Topic, append_blocking,
    embedded::{EmbeddedLog, Settings},
};

#[path = "contract/mod.rs"]
#[allow(dead_code, unused_macros)]
mod contract;

use contract::{gain_all, partition, put, read_to_end, values};

const CHILD_FOLDER: &str = "FOOTFALL_TEST_CHILD_FOLDER";
const ROUNDS: u32 = 12;
const APPENDERS: usize = 4;
const COMMITTED: Partition = Partition { topic: Topic::Pageviews, number: 0 };
const OUTPUT: Partition = Partition { topic: Topic::JudgedEvents, number: 0 };
const KEPT: Partition = Partition { topic: Topic::AdPerformance, number: 0 };

/// Small segments and an eager upkeep, so that a kill meets those too.
fn settings(folder: &Path) -> Settings {
    let mut settings = Settings::new(folder);
    settings.max_bytes = 64 << 20;
    settings.retention.salts_seconds = 1;
    settings
}

/// Nothing acknowledged is lost, doubled or put out of order, and a commit is all or nothing,
/// whenever the process is killed.
#[test]
fn acknowledged_records_survive_kill_9() {
    let folder = tempfile::tempdir().unwrap();
    let mut random = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos();
    println!("seed {random}");
    let mut acknowledged: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..ROUNDS {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let lines =
            run_and_kill(folder.path(), Duration::from_millis(u64::from(random >> 20) % 400));
        for line in lines {
            let (name, number) = line.split_once(' ').unwrap();
            let number = number.parse::<u64>().unwrap();
            acknowledged
                .entry(name.to_owned())
                .and_modify(|last| *last = number.max(*last))
                .or_insert(number);
        }
        let log = EmbeddedLog::open(settings(folder.path())).unwrap();
        check(&log, &acknowledged);
        println!("round {round}: {acknowledged:?}");
        log.close(Duration::from_secs(10));
    }
    assert!(acknowledged.len() > APPENDERS, "every kind of writer got through: {acknowledged:?}");
}

/// Starts a child that appends, kills it after a while and returns what it acknowledged.
fn run_and_kill(folder: &Path, after: Duration) -> Vec<String> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child_appends_until_it_is_killed", "--nocapture"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let reading = std::thread::spawn(move || {
        let mut lines = Vec::new();
        let mut line = String::new();
        while stdout.read_line(&mut line).unwrap_or(0) > 0 {
            // A line without its end was being written when the child was killed.
            if let Some(whole) = line.strip_suffix('\n').and_then(|line| line.strip_prefix("ack "))
            {
                lines.push(whole.to_owned());
            }
            line.clear();
        }
        lines
    });
    std::thread::sleep(Duration::from_millis(150) + after);
    child.kill().unwrap();
    child.wait().unwrap();
    reading.join().unwrap()
}

fn check(log: &Arc<EmbeddedLog>, acknowledged: &BTreeMap<String, u64>) {
    for appender in 0..APPENDERS {
        let name = format!("append-{appender}");
        let place = partition(Topic::ACTIVITIES[appender], 0);
        let stored = numbers(&**log, place);
        let last = acknowledged.get(&name).copied().unwrap_or(0);
        assert!(
            stored.len() as u64 >= last,
            "{name}: {last} acknowledged, {} stored",
            stored.len()
        );
        assert!(stored.iter().copied().eq(1..=stored.len() as u64), "{name} is complete, in order");
    }
    let outputs = numbers(&**log, OUTPUT);
    assert!(outputs.iter().copied().eq(1..=outputs.len() as u64));
    assert!(outputs.len() as u64 >= acknowledged.get("commit").copied().unwrap_or(0));
    assert_eq!(committed(&**log), outputs.len() as u64, "outputs and position belong together");
    let kept = read_to_end(&**log, KEPT, 0);
    let last = kept.iter().rev().find(|(_, key, _)| key == b"last");
    let last = last.map_or(0, |(_, _, value)| text_number(value));
    assert!(last >= acknowledged.get("keep").copied().unwrap_or(0));
}

fn numbers(log: &dyn Log, place: Partition) -> Vec<u64> {
    read_to_end(log, place, 0).iter().map(|(_, _, value)| text_number(value)).collect()
}

fn text_number(value: &[u8]) -> u64 {
    std::str::from_utf8(value).unwrap().split(' ').next().unwrap().parse().unwrap()
}

fn owner(log: &dyn Log) -> (Box<dyn Membership>, Box<dyn ShardLog>) {
    let mut member = log.join("group").unwrap();
    gain_all(&mut *member, log.partitions(Topic::Shards));
    let shard = member.opener().open(0).unwrap();
    (member, shard)
}

fn committed(log: &dyn Log) -> u64 {
    let (_member, mut shard) = owner(log);
    shard.committed(&[COMMITTED]).unwrap()[0].as_ref().map_or(0, |position| position.offset)
}

/// Not a test: what [`acknowledged_records_survive_kill_9`] starts and kills.
#[test]
#[ignore = "is started by another test"]
fn child_appends_until_it_is_killed() {
    let Some(folder) = std::env::var_os(CHILD_FOLDER) else { return };
    let log = EmbeddedLog::open(settings(Path::new(&folder))).unwrap();
    let acknowledge = |name: &str, number: u64| {
        // One write call per line, so that lines of several threads don't mix.
        std::io::stdout().lock().write_all(format!("ack {name} {number}\n").as_bytes()).unwrap();
    };
    println!();
    std::thread::scope(|scope| {
        for appender in 0..APPENDERS {
            let log = &log;
            scope.spawn(move || {
                let place = partition(Topic::ACTIVITIES[appender], 0);
                let mut number = numbers(&**log, place).len() as u64;
                let filling = "x".repeat(40 << (2 * appender));
                loop {
                    let values: Vec<_> =
                        (1..=3).map(|i| format!("{} {filling}", number + i).into_bytes()).collect();
                    put(&**log, place, b"k", &values.iter().map(Vec::as_slice).collect::<Vec<_>>());
                    number += 3;
                    acknowledge(&format!("append-{appender}"), number);
                }
            });
        }
        scope.spawn(|| {
            let mut number = committed(&*log);
            let (_member, mut shard) = owner(&*log);
            loop {
                number += 1;
                let mut outputs = RecordBatch::new();
                outputs.push(OUTPUT.topic, 0, b"k", number.to_string().as_bytes());
                let metadata = "m".repeat(100);
                let position = Position { partition: COMMITTED, offset: number, metadata };
                shard.commit(&outputs, &[position]).unwrap();
                acknowledge("commit", number);
            }
        });
        scope.spawn(|| {
            let kept = read_to_end(&*log, KEPT, 0);
            let mut number = kept.iter().map(|(_, _, value)| text_number(value)).max().unwrap_or(0);
            loop {
                number += 1;
                let other = format!("other-{}", number % 50);
                put(&*log, KEPT, other.as_bytes(), &[number.to_string().as_bytes()]);
                put(&*log, KEPT, b"last", &[number.to_string().as_bytes()]);
                acknowledge("keep", number);
            }
        });
        scope.spawn(|| {
            loop {
                // Salts are dropped as files.
                put(&*log, partition(Topic::Salts, 0), b"day", &[b"salt"]);
                let _ = log.tidy();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    });
}

const PLACE: Partition = Partition { topic: Topic::Pageviews, number: 0 };

/// A log whose making was interrupted can be made again.
#[test]
fn an_interrupted_making_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("store")).unwrap();
    std::fs::write(folder.path().join("store/activities-0000000000.new"), [0; 10]).unwrap();
    let log = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
    put(&*log, PLACE, b"k", &[b"v"]);
}

/// A second opener is refused, in this process and in another, and may come after the first.
#[test]
fn a_second_opener_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
    let begin = Instant::now();
    match EmbeddedLog::open(Settings::new(folder.path())) {
        Err(LogError::InUse(dir)) => assert_eq!(dir, folder.path()),
        other => panic!("{:?}", other.err()),
    }
    assert!(begin.elapsed() < Duration::from_secs(1));
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "child_appends_until_it_is_killed", "--nocapture"])
        .env(CHILD_FOLDER, folder.path())
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .output()
        .unwrap();
    assert!(!child.status.success());
    let said = [child.stdout, child.stderr].concat();
    assert!(String::from_utf8_lossy(&said).contains("InUse"));
    put(&*first, PLACE, b"k", &[b"v"]);
    drop(first);
    let second = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
    assert_eq!(values(&read_to_end(&*second, PLACE, 0)), ["v"]);
}

/// After `close` everything that was appended before is there, and nothing more is taken.
#[test]
fn close_finishes_what_was_appended() {
    let folder = tempfile::tempdir().unwrap();
    let log = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
    let mut reader = log.reader().unwrap();
    reader.assign(PLACE, 0).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    for i in 0..500 {
        let mut batch = RecordBatch::new();
        batch.push(PLACE.topic, 0, b"k", i.to_string().as_bytes());
        let sender = sender.clone();
        log.append(batch, Box::new(move |result| sender.send(result).unwrap()));
    }
    log.close(Duration::from_secs(10));
    for _ in 0..500 {
        receiver.try_recv().expect("every append has an outcome").expect("and it is good");
    }
    let mut batch = RecordBatch::new();
    batch.push(PLACE.topic, 0, b"k", b"late");
    assert!(append_blocking(&*log, batch).is_err());
    assert!(matches!(reader.poll(1, Duration::from_secs(5)), Err(LogError::Closed)));
    let log = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
    assert_eq!(read_to_end(&*log, PLACE, 0).len(), 500);
}
