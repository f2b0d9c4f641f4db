//! Membership: one thread per group that learns which shards are this process's, and one thread per
//! shard that works on it.
//!
//! The membership thread never waits long for a shard: a shard that is revoked gets a moment to
//! commit what it has; if it takes longer, its commit is refused by the log (the next owner's
//! opening fences it) and nothing is lost or doubled.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use footfall_topics::{Log, Membership, Ownership, ShardOpener};
use tokio_util::sync::CancellationToken;

/// How long a revoked shard may take to commit its last work.
const REVOKE_WAIT: Duration = Duration::from_millis(1_500);

/// How long the shards may take to end when the process does.
const FINISH_WAIT: Duration = Duration::from_secs(20);

/// A shard that ended by itself is tried again after this, if it is still ours.
const RESTART_AFTER: Duration = Duration::from_millis(1_500);

const POLL: Duration = Duration::from_millis(50);

const RUN: u8 = 0;
const FINISH: u8 = 1;
const DROP: u8 = 2;

/// What a shard's thread is told.
#[derive(Debug, Default)]
pub(crate) struct Signal(AtomicU8);

impl Signal {
    /// Commit what is at hand and end.
    pub(crate) fn finish(&self) {
        self.0.fetch_max(FINISH, Ordering::Relaxed);
    }

    /// End; the shard belongs to somebody else.
    pub(crate) fn abandon(&self) {
        self.0.fetch_max(DROP, Ordering::Relaxed);
    }

    /// Whether to go on.
    pub(crate) fn is_running(&self) -> bool {
        self.0.load(Ordering::Relaxed) == RUN
    }

    /// Whether even a last commit is pointless.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Relaxed) == DROP
    }

    /// Sleeps, but not past an order to stop. Whether to go on.
    pub(crate) fn sleep(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        while self.is_running() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10).min(time));
        }
        self.is_running()
    }
}

/// Why a shard's work ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ended {
    /// Somebody else has it.
    #[error("the shard has another owner: {0}")]
    Lost(String),
    /// Something that may pass by itself.
    #[error("{0}")]
    Failed(String),
}

impl From<footfall_topics::LogError> for Ended {
    fn from(error: footfall_topics::LogError) -> Ended {
        Ended::Failed(error.to_string())
    }
}

impl From<footfall_topics::CommitError> for Ended {
    fn from(error: footfall_topics::CommitError) -> Ended {
        match error {
            footfall_topics::CommitError::Lost(why) => Ended::Lost(why),
            other => Ended::Failed(other.to_string()),
        }
    }
}

/// What is done with a shard.
pub(crate) trait Worker: Send + Sync + 'static {
    /// The group's name.
    fn group(&self) -> &'static str;

    /// Works on one shard until the signal says stop.
    ///
    /// # Errors
    /// When it had to end before.
    fn run(&self, shard: u32, opener: &dyn ShardOpener, signal: &Signal) -> Result<(), Ended>;

    /// Called now and then with the shards held, to publish how far they are.
    fn observe(&self, shards: &[u32]);
}

struct Running {
    signal: Arc<Signal>,
    thread: JoinHandle<()>,
}

#[derive(Default)]
struct Held {
    owned: bool,
    running: Option<Running>,
    start_at: Option<Instant>,
}

struct Group<W> {
    worker: Arc<W>,
    shards: BTreeMap<u32, Held>,
    observed_at: Instant,
}

/// Runs a worker on every shard that this process owns, until `shutdown`. Blocks.
pub(crate) fn run<W: Worker>(log: &dyn Log, worker: &Arc<W>, shutdown: &CancellationToken) {
    let mut group =
        Group { worker: Arc::clone(worker), shards: BTreeMap::new(), observed_at: Instant::now() };
    while !shutdown.is_cancelled() {
        match log.join(worker.group()) {
            Ok(mut membership) => group.follow(membership.as_mut(), shutdown),
            Err(error) => tracing::warn!(group = worker.group(), %error, "can't join the group"),
        }
        if !shutdown.is_cancelled() {
            std::thread::sleep(RESTART_AFTER);
        }
    }
}

impl<W: Worker> Group<W> {
    fn follow(&mut self, membership: &mut dyn Membership, shutdown: &CancellationToken) {
        let opener = membership.opener();
        while !shutdown.is_cancelled() {
            match membership.poll(POLL) {
                Ok(changes) => self.apply(&changes),
                Err(error) => {
                    tracing::warn!(group = self.worker.group(), %error, "membership lost");
                    break;
                }
            }
            self.tend(&opener);
        }
        self.end_all(membership, shutdown.is_cancelled());
    }

    fn apply(&mut self, changes: &[Ownership]) {
        for change in changes {
            tracing::debug!(group = self.worker.group(), ?change, "ownership");
            let (Ownership::Gained(shard) | Ownership::Revoked(shard) | Ownership::Lost(shard)) =
                *change;
            let held = self.shards.entry(shard).or_default();
            held.owned = matches!(change, Ownership::Gained(_));
            held.start_at = None;
            if let Some(running) = &held.running {
                match change {
                    Ownership::Revoked(_) => running.signal.finish(),
                    // A new ownership needs a new opening: what still runs belongs to the old one.
                    Ownership::Gained(_) | Ownership::Lost(_) => running.signal.abandon(),
                }
            }
        }
        if changes.iter().any(|change| matches!(change, Ownership::Revoked(_))) {
            self.wait_for_revoked();
        }
    }

    fn wait_for_revoked(&mut self) {
        let until = Instant::now() + REVOKE_WAIT;
        let busy = |held: &Held| {
            !held.owned
                && held.running.as_ref().is_some_and(|running| !running.thread.is_finished())
        };
        while self.shards.values().any(busy) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Takes leave of threads that ended, and starts what should run.
    fn tend(&mut self, opener: &Arc<dyn ShardOpener>) {
        let now = Instant::now();
        for (&shard, held) in &mut self.shards {
            if held.running.as_ref().is_some_and(|running| running.thread.is_finished()) {
                let stopped = held.running.take().map(|running| {
                    let told = !running.signal.is_running();
                    (told, running.thread.join())
                });
                if let Some((false, outcome)) = stopped {
                    if outcome.is_err() {
                        tracing::error!(group = self.worker.group(), shard, "a shard panicked");
                    }
                    held.start_at = Some(now + RESTART_AFTER);
                }
            }
            let due = held.start_at.is_none_or(|at| at <= now);
            if held.owned && held.running.is_none() && due {
                held.running = start(&self.worker, shard, opener);
                held.start_at = Some(now + RESTART_AFTER);
            }
        }
        self.shards.retain(|_, held| held.owned || held.running.is_some());
        if now.duration_since(self.observed_at) > Duration::from_secs(1) {
            self.observed_at = now;
            let owned: Vec<u32> = self
                .shards
                .iter()
                .filter(|(_, held)| held.owned)
                .map(|(&shard, _)| shard)
                .collect();
            self.worker.observe(&owned);
        }
    }

    /// Ends all shards, still a member meanwhile: otherwise their last commits would be refused.
    fn end_all(&mut self, membership: &mut dyn Membership, gracefully: bool) {
        for held in self.shards.values().filter_map(|held| held.running.as_ref()) {
            if gracefully { held.signal.finish() } else { held.signal.abandon() }
        }
        let until = Instant::now() + FINISH_WAIT;
        while self
            .shards
            .values()
            .any(|held| held.running.as_ref().is_some_and(|running| !running.thread.is_finished()))
        {
            if Instant::now() > until {
                tracing::warn!(group = self.worker.group(), "shards still busy; leaving them");
                return;
            }
            if membership.poll(Duration::from_millis(10)).is_err() {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        self.shards.clear();
    }
}

fn start<W: Worker>(worker: &Arc<W>, shard: u32, opener: &Arc<dyn ShardOpener>) -> Option<Running> {
    let signal = Arc::new(Signal::default());
    let (worker, opener, told) = (Arc::clone(worker), Arc::clone(opener), Arc::clone(&signal));
    let group = worker.group();
    let body = move || match worker.run(shard, opener.as_ref(), &told) {
        Ok(()) => tracing::debug!(group, shard, "shard stopped"),
        Err(error) if told.is_running() => {
            tracing::warn!(group, shard, %error, "shard interrupted; trying again");
        }
        Err(error) => tracing::debug!(group, shard, %error, "shard ended"),
    };
    match std::thread::Builder::new().name(format!("{group}-{shard}")).spawn(body) {
        Ok(thread) => Some(Running { signal, thread }),
        Err(error) => {
            tracing::error!(group, shard, %error, "no thread for a shard");
            None
        }
    }
}
