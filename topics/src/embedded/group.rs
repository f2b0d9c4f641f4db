//! Who owns which shard, and the owner's commits.
//!
//! All members live in this process. The member that joined a group last owns all its shards; when
//! it leaves, they go back to the one before. Each opening of a shard raises its epoch, and the
//! writer refuses commits of an older epoch, so an owner that was replaced can't write any more.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{
    gather::Gatherer,
    layout::position_key,
    queue::{Command, Reply, Signal},
    shared::{Shared, lock, now_ms},
    store::{storage, u64_of},
};
use crate::{
    AppendError, CommitError, LogError, Membership, Ownership, Partition, Position, RecordBatch,
    ShardLog, ShardOpener, Topic,
};

/// Bytes of a position's metadata at the most.
const METADATA_BYTES_MAX: usize = 4_096;
/// Bytes of a group's name at the most.
const NAME_BYTES_MAX: usize = 200;

/// All groups by name.
#[derive(Default)]
pub(super) struct Groups {
    groups: Mutex<HashMap<String, Arc<Group>>>,
}

struct Group {
    name: String,
    /// By shard.
    epochs: Vec<Arc<AtomicU64>>,
    members: Mutex<Members>,
}

#[derive(Default)]
struct Members {
    next_id: u64,
    /// In the order they joined; the last one owns everything.
    present: Vec<(u64, Arc<Signal>)>,
}

impl Groups {
    fn get(&self, name: &str, shards: u32) -> Arc<Group> {
        let mut groups = lock(&self.groups);
        let make = || {
            Arc::new(Group {
                name: name.to_owned(),
                epochs: (0..shards).map(|_| Arc::default()).collect(),
                members: Mutex::default(),
            })
        };
        groups.entry(name.to_owned()).or_insert_with(make).clone()
    }

    /// Wakes every member that waits.
    pub(super) fn wake_all(&self) {
        for group in lock(&self.groups).values() {
            group.wake();
        }
    }
}

impl Group {
    fn owner(&self) -> Option<u64> {
        lock(&self.members).present.last().map(|(id, _)| *id)
    }

    fn wake(&self) {
        for (_, signal) in &lock(&self.members).present {
            signal.raise();
        }
    }
}

/// What a commit must prove: that its shard has not been opened again.
#[derive(Clone)]
pub(super) struct Seal {
    current: Arc<AtomicU64>,
    epoch: u64,
    shard: u32,
    group: Arc<Group>,
}

impl Seal {
    pub(super) fn holds(&self) -> bool {
        self.current.load(Ordering::SeqCst) == self.epoch
    }

    pub(super) fn lost(&self) -> CommitError {
        CommitError::Lost(format!("shard {} of {} was opened again", self.shard, self.group.name))
    }
}

pub(super) fn join(shared: Arc<Shared>, name: &str) -> Result<Box<dyn Membership>, LogError> {
    if name.is_empty() || name.len() > NAME_BYTES_MAX {
        return Err(storage(format!(
            "the group name {name:?} has {} bytes, it has to have 1 to {NAME_BYTES_MAX}",
            name.len()
        )));
    }
    shared.store()?;
    let group = shared.groups.get(name, shared.layout.partitions(Topic::Shards));
    let signal = Arc::<Signal>::default();
    let id = {
        let mut members = lock(&group.members);
        members.next_id += 1;
        let id = members.next_id;
        members.present.push((id, signal.clone()));
        id
    };
    group.wake();
    Ok(Box::new(Member { shared, group, id, signal, held: BTreeSet::new() }))
}

struct Member {
    shared: Arc<Shared>,
    group: Arc<Group>,
    id: u64,
    signal: Arc<Signal>,
    held: BTreeSet<u32>,
}

impl Membership for Member {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Ownership>, LogError> {
        let deadline = Instant::now() + timeout;
        loop {
            if self.shared.is_closed() {
                return Err(LogError::Closed);
            }
            let owns = self.group.owner() == Some(self.id);
            if owns && self.held.is_empty() {
                self.held = (0u32..).take(self.group.epochs.len()).collect();
                return Ok(self.held.iter().map(|shard| Ownership::Gained(*shard)).collect());
            }
            if !owns && !self.held.is_empty() {
                let lost = std::mem::take(&mut self.held);
                return Ok(lost.into_iter().map(Ownership::Lost).collect());
            }
            if Instant::now() >= deadline {
                return Ok(Vec::new());
            }
            self.signal.wait(deadline);
        }
    }

    fn opener(&self) -> Arc<dyn ShardOpener> {
        Arc::new(Opener { shared: self.shared.clone(), group: self.group.clone(), id: self.id })
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        lock(&self.group.members).present.retain(|(id, _)| *id != self.id);
        self.group.wake();
    }
}

struct Opener {
    shared: Arc<Shared>,
    group: Arc<Group>,
    id: u64,
}

impl ShardOpener for Opener {
    fn open(&self, shard: u32) -> Result<Box<dyn ShardLog>, CommitError> {
        let Some(current) = self.group.epochs.get(shard as usize).cloned() else {
            return Err(CommitError::Lost(format!(
                "there is no shard {shard}: {} has {}",
                self.group.name,
                self.group.epochs.len()
            )));
        };
        let seal = {
            // Under the lock, so that a member that was replaced can't fence the one after it.
            let members = lock(&self.group.members);
            if members.present.last().map(|(id, _)| *id) != Some(self.id) {
                return Err(CommitError::Lost(format!(
                    "shard {shard} of {} belongs to another member",
                    self.group.name
                )));
            }
            let epoch = current.fetch_add(1, Ordering::SeqCst) + 1;
            Seal { current, epoch, shard, group: self.group.clone() }
        };
        let gatherer = Gatherer::new(self.shared.layout);
        let log = Shard { shared: self.shared.clone(), seal, gatherer };
        // What the owner before had under way gets its outcome before this one looks.
        log.ask(|reply| Command::Barrier { reply })?;
        Ok(Box::new(log))
    }
}

struct Shard {
    shared: Arc<Shared>,
    seal: Seal,
    gatherer: Gatherer,
}

impl Shard {
    /// Has the writer do something and waits for the outcome.
    fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<(), CommitError> {
        let (reply, outcome) = std::sync::mpsc::sync_channel(1);
        if let Err(refused) = self.shared.queue.push(command(reply)) {
            return Err(CommitError::Failed(refused.1.to_string()));
        }
        outcome
            .recv()
            .unwrap_or_else(|_| Err(CommitError::Unknown(AppendError::Closed.to_string())))
    }
}

impl ShardLog for Shard {
    fn committed(
        &mut self,
        partitions: &[Partition],
    ) -> Result<Vec<Option<Position>>, CommitError> {
        if !self.seal.holds() {
            return Err(self.seal.lost());
        }
        let failed = |error: LogError| CommitError::Failed(error.to_string());
        let store = self.shared.store().map_err(failed)?;
        let meta = lock(&store.meta);
        let read = |partition: &Partition| {
            let value = meta.get(&position_key(&self.seal.group.name, *partition));
            value.map(|value| position(*partition, value)).transpose()
        };
        partitions.iter().map(|partition| read(partition).map_err(failed)).collect()
    }

    fn commit(&mut self, outputs: &RecordBatch, positions: &[Position]) -> Result<(), CommitError> {
        let failed = |error: String| Err(CommitError::Failed(error));
        if let Err(error) = self.shared.check(outputs) {
            return failed(error.to_string());
        }
        for position in positions {
            if position.metadata.len() > METADATA_BYTES_MAX {
                return failed(format!(
                    "metadata of {} bytes, {METADATA_BYTES_MAX} are allowed",
                    position.metadata.len()
                ));
            }
            if let Err(error) = self.shared.slot(position.partition) {
                return failed(error.to_string());
            }
        }
        // Encoded here: the outputs are copied once, and the writer is free for others meanwhile.
        let blocks = self.gatherer.encode(std::iter::once(outputs), now_ms());
        self.ask(|reply| Command::Commit {
            outputs: blocks,
            records: outputs.len() as u64,
            group: self.seal.group.name.clone(),
            positions: positions.to_vec(),
            seal: self.seal.clone(),
            reply,
        })
    }
}

fn position(partition: Partition, value: &[u8]) -> Result<Position, LogError> {
    let offset = u64_of(value)?;
    let metadata = String::from_utf8(value[8..].to_vec()).map_err(storage)?;
    Ok(Position { partition, offset, metadata })
}
