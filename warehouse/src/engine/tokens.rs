//! What ClickHouse remembers of blocks that never came to be.
//!
//! A table that is not replicated keeps the tokens of its blocks in a file. Its engine (26.7) writes
//! a block's token there, and then gives the new part its name. A process that is killed in between
//! leaves a token without a part: the repetition of the block would be taken for one too many, and
//! its rows would be in the table never. So the last token of each table is looked at before the
//! engine opens its store. Only the last one: a table does both under one lock.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// Takes out tokens without a part, and lines that are not whole. How many there were.
///
/// # Errors
/// When the store can't be read or a file not be cut.
pub(super) fn forget_what_is_not_stored(store: &Path) -> io::Result<usize> {
    let mut forgotten = 0;
    for group in folders(&store.join("store"))? {
        for table in folders(&group)? {
            forgotten += usize::from(forget_last(&table)?);
        }
    }
    Ok(forgotten)
}

/// Looks at the last token of one table.
fn forget_last(table: &Path) -> io::Result<bool> {
    for path in newest_first(&table.join("deduplication_logs"))? {
        let bytes = fs::read(&path)?;
        // Behind the last line break there is what a crash left of a line, whatever it is.
        let behind_break =
            |bytes: &[u8]| bytes.iter().rposition(|&b| b == b'\n').map_or(0, |at| at + 1);
        let whole = behind_break(&bytes);
        let last = behind_break(&bytes[..whole.saturating_sub(1)]);
        let line = std::str::from_utf8(&bytes[last..whole]).unwrap_or_default();
        let keep = match added_part(line) {
            Some(part) if !is_stored(table, part)? => last,
            _ => whole,
        };
        if keep < bytes.len() {
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(keep as u64)?;
            file.sync_all()?;
            tracing::info!(file = %path.display(), "a token without a block is forgotten");
            return Ok(true);
        }
        // A file without a line was begun after the last line of the one before it.
        if whole > 0 {
            return Ok(false);
        }
    }
    Ok(false)
}

/// The part of a line `1 <tab> part <tab> token`; others say that a part was dropped.
fn added_part(line: &str) -> Option<Part<'_>> {
    let (part, _) = line.strip_prefix("1\t")?.split_once('\t')?;
    Part::parse(part)
}

/// A part's name: partition, first and last block, and what was done to it since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Part<'a> {
    partition: &'a str,
    first: u64,
    last: u64,
}

impl Part<'_> {
    /// `None` for other folders, such as that of a part that has no name yet (`tmp_insert_…`).
    fn parse(name: &str) -> Option<Part<'_>> {
        let mut words = name.split('_');
        let partition = words.next()?;
        let first = words.next()?.parse().ok()?;
        let last = words.next()?.parse().ok()?;
        words.next()?.parse::<u64>().ok()?;
        Some(Part { partition, first, last })
    }

    /// Whether its rows are in this part: it may have been merged with others.
    fn is_in(self, other: Part<'_>) -> bool {
        self.partition == other.partition && other.first <= self.first && self.last <= other.last
    }
}

fn is_stored(table: &Path, part: Part<'_>) -> io::Result<bool> {
    Ok(folders(table)?.iter().any(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str());
        name.and_then(Part::parse).is_some_and(|stored| part.is_in(stored))
    }))
}

/// The files `deduplication_log_N.txt`, the highest number first.
fn newest_first(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let number = |path: &PathBuf| {
        path.file_stem()?.to_str()?.strip_prefix("deduplication_log_")?.parse::<u64>().ok()
    };
    let mut files: Vec<_> =
        entries(folder)?.into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    files.sort();
    Ok(files.into_iter().rev().map(|(_, path)| path).collect())
}

fn folders(folder: &Path) -> io::Result<Vec<PathBuf>> {
    Ok(entries(folder)?.into_iter().filter(|path| path.is_dir()).collect())
}

/// What is in a folder; nothing if it isn't there.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    match fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| entry.map(|entry| entry.path())).collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    /// Parts and logs of a table; how many tokens are forgotten, and what is left of the logs.
    type Case<'a> = (&'a [&'a str], &'a [&'a str], usize, &'a [&'a str]);

    const STORED: &str = "1\t202611_1_1_0\t202611_1_2\n";

    /// A store with one table that has these parts and these logs.
    fn after(parts: &[&str], logs: &[&str]) -> (usize, Vec<String>) {
        let store = tempfile::tempdir().unwrap();
        let table = store.path().join("store/abc/abcdef");
        for part in parts {
            fs::create_dir_all(table.join(part)).unwrap();
        }
        let log = |n: usize| table.join(format!("deduplication_logs/deduplication_log_{n}.txt"));
        fs::create_dir_all(table.join("deduplication_logs")).unwrap();
        for (n, text) in logs.iter().enumerate() {
            // Numbers that don't sort as texts.
            fs::write(log(n + 9), text).unwrap();
        }
        let forgotten = forget_what_is_not_stored(store.path()).unwrap();
        let left = (0..logs.len()).map(|n| fs::read_to_string(log(n + 9)).unwrap()).collect();
        (forgotten, left)
    }

    #[test]
    fn a_token_goes_when_its_part_is_not_there() {
        let lost = format!("{STORED}1\t202611_2_2_0\t202611_3_4\n");
        let table: [Case<'_>; 10] = [
            // Stored, under its own name, merged, and changed since.
            (&["202611_1_1_0", "202611_2_2_0"], &[&lost], 0, &[&lost]),
            (&["202611_1_2_1"], &[&lost], 0, &[&lost]),
            (&["202611_1_1_0", "202611_2_2_0_7"], &[&lost], 0, &[&lost]),
            // Not stored: no name yet, none at all, in another month.
            (&["202611_1_1_0", "tmp_insert_202611_2_2_0"], &[&lost], 1, &[STORED]),
            (&["202611_1_1_0", "202612_2_2_0"], &[&lost], 1, &[STORED]),
            (&[], &[STORED], 1, &[""]),
            // Behind it a new file was begun.
            (&["202611_1_1_0"], &[&lost, ""], 1, &[STORED, ""]),
            // A line that is not whole was never answered; nor is what would follow it.
            (&["202611_1_1_0"], &[&format!("{STORED}1\t2026")], 1, &[STORED]),
            (&["202611_1_1_0"], &[&format!("{STORED}\0\0\0")], 1, &[STORED]),
            // That a part was dropped is said on purpose.
            (&[], &["2\t202611_1_1_0\t202611_1_2\n"], 0, &["2\t202611_1_1_0\t202611_1_2\n"]),
        ];
        for (parts, logs, forgotten, left) in table {
            let found = after(parts, logs);
            let left = left.iter().map(|text| (*text).to_owned()).collect();
            assert_eq!(found, (forgotten, left), "{parts:?} {logs:?}");
        }
    }

    #[test]
    fn a_new_store_has_none() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(forget_what_is_not_stored(&folder.path().join("none")).unwrap(), 0);
    }
}
