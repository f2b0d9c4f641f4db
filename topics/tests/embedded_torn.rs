//! The embedded log with files that were cut anywhere, or damaged by hand.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use footfall_topics::{
    Log, LogError, Partition, Position, RecordBatch, Topic, append_blocking,
    embedded::{EmbeddedLog, Settings},
};

#[path = "contract/mod.rs"]
#[allow(dead_code, unused_macros)]
mod contract;

use contract::{gain_all, open, partition, put, read_to_end, values};

/// Memory is faster than a disk, and thousands of folders are opened here.
fn fast_folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

const PLACE: Partition = Partition { topic: Topic::Pageviews, number: 0 };
/// What a file begins with is written before it gets its name.
const HEAD_BYTES: usize = 24;

/// Small files.
fn settings(folder: &Path) -> Settings {
    Settings { partitions: 1, max_bytes: 8 << 20, ..Settings::new(folder) }
}

/// One file of a closed log.
struct File {
    name: String,
    /// Its bytes, without the zeros behind them.
    bytes: Vec<u8>,
    /// Where each append ended.
    ends: Vec<usize>,
}

/// A closed log with some appends.
struct Recorded {
    folder: tempfile::TempDir,
    files: Vec<File>,
}

fn written(path: &Path) -> Vec<u8> {
    let mut bytes = std::fs::read(path).unwrap_or_default();
    bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |at| at + 1));
    bytes
}

/// Records what `append` does to the files of some families.
fn record(families: &[&str], appends: usize, append: impl Fn(&EmbeddedLog, usize)) -> Recorded {
    let folder = fast_folder();
    let log = EmbeddedLog::open(settings(folder.path())).unwrap();
    let file = |family: &&str| File {
        name: format!("store/{family}-0000000000.log"),
        bytes: Vec::new(),
        ends: vec![HEAD_BYTES],
    };
    let mut files: Vec<_> = families.iter().map(file).collect();
    for i in 0..appends {
        append(&log, i);
        for file in &mut files {
            file.bytes = written(&folder.path().join(&file.name));
            file.ends.push(file.bytes.len());
        }
    }
    log.close(Duration::from_secs(10));
    Recorded { folder, files }
}

impl Recorded {
    /// Opens a copy of the log with other files.
    fn open_with(&self, files: &[&[u8]]) -> Result<(PathBuf, Arc<EmbeddedLog>), LogError> {
        let copy = self.folder.path().with_extension("copy");
        let _ = std::fs::remove_dir_all(&copy);
        copy_folder(self.folder.path(), &copy);
        for (file, bytes) in self.files.iter().zip(files) {
            std::fs::write(copy.join(&file.name), bytes).unwrap();
        }
        let log = EmbeddedLog::open(settings(&copy));
        if log.is_err() {
            std::fs::remove_dir_all(&copy).unwrap();
        }
        Ok((copy, log?))
    }
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_folder(&path, &target)
        } else {
            drop(std::fs::copy(&path, &target))
        }
    }
}

/// What a crash may leave behind the bytes that were written: nothing, zeros (reserved), garbage.
fn with_rest(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    match bytes.len() % 3 {
        0 => {}
        1 => bytes.resize(bytes.len() + 8_192, 0),
        _ => bytes.extend((0..100u8).map(|i| i.wrapping_mul(151) ^ 0xa5)),
    }
    bytes
}

fn append_with(log: &dyn Log, other: Topic, i: usize) {
    let mut batch = RecordBatch::new();
    batch.push(PLACE.topic, 0, b"key", format!("{i}/a").as_bytes());
    batch.push(PLACE.topic, 0, b"", "b".repeat(20 * i).as_bytes());
    batch.push(other, 0, format!("key-{i}").as_bytes(), format!("{i}/c").as_bytes());
    append_blocking(log, batch).unwrap();
}

fn check_appends(log: &dyn Log, other: Topic, appends: usize) {
    let expected: Vec<_> =
        (0..appends).flat_map(|i| [format!("{i}/a"), "b".repeat(20 * i)]).collect();
    assert_eq!(values(&read_to_end(log, PLACE, 0)), expected);
    let expected: Vec<_> = (0..appends).map(|i| format!("{i}/c")).collect();
    assert_eq!(values(&read_to_end(log, partition(other, 0), 0)), expected);
}

/// Appends go on behind what was kept, and are there after a restart.
fn check_goes_on(copy: &Path, log: Arc<EmbeddedLog>, other: Topic, appends: usize) {
    append_with(&*log, other, appends);
    append_with(&*log, other, appends + 1);
    drop(log);
    check_appends(&*EmbeddedLog::open(settings(copy)).unwrap(), other, appends + 2);
}

/// Cut at every byte, a file opens and has exactly the appends that lie before the cut.
#[test]
fn a_file_cut_at_every_byte_opens() {
    let other = Topic::Clicks;
    let recorded = record(&["activities"], 4, |log, i| append_with(log, other, i));
    let file = &recorded.files[0];
    for cut in HEAD_BYTES..=file.bytes.len() {
        let (copy, log) = recorded.open_with(&[&with_rest(&file.bytes[..cut])]).unwrap();
        let appends = file.ends[1..].iter().filter(|end| **end <= cut).count();
        check_appends(&*log, other, appends);
        if cut % 16 == 0 {
            check_goes_on(&copy, log, other, appends);
        }
    }
}

/// The last append went to two files. Whichever is cut, with the other whole or without it: all of
/// the append is there or nothing, and everything before.
#[test]
fn a_write_to_several_files_cut_at_every_byte_is_whole_or_gone() {
    let other = Topic::Alerts;
    let recorded = record(&["activities", "notices"], 4, |log, i| append_with(log, other, i));
    let whole: Vec<_> = recorded.files.iter().map(|file| &file.bytes[..]).collect();
    let before: Vec<_> = recorded.files.iter().map(|file| &file.bytes[..file.ends[3]]).collect();
    for (cut_file, file) in recorded.files.iter().enumerate() {
        for cut in file.ends[3]..=file.bytes.len() {
            for rest in [&whole, &before] {
                let cut_bytes = with_rest(&file.bytes[..cut]);
                let mut files = rest.clone();
                files[cut_file] = &cut_bytes;
                let (copy, log) = recorded.open_with(&files).unwrap();
                let is_whole = cut == file.bytes.len() && rest[0].len() == whole[0].len();
                let appends = 3 + usize::from(is_whole);
                check_appends(&*log, other, appends);
                if cut % 8 == 0 || is_whole {
                    check_goes_on(&copy, log, other, appends);
                }
            }
        }
    }
}

/// A file that ends before a write that was acknowledged, as another file shows, is no crash.
#[test]
fn a_file_that_lacks_an_acknowledged_write_is_refused() {
    let recorded =
        record(&["activities", "notices"], 4, |log, i| append_with(log, Topic::Alerts, i));
    let whole: Vec<_> = recorded.files.iter().map(|file| &file.bytes[..]).collect();
    for (cut_file, file) in recorded.files.iter().enumerate() {
        // The first append ends in zeros, which `ends` doesn't count.
        for cut in file.ends[1] + 3..file.ends[3] {
            let mut files = whole.clone();
            files[cut_file] = &file.bytes[..cut];
            match recorded.open_with(&files) {
                Err(LogError::Storage(reason)) => assert!(reason.contains("write 3"), "{reason}"),
                other => panic!("{cut}: {:?}", other.err()),
            }
        }
    }
}

const COMMITTED: Partition = Partition { topic: Topic::Pageviews, number: 0 };

fn shard_of(log: &dyn Log) -> Box<dyn footfall_topics::ShardLog> {
    let mut member = log.join("group").unwrap();
    gain_all(&mut *member, 1);
    // The member may go: it is asked only when a shard is opened.
    open(&*member, 0)
}

/// A commit's outputs (two files) and its position (a third): all or nothing, wherever any of the
/// three is cut.
#[test]
fn a_commit_cut_at_every_byte_is_whole_or_gone() {
    let (result, notice) = (Topic::JudgedEvents, Topic::DeadLetters);
    let recorded = record(&["results", "notices", "compacted"], 3, |log, i| {
        let mut outputs = RecordBatch::new();
        outputs.push(result, 0, b"k", format!("{i}").as_bytes());
        outputs.push(notice, 0, b"k", format!("{i}").as_bytes());
        let metadata = format!("metadata {i}");
        let position = Position { partition: COMMITTED, offset: i as u64, metadata };
        shard_of(log).commit(&outputs, &[position]).unwrap();
    });
    let states = |number: usize| -> Vec<&[u8]> {
        recorded.files.iter().map(|file| &file.bytes[..file.ends[number]]).collect()
    };
    let [before, whole] = [states(2), states(3)];
    for (cut_file, file) in recorded.files.iter().enumerate() {
        for cut in file.ends[2]..=file.ends[3] {
            // The two other files: each whole, or without the last commit.
            for others in 0..4 {
                let cut_bytes = with_rest(&file.bytes[..cut]);
                let mut files = whole.clone();
                for (bit, other) in (0..3).filter(|other| *other != cut_file).enumerate() {
                    if others & 1 << bit == 0 {
                        files[other] = before[other];
                    }
                }
                files[cut_file] = &cut_bytes;
                let (_, log) = recorded.open_with(&files).unwrap();
                let commits = if others == 3 && cut == file.ends[3] { 3 } else { 2 };
                for topic in [result, notice] {
                    assert_eq!(read_to_end(&*log, partition(topic, 0), 0).len(), commits);
                }
                let position = shard_of(&*log).committed(&[COMMITTED]).unwrap().remove(0).unwrap();
                assert_eq!(position.offset as usize, commits - 1);
                assert_eq!(position.metadata, format!("metadata {}", commits - 1));
            }
        }
    }
}

/// A hole of zeros within the last append (a page that never reached the disk) costs only that one;
/// damage before whole appends is refused.
#[test]
fn holes_are_cut_off_and_damage_is_refused() {
    let other = Topic::Clicks;
    let recorded = record(&["activities"], 8, |log, i| append_with(log, other, i));
    let file = &recorded.files[0];
    for at in (file.ends[7]..file.bytes.len()).step_by(3) {
        let mut bytes = file.bytes.clone();
        let end = bytes.len().min(at + 16);
        bytes[at..end].fill(0);
        if bytes != file.bytes {
            let (_, log) = recorded.open_with(&[&bytes]).unwrap();
            check_appends(&*log, other, 7);
        }
    }
    for at in (file.ends[2]..file.ends[3]).step_by(5) {
        let mut bytes = file.bytes.clone();
        bytes[at] ^= 0x10;
        match recorded.open_with(&[&bytes]) {
            Err(LogError::Storage(reason)) => assert!(reason.contains("damaged"), "{reason}"),
            Ok(_) => panic!("damage at {at} went unnoticed"),
            Err(other) => panic!("{other}"),
        }
    }
}

/// What a complete file ends in (the index of its blocks) may be cut at every byte.
#[test]
fn an_index_cut_at_every_byte_is_written_again() {
    let value = vec![b'x'; 30_000];
    let recorded = record(&["activities"], 10, |log, _| put(log, PLACE, b"k", &[&value]));
    let (data, second) = (recorded.files[0].bytes.len(), "store/activities-0000000001.log");
    assert!(recorded.folder.path().join(second).exists(), "the tenth append begins a file");
    std::fs::remove_file(recorded.folder.path().join(second)).unwrap();
    let data_end = recorded.files[0].ends[9];
    assert!(data_end + 300 < data, "there is an index of nine blocks");
    for cut in data_end..=data {
        let (copy, log) =
            recorded.open_with(&[&with_rest(&recorded.files[0].bytes[..cut])]).unwrap();
        assert_eq!(read_to_end(&*log, PLACE, 0).len(), 9, "{cut}");
        put(&*log, PLACE, b"k", &[b"after"]);
        assert!(copy.join(second).exists(), "the full file is completed again");
        drop(log);
        let log = EmbeddedLog::open(settings(&copy)).unwrap();
        assert_eq!(read_to_end(&*log, PLACE, 0).len(), 10, "{cut}");
    }
}
