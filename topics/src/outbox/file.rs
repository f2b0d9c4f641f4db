//! The outbox's files. Frames go to the newest; an older one is removed when all of its records
//! are in the log.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::{RecordBatch, Topic};

/// A file that has reached this size is followed by a new one.
const FILE_BYTES: u64 = 4 << 20;
const MAGIC: &[u8; 8] = b"ffoutbx1";
const HEADER_BYTES: usize = 16;
const FRAME_HEAD_BYTES: usize = 12;
/// What a record's frame needs besides key and value, with a topic's name of common length.
const RECORD_OVERHEAD: usize = 48;
const RECORD: u8 = 1;
const NOTE: u8 = 2;

/// One file of the outbox.
pub(super) struct OutFile {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    /// The number of the record after its last.
    end: u64,
}

pub(super) struct Files {
    dir: PathBuf,
    files: VecDeque<OutFile>,
    /// The number of the next file.
    number: u64,
    next: u64,
}

impl Files {
    /// Opens the folder; with it the records that are not in the log yet.
    pub(super) fn open(dir: &Path) -> io::Result<(Files, Vec<RecordBatch>)> {
        std::fs::create_dir_all(dir)?;
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            let number = path.file_name().and_then(|name| {
                name.to_str()?.strip_prefix("outbox-")?.strip_suffix(".bin")?.parse::<u64>().ok()
            });
            found.extend(number.map(|number| (number, path)));
        }
        found.sort();
        let mut files = Files {
            dir: dir.to_owned(),
            files: VecDeque::new(),
            number: found.last().map_or(1, |(number, _)| number + 1),
            next: 0,
        };
        let (mut records, mut confirmed) = (Vec::new(), 0);
        for (_, path) in found {
            let bytes = std::fs::read(&path)?;
            let (first, frames) = read(&bytes);
            files.next = files.next.max(first.unwrap_or(0));
            for frame in frames {
                match frame {
                    Frame::Record(topic, partition, key, value) => {
                        records.push((files.next, topic, partition, key.to_vec(), value.to_vec()));
                        files.next += 1;
                    }
                    Frame::Note(end) => confirmed = confirmed.max(end),
                }
            }
            let file = File::options().append(true).open(&path)?;
            let (file, end) = (Arc::new(file), files.next);
            files.files.push_back(OutFile { path, file, bytes: FILE_BYTES, end });
        }
        let mut batch = RecordBatch::new();
        for (number, topic, partition, key, value) in records {
            if number >= confirmed {
                batch.push(topic, partition, &key, &value);
            }
        }
        remove(files.done_until(confirmed));
        Ok((files, if batch.is_empty() { Vec::new() } else { vec![batch] }))
    }

    pub(super) fn next_record(&self) -> u64 {
        self.next
    }

    /// Writes the frames of records ([`frames`]), all of them or none; `end` is the number of the
    /// record after the last.
    pub(super) fn append(&mut self, frames: &[u8], end: u64) -> io::Result<()> {
        self.write(frames)?;
        self.next = end;
        self.files.back_mut().expect("it was just written").end = end;
        Ok(())
    }

    /// Notes that all records before this one are in the log. Returns the files that are done, to be
    /// removed by [`remove`].
    pub(super) fn note(&mut self, end: u64) -> io::Result<Vec<OutFile>> {
        let mut bytes = Vec::with_capacity(32);
        frame(&mut bytes, NOTE, |out| out.extend_from_slice(&end.to_le_bytes()));
        self.write(&bytes)?;
        Ok(self.done_until(end))
    }

    /// The open files, to be synced.
    pub(super) fn handles(&self) -> Vec<Arc<File>> {
        self.files.iter().map(|file| file.file.clone()).collect()
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.files.back().is_none_or(|last| last.bytes >= FILE_BYTES) {
            self.add()?;
        }
        let last = self.files.back_mut().expect("one was added");
        match (&*last.file).write_all(bytes) {
            Ok(()) => {
                last.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // What may have been written of it must not be in front of what comes.
                if last.file.set_len(last.bytes).is_err() {
                    last.bytes = FILE_BYTES;
                }
                Err(error)
            }
        }
    }

    fn add(&mut self) -> io::Result<()> {
        let path = self.dir.join(format!("outbox-{}.bin", self.number));
        let mut header = Vec::with_capacity(HEADER_BYTES);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&self.next.to_le_bytes());
        let mut file = private_file(&path)?;
        file.write_all(&header)?;
        self.number += 1;
        let (file, bytes) = (Arc::new(file), HEADER_BYTES as u64);
        self.files.push_back(OutFile { path, file, bytes, end: self.next });
        Ok(())
    }

    /// Takes out the full files all of whose records are in the log.
    fn done_until(&mut self, confirmed: u64) -> Vec<OutFile> {
        let done = |file: &&OutFile| file.end <= confirmed && file.bytes >= FILE_BYTES;
        let count = self.files.iter().take_while(done).count();
        self.files.drain(..count).collect()
    }
}

/// Removes files whose records are all in the log. Takes as long as the disk wants: not to be called
/// while somebody waits for the outbox.
pub(super) fn remove(files: Vec<OutFile>) {
    for file in files {
        // The note that says so may be in this very file, and what is left of a file that can't be
        // removed would be appended again: so its contents go first.
        let removed = file.file.set_len(0).and_then(|()| std::fs::remove_file(&file.path));
        if let Err(error) = removed {
            tracing::warn!(%error, "a file of the outbox can't be removed");
        }
    }
}

fn private_file(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    File::options().append(true).create_new(true).mode(0o600).open(path)
}

/// Records as they stand in a file.
pub(super) fn frames(batch: &RecordBatch) -> Vec<u8> {
    let mut buffer = Vec::with_capacity(batch.bytes() + batch.len() * RECORD_OVERHEAD);
    for (partition, key, value) in batch.iter() {
        frame(&mut buffer, RECORD, |out| {
            let topic = partition.topic.name().as_bytes();
            out.push(topic.len() as u8);
            out.extend_from_slice(topic);
            out.extend_from_slice(&partition.number.to_le_bytes());
            out.extend_from_slice(&(key.len() as u32).to_le_bytes());
            out.extend_from_slice(key);
            out.extend_from_slice(value);
        });
    }
    buffer
}

fn frame(out: &mut Vec<u8>, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; FRAME_HEAD_BYTES]);
    out.push(kind);
    write(out);
    let body = &out[start + FRAME_HEAD_BYTES..];
    let (length, sum) = (body.len() as u32, xxh3_64(body));
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + FRAME_HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
}

enum Frame<'a> {
    Record(Topic, u32, &'a [u8], &'a [u8]),
    Note(u64),
}

/// The number of a file's first record, and its frames up to the first that is not whole.
fn read(bytes: &[u8]) -> (Option<u64>, Vec<Frame<'_>>) {
    let Some((header, mut rest)) = bytes.split_at_checked(HEADER_BYTES) else {
        return (None, Vec::new());
    };
    if &header[..8] != MAGIC {
        return (None, Vec::new());
    }
    let first = header[8..].first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
    let mut frames = Vec::new();
    while let Some((frame, after)) = next_frame(rest) {
        frames.push(frame);
        rest = after;
    }
    (first, frames)
}

fn next_frame(bytes: &[u8]) -> Option<(Frame<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(FRAME_HEAD_BYTES)?;
    let length = u32::from_le_bytes(*head.first_chunk()?) as usize;
    let (body, rest) = rest.split_at_checked(length)?;
    if u64::from_le_bytes(*head[4..].first_chunk()?) != xxh3_64(body) {
        return None;
    }
    let (kind, body) = body.split_first()?;
    let frame = match *kind {
        NOTE => Frame::Note(u64::from_le_bytes(*body.first_chunk()?)),
        RECORD => {
            let (length, body) = body.split_first()?;
            let (topic, body) = body.split_at_checked(usize::from(*length))?;
            let (partition, body) = body.split_first_chunk()?;
            let (key_bytes, body) = body.split_first_chunk()?;
            let (key, value) = body.split_at_checked(u32::from_le_bytes(*key_bytes) as usize)?;
            let topic = Topic::parse(std::str::from_utf8(topic).ok()?)?;
            Frame::Record(topic, u32::from_le_bytes(*partition), key, value)
        }
        _ => return None,
    };
    Some((frame, rest))
}
