//! The embedded log after kill -9, and with a journal that was cut anywhere.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
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
                log.tidy().unwrap();
                std::thread::sleep(Duration::from_millis(5));
            }
        });
    });
}

/// Memory is faster than a disk, and thousands of folders are opened here.
fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

const PLACE: Partition = Partition { topic: Topic::Pageviews, number: 0 };

/// A closed log with some appends in its journal.
struct Recorded {
    folder: tempfile::TempDir,
    journal: PathBuf,
    /// What the journal held before it was preallocated with zeros.
    bytes: Vec<u8>,
    /// Bytes of the journal after each append.
    ends: Vec<usize>,
}

fn written(journal: &Path) -> usize {
    let bytes = std::fs::read(journal).unwrap();
    bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1)
}

fn record(appends: usize) -> Recorded {
    let folder = fast_folder();
    let log =
        EmbeddedLog::open(Settings { partitions: 1, ..Settings::new(folder.path()) }).unwrap();
    let journal = folder.path().join("store/0.jnl");
    let mut ends = vec![written(&journal)];
    for i in 0..appends {
        let mut batch = RecordBatch::new();
        batch.push(PLACE.topic, 0, b"key", format!("{i}/a").as_bytes());
        batch.push(PLACE.topic, 0, b"", "b".repeat(20 * i).as_bytes());
        batch.push(Topic::Catalog, 0, format!("key-{i}").as_bytes(), format!("{i}/c").as_bytes());
        append_blocking(&*log, batch).unwrap();
        ends.push(written(&journal));
    }
    log.close(Duration::from_secs(10));
    drop(log);
    let mut bytes = std::fs::read(&journal).unwrap();
    bytes.truncate(*ends.last().unwrap());
    Recorded { folder, journal, bytes, ends }
}

impl Recorded {
    /// Opens a copy of the log with another journal.
    fn open_with(
        &self,
        journal: &[u8],
        name: &str,
    ) -> Result<(PathBuf, Arc<EmbeddedLog>), LogError> {
        let copy = self.folder.path().with_extension(name);
        let _ = std::fs::remove_dir_all(&copy);
        copy_folder(self.folder.path(), &copy, &self.journal);
        std::fs::write(copy.join("store/0.jnl"), journal).unwrap();
        let log = EmbeddedLog::open(Settings { partitions: 1, ..Settings::new(&copy) });
        if log.is_err() {
            std::fs::remove_dir_all(&copy).unwrap();
        }
        Ok((copy, log?))
    }

    /// How many appends lie wholly before a byte.
    fn appends_before(&self, cut: usize) -> usize {
        self.ends[1..].iter().filter(|end| **end <= cut).count()
    }
}

fn copy_folder(from: &Path, to: &Path, except: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target, except);
        } else if path != except {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

fn check_appends(log: &dyn Log, appends: usize) {
    let expected: Vec<_> =
        (0..appends).flat_map(|i| [format!("{i}/a"), "b".repeat(20 * i)]).collect();
    assert_eq!(values(&read_to_end(log, PLACE, 0)), expected);
    let expected: Vec<_> = (0..appends).map(|i| format!("{i}/c")).collect();
    assert_eq!(values(&read_to_end(log, partition(Topic::Catalog, 0), 0)), expected);
}

/// Cut at every byte, the journal opens and has exactly the appends that lie before the cut. The
/// rest of the file is missing, or zeros (as in a preallocated file), or a page of garbage.
#[test]
fn a_journal_cut_at_every_byte_opens() {
    let recorded = record(8);
    let begin = Instant::now();
    let first = recorded.ends[0];
    for cut in first..=recorded.bytes.len() {
        let mut journal = recorded.bytes[..cut].to_vec();
        match cut % 3 {
            0 => {}
            1 => journal.resize(cut + 8_192, 0),
            _ => journal.extend((0..100u8).map(|i| i.wrapping_mul(151) ^ 0xa5)),
        }
        let (copy, log) = recorded.open_with(&journal, "cut").unwrap();
        let appends = recorded.appends_before(cut);
        check_appends(&*log, appends);
        if cut % 16 == 0 {
            put(&*log, PLACE, b"k", &[b"after"]);
            drop(log);
            let log =
                EmbeddedLog::open(Settings { partitions: 1, ..Settings::new(&copy) }).unwrap();
            assert_eq!(values(&read_to_end(&*log, PLACE, 2 * appends as u64)), ["after"]);
        }
        std::fs::remove_dir_all(&copy).unwrap();
    }
    println!("{} cuts in {:?}", recorded.bytes.len() - first, begin.elapsed());
}

/// A hole of zeros within the last append (a page that never reached the disk) costs only that
/// append; damage before whole appends is refused instead of silently losing them.
#[test]
fn holes_are_cut_off_and_damage_is_refused() {
    let recorded = record(8);
    let last = recorded.ends[7];
    for at in (last..recorded.bytes.len()).step_by(3) {
        let mut journal = recorded.bytes.clone();
        let end = journal.len().min(at + 16);
        journal[at..end].fill(0);
        if journal == recorded.bytes {
            continue;
        }
        let (copy, log) = recorded.open_with(&journal, "hole").unwrap();
        check_appends(&*log, 7);
        std::fs::remove_dir_all(&copy).unwrap();
    }
    // The journal's own checksum does not cover the head of a write (13 bytes).
    for at in (recorded.ends[2] + 13..recorded.ends[3]).step_by(5) {
        let mut journal = recorded.bytes.clone();
        journal[at] ^= 0x10;
        match recorded.open_with(&journal, "damage") {
            Err(LogError::Storage(reason)) => assert!(reason.contains("damaged"), "{reason}"),
            Ok(_) => panic!("damage at {at} went unnoticed"),
            Err(other) => panic!("{other}"),
        }
    }
}

/// A log whose making was interrupted can be made again.
#[test]
fn an_interrupted_making_is_repeated() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("store/keyspaces")).unwrap();
    std::fs::write(folder.path().join("store/0.jnl"), vec![0; 1_000]).unwrap();
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
