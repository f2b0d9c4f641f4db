//! What all threads and handles of the log share: the open store, the queue to the writer, who
//! waits for records, the groups.

use std::{
    fs::File,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use super::{
    RECORD_BYTES_MAX, Settings,
    group::Groups,
    layout::Layout,
    queue::{Queue, Signal},
    space::{Need, Space},
    store::{Store, storage},
};
use crate::{AppendError, LogError, Partition, RecordBatch};

/// Folder of the store within the log's folder; the lock file lies beside it.
const STORE_FOLDER: &str = "store";
const LOCK_FILE: &str = "lock";

/// Locks a mutex whose data is valid even after a panic elsewhere.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// [`lock`] for readers.
pub(super) fn read_lock<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

/// [`lock`] for who changes something.
pub(super) fn write_lock<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// Everything shared.
pub(super) struct Shared {
    pub(super) settings: Settings,
    pub(super) layout: Layout,
    pub(super) queue: Queue,
    pub(super) groups: Groups,
    pub(super) space: Space,
    /// One pass of upkeep at a time.
    pub(super) upkeep: Mutex<super::retention::Upkeep>,
    /// Ends the upkeep thread's pauses.
    pub(super) closing: Signal,
    closed: AtomicBool,
    store: RwLock<Option<Arc<Store>>>,
    /// Why appends fail at the moment.
    trouble: Mutex<Option<AppendError>>,
    /// By slot: who waits for its records.
    watchers: Vec<Mutex<Vec<Weak<Signal>>>>,
    /// Keeps a second process out as long as it is open.
    lock_file: Mutex<Option<File>>,
}

impl Shared {
    pub(super) fn open(settings: Settings) -> Result<Shared, LogError> {
        make_folder(&settings.dir)?;
        let lock_file = lock_folder(&settings)?;
        let store = Store::open(&settings.dir.join(STORE_FOLDER), &settings, now_ms())?;
        let layout = store.layout;
        let mut watchers = Vec::new();
        watchers.resize_with(layout.slots(), Mutex::default);
        Ok(Shared {
            layout,
            queue: Queue::new(settings.queue_bytes_max),
            groups: Groups::default(),
            space: Space::new(settings.dir.clone(), settings.min_free_bytes, settings.max_bytes),
            upkeep: Mutex::default(),
            closing: Signal::default(),
            closed: AtomicBool::new(false),
            store: RwLock::new(Some(Arc::new(store))),
            trouble: Mutex::new(None),
            watchers,
            lock_file: Mutex::new(Some(lock_file)),
            settings,
        })
    }

    /// The open store. Don't keep it for longer than a call.
    pub(super) fn store(&self) -> Result<Arc<Store>, LogError> {
        let store = read_lock(&self.store).clone();
        store.ok_or(LogError::Closed)
    }

    pub(super) fn slot(&self, partition: Partition) -> Result<usize, LogError> {
        self.layout.slot(partition).ok_or_else(|| {
            storage(format!(
                "there is no partition {} of {}: it has {}",
                partition.number,
                partition.topic.name(),
                self.layout.partitions(partition.topic)
            ))
        })
    }

    /// Whether all records of a batch can be stored at all.
    pub(super) fn check(&self, batch: &RecordBatch) -> Result<(), AppendError> {
        for (partition, key, value) in batch.iter() {
            let bytes = key.len() + value.len();
            if bytes > RECORD_BYTES_MAX {
                return Err(AppendError::TooLarge(bytes));
            }
            if let Err(error) = self.slot(partition) {
                return Err(AppendError::Unavailable(error.to_string()));
            }
        }
        Ok(())
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Refuses everything new.
    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
        self.queue.close();
        self.closing.raise();
        self.groups.wake_all();
    }

    /// Lets go of the folder once nobody uses the store, at most until `deadline`.
    pub(super) fn release(&self, deadline: Instant) {
        for slot in 0..self.watchers.len() {
            self.notify(slot);
        }
        if self.close_store(deadline) {
            lock(&self.lock_file).take();
        } else {
            tracing::warn!("the log's folder stays locked: a reader is still busy");
        }
    }

    /// Closes the store; `false` when somebody still used it at `deadline`.
    pub(super) fn close_store(&self, deadline: Instant) -> bool {
        let store = write_lock(&self.store).take();
        let Some(store) = store else { return true };
        let weak = Arc::downgrade(&store);
        drop(store);
        while weak.strong_count() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        true
    }

    /// Sets or clears the reason why appends fail.
    pub(super) fn set_trouble(&self, trouble: Option<AppendError>) {
        *lock(&self.trouble) = trouble;
    }

    pub(super) fn writable(&self) -> Result<(), AppendError> {
        if self.is_closed() {
            return Err(AppendError::Closed);
        }
        self.room(Need::Append)
    }

    /// Whether there is room, and a store. Does not look whether the log is being closed: what was
    /// queued before is still written.
    pub(super) fn room(&self, need: Need) -> Result<(), AppendError> {
        if let Some(trouble) = lock(&self.trouble).clone() {
            return Err(trouble);
        }
        let bytes = self.store().map_or(0, |store| store.bytes());
        self.space.check(bytes, need)
    }

    /// From now on `signal` is raised when a partition gets records.
    pub(super) fn watch(&self, slot: usize, signal: &Arc<Signal>) {
        let mut watchers = lock(&self.watchers[slot]);
        watchers.retain(|watcher| watcher.strong_count() > 0);
        watchers.push(Arc::downgrade(signal));
    }

    pub(super) fn unwatch(&self, slot: usize, signal: &Arc<Signal>) {
        let signal = Arc::downgrade(signal);
        lock(&self.watchers[slot]).retain(|watcher| !watcher.ptr_eq(&signal));
    }

    /// Wakes those who wait for a partition's records.
    pub(super) fn notify(&self, slot: usize) {
        for watcher in lock(&self.watchers[slot]).iter() {
            if let Some(signal) = watcher.upgrade() {
                signal.raise();
            }
        }
    }
}

/// Makes a folder if it is missing, so that it is still there after a power cut.
pub(super) fn make_folder(dir: &Path) -> Result<(), LogError> {
    let make = || {
        std::fs::create_dir_all(dir)?;
        // The folder's name lies in its parent. An empty path means the current directory.
        let parent = dir.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
    };
    make().map_err(|error: std::io::Error| {
        storage(format!("{} can't be made: {error}", dir.display()))
    })
}

fn lock_folder(settings: &Settings) -> Result<File, LogError> {
    let path = settings.dir.join(LOCK_FILE);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| storage(format!("{} can't be opened: {error}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(LogError::InUse(settings.dir.clone())),
        Err(std::fs::TryLockError::Error(error)) => Err(storage(error)),
    }
}
