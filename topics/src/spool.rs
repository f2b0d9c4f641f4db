//! The embedded log in front of Kafka, for the time that Kafka is away.
//!
//! Appends of accepted events go to Kafka. When Kafka does not take them in time, everything that
//! waits, and all that comes after it, goes to an embedded log and is acknowledged from there; a
//! thread forwards it in order when Kafka is back. Only when all of it has arrived do appends go to
//! Kafka directly again, so the order within a partition is kept across the outage.
//!
//! Forwarding is at least once: what Kafka stored without saying so is sent again, and found as a
//! repeat by its id later. Topics that everybody has to agree on (catalogue, salts, blocklist) are
//! never spooled; their appends fail while Kafka is away. Reading and shards are Kafka's.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::embedded::{self, EmbeddedLog};
use crate::kafka::{self, KafkaLog};
use crate::{AppendError, Done, Log, LogError, Membership, Partition, Reader, RecordBatch, Topic};

mod folder;
mod forward;
pub mod metrics;

/// How long an event may wait in the spool: as good as for ever.
const KEPT_SECONDS: u64 = 10 * 365 * 24 * 3_600;
/// Bytes that may be held in memory for the moment in which the spool runs empty.
const HELD_BYTES_MAX: usize = 16 << 20;

/// How the spool is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Its folder.
    pub dir: PathBuf,
    /// Bytes it may take; beyond some 85 % of them appends fail.
    pub bytes_max: u64,
    /// Milliseconds that Kafka may take for an append before the spool takes over.
    pub patience_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { dir: PathBuf::from("data/spool"), bytes_max: 8 << 30, patience_ms: 2_000 }
    }
}

/// Kafka, with the embedded log in front.
pub struct Spool {
    inner: Arc<Inner>,
    forwarder: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// Everything goes to Kafka.
    Direct,
    /// Everything goes to the embedded log, and from there to Kafka.
    Spooling,
    /// The embedded log is nearly empty: what comes is held in memory until it is.
    Switching,
}

struct InFlight {
    batch: Arc<RecordBatch>,
    done: Done,
    since: Instant,
}

struct State {
    mode: Mode,
    /// Kafka failed: the forwarder has to change the mode.
    failed: bool,
    closed: bool,
    /// Batches on their way to Kafka, by the order in which they were sent.
    in_flight: BTreeMap<u64, InFlight>,
    next: u64,
    held: Vec<(Arc<RecordBatch>, Done)>,
    held_bytes: usize,
    /// Batches on their way to the embedded log.
    storing: usize,
    /// What waits in the embedded log. Below zero for a moment when a record is forwarded before
    /// its sender was answered.
    records: i64,
    bytes: i64,
}

impl State {
    /// Whether nobody waits for an answer, or nobody will get one.
    fn is_settled(&self) -> bool {
        let idle = self.in_flight.is_empty() && self.held.is_empty() && self.storing == 0;
        self.closed || idle
    }
}

struct Inner {
    settings: Settings,
    kafka: Arc<KafkaLog>,
    store: Arc<EmbeddedLog>,
    /// Senders read, who changes the mode writes: so nothing overtakes what is being moved.
    gate: RwLock<()>,
    state: Mutex<State>,
    changed: Condvar,
}

impl Spool {
    /// Opens the log on Kafka and the spool. If the cluster can't be reached but was before, starts
    /// with spooling.
    ///
    /// # Errors
    /// As [`KafkaLog::open`] and [`EmbeddedLog::open`].
    pub fn open(kafka: kafka::Settings, settings: Settings) -> Result<Arc<Spool>, LogError> {
        std::fs::create_dir_all(&settings.dir)
            .map_err(|error| LogError::Storage(format!("{}: {error}", settings.dir.display())))?;
        let known_file = settings.dir.join("kafka.json");
        let known = folder::read(&known_file).filter(|it| it.topic_prefix == kafka.topic_prefix);
        let topic_prefix = kafka.topic_prefix.clone();
        let kafka = KafkaLog::open_or_away(kafka, known.map(|known| known.partitions))?;
        let partitions = kafka.partitions(Topic::Pageviews);
        folder::write(&known_file, &folder::Known { topic_prefix, partitions })?;
        let store = EmbeddedLog::open(embedded::Settings {
            partitions,
            max_bytes: settings.bytes_max,
            retention: embedded::Retention {
                activities_seconds: KEPT_SECONDS,
                notices_seconds: KEPT_SECONDS,
                ..Default::default()
            },
            ..embedded::Settings::new(settings.dir.join("log"))
        })?;
        metrics::describe();
        let records = forward::Source::open(&store)?.left(&store)?;
        let bytes = if records > 0 { folder::bytes(&settings.dir) } else { 0 };
        let state = State {
            // The forwarder looks first what was left behind.
            mode: Mode::Spooling,
            failed: false,
            closed: false,
            in_flight: BTreeMap::new(),
            next: 0,
            held: Vec::new(),
            held_bytes: 0,
            storing: 0,
            records: i64::try_from(records).unwrap_or(i64::MAX),
            bytes: i64::try_from(bytes).unwrap_or(i64::MAX),
        };
        let inner = Arc::new(Inner {
            settings,
            kafka,
            store,
            gate: RwLock::new(()),
            state: Mutex::new(state),
            changed: Condvar::new(),
        });
        let forwarder = {
            let inner = Arc::clone(&inner);
            std::thread::Builder::new()
                .name("spool".into())
                .spawn(move || forward::run(&inner))
                .map_err(|error| LogError::Storage(error.to_string()))?
        };
        Ok(Arc::new(Spool { inner, forwarder: Mutex::new(Some(forwarder)) }))
    }

    /// Records that wait in the spool.
    pub fn records(&self) -> u64 {
        u64::try_from(self.inner.state().records).unwrap_or(0)
    }

    /// The log behind the spool.
    pub fn kafka(&self) -> &Arc<KafkaLog> {
        &self.inner.kafka
    }
}

/// Whether the batch may wait: events may, what everybody must agree on may not.
fn may_wait(batch: &RecordBatch) -> bool {
    batch.iter().all(|(partition, ..)| {
        Topic::ACTIVITIES.contains(&partition.topic) || partition.topic == Topic::DeadLetters
    })
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Sends a batch by the way in force. The caller holds the gate.
    fn send(self: &Arc<Self>, batch: Arc<RecordBatch>, done: Done) {
        let mut state = self.state();
        match state.mode {
            Mode::Direct => {
                let id = state.next;
                state.next += 1;
                let entry = InFlight { batch: Arc::clone(&batch), done, since: Instant::now() };
                state.in_flight.insert(id, entry);
                drop(state);
                let inner = Arc::clone(self);
                self.kafka.append_ref(&batch, Box::new(move |result| inner.answered(id, result)));
            }
            Mode::Spooling => {
                state.storing += 1;
                drop(state);
                self.store(batch, done);
            }
            Mode::Switching if state.held_bytes + batch.bytes() > HELD_BYTES_MAX => {
                drop(state);
                done(Err(AppendError::Busy));
            }
            Mode::Switching => {
                state.held_bytes += batch.bytes();
                state.held.push((batch, done));
            }
        }
    }

    /// Puts a batch, already counted in `storing`, into the embedded log.
    fn store(self: &Arc<Self>, batch: Arc<RecordBatch>, done: Done) {
        let (records, bytes) = (batch.len() as i64, batch.bytes() as i64);
        let inner = Arc::clone(self);
        let batch = Arc::try_unwrap(batch).unwrap_or_else(|shared| (*shared).clone());
        let stored = move |result: Result<(), AppendError>| {
            let mut state = inner.state();
            state.storing -= 1;
            if result.is_ok() {
                state.records += records;
                state.bytes += bytes;
                metrics::waiting(state.records, state.bytes);
            }
            drop(state);
            inner.changed.notify_all();
            done(result);
        };
        self.store.append(batch, Box::new(stored));
    }

    /// Kafka's answer for a batch that was sent directly.
    fn answered(&self, id: u64, result: Result<(), AppendError>) {
        let mut state = self.state();
        if matches!(result, Err(AppendError::Unavailable(_) | AppendError::Busy)) && !state.closed {
            // Left where it is: the forwarder moves everything that waits, in order.
            state.failed = true;
            drop(state);
            self.changed.notify_all();
            return;
        }
        // Missing: it went to the spool in the meantime.
        let Some(entry) = state.in_flight.remove(&id) else { return };
        drop(state);
        (entry.done)(result);
    }
}

impl Log for Spool {
    fn partitions(&self, topic: Topic) -> u32 {
        self.inner.kafka.partitions(topic)
    }

    fn append(&self, batch: RecordBatch, done: Done) {
        if batch.is_empty() {
            return done(Ok(()));
        }
        if !may_wait(&batch) {
            return self.inner.kafka.append(batch, done);
        }
        let _gate = self.inner.gate.read().unwrap_or_else(|poisoned| poisoned.into_inner());
        if self.inner.state().closed {
            return done(Err(AppendError::Closed));
        }
        self.inner.send(Arc::new(batch), done);
    }

    fn offsets(&self, partition: Partition) -> Result<Range<u64>, LogError> {
        self.inner.kafka.offsets(partition)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LogError> {
        self.inner.kafka.reader()
    }

    fn join(&self, group: &str) -> Result<Box<dyn Membership>, LogError> {
        self.inner.kafka.join(group)
    }

    fn writable(&self) -> Result<(), AppendError> {
        match self.inner.kafka.writable() {
            Ok(()) => Ok(()),
            Err(_) => self.inner.store.writable(),
        }
    }

    /// What waits in the spool stays there for the next start.
    fn close(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        {
            let mut state = self.inner.state();
            while !state.is_settled() && Instant::now() < deadline {
                let tick = Duration::from_millis(20);
                let waited = self.inner.changed.wait_timeout(state, tick);
                state = waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
            }
            state.closed = true;
            if state.mode != Mode::Direct {
                // What is being forwarded is still in the embedded log.
                self.inner.kafka.give_up_pending();
            }
        }
        self.inner.changed.notify_all();
        let left = deadline.saturating_duration_since(Instant::now());
        self.inner.kafka.close(left);
        let forwarder = self.forwarder.lock().unwrap_or_else(|p| p.into_inner()).take();
        if forwarder.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the spool's thread panicked");
        }
        let (in_flight, held) = {
            let mut state = self.inner.state();
            (std::mem::take(&mut state.in_flight), std::mem::take(&mut state.held))
        };
        let unsent = in_flight.into_values().map(|entry| entry.done);
        for done in unsent.chain(held.into_iter().map(|(_, done)| done)) {
            done(Err(AppendError::Closed));
        }
        self.inner.store.close(deadline.saturating_duration_since(Instant::now()));
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.close(Duration::from_secs(10));
    }
}
