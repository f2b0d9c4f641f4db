//! A file that is written in whole pages, past the page cache where the file system allows it. So are
//! large reads.
//!
//! A buffered append to fresh pages costs ten times the processor time of a direct one, as does a read
//! of what the page cache does not have, and a write
//! that makes the file longer needs a journal commit of the file system before it is durable. So
//! writes are direct, from one aligned buffer, and short ones put zeros behind what they write, which
//! the next ones overwrite. The first page of a write may hold the end of what was written before: it
//! is written again with the same bytes.
//!
//! Behind the last write there are only zeros or nothing: a file is never used a second time.

use std::{
    fs::File,
    io,
    os::unix::fs::{FileExt as _, OpenOptionsExt as _},
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;

use super::{
    buffer::{BUFFER_BYTES, PAGE_BYTES, PageBuffer},
    memory,
    shared::lock,
};

/// Shorter writes leave zeros behind them ...
const SHORT_BYTES: usize = 256 << 10;
/// ... so many times their own length.
const RESERVE: usize = 16;

/// Reads from this size are direct. Smaller ones profit from the system's reading ahead.
const LARGE_READ_BYTES: usize = 64 << 10;

pub(super) struct PagedFile {
    file: File,
    /// The same file past the page cache.
    direct: Option<File>,
    /// Whether the file system takes reads and writes through `direct`.
    is_direct: AtomicBool,
    last: Mutex<Last>,
}

/// What the next write has to know of the last.
struct Last {
    /// Where the last one ended.
    end: u64,
    /// The part of the page with `end` in it that lies before `end`.
    page: Vec<u8>,
    /// Bytes of the file. Between `end` and here are zeros.
    length: u64,
}

impl PagedFile {
    /// Makes an empty file, or empties one.
    pub(super) fn make(path: &Path) -> io::Result<PagedFile> {
        let file = File::options().create(true).truncate(true).read(true).write(true).open(path)?;
        Ok(PagedFile::new(file, path, 0))
    }

    pub(super) fn open(path: &Path) -> io::Result<PagedFile> {
        let file = File::options().read(true).write(true).open(path)?;
        let length = file.metadata()?.len();
        Ok(PagedFile::new(file, path, length))
    }

    fn new(file: File, path: &Path, length: u64) -> PagedFile {
        let flags = rustix::fs::OFlags::DIRECT.bits().cast_signed();
        // Not every file system has it.
        let direct = File::options().read(true).write(true).custom_flags(flags).open(path).ok();
        let last = Last { end: 0, page: Vec::new(), length };
        let is_direct = AtomicBool::new(direct.is_some());
        PagedFile { file, direct, is_direct, last: Mutex::new(last) }
    }

    /// Bytes of the file, zeros at its end included.
    pub(super) fn length(&self) -> u64 {
        lock(&self.last).length
    }

    /// Writes all parts one after the other, beginning at `at`, which is where the last write ended
    /// or the file was cut. Not synced. When it fails, the file has to be cut at `at`.
    pub(super) fn write<'a>(
        &self,
        buffer: &mut PageBuffer,
        parts: impl Iterator<Item = &'a [u8]>,
        at: u64,
    ) -> io::Result<()> {
        let mut last = lock(&self.last);
        if last.end != at {
            let count = (at % PAGE_BYTES as u64) as usize;
            last.page = self.read(at - count as u64, count)?;
            last.end = at;
        }
        let mut page_at = at - last.page.len() as u64;
        buffer.clear();
        buffer.take(&last.page);
        for mut part in parts {
            loop {
                part = buffer.take(part);
                if part.is_empty() {
                    break;
                }
                self.put(buffer.filled(), page_at)?;
                page_at += BUFFER_BYTES as u64;
                buffer.clear();
            }
        }
        let end = page_at + buffer.filled().len() as u64;
        let whole = buffer.filled().len().next_multiple_of(PAGE_BYTES);
        let mut written = whole;
        if page_at + whole as u64 > last.length && end - at < SHORT_BYTES as u64 {
            let reserve = (RESERVE * (end - at) as usize).next_multiple_of(PAGE_BYTES);
            written = (whole + reserve).min(BUFFER_BYTES);
        }
        let mut outcome = self.put(buffer.padded(written), page_at);
        if outcome.is_err() && written > whole {
            // There may be room for the bytes, only not for zeros behind them.
            written = whole;
            outcome = self.put(buffer.padded(written), page_at);
        }
        outcome?;
        last.page.clear();
        let page = buffer.filled();
        last.page.extend_from_slice(&page[page.len() / PAGE_BYTES * PAGE_BYTES..]);
        last.end = end;
        last.length = last.length.max(page_at + written as u64);
        Ok(())
    }

    /// Writes whole pages.
    fn put(&self, pages: &[u8], at: u64) -> io::Result<()> {
        if let Some(direct) = &self.direct
            && self.is_direct.load(Ordering::Relaxed)
        {
            match direct.write_all_at(pages, at) {
                Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                    tracing::info!("the file system takes no direct writes of {PAGE_BYTES} bytes");
                    self.is_direct.store(false, Ordering::Relaxed);
                }
                outcome => return outcome,
            }
        }
        self.file.write_all_at(pages, at)
    }

    /// Has everything written be on the disk.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }

    /// Cuts the file, if it is longer, and syncs.
    pub(super) fn cut(&self, length: u64) -> io::Result<()> {
        let mut last = lock(&self.last);
        // Also if it failed: what lies there is read again before the next write.
        last.end = 0;
        last.page.clear();
        self.file.set_len(length)?;
        self.file.sync_all()?;
        last.length = length;
        Ok(())
    }

    /// Reads exactly so many bytes of one block or several.
    pub(super) fn read_blocks(&self, at: u64, count: usize) -> io::Result<Bytes> {
        if count >= LARGE_READ_BYTES
            && let Some(direct) = &self.direct
            && self.is_direct.load(Ordering::Relaxed)
            && let Some(bytes) = read_direct(direct, at, count)?
        {
            return Ok(bytes);
        }
        self.read(at, count).map(Bytes::from)
    }

    /// Reads exactly so many bytes.
    pub(super) fn read(&self, at: u64, count: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(count);
        while bytes.len() < count {
            let read_at = at + bytes.len() as u64;
            let spare = rustix::buffer::spare_capacity(&mut bytes);
            match rustix::io::pread(&self.file, spare, read_at) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(count);
        Ok(bytes)
    }
}

/// Reads the pages that hold so many bytes; `None` if this file system can't.
fn read_direct(file: &File, at: u64, count: usize) -> io::Result<Option<Bytes>> {
    let skipped = (at % PAGE_BYTES as u64) as usize;
    let wanted = (skipped + count).next_multiple_of(PAGE_BYTES);
    let mut memory = memory::filled(wanted + PAGE_BYTES);
    let from = memory.as_ptr().align_offset(PAGE_BYTES);
    let pages = &mut memory[from..from + wanted];
    let (pages_at, mut done) = (at - skipped as u64, 0);
    while done < skipped + count {
        match file.read_at(&mut pages[done..], pages_at + done as u64) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(read) => done += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(memory::share(memory).slice(from + skipped..from + skipped + count)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Memory takes no direct writes everywhere, a disk does.
    fn folders() -> impl Iterator<Item = tempfile::TempDir> {
        let memory = tempfile::tempdir_in("/dev/shm").ok();
        memory.into_iter().chain([tempfile::tempdir().unwrap()])
    }

    /// Bytes that differ from those of every other write.
    fn bytes(number: usize, count: usize) -> Vec<u8> {
        (0..count).map(|at| (at * 7 + number * 31) as u8 | 1).collect()
    }

    /// The file has exactly what was written, then zeros; nothing that went to another file through
    /// the same buffer.
    #[test]
    fn writes_follow_each_other_without_a_gap() {
        let counts = [1, 4_095, 1, 4_096, 10, 70_000, 300_000, 5, BUFFER_BYTES, 3 << 20, 2, 8_191];
        for folder in folders() {
            let paths = [folder.path().join("one"), folder.path().join("other")];
            let files = paths.each_ref().map(|path| PagedFile::make(path).unwrap());
            let mut expected = [Vec::new(), Vec::new()];
            let mut buffer = PageBuffer::new();
            for (number, count) in counts.into_iter().chain(counts).enumerate() {
                for (file, expected) in files.iter().zip(&mut expected).skip(number % 2) {
                    let new = bytes(number, count + number);
                    let (begin, rest) = new.split_at(count / 3);
                    let parts = [begin, b"", rest];
                    file.write(&mut buffer, parts.into_iter(), expected.len() as u64).unwrap();
                    expected.extend_from_slice(&new);
                }
                if number % 5 == 4 {
                    let length = expected[0].len() - 3;
                    expected[0].truncate(length);
                    files[0].cut(length as u64).unwrap();
                }
            }
            for ((file, path), expected) in files.iter().zip(&paths).zip(&expected) {
                file.sync().unwrap();
                for (at, count) in [(0, 100_000), (5_000, 70_000), (4_096, 5), (1, 2 << 20)] {
                    let read = file.read_blocks(at as u64, count).unwrap();
                    assert!(read == expected[at..at + count]);
                }
                assert!(file.read_blocks(file.length() - 10, 100_000).is_err());
                let stored = std::fs::read(path).unwrap();
                assert_eq!(stored.len() as u64, file.length());
                assert!(stored.len() - expected.len() <= BUFFER_BYTES);
                assert!(stored[..expected.len()] == expected[..]);
                assert!(stored[expected.len()..].iter().all(|byte| *byte == 0));
            }
        }
    }

    /// Short writes find zeros to overwrite, so that most of them don't make the file longer.
    #[test]
    fn short_writes_seldom_make_the_file_longer() {
        let folder = tempfile::tempdir().unwrap();
        let file = PagedFile::make(&folder.path().join("file")).unwrap();
        let (mut buffer, mut lengths) = (PageBuffer::new(), std::collections::BTreeSet::new());
        for number in 0..100 {
            let new = bytes(number, 1_000);
            file.write(&mut buffer, [&new[..]].into_iter(), 1_000 * number as u64).unwrap();
            lengths.insert(file.length());
        }
        assert!(lengths.len() <= 8, "{lengths:?}");
    }
}
