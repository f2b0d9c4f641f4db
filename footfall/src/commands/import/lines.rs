//! The lines of one file, decompressed when it is gzip. Every line is bounded.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result};

/// Bytes of a line. A longer one is skipped.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;
/// Bytes read at once.
pub(super) const BUFFER_BYTES: usize = 256 * 1024;

/// How a line ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// By a line feed.
    Complete,
    /// By the end of the file.
    Cut,
    /// It was longer than a line may be, and was skipped.
    TooLong,
}

/// The lines of one file.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    /// Number of the last line read, from 1.
    pub(super) number: u64,
}

impl Lines {
    /// Opens a file; what is read of it is added to `bytes_read`.
    pub(super) fn open(path: &Path, bytes_read: Arc<AtomicU64>) -> Result<Lines> {
        let file = File::open(path).with_context(|| cant_read(path))?;
        let mut plain = BufReader::with_capacity(BUFFER_BYTES, Counting { file, bytes_read });
        let is_gzip = plain.fill_buf().with_context(|| cant_read(path))?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead + Send> = if is_gzip {
            let decoder = flate2::bufread::MultiGzDecoder::new(plain);
            Box::new(BufReader::with_capacity(BUFFER_BYTES, decoder))
        } else {
            Box::new(plain)
        };
        Ok(Lines { path: path.to_owned(), reader, number: 0 })
    }

    /// Reads the next line into `bytes`, without its end.
    pub(super) fn next(&mut self, bytes: &mut Vec<u8>) -> Result<Option<End>> {
        bytes.clear();
        let mut too_long = false;
        let mut any = false;
        loop {
            let buffer = self.reader.fill_buf().with_context(|| {
                format!("{}, behind line {}", cant_read(&self.path), self.number)
            })?;
            if buffer.is_empty() {
                if !any {
                    return Ok(None);
                }
                self.number += 1;
                return Ok(Some(finish(
                    bytes,
                    self.number,
                    if too_long { End::TooLong } else { End::Cut },
                )));
            }
            any = true;
            let line_feed = buffer.iter().position(|&b| b == b'\n');
            let part = &buffer[..line_feed.unwrap_or(buffer.len())];
            if bytes.len() + part.len() > LINE_BYTES_MAX {
                too_long = true;
                bytes.clear();
            }
            if !too_long {
                bytes.extend_from_slice(part);
            }
            let used = part.len() + usize::from(line_feed.is_some());
            self.reader.consume(used);
            if line_feed.is_some() {
                self.number += 1;
                let end = if too_long { End::TooLong } else { End::Complete };
                return Ok(Some(finish(bytes, self.number, end)));
            }
        }
    }
}

/// Removes a carriage return, and the byte order mark that some editors put at the beginning.
fn finish(bytes: &mut Vec<u8>, number: u64, end: End) -> End {
    if bytes.last() == Some(&b'\r') {
        bytes.pop();
    }
    if number == 1 && bytes.starts_with(b"\xef\xbb\xbf") {
        bytes.drain(..3);
    }
    end
}

pub(super) fn cant_read(path: &Path) -> String {
    format!("{} can't be read", path.display())
}

/// Counts what is read, for the progress bar.
struct Counting {
    file: File,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counting {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.bytes_read.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}
