//! The acknowledgements of a transaction's records.

use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Instant;

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::producer::{DeliveryResult, ProducerContext, ThreadedProducer};

use super::context::Context;

pub(super) type ShardProducer = ThreadedProducer<Delivery>;

/// The acknowledgements of a transaction's records.
pub(super) struct Delivery {
    context: Context,
    state: Mutex<Deliveries>,
    changed: Condvar,
}

#[derive(Default)]
pub(super) struct Deliveries {
    pub(super) outstanding: usize,
    pub(super) error: Option<String>,
}

impl Default for Delivery {
    fn default() -> Delivery {
        Delivery {
            context: Context::new("shard"),
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }
}

impl Delivery {
    pub(super) fn state(&self) -> MutexGuard<'_, Deliveries> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// Waits until at most `outstanding` records are not acknowledged.
    pub(super) fn wait(&self, outstanding: usize, deadline: Instant) -> bool {
        let left = deadline.saturating_duration_since(Instant::now());
        let waited = self
            .changed
            .wait_timeout_while(self.state(), left, |state| state.outstanding > outstanding)
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        !waited.1.timed_out()
    }
}

impl ClientContext for Delivery {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl ProducerContext for Delivery {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let mut state = self.state();
        state.outstanding = state.outstanding.saturating_sub(1);
        if let Err((error, _)) = result {
            state.error.get_or_insert_with(|| error.to_string());
        }
        self.changed.notify_all();
    }
}
