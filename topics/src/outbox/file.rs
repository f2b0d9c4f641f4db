//! The outbox's files. Frames go to the newest. An older one is free when all of its records are in
//! the log, and is written over from its start: making a file longer, and removing one, holds up who
//! writes for longer than a thousand writes into room that is there. What nobody needs goes when
//! there is nothing to do.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::frames::{self, Frame, Frames, HEADER_BYTES};
use crate::RecordBatch;

/// A file that has reached this size is followed by a new one.
const FILE_BYTES: u64 = 4 << 20;
/// So many free files are kept: two batches can be on their way to the log while a third comes.
const FREE_MAX: usize = 2;

/// One file of the outbox.
pub(super) struct OutFile {
    path: PathBuf,
    file: Arc<File>,
    bytes: u64,
    /// The number of the record after its last.
    end: u64,
    /// Behind its frames there are some of an earlier use.
    used_before: bool,
}

pub(super) struct Files {
    dir: PathBuf,
    files: VecDeque<OutFile>,
    /// Files without records, to be used again.
    free: Vec<OutFile>,
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
        let mut files = Files {
            dir: dir.to_owned(),
            files: VecDeque::new(),
            free: Vec::new(),
            number: found.iter().map(|(number, _)| number + 1).max().unwrap_or(1),
            next: 0,
        };
        let read_all = found.into_iter().map(|(_, path)| Ok((std::fs::read(&path)?, path)));
        let mut found = read_all.collect::<io::Result<Vec<_>>>()?;
        found.sort_by_key(|(bytes, _)| frames::first_record(bytes));
        let (mut records, mut confirmed) = (Vec::new(), 0);
        for (bytes, path) in found {
            files.next = files.next.max(frames::first_record(&bytes).unwrap_or(0));
            for frame in frames::read(&bytes) {
                match frame {
                    Frame::Record(topic, partition, key, value) => {
                        records.push((files.next, topic, partition, key.to_vec(), value.to_vec()));
                        files.next += 1;
                    }
                    Frame::Note(end) => confirmed = confirmed.max(end),
                }
            }
            let file = Arc::new(File::options().write(true).open(&path)?);
            let end = files.next;
            files.files.push_back(OutFile {
                path,
                file,
                bytes: FILE_BYTES,
                end,
                used_before: false,
            });
        }
        let mut batch = RecordBatch::new();
        for (number, topic, partition, key, value) in records {
            if number >= confirmed {
                batch.push(topic, partition, &key, &value);
            }
        }
        let done = files.done_until(confirmed);
        remove(files.keep(free(done)));
        Ok((files, if batch.is_empty() { Vec::new() } else { vec![batch] }))
    }

    pub(super) fn next_record(&self) -> u64 {
        self.next
    }

    /// Writes the frames of records, all of them or none.
    pub(super) fn append(&mut self, mut frames: Frames) -> io::Result<()> {
        let end = frames.number(self.next);
        self.write(frames.bytes())?;
        self.next = end;
        self.files.back_mut().expect("it was just written").end = end;
        Ok(())
    }

    /// Notes that all records before this one are in the log. Returns the files that are done, to be
    /// made free by [`free`].
    pub(super) fn note(&mut self, end: u64) -> io::Result<Vec<OutFile>> {
        let mut note = Frames::note(end);
        note.number(self.next);
        self.write(note.bytes())?;
        Ok(self.done_until(end))
    }

    /// Keeps some free files for later. Returns the others, to be removed by [`remove`].
    pub(super) fn keep(&mut self, files: Vec<OutFile>) -> Vec<OutFile> {
        self.free.extend(files);
        self.free.drain(..self.free.len().saturating_sub(FREE_MAX)).collect()
    }

    /// Gives up what was kept for later: for a time without records. Returns the files that were
    /// free, to be removed by [`remove`].
    pub(super) fn trim(&mut self) -> Vec<OutFile> {
        if let Some(last) = self.files.back_mut().filter(|last| last.used_before) {
            // If it fails, what is there stays there; it is not read.
            last.used_before = last.file.set_len(last.bytes).is_err();
        }
        std::mem::take(&mut self.free)
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
        match last.file.write_all_at(bytes, last.bytes) {
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
        let mut fresh = match self.free.pop() {
            Some(free) => free,
            None => self.make()?,
        };
        let begun = fresh.begin(self.next);
        // On a full disk it is tried again, not one more file made each time.
        if begun.is_ok() {
            self.files.push_back(fresh)
        } else {
            self.free.push(fresh)
        }
        begun
    }

    fn make(&mut self) -> io::Result<OutFile> {
        let path = self.dir.join(format!("outbox-{}.bin", self.number));
        let file = File::options().write(true).create_new(true).mode(0o600).open(&path)?;
        self.number += 1;
        Ok(OutFile { path, file: Arc::new(file), bytes: 0, end: 0, used_before: false })
    }

    /// Takes out the full files all of whose records are in the log.
    fn done_until(&mut self, confirmed: u64) -> Vec<OutFile> {
        let done = |file: &&OutFile| file.end <= confirmed && file.bytes >= FILE_BYTES;
        let count = self.files.iter().take_while(done).count();
        self.files.drain(..count).collect()
    }
}

impl OutFile {
    /// From now on its first record has this number, and it has none yet: what is in it has lower
    /// numbers.
    fn begin(&mut self, first: u64) -> io::Result<()> {
        self.file.write_all_at(&frames::header(first), 0)?;
        self.bytes = HEADER_BYTES as u64;
        self.end = first;
        Ok(())
    }
}

/// Makes files free whose records are all in the log. This may take as long as the disk wants: not
/// to be called while somebody waits for the outbox.
pub(super) fn free(files: Vec<OutFile>) -> Vec<OutFile> {
    let mut free = Vec::with_capacity(files.len());
    for mut file in files {
        file.used_before = true;
        // The note that says so may be in this very file, so its records must not count any more.
        match file.begin(file.end) {
            Ok(()) => free.push(file),
            Err(error) => {
                tracing::warn!(%error, "a file of the outbox can't be used again");
                remove(vec![file]);
            }
        }
    }
    free
}

/// Removes files. Takes as long as the disk wants, as [`free`] does.
pub(super) fn remove(files: Vec<OutFile>) {
    for file in files {
        // What is left of a file that can't be removed would be appended again: so its contents go
        // first.
        let removed = file.file.set_len(0).and_then(|()| std::fs::remove_file(&file.path));
        if let Err(error) = removed {
            tracing::warn!(%error, "a file of the outbox can't be removed");
        }
    }
}
