//! The live view of a compacted topic: what its records add up to, followed on a thread of its own.
//!
//! Loading the current state costs an atomic read. Each batch of records is applied to a copy,
//! so a large state should be cheap to clone (behind `Arc`s or in persistent maps).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use footfall_event::Topic;
use tokio::sync::watch;

use crate::{Chunk, Log, LogError, Partition, Reader};

const POLL_BYTES: usize = 1 << 20;
/// How long the thread waits for records before it looks whether it is still needed.
const POLL_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the first reading may take.
const FIRST_READ_TIMEOUT: Duration = Duration::from_secs(60);

/// What records add up to.
pub trait Fold: Clone + Default + Send + Sync + 'static {
    /// Applies one record; an empty value removes its key.
    ///
    /// # Errors
    /// Why the record can't be read. It is skipped, and nothing must have changed.
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), String>;
}

/// A followed topic. Clones share one view; the last one ends its thread.
pub struct Followed<T> {
    state: Arc<State<T>>,
    _alive: Arc<Alive>,
}

impl<T> Clone for Followed<T> {
    fn clone(&self) -> Self {
        Followed { state: self.state.clone(), _alive: self._alive.clone() }
    }
}

struct State<T> {
    topic: Topic,
    now: ArcSwap<T>,
    /// The offset up to which the partition that was read last has been applied.
    applied: watch::Sender<u64>,
    /// Raised by each change.
    changed: watch::Sender<u64>,
    unreadable: AtomicU64,
    ended: Arc<AtomicBool>,
}

struct Alive(Arc<AtomicBool>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl<T: Fold> Followed<T> {
    /// Reads all partitions of a topic and follows them from now on. Blocks until they have been
    /// read to their ends.
    ///
    /// # Errors
    /// When the log can't be read, or not within a minute.
    pub fn follow(log: &Arc<dyn Log>, topic: Topic) -> Result<Followed<T>, LogError> {
        let mut reader = assigned(log, topic)?;
        let state = State::new(topic);
        let deadline = Instant::now() + FIRST_READ_TIMEOUT;
        let mut unread: Vec<u32> = (0..log.partitions(topic)).collect();
        // Not shown before it is whole: a copy that somebody holds would cost every change one more.
        let mut whole = T::default();
        while !unread.is_empty() {
            let chunks = reader.poll(POLL_BYTES, POLL_TIMEOUT)?;
            state.fold(&mut whole, &chunks);
            state.note(&chunks);
            for chunk in chunks.iter().filter(|chunk| chunk.at_end) {
                unread.retain(|number| *number != chunk.partition.number);
            }
            if Instant::now() >= deadline {
                return Err(LogError::Storage(format!(
                    "the topic {} could not be read within a minute",
                    topic.name()
                )));
            }
        }
        state.now.store(Arc::new(whole));
        Followed::start(state, reader)
    }

    /// Follows a topic from its beginning without waiting for what is there already: for views
    /// that may be a moment behind at the start.
    ///
    /// # Errors
    /// When the log can't be asked.
    pub fn follow_behind(log: &Arc<dyn Log>, topic: Topic) -> Result<Followed<T>, LogError> {
        Followed::start(State::new(topic), assigned(log, topic)?)
    }

    fn start(state: Arc<State<T>>, reader: Box<dyn Reader>) -> Result<Followed<T>, LogError> {
        let of_thread = state.clone();
        std::thread::Builder::new()
            .name(format!("{}-view", state.topic.name()))
            .spawn(move || of_thread.run(reader))
            .map_err(|error| LogError::Storage(error.to_string()))?;
        let alive = Arc::new(Alive(state.ended.clone()));
        Ok(Followed { state, _alive: alive })
    }

    /// What it adds up to now.
    pub fn load(&self) -> Arc<T> {
        self.state.now.load_full()
    }

    /// Tells when something has changed (the number only counts the changes).
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.state.changed.subscribe()
    }

    /// The offset up to which a topic of one partition is shown. With several partitions it is that
    /// of any of them.
    pub fn applied(&self) -> watch::Receiver<u64> {
        self.state.applied.subscribe()
    }

    /// Records that could not be read, since the view was made.
    pub fn unreadable(&self) -> u64 {
        self.state.unreadable.load(Ordering::Relaxed)
    }
}

fn assigned(log: &Arc<dyn Log>, topic: Topic) -> Result<Box<dyn Reader>, LogError> {
    let mut reader = log.reader()?;
    for number in 0..log.partitions(topic) {
        reader.assign(Partition { topic, number }, 0)?;
    }
    Ok(reader)
}

impl<T: Fold> State<T> {
    fn new(topic: Topic) -> Arc<State<T>> {
        Arc::new(State {
            topic,
            now: ArcSwap::default(),
            applied: watch::Sender::new(0),
            changed: watch::Sender::new(0),
            unreadable: AtomicU64::new(0),
            ended: Arc::default(),
        })
    }

    fn run(&self, mut reader: Box<dyn Reader>) {
        while !self.ended.load(Ordering::Acquire) {
            match reader.poll(POLL_BYTES, POLL_TIMEOUT) {
                Ok(chunks) if chunks.iter().all(Chunk::is_empty) => self.note(&chunks),
                Ok(chunks) => {
                    let mut next = T::clone(&self.now.load());
                    self.fold(&mut next, &chunks);
                    self.now.store(Arc::new(next));
                    self.changed.send_modify(|changes| *changes += 1);
                    self.note(&chunks);
                }
                Err(LogError::Closed) => return,
                Err(error) => {
                    let topic = self.topic.name();
                    tracing::error!(topic, %error, "can't be followed; trying again");
                    std::thread::sleep(POLL_TIMEOUT);
                }
            }
        }
    }

    fn fold(&self, sum: &mut T, chunks: &[Chunk]) {
        for record in chunks.iter().flat_map(Chunk::iter) {
            if let Err(error) = sum.apply(record.key, record.value) {
                self.unreadable.fetch_add(1, Ordering::Relaxed);
                let topic = self.topic.name();
                tracing::error!(topic, error, offset = record.offset, "skipping a record");
            }
        }
    }

    /// Tells those who wait for a change that it is shown.
    fn note(&self, chunks: &[Chunk]) {
        if let Some(chunk) = chunks.last() {
            self.applied.send_replace(chunk.next_offset);
        }
    }
}

impl Fold for footfall_event::blocklist::Entries {
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        footfall_event::blocklist::Entries::apply(self, key, value)
            .map_err(|error| error.to_string())
    }
}

impl Fold for footfall_event::catalog::Catalog {
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), String> {
        footfall_event::catalog::Catalog::apply(self, key, value).map_err(|error| error.to_string())
    }
}
