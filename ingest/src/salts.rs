//! The daily keys that all ingest machines agree on, by the topic `salts`.
//!
//! Everybody may propose a key for a day; the first record of the day in the topic wins for all.
//! Tomorrow's is proposed shortly before midnight, so that there is no gap. Yesterday's is kept
//! until the second midnight; older ones are forgotten here, and the topic's retention removes
//! their records.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use footfall_event::Hex64;
use footfall_event::time::{DAY_MS, day_of};
use footfall_topics::{AppendError, Chunk, Log, LogError, Partition, Reader, RecordBatch, Topic};
use serde::{Deserialize, Serialize};

use crate::keys::{DayKeys, Key};

const PARTITION: Partition = Partition { topic: Topic::Salts, number: 0 };
/// Tomorrow's key is proposed so long before midnight.
const AHEAD_MS: i64 = 30 * 60 * 1_000;
const POLL_BYTES: usize = 64 * 1024;
const POLL_TIMEOUT: Duration = Duration::from_secs(1);
const FIRST_KEY_TIMEOUT: Duration = Duration::from_secs(30);
/// A proposal that failed is repeated after this.
const REPEAT: Duration = Duration::from_secs(2);
const VERSION: u8 = 1;

#[derive(Serialize, Deserialize)]
struct Record {
    v: u8,
    /// UTC day, in days since 1970.
    day: i64,
    key: (Hex64, Hex64),
}

/// Reads the clock: milliseconds since 1970. Tests bring their own.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| jiff::Timestamp::now().as_millisecond())
}

/// The daily keys, followed on a thread of their own.
pub struct Salts {
    shared: Arc<Shared>,
    clock: Clock,
}

struct Shared {
    keys: ArcSwap<DayKeys>,
    ended: AtomicBool,
}

/// Why the keys can't be had.
#[derive(Debug, thiserror::Error)]
pub enum SaltsError {
    /// The log can't be read.
    #[error("the daily keys can't be read: {0}")]
    Read(#[from] LogError),
    /// A key could not be stored.
    #[error("today's key can't be stored: {0}")]
    Append(#[from] AppendError),
    /// It was stored, but did not come back.
    #[error("today's key did not appear in the log within {} s", FIRST_KEY_TIMEOUT.as_secs())]
    Timeout,
}

impl Salts {
    /// Reads the keys, makes today's if there is none, and follows the topic. Blocks until
    /// today's key is known.
    ///
    /// # Errors
    /// See [`SaltsError`].
    pub fn follow(log: Arc<dyn Log>, clock: Clock) -> Result<Salts, SaltsError> {
        let mut reader = log.reader()?;
        reader.assign(PARTITION, 0)?;
        let mut follower = Follower { log, reader, known: Vec::new(), proposed: None };
        let deadline = Instant::now() + FIRST_KEY_TIMEOUT;
        let mut at_end = false;
        while !follower.has(day_of(clock())) {
            let chunks = follower.reader.poll(POLL_BYTES, POLL_TIMEOUT)?;
            follower.apply(&chunks);
            at_end |= chunks.iter().any(|chunk| chunk.at_end);
            if at_end && !follower.has(day_of(clock())) {
                follower.propose(day_of(clock()))?;
            }
            if Instant::now() >= deadline {
                return Err(SaltsError::Timeout);
            }
        }
        let shared = Arc::new(Shared {
            keys: ArcSwap::from_pointee(follower.alive(clock())),
            ended: AtomicBool::new(false),
        });
        let (thread_shared, thread_clock) = (shared.clone(), clock.clone());
        std::thread::Builder::new()
            .name("salts".to_owned())
            .spawn(move || follower.run(&thread_shared, &thread_clock))
            .map_err(|error| LogError::Storage(error.to_string()))?;
        Ok(Salts { shared, clock })
    }

    /// The keys that are alive now.
    pub fn load(&self) -> Arc<DayKeys> {
        self.shared.keys.load_full()
    }

    /// The time by the clock that decides about days.
    pub fn now_ms(&self) -> i64 {
        (self.clock)()
    }
}

impl Drop for Salts {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Release);
    }
}

struct Follower {
    log: Arc<dyn Log>,
    reader: Box<dyn Reader>,
    /// By day, ascending.
    known: Vec<(i64, Key)>,
    proposed: Option<(i64, Instant)>,
}

impl Follower {
    fn has(&self, day: i64) -> bool {
        self.known.iter().any(|(known, _)| *known == day)
    }

    fn apply(&mut self, chunks: &[Chunk]) {
        for record in chunks.iter().flat_map(Chunk::iter) {
            match serde_json::from_slice::<Record>(record.value) {
                Ok(Record { v: VERSION, day, key: (low, high) }) => {
                    if !self.has(day) {
                        let mut bytes = [0; 16];
                        bytes[..8].copy_from_slice(&low.0.to_le_bytes());
                        bytes[8..].copy_from_slice(&high.0.to_le_bytes());
                        let place = self.known.partition_point(|(known, _)| *known < day);
                        self.known.insert(place, (day, Key::new(bytes)));
                    }
                }
                _ => tracing::error!(offset = record.offset, "skipping an unreadable daily key"),
            }
        }
    }

    /// The keys of yesterday and later; older ones are forgotten.
    fn alive(&mut self, now_ms: i64) -> DayKeys {
        let today = day_of(now_ms);
        self.known.retain(|(day, _)| *day >= today - 1 && *day <= today + 1);
        DayKeys::Agreed(self.known.clone())
    }

    fn propose(&mut self, day: i64) -> Result<(), AppendError> {
        if self.proposed.is_some_and(|(known, at)| known == day && at.elapsed() < REPEAT) {
            return Ok(());
        }
        self.proposed = Some((day, Instant::now()));
        let record =
            Record { v: VERSION, day, key: (Hex64(rand::random()), Hex64(rand::random())) };
        let json = serde_json::to_vec(&record).expect("a record of numbers is JSON");
        let mut batch = RecordBatch::new();
        batch.push(Topic::Salts, 0, day.to_string().as_bytes(), &json);
        footfall_topics::append_blocking(&*self.log, batch)
    }

    fn run(mut self, shared: &Shared, clock: &Clock) {
        while !shared.ended.load(Ordering::Acquire) {
            match self.reader.poll(POLL_BYTES, POLL_TIMEOUT) {
                Ok(chunks) => self.apply(&chunks),
                Err(LogError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, "the daily keys can't be followed; trying again");
                    std::thread::sleep(POLL_TIMEOUT);
                }
            }
            let now_ms = clock();
            let next = day_of(now_ms + AHEAD_MS);
            for day in [day_of(now_ms), next] {
                if !self.has(day)
                    && let Err(error) = self.propose(day)
                {
                    let hours = (next * DAY_MS - now_ms) / 3_600_000;
                    tracing::warn!(%error, hours, "the next daily key can't be stored; trying again");
                    break;
                }
            }
            shared.keys.store(Arc::new(self.alive(now_ms)));
        }
    }
}
