//! What has to be put right in the folder before the database opens it.
//!
//! The database appends each atomic write to its journal and the writer syncs it before the next, so
//! after a crash or a power cut at most the last write is torn, and that one was never acknowledged.
//! A torn write is cut off here: the database itself would refuse some of them (a page in the middle
//! that never reached the disk). Damage with whole writes behind it is something else: acknowledged
//! records would be lost by cutting, so the log is not opened.
//!
//! Knows the journal's framing of fjall 3: each write is a start (tag 1, items `u32`, number `u64`),
//! its items (tag 2, kind, compression, keyspace `u64`, key bytes `u16`, value bytes `u32`, stored
//! bytes `u32`, key, value; or tag 4, keyspace `u64`) and an end (tag 3, XXH3 of the items, magic).

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use xxhash_rust::xxh3::xxh3_64;

use super::store::storage;
use crate::LogError;

/// The database writes this file last when it makes a folder.
const COMPLETE_MARKER: &str = "version";
const END_MAGIC: &[u8] = b"FJL\x03";

/// Makes a folder that the database will open: finishes what a crash interrupted.
pub(super) fn prepare(dir: &Path) -> Result<(), LogError> {
    let exists = |path: &Path| path.try_exists().map_err(storage);
    if exists(dir)? && !exists(&dir.join(COMPLETE_MARKER))? {
        // Its making was interrupted: the database would refuse it, and nothing was stored yet.
        std::fs::remove_dir_all(dir).map_err(storage)?;
    }
    std::fs::create_dir_all(dir).map_err(storage)?;
    match journals(dir)?.into_iter().max() {
        Some((_, path)) => repair(&path),
        None => Ok(()),
    }
}

/// The journals with their numbers.
fn journals(dir: &Path) -> Result<Vec<(u64, PathBuf)>, LogError> {
    let mut journals = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(storage)? {
        let path = entry.map_err(storage)?.path();
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
        if path.extension().is_some_and(|extension| extension == "jnl")
            && let Some(number) = number
        {
            journals.push((number, path));
        }
    }
    Ok(journals)
}

/// Empties all journals of a closed database. The files stay: from an empty journal the database
/// goes on counting where its tables end, from a missing one it would not.
pub(super) fn empty_all(dir: &Path) -> Result<(), LogError> {
    for (_, path) in journals(dir)? {
        let file = File::options().write(true).open(path).map_err(storage)?;
        file.set_len(0).map_err(storage)?;
        file.sync_all().map_err(storage)?;
    }
    Ok(())
}

fn repair(path: &Path) -> Result<(), LogError> {
    let bytes = std::fs::read(path).map_err(storage)?;
    let whole = whole_writes(&bytes);
    let rest = &bytes[whole..];
    if rest.iter().all(|byte| *byte == 0) {
        return Ok(());
    }
    if (1..rest.len()).any(|at| write_at(&rest[at..]).is_some()) {
        return Err(storage(format!(
            "the journal {} is damaged at byte {whole}, and whole writes follow: restore the folder \
             from a copy; or, to give up everything after the damage, cut the file to {whole} bytes",
            path.display()
        )));
    }
    tracing::warn!(journal = %path.display(), at = whole, "cutting off a write that was torn");
    let file = File::options().write(true).open(path).map_err(storage)?;
    file.set_len(whole as u64).map_err(storage)?;
    file.sync_all().map_err(storage)
}

/// Bytes of whole writes at the beginning.
fn whole_writes(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(length) = write_at(&bytes[at..]) {
        at += length;
    }
    at
}

/// The length of the whole, undamaged write at the beginning, if there is one.
fn write_at(bytes: &[u8]) -> Option<usize> {
    let mut input = Input { bytes, at: 0 };
    if input.u8()? != 1 {
        return None;
    }
    let items = input.u32()?;
    input.skip(8)?;
    let begin = input.at;
    for _ in 0..items {
        match input.u8()? {
            2 => {
                input.skip(2 + 8)?;
                let key = usize::from(u16::from_le_bytes(input.array()?));
                input.skip(4)?;
                let stored = input.u32()? as usize;
                input.skip(key)?;
                input.skip(stored)?;
            }
            4 => input.skip(8)?,
            _ => return None,
        }
    }
    let checksum = xxh3_64(&bytes[begin..input.at]);
    let is_end = input.u8()? == 3
        && u64::from_le_bytes(input.array()?) == checksum
        && input.take(END_MAGIC.len())? == END_MAGIC;
    is_end.then_some(input.at)
}

struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.bytes.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn skip(&mut self, count: usize) -> Option<()> {
        self.take(count).map(|_| ())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.first_chunk().copied()
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }
}
