//! A log that breaks its commits on purpose, and gives and takes shards when told to.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use footfall_event::Topic;
use footfall_topics::{
    AppendError, CommitError, Done, Log, LogError, Membership, Ownership, Partition, Position,
    Reader, RecordBatch, ShardLog, ShardOpener,
};

/// What happens to a commit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Nothing committed, may succeed later.
    Failed,
    /// Nothing committed, but nobody knows.
    UnknownBefore,
    /// Committed, but nobody knows.
    UnknownAfter,
    /// Nothing committed, the shard is to be dropped.
    Lost,
    /// Committed, and then the shard's thread dies.
    PanicAfter,
    /// The shard's thread dies before.
    PanicBefore,
}

pub(crate) const FAULTS: [Fault; 6] = [
    Fault::Failed,
    Fault::UnknownBefore,
    Fault::UnknownAfter,
    Fault::Lost,
    Fault::PanicAfter,
    Fault::PanicBefore,
];

type Said = Arc<Mutex<BTreeMap<String, Vec<Ownership>>>>;

type Plan = Box<dyn FnMut(&RecordBatch, &[Position]) -> Option<Fault> + Send>;

/// The log.
pub(crate) struct Faulty {
    inner: Arc<dyn Log>,
    plan: Arc<Mutex<Plan>>,
    /// Snapshots are refused.
    pub(crate) without_snapshots: AtomicBool,
    /// Told to each group's member instead of what the log says.
    say: Said,
    pub(crate) faults: Arc<AtomicU64>,
}

impl Faulty {
    pub(crate) fn new(inner: Arc<dyn Log>) -> Arc<Faulty> {
        Arc::new(Faulty {
            inner,
            plan: Arc::new(Mutex::new(Box::new(|_, _| None))),
            without_snapshots: AtomicBool::new(false),
            say: Arc::default(),
            faults: Arc::default(),
        })
    }

    /// Tells the members of all groups.
    pub(crate) fn say(&self, changes: &[Ownership]) {
        self.say.lock().unwrap().values_mut().for_each(|said| said.extend_from_slice(changes));
    }

    /// Whether all of them have heard.
    pub(crate) fn was_heard(&self) -> bool {
        self.say.lock().unwrap().values().all(Vec::is_empty)
    }

    pub(crate) fn plan(
        &self,
        plan: impl FnMut(&RecordBatch, &[Position]) -> Option<Fault> + Send + 'static,
    ) {
        *self.plan.lock().unwrap() = Box::new(plan);
    }
}

impl Log for Faulty {
    fn partitions(&self, topic: Topic) -> u32 {
        self.inner.partitions(topic)
    }
    fn append(&self, batch: RecordBatch, done: Done) {
        let snapshot = batch.iter().any(|(partition, ..)| partition.topic == Topic::Snapshots);
        if snapshot && self.without_snapshots.load(Ordering::SeqCst) {
            return done(Err(AppendError::Unavailable("no snapshots today".to_owned())));
        }
        self.inner.append(batch, done);
    }
    fn offsets(&self, partition: Partition) -> Result<Range<u64>, LogError> {
        self.inner.offsets(partition)
    }
    fn reader(&self) -> Result<Box<dyn Reader>, LogError> {
        self.inner.reader()
    }
    fn join(&self, group: &str) -> Result<Box<dyn Membership>, LogError> {
        let inner = self.inner.join(group)?;
        let opener = Opener {
            inner: inner.opener(),
            plan: Arc::clone(&self.plan),
            faults: Arc::clone(&self.faults),
        };
        let (say, group) = (Arc::clone(&self.say), group.to_owned());
        say.lock().unwrap().entry(group.clone()).or_default();
        Ok(Box::new(Member { inner, opener: Arc::new(opener), say, group }))
    }
    fn writable(&self) -> Result<(), AppendError> {
        self.inner.writable()
    }
    fn close(&self, timeout: Duration) {
        self.inner.close(timeout);
    }
}

struct Member {
    inner: Box<dyn Membership>,
    opener: Arc<Opener>,
    say: Said,
    group: String,
}

impl Membership for Member {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Ownership>, LogError> {
        let said = self.say.lock().unwrap().get_mut(&self.group).map(std::mem::take);
        let said = said.unwrap_or_default();
        if said.is_empty() {
            self.inner.poll(timeout.min(Duration::from_millis(5)))
        } else {
            Ok(said)
        }
    }
    fn opener(&self) -> Arc<dyn ShardOpener> {
        Arc::clone(&self.opener) as Arc<dyn ShardOpener>
    }
}

struct Opener {
    inner: Arc<dyn ShardOpener>,
    plan: Arc<Mutex<Plan>>,
    faults: Arc<AtomicU64>,
}

impl ShardOpener for Opener {
    fn open(&self, shard: u32) -> Result<Box<dyn ShardLog>, CommitError> {
        let inner = self.inner.open(shard)?;
        let (plan, faults) = (Arc::clone(&self.plan), Arc::clone(&self.faults));
        Ok(Box::new(Shard { inner, plan, faults }))
    }
}

struct Shard {
    inner: Box<dyn ShardLog>,
    plan: Arc<Mutex<Plan>>,
    faults: Arc<AtomicU64>,
}

impl ShardLog for Shard {
    fn committed(&mut self, of: &[Partition]) -> Result<Vec<Option<Position>>, CommitError> {
        self.inner.committed(of)
    }

    fn commit(&mut self, outputs: &RecordBatch, to: &[Position]) -> Result<(), CommitError> {
        let fault = (self.plan.lock().unwrap())(outputs, to);
        let Some(fault) = fault else { return self.inner.commit(outputs, to) };
        self.faults.fetch_add(1, Ordering::SeqCst);
        let why = || format!("on purpose: {fault:?}");
        match fault {
            Fault::Failed => Err(CommitError::Failed(why())),
            Fault::UnknownBefore => Err(CommitError::Unknown(why())),
            Fault::Lost => Err(CommitError::Lost(why())),
            Fault::PanicBefore => panic!("{}", why()),
            Fault::UnknownAfter => {
                self.inner.commit(outputs, to)?;
                Err(CommitError::Unknown(why()))
            }
            Fault::PanicAfter => {
                self.inner.commit(outputs, to)?;
                panic!("{}", why());
            }
        }
    }
}
