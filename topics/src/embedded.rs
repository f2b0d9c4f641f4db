//! The log in one folder: durable, ordered, shared by all threads of one process.
//!
//! Appends of all connections are gathered by one thread into one atomic, synced write (`writer`,
//! `commit`). Records lie in blocks (`block`), the blocks of a write in a frame with checksums
//! (`frame`), the frames in files that are only ever appended to (`segment`) and that retention
//! deletes as a whole (`store`, `retention`). Writes and large reads go past the page cache (`pages`).
//! Opening cuts off what a crash left half written (`repair`). Readers wait for a signal, not for a
//! timer (`reader`). A shard's outputs and positions go through the same writer (`group`).
//! Compacted topics are rewritten in the background (`compact`, `clean`).
//!
//! # What is promised
//!
//! - What `done(Ok)` or a commit acknowledged survives `kill -9` and a power cut.
//! - A full disk, or a full share of it, fails appends with a reason; when there is room again the
//!   log goes on by itself.
//! - A second process is refused.
//!
//! # What is not
//!
//! Nothing is replicated: if the disk is lost, so is the log. The members of a group all live in
//! this process: the one that joined last owns all shards.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use crate::{
    AppendError, Done, Log, LogError, Membership, Partition, Reader, RecordBatch, Topic, metrics,
};

mod block;
mod buffer;
mod cache;
mod clean;
mod commit;
mod compact;
mod frame;
mod frames;
mod gather;
mod group;
mod index;
mod layout;
mod lookup;
mod memory;
mod open;
mod outcome;
mod pages;
mod placed;
mod queue;
mod reader;
mod repair;
mod retention;
mod segment;
mod shared;
mod space;
mod store;
mod writer;

use queue::Command;
use shared::Shared;

/// A record may have this many bytes, key and value together; as large as Kafka takes by default.
pub const RECORD_BYTES_MAX: usize = 1_000_000;

/// How the embedded log is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The folder; made if missing.
    pub dir: PathBuf,
    /// Partitions of each topic that has several, 1 to 1,024. Can't be changed once there is data.
    pub partitions: u32,
    /// Bytes that all records together may take. From 75 % on, the oldest consumed records are
    /// dropped before their time; at 85 %, when nothing may be dropped, appends fail; the rest is for
    /// what consumers write while they make room. A few megabytes of zeros at the ends of files come
    /// on top.
    pub max_bytes: u64,
    /// Bytes that stay free on the disk: below, appends fail.
    pub min_free_bytes: u64,
    /// Bytes of records that may wait for the disk; more are refused.
    pub queue_bytes_max: usize,
    /// Bytes of memory for blocks that were read.
    pub cache_bytes: u64,
    /// How long records are kept.
    pub retention: Retention,
}

/// How long records are kept, in seconds. They are dropped in groups of neighbours, up to an eighth
/// of the time later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Accepted events.
    pub activities_seconds: u64,
    /// What the aggregator made of them.
    pub results_seconds: u64,
    /// Dead letters and alerts.
    pub notices_seconds: u64,
    /// The daily keys of visitor ids.
    pub salts_seconds: u64,
    /// How long a compacted topic remembers that a key was removed.
    pub removals_seconds: u64,
}

impl Default for Retention {
    fn default() -> Retention {
        let seconds = |family: layout::Family| family.retention().as_secs();
        Retention {
            activities_seconds: seconds(layout::Family::Activities),
            results_seconds: seconds(layout::Family::Results),
            notices_seconds: seconds(layout::Family::Notices),
            salts_seconds: seconds(layout::Family::Salts),
            removals_seconds: 24 * 3_600,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            dir: PathBuf::from("data/log"),
            partitions: 4,
            max_bytes: 64 << 30,
            min_free_bytes: 256 << 20,
            queue_bytes_max: 64 << 20,
            cache_bytes: 16 << 20,
            retention: Retention::default(),
        }
    }
}

impl Settings {
    /// Settings for a folder, everything else as by default.
    pub fn new(dir: impl Into<PathBuf>) -> Settings {
        Settings { dir: dir.into(), ..Settings::default() }
    }

    fn check(&self) -> Result<(), LogError> {
        if !(1..=1_024).contains(&self.partitions) {
            return Err(LogError::Format(format!(
                "partitions is {}, it has to be from 1 to 1024",
                self.partitions
            )));
        }
        Ok(())
    }
}

/// The log in one folder.
pub struct EmbeddedLog {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl EmbeddedLog {
    /// Opens the log, or makes it if the folder is empty or missing.
    ///
    /// # Errors
    /// [`LogError::InUse`] when another process (or another `EmbeddedLog`) has it open,
    /// [`LogError::Format`] when the settings contradict what is stored, [`LogError::Storage`] when
    /// the disk fails.
    pub fn open(settings: Settings) -> Result<Arc<EmbeddedLog>, LogError> {
        settings.check()?;
        metrics::describe();
        let shared = Arc::new(Shared::open(settings)?);
        let mut threads = Vec::new();
        for (name, run) in [
            ("log-writer", writer::run as fn(&Arc<Shared>)),
            ("log-upkeep", retention::run as fn(&Arc<Shared>)),
        ] {
            let shared = shared.clone();
            let thread = std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || run(&shared))
                .map_err(store::storage)?;
            threads.push(thread);
        }
        Ok(Arc::new(EmbeddedLog { shared, threads: Mutex::new(threads) }))
    }

    /// Applies retention and compaction now instead of within the next seconds.
    ///
    /// # Errors
    /// When the storage fails.
    pub fn tidy(&self) -> Result<(), LogError> {
        retention::pass(&self.shared, true)
    }
}

impl Log for EmbeddedLog {
    fn partitions(&self, topic: Topic) -> u32 {
        self.shared.layout.partitions(topic)
    }

    fn append(&self, batch: RecordBatch, done: Done) {
        if let Err(error) = self.shared.check(&batch) {
            metrics::append_failed(&error);
            return done(Err(error));
        }
        if batch.is_empty() {
            return done(Ok(()));
        }
        let command = Command::Append { batch, done, queued_at: Instant::now() };
        if let Err(refused) = self.shared.queue.push(command) {
            let (command, error) = *refused;
            metrics::append_failed(&error);
            if let Command::Append { done, .. } = command {
                done(Err(error));
            }
        }
    }

    fn offsets(&self, partition: Partition) -> Result<std::ops::Range<u64>, LogError> {
        let slot = self.shared.slot(partition)?;
        let store = self.shared.store()?;
        let end = store.index[slot].end();
        Ok(store.start(slot, partition)?.min(end)..end)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, LogError> {
        Ok(Box::new(reader::EmbeddedReader::new(self.shared.clone())))
    }

    fn join(&self, group: &str) -> Result<Box<dyn Membership>, LogError> {
        group::join(self.shared.clone(), group)
    }

    fn writable(&self) -> Result<(), AppendError> {
        self.shared.writable()
    }

    fn close(&self, timeout: Duration) {
        self.shared.close();
        let deadline = Instant::now() + timeout;
        let mut threads = self.threads.lock().expect("nobody panics while holding this lock");
        while threads.iter().any(|thread| !thread.is_finished()) {
            if Instant::now() >= deadline {
                tracing::warn!("the log's threads did not end within {timeout:?}");
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of the log panicked");
            }
        }
        self.shared.release(deadline);
    }
}

impl Drop for EmbeddedLog {
    fn drop(&mut self) {
        self.close(Duration::from_secs(10));
    }
}
