//! The outbox's thread: brings what waits to the log, one batch at a time, in order.

use std::sync::{PoisonError, mpsc};
use std::time::{Duration, Instant};

use super::{Inner, file};
use crate::{AppendError, RecordBatch};

/// Bytes appended to the log at once. Larger batches keep a processor busy for longer than whoever
/// waits for the next redirect should notice.
pub(super) const BATCH_BYTES: usize = 256 << 10;
/// What comes within this time goes to the log together: a wake-up and a write for each click would
/// take the processor from who answers the next one. Together with the time after which the files are
/// synced ([`Settings::sync_after`](super::Settings)) it leaves the disk some milliseconds of 20.
const GATHER: Duration = Duration::from_millis(8);
/// Pause before a batch that the log did not take is tried again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);
const TICK: Duration = Duration::from_millis(500);

pub(super) fn run(inner: &Inner) {
    while let Some(mut batch) = next(inner) {
        let bytes = batch.bytes();
        if !deliver(inner, &batch) {
            return;
        }
        let records = batch.len() as u64;
        batch.clear();
        let mut state = inner.state();
        state.taken_bytes -= bytes;
        state.spare = Some(batch);
        let end = state.confirmed + records;
        state.confirmed = end;
        state.unsynced &= !state.waiting.is_empty();
        let done = state.files.note(end).unwrap_or_else(|error| {
            // It is appended once more at the next start, and found as a repeat.
            tracing::warn!(%error, "the outbox can't note what is in the log");
            Vec::new()
        });
        drop(state);
        inner.changed.notify_all();
        if !done.is_empty() {
            let free = file::free(done);
            let too_many = inner.state().files.keep(free);
            file::remove(too_many);
        }
    }
    trim(inner);
}

/// Gives up what was kept for records that don't come.
fn trim(inner: &Inner) {
    let spare = inner.state().files.trim();
    file::remove(spare);
}

/// The first batch that waits, with what came within a moment after it. `None` when closed.
fn next(inner: &Inner) -> Option<RecordBatch> {
    let mut state = inner.state();
    while !state.closed && state.waiting.is_empty() {
        let waited = inner.changed.wait_timeout(state, TICK);
        let (still, timed) = waited.unwrap_or_else(PoisonError::into_inner);
        state = still;
        if timed.timed_out() && state.waiting.is_empty() {
            drop(state);
            trim(inner);
            state = inner.state();
        }
    }
    if !state.closed && state.waiting_bytes < BATCH_BYTES {
        drop(state);
        std::thread::sleep(GATHER);
        state = inner.state();
    }
    if state.closed {
        return None;
    }
    let batch = state.waiting.pop_front().expect("something waits");
    state.waiting_bytes -= batch.bytes();
    state.taken_bytes += batch.bytes();
    Some(batch)
}

/// Appends a batch until the log has it. `false` when the outbox is closed before that.
fn deliver(inner: &Inner, batch: &RecordBatch) -> bool {
    loop {
        let (sender, receiver) = mpsc::sync_channel(1);
        inner.log.append(batch.clone(), Box::new(move |result| drop(sender.send(result))));
        match outcome(inner, &receiver) {
            Some(Ok(())) => return true,
            Some(Err(AppendError::TooLarge(bytes))) => {
                // It can't have been made by us; waiting would not make it smaller.
                tracing::error!(bytes, "a record is larger than the log takes: it is dropped");
                return true;
            }
            Some(Err(error)) => {
                tracing::debug!(%error, "the log does not take the outbox's records");
                if !pause(inner) {
                    return false;
                }
            }
            None => return false,
        }
    }
}

/// The log's answer. While it takes its time, the file is synced. `None` when the outbox is closed.
fn outcome(
    inner: &Inner,
    receiver: &mpsc::Receiver<Result<(), AppendError>>,
) -> Option<Result<(), AppendError>> {
    loop {
        match receiver.recv_timeout(inner.settings.sync_after) {
            Ok(result) => return Some(result),
            Err(mpsc::RecvTimeoutError::Disconnected) => return Some(Err(AppendError::Closed)),
            Err(mpsc::RecvTimeoutError::Timeout) => sync(inner),
        }
        if inner.state().closed {
            return None;
        }
    }
}

/// Waits before the next try. `false` when the outbox is closed before that.
fn pause(inner: &Inner) -> bool {
    let until = Instant::now() + RETRY_PAUSE;
    while Instant::now() < until {
        std::thread::sleep(inner.settings.sync_after);
        sync(inner);
        if inner.state().closed {
            return false;
        }
    }
    true
}

/// Syncs the files, without holding up who puts records in, if they hold something that is neither
/// synced nor in the log.
fn sync(inner: &Inner) {
    let files = {
        let mut state = inner.state();
        if !std::mem::take(&mut state.unsynced) {
            return;
        }
        state.files.handles()
    };
    for file in files {
        if let Err(error) = file.sync_data() {
            tracing::error!(%error, "the outbox can't be synced");
        }
    }
}
