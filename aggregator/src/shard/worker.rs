//! The life of one shard: open → recover → gather → process → commit, until told to stop.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use footfall_topics::{CommitError, Log, Partition, Position, RecordBatch, ShardLog, ShardOpener};

use super::group::{Ended, Signal, Worker};
use super::inputs::Inputs;
use super::record::BatchRecord;
use super::snapshots::Side;
use super::{BatchStats, Stage, recovery};
use crate::library::RuleLibrary;
use crate::metrics;
use crate::progress::Progress;
use crate::settings::Settings;

mod saving;

use saving::Saved;

/// How long a commit that failed waits before the next try.
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// Tries of a last commit when the shard is being given away.
const LAST_TRIES: u32 = 3;

/// Runs stages: makes one per shard, keeps the state of a shard that went away warm.
pub(crate) struct StageWorker<S, F> {
    pub(crate) group: &'static str,
    pub(crate) log: Arc<dyn Log>,
    pub(crate) rules: Arc<RuleLibrary>,
    pub(crate) settings: Settings,
    pub(crate) progress: Arc<Progress>,
    pub(crate) make: F,
    pub(crate) warm: Mutex<HashMap<u32, Warm<S>>>,
}

/// A state that is right as long as nobody else commits.
pub(crate) struct Warm<S> {
    stage: S,
    seq: u64,
    side: Option<Side>,
    ends: Vec<u64>,
}

impl<S: Stage, F: Fn() -> S + Send + Sync + 'static> Worker for StageWorker<S, F> {
    fn group(&self) -> &'static str {
        self.group
    }

    fn run(&self, shard: u32, opener: &dyn ShardOpener, signal: &Signal) -> Result<(), Ended> {
        let mut running = self.open(shard, opener, signal)?;
        let outcome = running.work(signal);
        if outcome.is_ok() && !signal.is_abandoned() {
            running.save_now();
            let Running { stage, seq, side, ends, .. } = running;
            let warm = Warm { stage, seq, side, ends };
            self.warm.lock().unwrap_or_else(PoisonError::into_inner).insert(shard, warm);
        }
        outcome
    }

    fn observe(&self, shards: &[u32]) {
        let partitions = shards
            .iter()
            .flat_map(|&number| S::inputs().iter().map(move |&topic| Partition { topic, number }));
        self.progress.observe(self.log.as_ref(), shards, partitions);
    }
}

impl<S: Stage, F: Fn() -> S + Send + Sync + 'static> StageWorker<S, F> {
    fn open<'a>(
        &'a self,
        shard: u32,
        opener: &'a dyn ShardOpener,
        signal: &Signal,
    ) -> Result<Running<'a, S>, Ended> {
        let began = Instant::now();
        let warm = self.warm.lock().unwrap_or_else(PoisonError::into_inner).remove(&shard);
        let mut shard_log = opener.open(shard)?;
        let partitions: Vec<Partition> =
            S::inputs().iter().map(|&topic| Partition { topic, number: shard }).collect();
        let ends = committed(shard_log.as_mut(), &partitions)?;
        let go_on = || signal.is_running();
        let (warm, reader) = match warm.filter(|warm| warm.ends == ends) {
            Some(warm) => (warm, self.log.reader()?),
            None => {
                let log = self.log.as_ref();
                let (fresh, rules) = ((self.make)(), self.rules.as_ref());
                let of = (self.group, shard);
                let got = recovery::recover(log, of, &ends, (fresh, rules), &go_on)?;
                tracing::info!(
                    group = self.group,
                    shard,
                    batches = got.replayed,
                    seq = got.seq,
                    elapsed_ms = began.elapsed().as_millis() as u64,
                    "shard recovered"
                );
                if let Some(clock_ms) = got.clock_ms {
                    self.progress.clock(shard, clock_ms);
                }
                (Warm { stage: got.stage, seq: got.seq, side: got.side, ends }, got.reader)
            }
        };
        let inputs = Inputs::new(reader, S::inputs(), shard, &warm.ends, S::received_at)?;
        Ok(Running {
            group: self.group,
            shard,
            log: Arc::clone(&self.log),
            rules: &self.rules,
            settings: &self.settings,
            progress: &self.progress,
            opener,
            shard_log,
            inputs,
            stage: warm.stage,
            seq: warm.seq,
            side: warm.side,
            ends: warm.ends,
            saved: Saved::at(warm.seq),
            active_at: Some(Instant::now()),
        })
    }
}

fn committed(shard_log: &mut dyn ShardLog, of: &[Partition]) -> Result<Vec<u64>, CommitError> {
    let positions = shard_log.committed(of)?;
    Ok(positions.into_iter().map(|position| position.map_or(0, |p| p.offset)).collect())
}

struct Running<'a, S> {
    group: &'static str,
    shard: u32,
    log: Arc<dyn Log>,
    rules: &'a RuleLibrary,
    settings: &'a Settings,
    progress: &'a Progress,
    opener: &'a dyn ShardOpener,
    shard_log: Box<dyn ShardLog>,
    inputs: Inputs,
    stage: S,
    seq: u64,
    side: Option<Side>,
    /// Where the committed input ends.
    ends: Vec<u64>,
    saved: Saved,
    /// When it last had something to do; `None` once it has said that it rests.
    active_at: Option<Instant>,
}

impl<S: Stage> Running<'_, S> {
    fn work(&mut self, signal: &Signal) -> Result<(), Ended> {
        let mut outputs = RecordBatch::new();
        let mut committed_at = Instant::now();
        while signal.is_running() {
            self.gather(committed_at, signal)?;
            let (records, bytes) = (self.settings.batch_records_max, self.settings.batch_bytes_max);
            let taken = self.inputs.take(records, bytes);
            if taken.records == 0 {
                if self.may_rest() {
                    self.rest(signal)?;
                }
                continue;
            }
            // The whole batch is judged by the same rules, which its record names.
            let rules = self.rules.current();
            let version = rules.version();
            self.stage.set_rules(rules);
            let mut stats = self.stage.process(&taken.inputs(), self.shard, &mut outputs);
            drop(taken);
            stats.records = stats.records.max(1);
            self.seq += 1;
            let begin = std::mem::replace(&mut self.ends, self.inputs.ends());
            BatchRecord::new(self.group, self.seq, self.ends.clone(), version, &stats)
                .write(self.shard, &mut outputs);
            self.commit(&outputs, &begin, signal)?;
            outputs.clear();
            committed_at = Instant::now();
            self.active_at = Some(committed_at);
            self.publish(&stats);
            self.save_if_due();
        }
        Ok(())
    }

    /// Reads until it is time for a batch: it is full, or the commit interval is over. At rest a
    /// first event waits only a moment for company.
    fn gather(&mut self, committed_at: Instant, signal: &Signal) -> Result<(), Ended> {
        const REST: Duration = Duration::from_millis(200);
        const HELD_BACK: Duration = Duration::from_millis(5);
        let interval = Duration::from_millis(self.settings.commit_interval_ms);
        let linger = Duration::from_millis(self.settings.linger_ms);
        let mut due = (self.inputs.waiting_bytes() > 0).then(Instant::now);
        while signal.is_running() {
            let held_back = self.inputs.is_held_back();
            let full = self.inputs.waiting_bytes() >= self.settings.batch_bytes_max;
            if !held_back && (full || self.inputs.is_full()) {
                break;
            }
            let wait = due.map_or(REST, |due| due.saturating_duration_since(Instant::now()));
            let wait = if held_back { wait.max(HELD_BACK) } else { wait };
            if self.inputs.fill(wait)? && due.is_none() {
                due = Some((Instant::now() + linger).max(committed_at + interval));
            }
            if due.map_or(self.may_rest(), |due| Instant::now() >= due) {
                break;
            }
        }
        Ok(())
    }

    fn may_rest(&self) -> bool {
        let after = Duration::from_millis(self.settings.rest_after_ms);
        self.active_at.is_some_and(|at| at.elapsed() > after)
    }

    /// Lets the stage say that nothing is left to read, if that is so.
    fn rest(&mut self, signal: &Signal) -> Result<(), Ended> {
        self.active_at = Some(Instant::now());
        let partitions = self.inputs.partitions();
        let log_ends = partitions.iter().map(|of| self.log.offsets(*of).map(|offsets| offsets.end));
        // If the log can't be asked now, it is asked later.
        let Ok(log_ends) = log_ends.collect::<Result<Vec<_>, _>>() else { return Ok(()) };
        if !self.inputs.is_used_up(&log_ends) {
            return Ok(());
        }
        let mut outputs = RecordBatch::new();
        self.stage.rest(self.shard, &mut outputs);
        if !outputs.is_empty() {
            let ends = self.ends.clone();
            self.commit(&outputs, &ends, signal)?;
        }
        self.active_at = None;
        Ok(())
    }

    /// Commits a batch that begins at `begin`, whatever it takes, as long as the shard is ours.
    fn commit(
        &mut self,
        outputs: &RecordBatch,
        begin: &[u64],
        signal: &Signal,
    ) -> Result<(), Ended> {
        let partitions = self.inputs.partitions();
        let positions: Vec<Position> = partitions
            .iter()
            .zip(&self.ends)
            .map(|(&partition, &offset)| Position { partition, offset, metadata: String::new() })
            .collect();
        let began = Instant::now();
        let mut wait = RETRY_MIN;
        let mut tries = 0;
        loop {
            let error = match self.shard_log.commit(outputs, &positions) {
                Ok(()) => break,
                Err(error) => error,
            };
            tries += 1;
            metrics::commit_failed(self.group);
            if signal.is_abandoned() || (!signal.is_running() && tries >= LAST_TRIES) {
                return Err(Ended::from(error));
            }
            match error {
                CommitError::Lost(why) => return Err(Ended::Lost(why)),
                CommitError::Failed(why) => {
                    tracing::warn!(group = self.group, shard = self.shard, why, "not committed");
                }
                CommitError::Unknown(why) => {
                    tracing::warn!(group = self.group, shard = self.shard, why, "commit unclear");
                    if self.was_committed(&partitions, begin)? {
                        break;
                    }
                }
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(RETRY_MAX);
        }
        metrics::committed(self.group, began.elapsed());
        Ok(())
    }

    /// Opens the shard again, which settles what was open, and compares. The shard may have been
    /// somebody else's in between: then the batch is theirs, too.
    fn was_committed(&mut self, partitions: &[Partition], begin: &[u64]) -> Result<bool, Ended> {
        self.shard_log = self.opener.open(self.shard)?;
        let found = committed(self.shard_log.as_mut(), partitions)?;
        if found != self.ends && found != begin {
            return Err(Ended::Lost(format!("another owner has come to {found:?}")));
        }
        // Without input there is nothing to tell by: what such a batch says may be said again.
        Ok(found == self.ends && begin != self.ends)
    }

    fn publish(&self, stats: &BatchStats) {
        metrics::batch(self.group, self.shard, stats);
        self.progress.batch(self.shard, S::inputs(), &self.ends, stats);
    }
}
