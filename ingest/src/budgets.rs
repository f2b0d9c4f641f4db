//! Which campaigns have used up their budgets, by the topic `ad-performance`.
//!
//! Followed on a thread of its own. At the start it is not waited for: a click of the first moment
//! may count although the budget is used up, which is better than no redirect.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use footfall_event::ads::Performance;
use footfall_topics::{Chunk, Log, LogError, Partition, Reader, Topic};

const POLL_BYTES: usize = 1 << 20;
const POLL_TIMEOUT: Duration = Duration::from_secs(1);

/// The campaigns that may not spend more now.
pub(crate) struct Budgets {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    used_up: ArcSwap<HashSet<String>>,
    ended: AtomicBool,
}

impl Budgets {
    /// Follows the topic from its beginning.
    pub(crate) fn follow(log: &Arc<dyn Log>) -> Result<Budgets, LogError> {
        let mut reader = log.reader()?;
        for number in 0..log.partitions(Topic::AdPerformance) {
            reader.assign(Partition { topic: Topic::AdPerformance, number }, 0)?;
        }
        let shared = Arc::new(Shared::default());
        let thread_shared = shared.clone();
        std::thread::Builder::new()
            .name("budgets".to_owned())
            .spawn(move || thread_shared.run(reader))
            .map_err(|error| LogError::Storage(error.to_string()))?;
        Ok(Budgets { shared })
    }

    /// The ids of the campaigns.
    pub(crate) fn used_up(&self) -> Arc<HashSet<String>> {
        self.shared.used_up.load_full()
    }
}

impl Drop for Budgets {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
    }
}

impl Shared {
    fn run(&self, mut reader: Box<dyn Reader>) {
        while !self.ended.load(Ordering::Acquire) {
            match reader.poll(POLL_BYTES, POLL_TIMEOUT) {
                Ok(chunks) => self.apply(&chunks),
                Err(LogError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "the campaigns' budgets can't be followed; trying again");
                    std::thread::sleep(POLL_TIMEOUT);
                }
            }
        }
    }

    fn apply(&self, chunks: &[Chunk]) {
        let campaigns = chunks
            .iter()
            .flat_map(Chunk::iter)
            .filter_map(|record| Some((record.key.strip_prefix(b"campaign/")?, record.value)));
        let mut changed: Option<HashSet<String>> = None;
        for (id, value) in campaigns {
            let id = String::from_utf8_lossy(id);
            let paused = match serde_json::from_slice(value) {
                Ok(Performance::Campaign(state)) => state.paused.is_some(),
                _ if value.is_empty() => false,
                _ => {
                    tracing::error!(campaign = %id, "skipping an unreadable state of a campaign");
                    continue;
                }
            };
            let now = self.used_up.load();
            if changed.as_ref().unwrap_or(&now).contains(&*id) == paused {
                continue;
            }
            let used_up = changed.get_or_insert_with(|| HashSet::clone(&now));
            if paused {
                used_up.insert(id.into_owned());
            } else {
                used_up.remove(&*id);
            }
        }
        if let Some(used_up) = changed {
            self.used_up.store(Arc::new(used_up));
        }
    }
}
