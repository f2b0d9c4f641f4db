//! The embedded log with a journal that was cut anywhere, or damaged.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use footfall_topics::{
    Log, LogError, Partition, RecordBatch, Topic, append_blocking,
    embedded::{EmbeddedLog, Settings},
};

#[path = "contract/mod.rs"]
#[allow(dead_code, unused_macros)]
mod contract;

use contract::{partition, put, read_to_end, values};

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
    let journal = folder.path().join("store/activities-0000000000.log");
    // What a file begins with is written before it gets its name.
    let mut ends = vec![24];
    for i in 0..appends {
        let mut batch = RecordBatch::new();
        batch.push(PLACE.topic, 0, b"key", format!("{i}/a").as_bytes());
        batch.push(PLACE.topic, 0, b"", "b".repeat(20 * i).as_bytes());
        batch.push(Topic::Clicks, 0, format!("key-{i}").as_bytes(), format!("{i}/c").as_bytes());
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
        std::fs::write(copy.join("store/activities-0000000000.log"), journal).unwrap();
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
    assert_eq!(values(&read_to_end(log, partition(Topic::Clicks, 0), 0)), expected);
}

/// Cut at every byte, the journal opens and has exactly the appends that lie before the cut. The
/// rest of the file is missing, or zeros (as in a preallocated file), or a page of garbage.
#[test]
fn a_journal_cut_at_every_byte_opens() {
    let recorded = record(4);
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
    for at in (recorded.ends[2]..recorded.ends[3]).step_by(5) {
        let mut journal = recorded.bytes.clone();
        journal[at] ^= 0x10;
        match recorded.open_with(&journal, "damage") {
            Err(LogError::Storage(reason)) => assert!(reason.contains("damaged"), "{reason}"),
            Ok(_) => panic!("damage at {at} went unnoticed"),
            Err(other) => panic!("{other}"),
        }
    }
}
