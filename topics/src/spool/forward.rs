//! The spool's thread: decides when appends go to the embedded log, and brings what is there to
//! Kafka.

use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use super::{Inner, Mode, metrics};
use crate::embedded::EmbeddedLog;
use crate::{
    Chunk, CommitError, Log, LogError, Membership, Partition, Position, Reader, RecordBatch,
    ShardLog, Topic,
};

const GROUP: &str = "forward";
/// Bytes forwarded at once.
const BATCH_BYTES: usize = 1 << 20;
const TICK: Duration = Duration::from_millis(100);
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long Kafka may take for a forwarded batch before it is sent again.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) fn run(inner: &Arc<Inner>) {
    while !inner.state().closed {
        let mode = inner.state().mode;
        let result = match mode {
            Mode::Direct => {
                watch(inner);
                Ok(())
            }
            Mode::Spooling | Mode::Switching => drain(inner),
        };
        if let Err(error) = result {
            tracing::error!(%error, "the spool can't be forwarded");
            wait(inner, Duration::from_secs(5));
        }
    }
}

/// Waits for something to change.
fn wait(inner: &Inner, timeout: Duration) {
    let state = inner.state();
    if !state.closed {
        drop(inner.changed.wait_timeout(state, timeout));
    }
}

/// Looks after the direct way: changes to spooling when Kafka fails or takes too long.
fn watch(inner: &Arc<Inner>) {
    let patience = Duration::from_millis(inner.settings.patience_ms);
    let state = inner.state();
    let late = state.in_flight.values().next().is_some_and(|it| it.since.elapsed() > patience);
    if state.failed || late {
        drop(state);
        return spool(inner);
    }
    if !state.closed {
        drop(inner.changed.wait_timeout(state, TICK));
    }
}

/// From now on everything goes to the embedded log, what waits for Kafka first.
fn spool(inner: &Arc<Inner>) {
    let gate = inner.gate.write().unwrap_or_else(|poisoned| poisoned.into_inner());
    let (in_flight, held) = {
        let mut state = inner.state();
        state.mode = Mode::Spooling;
        state.failed = false;
        state.held_bytes = 0;
        let in_flight = std::mem::take(&mut state.in_flight);
        let held = std::mem::take(&mut state.held);
        state.storing += in_flight.len() + held.len();
        (in_flight, held)
    };
    tracing::warn!(batches = in_flight.len(), "kafka does not take events: they are spooled");
    for entry in in_flight.into_values() {
        inner.store(entry.batch, entry.done);
    }
    for (batch, done) in held {
        inner.store(batch, done);
    }
    drop(gate);
    // It would only be stored twice.
    inner.kafka.give_up_pending();
}

/// Brings everything from the embedded log to Kafka, then goes back to the direct way.
fn drain(inner: &Arc<Inner>) -> Result<(), LogError> {
    let mut source = Source::open(&inner.store)?;
    let mut moved = 0;
    loop {
        let chunks = source.reader.poll(BATCH_BYTES, TICK)?;
        let mut batch = RecordBatch::with_capacity(BATCH_BYTES);
        for chunk in &chunks {
            for record in chunk.iter() {
                let Partition { topic, number } = chunk.partition;
                batch.push(topic, number, record.key, record.value);
            }
        }
        if !batch.is_empty() {
            if !deliver(inner, &batch) {
                return Ok(());
            }
            source.commit(&chunks)?;
            moved += batch.len() as u64;
            count(inner, &batch);
        }
        if inner.state().closed {
            return Ok(());
        }
        // Less than could be carried: the end is near.
        if batch.bytes() < BATCH_BYTES / 2 && arrive(inner, &source)? {
            if moved > 0 {
                tracing::info!(records = moved, "the spool is empty: events go to kafka again");
            }
            return Ok(());
        }
    }
}

/// Sends a batch to Kafka until it is stored. `false` when the spool is closed before that.
fn deliver(inner: &Arc<Inner>, batch: &RecordBatch) -> bool {
    loop {
        let (sender, receiver) = mpsc::sync_channel(1);
        inner.kafka.append_ref(batch, Box::new(move |result| drop(sender.send(result))));
        match receiver.recv_timeout(ANSWER_TIMEOUT) {
            Ok(Ok(())) => return true,
            Ok(Err(error)) => tracing::debug!(%error, "kafka does not take the spool's records"),
            Err(_) => tracing::debug!("kafka does not answer for the spool's records"),
        }
        if inner.state().mode == Mode::Switching {
            // What was held for a moment would wait too long.
            spool(inner);
        }
        wait(inner, RETRY_PAUSE);
        if inner.state().closed {
            return false;
        }
    }
}

fn count(inner: &Inner, batch: &RecordBatch) {
    let mut state = inner.state();
    state.records -= batch.len() as i64;
    state.bytes -= batch.bytes() as i64;
    metrics::forwarded(batch.len() as u64);
    metrics::waiting(state.records, state.bytes);
}

/// One step towards the direct way: first hold what comes, then, when nothing is left, send it.
fn arrive(inner: &Arc<Inner>, source: &Source) -> Result<bool, LogError> {
    let gate = inner.gate.write().unwrap_or_else(|poisoned| poisoned.into_inner());
    let held = {
        let mut state = inner.state();
        if state.mode == Mode::Spooling {
            if inner.kafka.writable().is_ok() {
                state.mode = Mode::Switching;
            }
            return Ok(false);
        }
        if state.storing > 0 || source.left(&inner.store)? > 0 {
            return Ok(false);
        }
        state.mode = Mode::Direct;
        state.failed = false;
        state.records = 0;
        state.bytes = 0;
        state.held_bytes = 0;
        metrics::waiting(0, 0);
        std::mem::take(&mut state.held)
    };
    for (batch, done) in held {
        inner.send(batch, done);
    }
    drop(gate);
    Ok(true)
}

/// The embedded log from where forwarding stopped.
pub(super) struct Source {
    reader: Box<dyn Reader>,
    shards: Vec<Box<dyn ShardLog>>,
    /// The next offset to forward.
    next: BTreeMap<Partition, u64>,
    /// Keeps the ownership of the shards.
    _member: Box<dyn Membership>,
}

impl Source {
    pub(super) fn open(store: &EmbeddedLog) -> Result<Source, LogError> {
        let mut member = store.join(GROUP)?;
        let deadline = Instant::now() + Duration::from_secs(10);
        let mut gained = 0;
        let partitions = store.partitions(Topic::Shards);
        while gained < partitions as usize && Instant::now() < deadline {
            gained += member.poll(TICK)?.len();
        }
        let mut source = Source {
            reader: store.reader()?,
            shards: Vec::new(),
            next: BTreeMap::new(),
            _member: member,
        };
        for number in 0..partitions {
            let mut shard = source._member.opener().open(number).map_err(storage)?;
            let topics = Topic::ACTIVITIES.into_iter().chain([Topic::DeadLetters]);
            let inputs: Vec<_> = topics.map(|topic| Partition { topic, number }).collect();
            let committed = shard.committed(&inputs).map_err(storage)?;
            for (input, position) in inputs.into_iter().zip(committed) {
                let next = position.map_or(0, |position| position.offset);
                source.reader.assign(input, next)?;
                source.next.insert(input, next);
            }
            source.shards.push(shard);
        }
        Ok(source)
    }

    /// How many records are not forwarded yet.
    pub(super) fn left(&self, store: &EmbeddedLog) -> Result<u64, LogError> {
        let mut left = 0;
        for (partition, next) in &self.next {
            left += store.offsets(*partition)?.end.saturating_sub(*next);
        }
        Ok(left)
    }

    /// Notes that the chunks are forwarded, so that the embedded log may drop them.
    fn commit(&mut self, chunks: &[Chunk]) -> Result<(), LogError> {
        let mut positions = vec![Vec::new(); self.shards.len()];
        for chunk in chunks.iter().filter(|chunk| !chunk.is_empty()) {
            self.next.insert(chunk.partition, chunk.next_offset);
            positions[chunk.partition.number as usize].push(Position {
                partition: chunk.partition,
                offset: chunk.next_offset,
                metadata: String::new(),
            });
        }
        for (shard, positions) in self.shards.iter_mut().zip(positions) {
            if !positions.is_empty() {
                shard.commit(&RecordBatch::new(), &positions).map_err(storage)?;
            }
        }
        Ok(())
    }
}

fn storage(error: CommitError) -> LogError {
    LogError::Storage(error.to_string())
}
