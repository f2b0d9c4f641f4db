//! The one thread that writes: gathers what waits into one atomic, synced write, then tells
//! everybody. When the storage fails it opens the store again.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use fjall::PersistMode;

use super::{
    block::{BlockWriter, record_bytes_max},
    layout::{Family, block_key, position_key},
    shared::{Command, Shared, lock, now_ms},
    space::Need,
    store::{Segment, Store, storage},
};
use crate::{AppendError, CommitError, LogError, Partition, Position, RecordBatch, metrics};

/// Bytes gathered into one write at the most: bounds how long the first has to wait for the last.
const GATHER_BYTES_MAX: usize = 8 << 20;
/// A block is closed when it reaches this size.
const BLOCK_BYTES: usize = 1 << 20;
/// Pause between attempts to open a failed store again.
const REOPEN_PAUSE: Duration = Duration::from_secs(1);
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
        writer.handle(&mut commands);
        debug_assert!(commands.is_empty());
    }
}

/// Records of one partition that are being gathered.
#[derive(Default)]
struct Gathered {
    partition: Option<Partition>,
    /// Bytes that are still to come in this write.
    expected_bytes: usize,
    first: u64,
    block: Option<BlockWriter>,
}

/// A finished block.
struct Finished {
    slot: usize,
    partition: Partition,
    first: u64,
    end: u64,
    bytes: Vec<u8>,
}

struct Writer {
    shared: Arc<Shared>,
    store: Option<Arc<Store>>,
    last_attempt: Instant,
    /// By slot.
    gathered: Vec<Gathered>,
    /// Slots that have records in this write.
    dirty: Vec<usize>,
    finished: Vec<Finished>,
    now_ms: i64,
}

impl Writer {
    fn new(shared: Arc<Shared>) -> Writer {
        let mut gathered = Vec::new();
        gathered.resize_with(shared.layout.slots(), Gathered::default);
        Writer {
            store: shared.store().ok(),
            last_attempt: Instant::now(),
            shared,
            gathered,
            dirty: Vec::new(),
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
        self.measure(commands);
        self.encode(&store, commands);
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

    /// Sums up how much comes for each partition, so that blocks get exactly the memory they need.
    fn measure(&mut self, commands: &[Command]) {
        for batch in commands.iter().filter_map(records) {
            for (partition, key, value) in batch.iter() {
                let Some(slot) = self.shared.layout.slot(partition) else { continue };
                let gathered = &mut self.gathered[slot];
                if gathered.expected_bytes == 0 {
                    gathered.partition = Some(partition);
                    self.dirty.push(slot);
                }
                gathered.expected_bytes += record_bytes_max(key, value);
            }
        }
    }

    fn encode(&mut self, store: &Store, commands: &[Command]) {
        for slot in &self.dirty {
            self.gathered[*slot].first = store.index[*slot].end();
        }
        for batch in commands.iter().filter_map(records) {
            for (partition, key, value) in batch.iter() {
                let Some(slot) = self.shared.layout.slot(partition) else { continue };
                self.encode_record(slot, key, value);
            }
        }
        let dirty = std::mem::take(&mut self.dirty);
        for slot in &dirty {
            self.finish_block(*slot);
        }
        self.dirty = dirty;
        self.dirty.clear();
    }

    fn encode_record(&mut self, slot: usize, key: &[u8], value: &[u8]) {
        let bytes = record_bytes_max(key, value);
        let gathered = &mut self.gathered[slot];
        if gathered.block.as_ref().is_some_and(|block| block.bytes() + bytes > BLOCK_BYTES) {
            self.finish_block(slot);
        }
        let gathered = &mut self.gathered[slot];
        let block = gathered.block.get_or_insert_with(|| {
            BlockWriter::with_capacity(gathered.expected_bytes.min(BLOCK_BYTES.max(bytes)))
        });
        block.push(0, key, value);
        gathered.expected_bytes -= bytes;
    }

    fn finish_block(&mut self, slot: usize) {
        let gathered = &mut self.gathered[slot];
        let (Some(block), Some(partition)) = (gathered.block.take(), gathered.partition) else {
            return;
        };
        let (first, span) = (gathered.first, block.span());
        let end = first + u64::from(span);
        gathered.first = end;
        let bytes = block.finish(span, self.now_ms);
        self.finished.push(Finished { slot, partition, first, end, bytes });
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

    /// Opens a failed store again, at most once per pause.
    fn reopen(&mut self) {
        if self.shared.store().is_ok() {
            self.shared.set_trouble(Some(AppendError::Unavailable(
                "the store failed and is being opened again".to_owned(),
            )));
            if !self.shared.close_store(Instant::now() + RELEASE_TIMEOUT) {
                tracing::warn!("a reader still uses the failed store");
            }
        } else if self.last_attempt.elapsed() < REOPEN_PAUSE {
            return;
        }
        self.last_attempt = Instant::now();
        let opened = match self.shared.space.check(0, Need::Append) {
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

fn write_error(error: &fjall::Error) -> AppendError {
    match error {
        fjall::Error::Io(io) | fjall::Error::Storage(fjall::LsmError::Io(io))
            if io.kind() == std::io::ErrorKind::StorageFull =>
        {
            AppendError::Full("the disk is full: make room".to_owned())
        }
        other => AppendError::Unavailable(format!("the log's storage failed: {other}")),
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

/// The database makes a writer wait for its background work without noticing when that work has
/// failed for good; waiting here instead notices.
pub(super) fn wait_for_room<'a>(
    store: &Store,
    segments: impl Iterator<Item = &'a Arc<Segment>>,
) -> Result<(), LogError> {
    const SEALED_MAX: usize = 2;
    const UNSORTED_TABLES_MAX: usize = 18;
    for segment in segments {
        let keyspace = &segment.keyspace;
        while keyspace.sealed_memtable_count() > SEALED_MAX
            || keyspace.l0_table_count() > UNSORTED_TABLES_MAX
        {
            store.db.persist(PersistMode::Buffer).map_err(storage)?;
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

/// Takes the commits of shards that have a new owner out and tells them.
fn refuse_lost_commits(commands: &mut Vec<Command>) {
    commands.retain(|command| match command {
        Command::Commit { seal, reply, .. } if !seal.holds() => {
            drop(reply.try_send(Err(seal.lost())));
            false
        }
        _ => true,
    });
}

fn accept(commands: &mut Vec<Command>) {
    let recorder = metrics::Appends::start();
    for command in commands.drain(..) {
        match command {
            Command::Append { batch, done, queued_at } => {
                recorder.appended(batch.len() as u64, queued_at.elapsed());
                done(Ok(()));
            }
            Command::Commit { outputs, reply, .. } => {
                recorder.committed(outputs.len() as u64);
                drop(reply.try_send(Ok(())));
            }
            Command::Barrier { reply } => drop(reply.try_send(Ok(()))),
        }
    }
}

/// Nothing of it was stored.
fn refuse(commands: impl Iterator<Item = Command>, error: &AppendError) {
    for command in commands {
        match command {
            Command::Append { done, .. } => {
                metrics::append_failed(error);
                done(Err(error.clone()));
            }
            Command::Commit { reply, .. } => {
                drop(reply.try_send(Err(CommitError::Failed(error.to_string()))));
            }
            Command::Barrier { reply } => drop(reply.try_send(Ok(()))),
        }
    }
}

/// It may or may not have been stored.
fn fail(commands: &mut Vec<Command>, error: &AppendError) {
    for command in commands.drain(..) {
        match command {
            Command::Append { done, .. } => {
                metrics::append_failed(error);
                done(Err(error.clone()));
            }
            Command::Commit { reply, .. } => {
                drop(reply.try_send(Err(CommitError::Unknown(error.to_string()))));
            }
            Command::Barrier { reply } => drop(reply.try_send(Ok(()))),
        }
    }
}
