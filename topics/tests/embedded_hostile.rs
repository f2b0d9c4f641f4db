//! The embedded log with files that somebody damaged on purpose.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use footfall_topics::{
    Log, Partition, Position, RecordBatch, Topic, append_blocking,
    embedded::{EmbeddedLog, Settings},
};
use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

#[path = "contract/mod.rs"]
#[allow(dead_code, unused_macros)]
mod contract;

use contract::{PATIENCE, gain_all, open, partition};

const COMMITTED: Partition = Partition { topic: Topic::Pageviews, number: 0 };
/// Eight bytes into every frame.
const MAGIC: &[u8] = b"\xff\xfeframe\x01";

/// Small files, so that there are many.
fn settings(folder: &Path) -> Settings {
    Settings { max_bytes: 8 << 20, ..Settings::new(folder) }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("store")).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// A closed log with several files of each kind.
fn record() -> tempfile::TempDir {
    let folder =
        tempfile::tempdir_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "." });
    let folder = folder.unwrap();
    let log = EmbeddedLog::open(settings(folder.path())).unwrap();
    let mut member = log.join("group").unwrap();
    gain_all(&mut *member, 4);
    let mut shard = open(&*member, 0);
    for number in 0..30 {
        let mut batch = RecordBatch::new();
        for topic in [Topic::Pageviews, Topic::Alerts, Topic::Catalog, Topic::Salts] {
            batch.push(topic, 0, format!("{}", number % 3).as_bytes(), &[b'x'; 12_000]);
        }
        append_blocking(&*log, batch).unwrap();
        let mut outputs = RecordBatch::new();
        outputs.push(Topic::JudgedEvents, 1, b"", b"output");
        let metadata = "m".repeat(number as usize);
        let position = Position { partition: COMMITTED, offset: number, metadata };
        shard.commit(&outputs, &[position]).unwrap();
        if number % 10 == 9 {
            log.tidy().unwrap();
        }
    }
    log.close(Duration::from_secs(10));
    folder
}

/// Damages a file. Where a frame's head is hit, its checksum is often made right again: then only
/// the contents are wrong.
fn damage(bytes: &mut Vec<u8>, kind: u8, at: usize, with: u64) {
    let frames: Vec<_> = (8..bytes.len().saturating_sub(40))
        .filter(|at| bytes[*at..].starts_with(MAGIC))
        .map(|at| at - 8)
        .collect();
    let Some(frame) = frames.get(at % frames.len().max(1)).copied() else { return };
    let field = |number: usize| frame + 16 + number;
    match kind {
        0 => bytes.truncate(at % bytes.len()),
        1 => {
            let at = at % bytes.len();
            bytes[at] ^= 1 << (with % 8);
        }
        // Sizes, numbers and times of the header, wholly.
        2 => bytes[field(with as usize % 4 * 8)..][..8].copy_from_slice(&with.to_le_bytes()),
        // Anything in header and table.
        _ => {
            let at = field(with as usize % 100);
            if at < bytes.len() {
                bytes[at] = (with >> 32) as u8;
            }
        }
    }
    let table = bytes
        .get(frame + 40..frame + 44)
        .map(|size| u32::from_le_bytes(size.try_into().unwrap()) as usize);
    if kind >= 2
        && let Some(end) = table.map(|table| frame + 48 + table)
        && let Some(covered) = bytes.get(frame + 8..end)
    {
        let sum = xxh3_64(covered);
        bytes[frame..frame + 8].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Whatever the files hold, opening and reading end with records or an error, and soon.
#[test]
fn hostile_files_are_refused_or_read_without_a_panic() {
    let recorded = record();
    let all = files(recorded.path());
    assert!(all.len() > 6, "{all:?}");
    let damages =
        prop::collection::vec((any::<usize>(), 0u8..5, any::<usize>(), any::<u64>()), 1..4);
    let config = ProptestConfig { cases: 300, ..ProptestConfig::default() };
    let opened = std::cell::Cell::new(0);
    proptest!(config, |(damages in damages)| {
        let copy = tempfile::tempdir_in(recorded.path().parent().unwrap()).unwrap();
        std::fs::create_dir(copy.path().join("store")).unwrap();
        for path in &all {
            std::fs::copy(path, copy.path().join("store").join(path.file_name().unwrap())).unwrap();
        }
        for (file, kind, at, with) in damages {
            let name = all[file % all.len()].file_name().unwrap();
            let path = copy.path().join("store").join(name);
            let mut bytes = std::fs::read(&path).unwrap();
            if !bytes.is_empty() {
                damage(&mut bytes, kind, at, with);
                std::fs::write(&path, bytes).unwrap();
            }
        }
        if let Ok(log) = EmbeddedLog::open(settings(copy.path())) {
            opened.set(opened.get() + 1);
            let begin = Instant::now();
            let _ = log.tidy();
            for topic in Topic::ALL {
                let mut reader = contract::reader(&*log, partition(topic, 0), 0);
                while let Ok(chunks) = reader.poll(1 << 20, Duration::ZERO)
                    && chunks.iter().any(|chunk| !chunk.is_empty())
                {
                    prop_assert!(begin.elapsed() < PATIENCE);
                }
            }
            let mut batch = RecordBatch::new();
            batch.push(Topic::Pageviews, 0, b"", b"after");
            let _ = append_blocking(&*log, batch);
        }
    });
    assert!(opened.get() > 10, "{} of the damaged logs opened", opened.get());
}
