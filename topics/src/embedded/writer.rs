//! The one thread that writes: gathers what waits into one atomic, synced write, then tells
//! everybody. When the storage fails it opens the store again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use fjall::{AbstractTree as _, PersistMode};

use super::{
    gather::{Finished, Gatherer},
    layout::{Family, block_key, position_key},
    outcome::{accept, fail, refuse, refuse_lost_commits, write_error},
    queue::Command,
    segment::{MEMTABLE_BYTES, Segment},
    shared::{Shared, lock, now_ms},
    space::Need,
    store::{Store, storage},
};
use crate::{AppendError, LogError, Position, RecordBatch, metrics};

/// Bytes gathered into one write at the most: bounds how long the first has to wait for the last.
const GATHER_BYTES_MAX: usize = 8 << 20;
/// Pause between attempts to open a failed store again.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);
/// How long writing out to files, and the users of the store, may take before erasing is put off.
const ERASE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long users of a failed store may take to let go of it.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(30);

/// Runs until the log is closed and everything queued has an outcome.
pub(super) fn run(shared: &Arc<Shared>) {
    let mut writer = Writer::new(shared.clone());
    let mut commands = Vec::new();
    while shared.queue.take(&mut commands, GATHER_BYTES_MAX, REOPEN_PAUSE) {
        if writer.store.is_none() {
            writer.reopen();
        }
        if shared.erase_journals.load(Ordering::Acquire) {
            writer.erase_journals();
        }
        writer.handle(&mut commands);
        debug_assert!(commands.is_empty());
    }
}

struct Writer {
    shared: Arc<Shared>,
    store: Option<Arc<Store>>,
    /// When opening a failed store was last tried.
    last_attempt: Option<Instant>,
    gatherer: Gatherer,
    /// The blocks of this write.
    finished: Vec<Finished>,
    now_ms: i64,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Writer {
        Writer {
            store: shared.store().ok(),
            last_attempt: None,
            gatherer: Gatherer::new(shared.layout),
            shared,
            finished: Vec::new(),
            now_ms: 0,
        }
    }

    fn handle(&mut self, commands: &mut Vec<Command>) {
        if commands.is_empty() {
            return;
        }
        self.now_ms = now_ms();
        self.refuse_without_room(commands);
        let Some(store) = self.store.clone() else {
            let error = AppendError::Unavailable("the store is closed".to_owned());
            return refuse(commands.drain(..), &error);
        };
        refuse_lost_commits(commands);
        let batches = commands.iter().filter_map(records);
        self.finished = self.gatherer.encode(&store, batches, self.now_ms);
        let writing = lock(&store.writing);
        let result = self.write(&store, commands);
        drop(writing);
        match result {
            Ok(()) => {
                self.publish(&store);
                drop(store);
                accept(commands);
            }
            Err(error) => {
                tracing::error!(%error, "the log could not be written");
                self.finished.clear();
                drop(store);
                fail(commands, &error);
                self.store = None;
                self.reopen();
            }
        }
    }

    /// Takes out what there is no room for and says so.
    fn refuse_without_room(&self, commands: &mut Vec<Command>) {
        let outcomes = [Need::Append, Need::Outputs, Need::Positions].map(|need| {
            let asked = commands.iter().any(|command| need_of(command) == Some(need));
            if asked { self.shared.room(need).err() } else { None }
        });
        if outcomes.iter().all(Option::is_none) {
            return;
        }
        let mut rest = Vec::new();
        for command in std::mem::take(commands) {
            let error = need_of(&command).and_then(|need| outcomes[need as usize].as_ref());
            match error {
                Some(error) => refuse(std::iter::once(command), error),
                None => rest.push(command),
            }
        }
        *commands = rest;
    }

    /// The atomic, synced write.
    fn write(&mut self, store: &Store, commands: &[Command]) -> Result<(), AppendError> {
        let unavailable = |error: LogError| AppendError::Unavailable(error.to_string());
        let families = self.active_segments(store).map_err(unavailable)?;
        wait_for_room(store, families.iter().flatten()).map_err(unavailable)?;
        let mut batch = store.db.batch().durability(Some(PersistMode::SyncData));
        for block in &mut self.finished {
            let segment = families[Family::of(block.partition.topic).index()].as_ref();
            let segment = segment.expect("every gathered family has its active segment");
            let bytes = std::mem::take(&mut block.bytes);
            segment.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            batch.insert(&segment.keyspace, block_key(block.partition, block.first), bytes);
        }
        for command in commands {
            if let Command::Commit { group, positions, .. } = command {
                for position in positions {
                    let key = position_key(group, position.partition);
                    batch.insert(&store.meta, key, position_value(position));
                }
            }
        }
        batch.commit().map_err(|error| write_error(&error))?;
        for block in &self.finished {
            let segment = families[Family::of(block.partition.topic).index()].as_ref();
            let segment = segment.expect("every gathered family has its active segment");
            if segment.is_empty() {
                segment.oldest_ms.store(self.now_ms, Ordering::Relaxed);
            }
            segment.newest_ms.fetch_max(self.now_ms, Ordering::Relaxed);
            store.index[block.slot].note(block.first, segment);
        }
        Ok(())
    }

    /// The segments for this write, by family; new ones where the old are full or old.
    fn active_segments(
        &self,
        store: &Store,
    ) -> Result<[Option<Arc<Segment>>; Family::ALL.len()], LogError> {
        let mut segments = [const { None }; Family::ALL.len()];
        for block in &self.finished {
            let family = Family::of(block.partition.topic);
            if segments[family.index()].is_some() {
                continue;
            }
            let mut active = store.active(family);
            if self.shared.settings.is_segment_complete(&active, self.now_ms) {
                active = store.add_segment(family, self.now_ms)?;
            }
            segments[family.index()] = Some(active);
        }
        Ok(segments)
    }

    /// Lets readers see what was written.
    fn publish(&mut self, store: &Store) {
        for block in &self.finished {
            store.index[block.slot].end.store(block.end, Ordering::Release);
        }
        for block in self.finished.drain(..) {
            self.shared.notify(block.slot);
        }
    }

    /// Removes what was dropped from the database's journals, too, which would keep it for as long
    /// as little is appended: has everything written out to files, and empties the journals while
    /// the store is closed. Takes a moment, but is needed once a day (for keys of visitor ids).
    fn erase_journals(&mut self) {
        let shared = self.shared.clone();
        if shared.space.check(0, Need::Append).is_err() {
            return;
        }
        // Nothing but this thread and the upkeep writes.
        let Ok(_upkeep) = shared.upkeep.try_lock() else { return };
        let Some(store) = self.store.take() else { return };
        let flushed = store.flush(Instant::now() + ERASE_TIMEOUT);
        drop(store);
        match flushed {
            Ok(true) => {}
            Ok(false) => return self.store = shared.store().ok(),
            Err(error) => {
                tracing::error!(%error, "the log could not be written out to files");
                return self.reopen();
            }
        }
        if shared.close_store(Instant::now() + ERASE_TIMEOUT) {
            match shared.empty_journals() {
                Ok(()) => shared.erase_journals.store(false, Ordering::Release),
                Err(error) => tracing::error!(%error, "the journals could not be emptied"),
            }
        }
        self.last_attempt = None;
        self.reopen();
    }

    /// Opens a failed store again, at most once per pause.
    fn reopen(&mut self) {
        if self.shared.store().is_ok() {
            self.shared.set_trouble(Some(AppendError::Unavailable(
                "the store failed and is being opened again".to_owned(),
            )));
            if !self.shared.close_store(Instant::now() + RELEASE_TIMEOUT) {
                tracing::warn!("a reader still uses the failed store");
            }
        } else if self.last_attempt.is_some_and(|last| last.elapsed() < REOPEN_PAUSE) {
            return;
        }
        self.last_attempt = Some(Instant::now());
        let opened = match self.shared.space.check(0, Need::Positions) {
            Ok(()) => self.shared.open_store().map_err(|error| {
                AppendError::Unavailable(format!("the store can't be opened again: {error}"))
            }),
            Err(full) => Err(full),
        };
        match opened {
            Ok(()) => {
                tracing::info!("the log's store is open again");
                metrics::reopened();
                self.store = self.shared.store().ok();
                self.shared.set_trouble(None);
            }
            Err(error) => {
                tracing::error!(%error, "the log's store stays closed");
                self.shared.set_trouble(Some(error));
            }
        }
    }
}

fn need_of(command: &Command) -> Option<Need> {
    match command {
        Command::Append { .. } => Some(Need::Append),
        Command::Commit { outputs, .. } if outputs.is_empty() => Some(Need::Positions),
        Command::Commit { .. } => Some(Need::Outputs),
        Command::Barrier { .. } => None,
    }
}

fn records(command: &Command) -> Option<&RecordBatch> {
    match command {
        Command::Append { batch, .. } => Some(batch),
        Command::Commit { outputs, .. } => Some(outputs),
        Command::Barrier { .. } => None,
    }
}

fn position_value(position: &Position) -> Vec<u8> {
    let mut value = Vec::with_capacity(8 + position.metadata.len());
    value.extend_from_slice(&position.offset.to_be_bytes());
    value.extend_from_slice(position.metadata.as_bytes());
    value
}

/// Bounds what waits in memory to be written out. The database has its background threads see to
/// that, and they may come too late for a busy writer: so full memory is sealed here, by the writer.
/// Also, the database makes a writer wait for its background work without noticing when that work has
/// failed for good; waiting here instead notices.
pub(super) fn wait_for_room<'a>(
    store: &Store,
    segments: impl Iterator<Item = &'a Arc<Segment>>,
) -> Result<(), LogError> {
    const SEALED_MAX: usize = 2;
    const UNSORTED_TABLES_MAX: usize = 18;
    for segment in segments {
        let keyspace = &segment.keyspace;
        if keyspace.tree.active_memtable().size() > MEMTABLE_BYTES {
            keyspace.rotate_memtable().map_err(storage)?;
        }
        while keyspace.sealed_memtable_count() > SEALED_MAX
            || keyspace.l0_table_count() > UNSORTED_TABLES_MAX
        {
            store.db.persist(PersistMode::Buffer).map_err(storage)?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}
