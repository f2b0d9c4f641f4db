//! Records that are with the operating system at once, and in the log a moment later.
//!
//! Who must not wait for a disk or a broker (a click's redirect) puts records here. They are
//! written to a file in the same call, so they survive the process; a thread appends them to the
//! log, which syncs them. If the log takes longer than a moment, the file is synced instead. What a
//! process left behind is appended at the next start, before anything else.
//!
//! Delivery is at least once: a process that ends between the log's acknowledgement and its note
//! in the file appends the same records again. Their ids tell.
//!
//! # The files
//!
//! `outbox-N.bin`, each a header with the number of its first record, and frames: a length (`u32`),
//! an XXH3 of the rest plus the number of the next record (`u64`), a kind. A record has topic,
//! partition, key and value; a note says up to which record all is in the log. A frame that is torn
//! or damaged ends its file: the call that wrote it did not return. So does one with another number:
//! files are used again, and behind what is new in one there is what was there before.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::{AppendError, Log, LogError, RecordBatch};

mod file;
mod forward;
mod frames;

use file::Files;
use frames::Frames;

/// Where an outbox is kept, and how much may wait in it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Its folder; made if missing.
    pub dir: PathBuf,
    /// Bytes of records that may wait, in memory and in files; more are refused.
    pub bytes_max: usize,
    /// While the log does not take what was put, the files are synced this often.
    pub sync_after: Duration,
}

impl Settings {
    /// Settings for a folder, everything else as by default.
    pub fn new(dir: impl Into<PathBuf>) -> Settings {
        Settings { dir: dir.into(), bytes_max: 64 << 20, sync_after: Duration::from_millis(8) }
    }
}

/// The outbox of one process.
pub struct Outbox {
    inner: Arc<Inner>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct Inner {
    log: Arc<dyn Log>,
    settings: Settings,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    files: Files,
    /// Not taken by the forwarder yet. What is put is copied behind what waits: batches of their own
    /// would have to be freed one by one by another thread than the one that made them.
    waiting: VecDeque<RecordBatch>,
    waiting_bytes: usize,
    /// Bytes that the forwarder has taken and the log has not acknowledged.
    taken_bytes: usize,
    /// An emptied batch whose memory the next one gets.
    spare: Option<RecordBatch>,
    /// The number of the next record.
    next: u64,
    /// All records before this one are in the log.
    confirmed: u64,
    /// Whether the files hold something that is neither synced nor in the log.
    unsynced: bool,
    closed: bool,
}

impl Outbox {
    /// Opens the outbox and appends to the log what an earlier process left in it.
    ///
    /// # Errors
    /// When the folder can't be used.
    pub fn open(log: Arc<dyn Log>, settings: Settings) -> Result<Arc<Outbox>, LogError> {
        let (files, left) = Files::open(&settings.dir)
            .map_err(|error| LogError::Storage(format!("{}: {error}", settings.dir.display())))?;
        let next = files.next_record();
        let records = left.iter().map(RecordBatch::len).sum::<usize>() as u64;
        let confirmed = next - records;
        let waiting_bytes = left.iter().map(RecordBatch::bytes).sum();
        if records > 0 {
            tracing::info!(records, "records of an earlier process are appended to the log");
        }
        let state = State {
            files,
            waiting: left.into(),
            waiting_bytes,
            taken_bytes: 0,
            spare: None,
            next,
            confirmed,
            unsynced: records > 0,
            closed: false,
        };
        let inner =
            Arc::new(Inner { log, settings, state: Mutex::new(state), changed: Condvar::new() });
        let thread = {
            let inner = inner.clone();
            std::thread::Builder::new()
                .name("outbox".to_owned())
                .spawn(move || forward::run(&inner))
                .map_err(|error| LogError::Storage(error.to_string()))?
        };
        Ok(Arc::new(Outbox { inner, thread: Mutex::new(Some(thread)) }))
    }

    /// Takes records. When this returns, the operating system has them: they will be in the log
    /// even if the process ends now. Takes some microseconds; never waits for a disk or a broker.
    ///
    /// # Errors
    /// When too much is waiting, the file can't be written, or the outbox is closed. Nothing of the
    /// batch is stored then.
    pub fn put(&self, batch: &RecordBatch) -> Result<(), AppendError> {
        // Nobody else has to wait for what can be done before it is our turn.
        let frames = Frames::of(batch);
        let mut state = self.inner.state();
        if state.closed {
            return Err(AppendError::Closed);
        }
        if state.waiting_bytes + state.taken_bytes + batch.bytes() > self.inner.settings.bytes_max {
            return Err(AppendError::Busy);
        }
        let end = state.next + batch.len() as u64;
        state.files.append(frames).map_err(|error| match error.kind() {
            std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                AppendError::Full("the disk is full: make room".to_owned())
            }
            _ => AppendError::Unavailable(format!("the outbox can't be written: {error}")),
        })?;
        state.next = end;
        state.unsynced = true;
        let is_first = state.waiting.is_empty();
        state.wait(batch);
        drop(state);
        if is_first {
            self.inner.changed.notify_all();
        }
        Ok(())
    }

    /// Records that the log has not acknowledged yet.
    pub fn waiting(&self) -> u64 {
        let state = self.inner.state();
        state.next - state.confirmed
    }

    /// Ends the thread after what waits is in the log, at most after `timeout`; what is left stays
    /// for the next start. [`Outbox::put`] fails after this. To be called before the log is closed.
    pub fn close(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut state = self.inner.state();
        while state.confirmed < state.next && !state.closed && Instant::now() < deadline {
            let tick = Duration::from_millis(20);
            let waited = self.inner.changed.wait_timeout(state, tick);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.closed = true;
        drop(state);
        self.inner.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the outbox's thread panicked");
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.close(Duration::from_secs(5));
    }
}

impl State {
    /// Copies a batch behind what waits.
    fn wait(&mut self, batch: &RecordBatch) {
        self.waiting_bytes += batch.bytes();
        let fits = |last: &&mut RecordBatch| last.bytes() + batch.bytes() <= forward::BATCH_BYTES;
        if let Some(last) = self.waiting.back_mut().filter(fits) {
            return last.extend(batch);
        }
        let mut fresh = self.spare.take().unwrap_or_default();
        fresh.extend(batch);
        self.waiting.push_back(fresh);
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
