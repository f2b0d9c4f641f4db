//! A shard's snapshots: when they are made, and by whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use footfall_event::Topic;
use footfall_topics::Partition;

use super::Running;
use crate::metrics;
use crate::shard::Stage;
use crate::shard::snapshots::{self, Side};

/// The snapshot on its way or last made.
pub(super) struct Saved {
    seq: u64,
    at: Instant,
    busy: Arc<AtomicBool>,
}

impl Saved {
    /// The last one was, or could have been, of this batch.
    pub(super) fn at(seq: u64) -> Saved {
        Saved { seq, at: Instant::now(), busy: Arc::default() }
    }
}

impl<S: Stage> Running<'_, S> {
    pub(super) fn save_if_due(&mut self) {
        let interval = Duration::from_secs(self.settings.snapshot_interval_s);
        if self.saved.at.elapsed() < interval || self.saved.busy.load(Ordering::Acquire) {
            return;
        }
        let Some(job) = self.snapshot() else { return };
        let busy = Arc::clone(&self.saved.busy);
        busy.store(true, Ordering::Release);
        // The state was copied; storing it may take as long as it wants beside the next batches.
        let spawned = std::thread::Builder::new()
            .name(format!("{}-{}-save", self.group, self.shard))
            .spawn(move || {
                job();
                busy.store(false, Ordering::Release);
            });
        if spawned.is_err() {
            self.saved.busy.store(false, Ordering::Release);
        }
    }

    /// On the way out: so that the next owner has nothing to replay.
    pub(super) fn save_now(&mut self) {
        let until = Instant::now() + Duration::from_secs(2);
        while self.saved.busy.load(Ordering::Acquire) {
            if Instant::now() > until {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        if let Some(job) = self.snapshot() {
            job();
        }
    }

    /// Copies the state; the result stores it.
    fn snapshot(&mut self) -> Option<impl FnOnce() + Send + 'static> {
        if self.seq == self.saved.seq {
            return None;
        }
        let batches = Partition { topic: Topic::Batches, number: self.shard };
        let batches_from = self.log.offsets(batches).ok()?.end;
        let side = self.side.map_or(Side::A, Side::other);
        self.side = Some(side);
        self.saved.seq = self.seq;
        self.saved.at = Instant::now();
        let (log, group, shard) = (Arc::clone(&self.log), self.group, self.shard);
        let what = (self.seq, self.ends.clone(), batches_from);
        let state = self.stage.snapshot();
        Some(move || {
            let began = Instant::now();
            match snapshots::save(log.as_ref(), (group, shard, side), what, &state) {
                Ok(()) => metrics::saved(group, state.len(), began.elapsed()),
                Err(error) => tracing::warn!(group, shard, %error, "snapshot not stored"),
            }
        })
    }
}
