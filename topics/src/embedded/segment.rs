//! Segments: files of frames.
//!
//! A file begins with a head that says what it was made with. Complete files of blocks that are kept
//! for a time end in an index of their blocks, so that opening a log reads one frame of each.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        RwLock,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
};

use xxhash_rust::xxh3::xxh3_64;

use super::{buffer::PageBuffer, index::Index, layout::Family, pages::PagedFile, store::storage};
use crate::LogError;

/// Version of the layout on disk.
const FORMAT: u32 = 2;
const MAGIC: [u8; 8] = *b"\xff\xfefflog\x00";
/// Bytes of a file's head: magic, format `u32`, partitions `u32`, XXH3 of these `u64`.
pub(super) const HEAD_BYTES: u64 = 24;
/// Ending of the names of segments, and of those that are being made.
const ENDING: &str = "log";
const MAKING: &str = "new";

/// A file of frames.
pub(super) struct Segment {
    pub(super) family: Family,
    /// Names the file within this process: numbers of files are used again.
    pub(super) id: u64,
    pub(super) file: PagedFile,
    pub(super) path: PathBuf,
    /// Bytes of whole frames, head included.
    pub(super) bytes: AtomicU64,
    /// Number of its blocks.
    pub(super) blocks: AtomicU64,
    /// When its first frame was written (or it was made), milliseconds since 1970.
    pub(super) oldest_ms: AtomicI64,
    /// When its last frame was written, milliseconds since 1970; `i64::MIN` while it is empty.
    pub(super) newest_ms: AtomicI64,
    /// `None` until it is needed, for a complete file.
    pub(super) index: RwLock<Option<Index>>,
}

impl Segment {
    /// Makes a file. It has its name only once it is whole and on the disk.
    pub(super) fn make(
        dir: &Path,
        (family, number): (Family, u64),
        partitions: u32,
        now_ms: i64,
        buffer: &mut PageBuffer,
    ) -> io::Result<Segment> {
        let path = dir.join(format!("{}-{number:010}.{ENDING}", family.name()));
        let making = path.with_extension(MAKING);
        let mut make = || {
            let file = PagedFile::make(&making)?;
            file.write(buffer, [&head(partitions)[..]].into_iter(), 0)?;
            file.sync()?;
            std::fs::rename(&making, &path)?;
            Ok::<_, io::Error>(file)
        };
        let file = make().inspect_err(|_| drop(std::fs::remove_file(&making)))?;
        File::open(dir)?.sync_all()?;
        let index = Some(Index::new());
        Ok(Segment::new(family, file, path, HEAD_BYTES, now_ms, index))
    }

    /// Opens a file that is there.
    pub(super) fn open(found: &Found, partitions: u32, now_ms: i64) -> Result<Segment, LogError> {
        let file = PagedFile::open(&found.path).map_err(storage)?;
        let mut bytes = file.read(0, HEAD_BYTES as usize).unwrap_or_default();
        bytes.resize(HEAD_BYTES as usize, 0);
        if bytes != head(partitions) {
            return Err(head_error(&found.path, &bytes, partitions));
        }
        let length = file.length();
        Ok(Segment::new(found.family, file, found.path.clone(), length, now_ms, None))
    }

    fn new(
        family: Family,
        file: PagedFile,
        path: PathBuf,
        bytes: u64,
        now_ms: i64,
        index: Option<Index>,
    ) -> Segment {
        static NEXT_ID: AtomicU64 = AtomicU64::new(0);
        Segment {
            family,
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            file,
            path,
            bytes: AtomicU64::new(bytes),
            blocks: AtomicU64::new(0),
            oldest_ms: AtomicI64::new(now_ms),
            newest_ms: AtomicI64::new(i64::MIN),
            index: RwLock::new(index),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.newest_ms.load(Ordering::Relaxed) == i64::MIN
    }

    /// Bytes of whole frames, head included.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn head(partitions: u32) -> [u8; HEAD_BYTES as usize] {
    let mut bytes = [0; HEAD_BYTES as usize];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    bytes[12..16].copy_from_slice(&partitions.to_le_bytes());
    let sum = xxh3_64(&bytes[..16]);
    bytes[16..].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn head_error(path: &Path, found: &[u8], partitions: u32) -> LogError {
    let number = |at: usize| {
        found[at..].first_chunk().map_or(0, |bytes: &[u8; 4]| u32::from_le_bytes(*bytes))
    };
    if found[..8] != MAGIC || xxh3_64(&found[..16]).to_le_bytes() != found[16..] {
        return storage(format!(
            "the head of {} is damaged: restore the folder from a copy",
            path.display()
        ));
    }
    LogError::Format(if number(8) == FORMAT {
        format!(
            "the log has {0} partitions and the configuration says {partitions}: the number can't \
             be changed once there is data; set it back to {0}",
            number(12)
        )
    } else {
        format!(
            "the log was written in format {}, this version reads format {FORMAT}: use the version \
             that wrote it, or start with an empty folder",
            number(8)
        )
    })
}

/// A segment in the folder.
pub(super) struct Found {
    pub(super) family: Family,
    pub(super) number: u64,
    path: PathBuf,
}

/// The segments in a folder by family and number. Removes what was left of an interrupted making.
pub(super) fn find(dir: &Path) -> Result<Vec<Found>, LogError> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(storage)? {
        let path = entry.map_err(storage)?.path();
        if path.extension().is_some_and(|ending| ending == MAKING) {
            std::fs::remove_file(&path).map_err(storage)?;
            continue;
        }
        let Some(name) = path.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let family = Family::ALL.into_iter().find_map(|family| {
            let number = name.strip_prefix(family.name())?.strip_prefix('-')?;
            Some((family, number.parse().ok()?))
        });
        if let Some((family, number)) = family
            && path.extension().is_some_and(|ending| ending == ENDING)
        {
            segments.push(Found { family, number, path });
        }
    }
    segments.sort_by_key(|found| (found.family, found.number));
    Ok(segments)
}
