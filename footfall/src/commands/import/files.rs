//! The files of an import as one sequence of lines, ordered by time.
//!
//! Files may be given in any order and may overlap (the logs of two servers behind one address):
//! the next line is always taken from the file whose next line is the oldest. Within a file the
//! order of the lines stays. A
//! file is opened when its time has come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, ensure};

use super::hit::Unparsable;
use super::ids::Ordinals;
use super::lines::{End, Lines, cant_read};

/// Files of one import.
const FILES_MAX: usize = 10_000;
/// Lines that are looked at to find out when a file begins.
const FIRST_LINES_MAX: usize = 1_000;

/// A line with its place and what it tells.
pub(crate) struct Line<T> {
    /// Index of its file.
    pub(crate) file: usize,
    /// Its number in the file, from 1.
    pub(crate) number: u64,
    /// Its bytes without the line's end.
    pub(crate) bytes: Vec<u8>,
    /// What it tells.
    pub(crate) parsed: Result<T, Unparsable>,
}

/// How the lines of one kind of import are read.
pub(crate) trait Format {
    /// What a line tells.
    type Parsed;
    /// Reads a line.
    fn parse(&self, line: &[u8]) -> Result<Self::Parsed, Unparsable>;
    /// The time of what was read, milliseconds since 1970.
    fn time(parsed: &Self::Parsed) -> i64;
}

/// The lines of all files.
pub(crate) struct Files<F: Format> {
    format: F,
    paths: Arc<[PathBuf]>,
    /// Times after this are mistakes and don't order anything, milliseconds since 1970.
    latest_ms: i64,
    sources: Vec<Option<Source<F::Parsed>>>,
    ordinals: Vec<Ordinals>,
    queue: BinaryHeap<Reverse<(i64, usize)>>,
    bytes_total: u64,
    bytes_read: Arc<AtomicU64>,
}

struct Source<T> {
    lines: Lines,
    next: Option<Line<T>>,
    time: i64,
}

impl<F: Format> Files<F> {
    /// Looks at the beginning of each file. No line can be of a time after `latest_ms`.
    ///
    /// # Errors
    /// When one can't be read.
    pub(crate) fn open(paths: &[PathBuf], format: F, latest_ms: i64) -> Result<Files<F>> {
        ensure!(paths.len() <= FILES_MAX, "{} files, at most {FILES_MAX} at once", paths.len());
        let mut files = Files {
            format,
            paths: paths.into(),
            latest_ms,
            sources: paths.iter().map(|_| None).collect(),
            ordinals: paths.iter().map(|_| Ordinals::default()).collect(),
            queue: BinaryHeap::new(),
            bytes_total: 0,
            bytes_read: Arc::default(),
        };
        for (index, path) in paths.iter().enumerate() {
            let metadata = std::fs::metadata(path).with_context(|| cant_read(path))?;
            ensure!(metadata.is_file(), "{}: it is not a file", cant_read(path));
            files.bytes_total += metadata.len();
            let time = files.first_time(path)?;
            files.queue.push(Reverse((time, index)));
        }
        Ok(files)
    }

    /// The next line; `None` after the last.
    ///
    /// # Errors
    /// When a file can't be read (any more).
    pub(crate) fn next(&mut self) -> Result<Option<Line<F::Parsed>>> {
        while let Some(Reverse((time, index))) = self.queue.pop() {
            let mut source = match self.sources[index].take() {
                Some(source) => source,
                None => {
                    let lines = Lines::open(&self.paths[index], Arc::clone(&self.bytes_read))?;
                    let mut source = Source { lines, next: None, time };
                    self.read_ahead(index, &mut source)?;
                    source
                }
            };
            let Some(line) = source.next.take() else { continue };
            self.read_ahead(index, &mut source)?;
            self.queue.push(Reverse((source.time, index)));
            self.sources[index] = Some(source);
            return Ok(Some(line));
        }
        Ok(None)
    }

    /// How many lines of this line's file, before it, were equal to it. To be asked once for a
    /// line, in order.
    pub(crate) fn ordinal(&mut self, line: &Line<F::Parsed>) -> u32 {
        self.ordinals[line.file].next(&line.bytes)
    }

    /// The files, by their index.
    pub(crate) fn paths(&self) -> Arc<[PathBuf]> {
        Arc::clone(&self.paths)
    }

    /// Bytes of all files, and bytes read so far (before decompression).
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.bytes_total, self.bytes_read.load(Ordering::Relaxed))
    }

    fn first_time(&self, path: &Path) -> Result<i64> {
        let mut lines = Lines::open(path, Arc::default())?;
        let mut bytes = Vec::new();
        for _ in 0..FIRST_LINES_MAX {
            let Some(end) = lines.next(&mut bytes)? else { break };
            if end == End::Complete
                && let Ok(parsed) = self.format.parse(&bytes)
                && F::time(&parsed) <= self.latest_ms
            {
                return Ok(F::time(&parsed));
            }
        }
        // Nothing to order it by: it comes first, and all its lines are reported.
        Ok(i64::MIN)
    }

    fn read_ahead(&self, file: usize, source: &mut Source<F::Parsed>) -> Result<()> {
        let mut bytes = Vec::with_capacity(256);
        while let Some(end) = source.lines.next(&mut bytes)? {
            if bytes.is_empty() && end != End::TooLong {
                continue;
            }
            let parsed = match end {
                End::TooLong => Err(Unparsable::TooLong),
                // A JSON object that parses is complete; any other line may go on.
                End::Cut if bytes[0] != b'{' => Err(Unparsable::Unterminated),
                End::Complete | End::Cut => self.format.parse(&bytes),
            };
            if let Ok(parsed) = &parsed
                && F::time(parsed) <= self.latest_ms
            {
                source.time = source.time.max(F::time(parsed));
            }
            source.next = Some(Line { file, number: source.lines.number, bytes, parsed });
            return Ok(());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::super::lines::{BUFFER_BYTES, LINE_BYTES_MAX};
    use super::*;

    /// Lines that are a time and a text; anything else does not parse.
    struct Numbers;

    impl Format for Numbers {
        type Parsed = i64;
        fn parse(&self, line: &[u8]) -> Result<i64, Unparsable> {
            let text = std::str::from_utf8(line).map_err(|_| Unparsable::Form)?;
            let number = text.split(' ').next().unwrap_or("");
            number.parse().map_err(|_| Unparsable::Form)
        }
        fn time(parsed: &i64) -> i64 {
            *parsed
        }
    }

    fn check(files: &[&[u8]]) -> Vec<(usize, u64, String)> {
        let folder = tempfile::tempdir().unwrap();
        let paths: Vec<PathBuf> = files
            .iter()
            .enumerate()
            .map(|(i, content)| {
                let path = folder.path().join(i.to_string());
                std::fs::write(&path, content).unwrap();
                path
            })
            .collect();
        let mut files = Files::open(&paths, Numbers, 1_000).unwrap();
        let mut seen = Vec::new();
        while let Some(line) = files.next().unwrap() {
            let what = match line.parsed {
                Ok(number) => number.to_string(),
                Err(error) => error.as_str().to_owned(),
            };
            seen.push((line.file, line.number, what));
        }
        let (total, read) = files.progress();
        assert_eq!(total, read);
        seen
    }

    fn names(seen: &[(usize, u64, String)]) -> Vec<&str> {
        seen.iter().map(|(_, _, what)| what.as_str()).collect()
    }

    #[test]
    fn files_are_merged_by_time_and_keep_their_own_order() {
        let seen = check(&[b"50 a\n40 b\n90 c\n", b"10 x\n60 y\n", b""]);
        assert_eq!(names(&seen), ["10", "50", "40", "60", "90"]);
        assert_eq!(seen[2], (0, 2, "40".to_owned()));
    }

    #[test]
    fn a_time_in_the_far_future_does_not_hold_its_file_back() {
        let seen = check(&[b"10 a\n9999 b\n20 c\n", b"15 x\n30 y\n"]);
        assert_eq!(names(&seen), ["10", "9999", "15", "20", "30"]);
    }

    #[test]
    fn line_ends_blank_lines_marks_and_cut_lines() {
        let seen = check(&[b"\xef\xbb\xbf1 a\r\n\r\n\n2 b\nnope\n3 c"]);
        assert_eq!(names(&seen), ["1", "2", "unknown_format", "unterminated"]);
        assert_eq!(seen[1].1, 4);
    }

    #[test]
    fn giant_lines_are_skipped_without_keeping_them() {
        let mut content = b"1 a\n".to_vec();
        content.extend(std::iter::repeat_n(b'x', 3 * BUFFER_BYTES));
        content.extend_from_slice(b"\n2 b\n");
        content.extend(std::iter::repeat_n(b'y', LINE_BYTES_MAX + 1));
        assert_eq!(names(&check(&[&content])), ["1", "too_long", "2", "too_long"]);
    }

    #[test]
    fn gzip_of_several_members_is_one_file_and_a_torn_one_is_an_error() {
        let gzip = |text: &[u8]| {
            let mut encoder =
                flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        let mut both = gzip(b"1 a\n2 b\n");
        both.extend(gzip(b"3 c\n"));
        assert_eq!(names(&check(&[&both])), ["1", "2", "3"]);

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("torn.gz");
        std::fs::write(&path, &both[..both.len() - 12]).unwrap();
        let mut files = Files::open(&[path], Numbers, 1_000).unwrap();
        let error = loop {
            match files.next() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the end was not noticed"),
                Err(error) => break error,
            }
        };
        assert!(error.to_string().contains("torn.gz"), "{error:#}");
    }

    #[test]
    fn a_missing_file_and_a_folder_are_named() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("nope"), folder.path().to_owned()] {
            let error = Files::open(std::slice::from_ref(&path), Numbers, 1_000).err().unwrap();
            assert!(error.to_string().contains(&path.display().to_string()), "{error}");
        }
    }
}
