//! A feed's thread: reads the topic, writes what the reader may see, ends when it must.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Bytes;
use footfall_event::Topic;
use footfall_topics::catalog::CatalogView;
use footfall_topics::{Chunk, LogError, Partition, Reader};
use tokio::sync::mpsc::Sender;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::watch;

use super::form::Form;
use super::place::Place;
use super::sight::Sight;

/// Bytes of records that are written before they are handed over.
const PIECE_BYTES: usize = 32 << 10;
/// Bytes of the current state that are held together, so that of each key only the last record is
/// handed out. Of a larger state some keys come more than once, the last record last.
const STATE_BYTES_MAX: usize = 16 << 20;
const POLL_BYTES: usize = 256 << 10;
/// How long a look at the topic may take; so often the thread sees whether it is still needed.
const POLL_TIMEOUT: Duration = Duration::from_millis(500);
/// Silence is broken this often.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Whoever takes nothing for so long is cut off.
const PATIENCE: Duration = Duration::from_secs(10);
const FULL_PAUSE: Duration = Duration::from_millis(10);

/// Where a feed begins.
pub(super) enum Start {
    /// At these offsets.
    At(Place),
    /// With the last record of each key, then what follows.
    State,
}

/// What a feed needs.
pub(super) struct Feed {
    pub(super) reader: Box<dyn Reader>,
    pub(super) topic: Topic,
    pub(super) partitions: u32,
    pub(super) sight: Sight,
    pub(super) form: Form,
    pub(super) catalog: CatalogView,
    pub(super) pieces: Sender<Bytes>,
    pub(super) stopping: watch::Receiver<bool>,
    /// Whether the reader may still read.
    pub(super) may_read: Box<dyn Fn() -> bool + Send>,
}

/// Why a feed ends. `None`: nobody listens any more.
type Ended = Option<&'static str>;

/// What has been read of the current state.
#[derive(Default)]
struct State {
    records: BTreeMap<Vec<u8>, Vec<u8>>,
    bytes: usize,
    unread: BTreeSet<u32>,
}

impl Feed {
    /// Feeds until there is a reason to end; says which.
    pub(super) fn run(mut self, start: Start) -> Ended {
        match self.feed(start) {
            Ok(never) => match never {},
            Err(ended) => ended,
        }
    }

    fn feed(&mut self, start: Start) -> Result<std::convert::Infallible, Ended> {
        let (mut place, mut state) = match start {
            Start::At(place) => (place, None),
            Start::State => {
                let unread = (0..self.partitions).collect();
                let state = State { unread, ..State::default() };
                (Place(vec![0; self.partitions as usize]), Some(state))
            }
        };
        for (number, offset) in (0..).zip(&place.0) {
            let partition = Partition { topic: self.topic, number };
            self.reader.assign(partition, *offset).map_err(|error| broken(&error))?;
        }
        let mut out = Vec::with_capacity(PIECE_BYTES);
        let mut said = Instant::now();
        let mut checked = Instant::now();
        loop {
            let chunks =
                self.reader.poll(POLL_BYTES, POLL_TIMEOUT).map_err(|error| broken(&error))?;
            for chunk in &chunks {
                match &mut state {
                    Some(state) => self.gather(chunk, &mut place, state, &mut out)?,
                    None => self.write(chunk, &mut place, &mut out)?,
                }
            }
            if state.as_ref().is_some_and(|state| state.unread.is_empty()) {
                let complete = state.take().unwrap_or_default();
                self.flush_state(complete.records, &mut out)?;
                self.form.current(&mut out, &place);
            }
            if said.elapsed() >= HEARTBEAT && out.is_empty() && state.is_none() {
                self.form.heartbeat(&mut out, &place);
            }
            if !out.is_empty() {
                self.hand_over(&mut out)?;
                said = Instant::now();
            }
            self.still_needed()?;
            if checked.elapsed() >= HEARTBEAT {
                checked = Instant::now();
                if !(self.may_read)() {
                    return Err(Some("unauthorized"));
                }
            }
        }
    }

    /// Writes the records of a chunk that the reader may see.
    fn write(&self, chunk: &Chunk, place: &mut Place, out: &mut Vec<u8>) -> Result<(), Ended> {
        let catalog = self.catalog.load();
        let number = chunk.partition.number as usize;
        for record in chunk.iter() {
            place.0[number] = record.offset + 1;
            if !record.value.is_empty() && self.sight.covers(record.value, &catalog) {
                self.form.record(out, Some(place), record.value);
                if out.len() >= PIECE_BYTES {
                    self.hand_over(out)?;
                }
            }
        }
        place.0[number] = place.0[number].max(chunk.next_offset);
        Ok(())
    }

    /// Takes a chunk's records into the current state.
    fn gather(
        &self,
        chunk: &Chunk,
        place: &mut Place,
        state: &mut State,
        out: &mut Vec<u8>,
    ) -> Result<(), Ended> {
        let catalog = self.catalog.load();
        for record in chunk.iter() {
            if record.value.is_empty() {
                state.records.remove(record.key);
            } else if self.sight.covers(record.value, &catalog) {
                state.bytes += record.key.len() + record.value.len();
                state.records.insert(record.key.to_vec(), record.value.to_vec());
            }
        }
        let number = chunk.partition.number as usize;
        place.0[number] = place.0[number].max(chunk.next_offset);
        if chunk.at_end {
            state.unread.remove(&chunk.partition.number);
        }
        if state.bytes > STATE_BYTES_MAX {
            state.bytes = 0;
            self.flush_state(std::mem::take(&mut state.records), out)?;
        }
        Ok(())
    }

    fn flush_state(
        &self,
        records: BTreeMap<Vec<u8>, Vec<u8>>,
        out: &mut Vec<u8>,
    ) -> Result<(), Ended> {
        for record in records.values() {
            self.form.record(out, None, record);
            if out.len() >= PIECE_BYTES {
                self.hand_over(out)?;
            }
        }
        Ok(())
    }

    /// Puts what was written into the queue, waiting for room.
    fn hand_over(&self, out: &mut Vec<u8>) -> Result<(), Ended> {
        let mut piece = Bytes::from(std::mem::take(out));
        let deadline = Instant::now() + PATIENCE;
        loop {
            match self.pieces.try_send(piece) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Closed(_)) => return Err(None),
                Err(TrySendError::Full(_)) if Instant::now() > deadline => {
                    return Err(Some("too_slow"));
                }
                Err(TrySendError::Full(same)) => piece = same,
            }
            self.still_needed()?;
            std::thread::sleep(FULL_PAUSE);
        }
    }

    fn still_needed(&self) -> Result<(), Ended> {
        if self.pieces.is_closed() {
            return Err(None);
        }
        if *self.stopping.borrow() { Err(Some("stopping")) } else { Ok(()) }
    }
}

fn broken(error: &LogError) -> Ended {
    tracing::warn!(%error, "a feed can't read its topic");
    Some("unavailable")
}

/// Runs a feed and notes why it ended before the queue is closed.
pub(super) fn run(feed: Feed, start: Start, end: &super::body::End) {
    let keep_open = feed.pieces.clone();
    if let Some(reason) = feed.run(start) {
        ::metrics::counter!("footfall_feeds_ended_total", "reason" => reason).increment(1);
        let _ = end.set(reason);
    }
    drop(keep_open);
}

/// The places at which a topic's partitions begin, or end.
pub(super) fn edge(
    log: &Arc<dyn footfall_topics::Log>,
    topic: Topic,
    at_end: bool,
) -> Result<Place, LogError> {
    let numbers = 0..log.partitions(topic);
    let offsets = numbers.map(|number| {
        let kept = log.offsets(Partition { topic, number })?;
        Ok(if at_end { kept.end } else { kept.start })
    });
    offsets.collect::<Result<_, LogError>>().map(Place)
}
