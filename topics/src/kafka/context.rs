//! What librdkafka reports by itself: whether brokers can be reached, and its log lines.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};

/// A cluster that is away is reported many times a second, by every client.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// The state of a client's connection, and when it was last logged.
#[derive(Debug)]
pub(super) struct Context {
    client: &'static str,
    logged: Mutex<Option<Instant>>,
    away: Mutex<Option<String>>,
    is_away: AtomicBool,
    fatal: AtomicBool,
}

impl Context {
    pub(super) fn new(client: &'static str) -> Context {
        Context {
            client,
            logged: Mutex::new(None),
            away: Mutex::new(None),
            is_away: AtomicBool::new(false),
            fatal: AtomicBool::new(false),
        }
    }

    /// Notes why the cluster can't be used.
    pub(super) fn set_away(&self, reason: String) {
        *self.away.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(reason);
        self.is_away.store(true, Ordering::Release);
    }

    /// Notes that the cluster answered.
    pub(super) fn set_back(&self) {
        if self.is_away.swap(false, Ordering::AcqRel) {
            tracing::info!(client = self.client, "kafka answers again");
        }
    }

    /// Why the cluster can't be used, if it was so at the last attempt.
    pub(super) fn away(&self) -> Option<String> {
        if !self.is_away.load(Ordering::Acquire) {
            return None;
        }
        self.away.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    /// Whether the client is of no use any more, and forgets it.
    pub(super) fn take_fatal(&self) -> bool {
        self.fatal.load(Ordering::Acquire) && self.fatal.swap(false, Ordering::AcqRel)
    }

    /// Logs a condition that may repeat, at most once in a while.
    pub(super) fn warn(&self, what: &str, reason: &str) {
        let mut logged = self.logged.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if logged.is_none_or(|at| at.elapsed() > LOG_INTERVAL) {
            *logged = Some(Instant::now());
            tracing::warn!(client = self.client, reason, "{what}");
        }
    }
}

impl ClientContext for Context {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(client = self.client, facility, "{message}");
    }

    fn error(&self, error: KafkaError, reason: &str) {
        match error.rdkafka_error_code() {
            // Reported to the reader as the event that it is.
            Some(RDKafkaErrorCode::PartitionEOF | RDKafkaErrorCode::AutoOffsetReset) => return,
            Some(RDKafkaErrorCode::AllBrokersDown) => self.set_away(reason.to_owned()),
            Some(RDKafkaErrorCode::Fatal) => self.fatal.store(true, Ordering::Release),
            _ => {}
        }
        self.warn("kafka reports a problem", reason);
    }
}

impl ConsumerContext for Context {}
