//! The life of one loader shard: read → fill → intent → insert → commit, the next block being filled
//! while one is inserted.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use footfall_topics::catalog::CatalogView;
use footfall_topics::{
    CommitError, Log, Partition, Position, Reader, RecordBatch, ShardLog, ShardOpener,
};
use footfall_warehouse::{Error, Warehouse};

use super::lane::{Block, Lane};
use super::table::{Keeping, TOPICS};
use crate::metrics;
use crate::progress::Progress;
use crate::settings::Settings;
use crate::shard::group::{Ended, Signal, Worker};

/// Bytes asked for at once.
const POLL_BYTES_MAX: usize = 4 << 20;

/// How often a running insert is looked at.
const LOOK: Duration = Duration::from_millis(5);

const REST: Duration = Duration::from_millis(200);
const RETRY_MIN: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// How long a shard that is given away waits for its running inserts.
const FINISH_WAIT: Duration = Duration::from_secs(1);

/// Loads shards.
pub(crate) struct LoadWorker {
    pub(crate) log: Arc<dyn Log>,
    pub(crate) warehouse: Warehouse,
    pub(crate) catalog: CatalogView,
    pub(crate) runtime: tokio::runtime::Handle,
    pub(crate) settings: Settings,
    pub(crate) progress: Arc<Progress>,
}

impl Worker for LoadWorker {
    fn group(&self) -> &'static str {
        "load"
    }

    fn run(&self, shard: u32, opener: &dyn ShardOpener, signal: &Signal) -> Result<(), Ended> {
        let mut shard_log = opener.open(shard)?;
        let partitions = TOPICS.map(|topic| Partition { topic, number: shard });
        let positions = shard_log.committed(&partitions)?;
        let mut reader = self.log.reader()?;
        let mut lanes = Vec::new();
        for (&partition, position) in partitions.iter().zip(&positions) {
            let lane = Lane::new(partition, position.as_ref());
            reader.assign(partition, lane.start())?;
            lanes.push(lane);
        }
        let (sender, receiver) = channel();
        let mut loading = Loading { of: self, shard, shard_log, reader, lanes, sender, receiver };
        loading.work(signal)
    }

    fn observe(&self, shards: &[u32]) {
        let partitions = shards
            .iter()
            .flat_map(|&number| TOPICS.iter().map(move |&topic| Partition { topic, number }));
        self.progress.observe(self.log.as_ref(), shards, partitions);
    }
}

/// What became of an insert.
struct Inserted {
    lane: usize,
    block: Block,
    took: Duration,
    outcome: Result<(), Error>,
    tries: u32,
}

struct Loading<'a> {
    of: &'a LoadWorker,
    shard: u32,
    shard_log: Box<dyn ShardLog>,
    reader: Box<dyn Reader>,
    lanes: Vec<Lane>,
    sender: Sender<Inserted>,
    receiver: Receiver<Inserted>,
}

impl Loading<'_> {
    fn work(&mut self, signal: &Signal) -> Result<(), Ended> {
        while signal.is_running() {
            self.advance(signal)?;
            for index in 0..self.lanes.len() {
                self.fill(index);
                self.begin_if_due(index, None, signal)?;
            }
        }
        let until = Instant::now() + FINISH_WAIT;
        while self.lanes.iter().any(|lane| lane.inserting.is_some()) && !signal.is_abandoned() {
            match self.receiver.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(done) if done.outcome.is_ok() => self.finished(done, signal)?,
                // The next owner repeats the block.
                Ok(_) | Err(_) => break,
            }
        }
        Ok(())
    }

    fn fill(&mut self, lane: usize) {
        let catalog = self.of.catalog.load();
        self.lanes[lane].fill(&self.of.settings, &Keeping::new(&catalog));
    }

    /// Waits for records or for the end of an insert, and takes in either.
    fn advance(&mut self, signal: &Signal) -> Result<(), Ended> {
        let now = Instant::now();
        let settings = &self.of.settings;
        let inserting = self.lanes.iter().any(|lane| lane.inserting.is_some());
        let idle = self.lanes.iter().filter(|lane| lane.inserting.is_none());
        let due = idle.filter_map(|lane| lane.due(now, settings)).min();
        let wait = due.map_or(REST, |due| due.saturating_duration_since(now).min(REST));
        let wait = if inserting { wait.min(LOOK) } else { wait };
        let mut done = None;
        if self.lanes.iter().all(|lane| lane.has_room(settings)) {
            for chunk in self.reader.poll(POLL_BYTES_MAX, wait)? {
                if let Some(lane) = self.lanes.iter_mut().find(|l| l.partition == chunk.partition) {
                    lane.accept(chunk);
                }
            }
        } else if inserting {
            done = self.receiver.recv_timeout(REST).ok();
        }
        if let Some(done) = done {
            self.settle(done, signal)?;
        }
        while let Ok(done) = self.receiver.try_recv() {
            self.settle(done, signal)?;
        }
        Ok(())
    }

    /// An insert came back: commit it, or try again, for ever if need be. Nothing is lost meanwhile:
    /// the log keeps what is not loaded.
    fn settle(&mut self, done: Inserted, signal: &Signal) -> Result<(), Ended> {
        let error = match &done.outcome {
            Ok(()) => return self.finished(done, signal),
            Err(error) => error,
        };
        let table = done.block.rows.table();
        metrics::insert_failed(table);
        self.of.progress.trouble(&error.to_string());
        if done.tries == 1 || done.tries.is_power_of_two() {
            let (tries, shard) = (done.tries, self.shard);
            if error.is_retriable() {
                tracing::warn!(table, shard, tries, %error, "insert failed; trying again");
            } else {
                tracing::error!(table, shard, tries, %error, "the warehouse refuses; trying again");
            }
        }
        let wait = (RETRY_MIN * 2u32.pow(done.tries.min(7))).min(RETRY_MAX);
        self.insert(done.lane, done.block, done.tries + 1, wait);
        Ok(())
    }

    /// A block is in: commits its end, with the next block's intent if that is due.
    fn finished(&mut self, done: Inserted, signal: &Signal) -> Result<(), Ended> {
        let Inserted { lane: index, block, took, .. } = done;
        let Block { rows, end, letters, .. } = block;
        metrics::inserted(rows.table(), rows.len(), took);
        metrics::dead_letters("load", letters.len() as u64);
        self.of.progress.well();
        let partition = self.lanes[index].partition;
        self.of.progress.block(partition, end, rows.len() as u64);
        self.lanes[index].inserted(rows, took);
        self.fill(index);
        if !signal.is_running() || !self.begin_if_due(index, Some(&letters), signal)? {
            let position = self.lanes[index].position(end, None);
            self.commit(&letters, position, signal)?;
        }
        Ok(())
    }

    /// Begins to insert a lane's block if it is time. `letters` are those of the block before, when
    /// its end is to be committed at the same time. Whether it began.
    fn begin_if_due(
        &mut self,
        index: usize,
        letters: Option<&RecordBatch>,
        signal: &Signal,
    ) -> Result<bool, Ended> {
        let now = Instant::now();
        let lane = &mut self.lanes[index];
        let due = lane.due(now, &self.of.settings).is_some_and(|due| due <= now);
        if !due || lane.inserting.is_some() {
            return Ok(false);
        }
        let block = lane.close();
        let position = lane.position(block.start, Some(block.end));
        let none = RecordBatch::new();
        self.commit(letters.unwrap_or(&none), position, signal)?;
        self.insert(index, block, 1, Duration::ZERO);
        Ok(true)
    }

    fn insert(&self, lane: usize, mut block: Block, tries: u32, wait: Duration) {
        let token = self.lanes[lane].token(&block);
        let (warehouse, sender) = (self.of.warehouse.clone(), self.sender.clone());
        self.of.runtime.spawn(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            let began = Instant::now();
            let outcome = block.rows.insert(&warehouse, &token).await;
            // Nobody waits any more when the shard is gone; its next owner repeats the block.
            drop(sender.send(Inserted { lane, block, took: began.elapsed(), outcome, tries }));
        });
    }

    /// Commits a position, whatever it takes, as long as the shard is ours.
    fn commit(
        &mut self,
        letters: &RecordBatch,
        position: Position,
        signal: &Signal,
    ) -> Result<(), Ended> {
        let began = Instant::now();
        let mut wait = RETRY_MIN;
        let positions = [position];
        loop {
            let error = match self.shard_log.commit(letters, &positions) {
                Ok(()) => break,
                Err(error) => error,
            };
            metrics::commit_failed("load");
            match error {
                CommitError::Lost(why) => return Err(Ended::Lost(why)),
                CommitError::Failed(why) => {
                    tracing::warn!(group = "load", shard = self.shard, why, "not committed");
                }
                // Whatever became of it, beginning anew at what is committed is right, and cheap.
                CommitError::Unknown(why) => {
                    return Err(Ended::Failed(format!("commit unclear: {why}")));
                }
            }
            if !signal.sleep(wait) {
                return Err(Ended::Failed("told to stop before a commit".to_owned()));
            }
            wait = (wait * 2).min(RETRY_MAX);
        }
        metrics::committed("load", began.elapsed());
        Ok(())
    }
}
