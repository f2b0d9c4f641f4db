//! The one producer behind [`crate::Log::append`].
//!
//! All records of a batch share one counter as their delivery opaque; a future per record costs a
//! quarter more. What waits is bounded before anything is handed to librdkafka, so that a batch is
//! refused as a whole or not at all.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use arc_swap::ArcSwapOption;
use footfall_event::Topic;
use rdkafka::ClientContext;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{
    BaseRecord, DeliveryResult, Producer, ProducerContext, PurgeConfig, ThreadedProducer,
};

use super::context::Context;
use super::layout::Layout;
use super::settings::Settings;
use crate::{AppendError, Done, LogError, RecordBatch};

/// Below the limit of brokers (1,048,588 bytes) and of librdkafka, with room for a record's head.
pub(super) const RECORD_BYTES_MAX: usize = 999_000;
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) type AppendProducer = ThreadedProducer<Delivery>;

/// One batch on its way.
pub(super) struct Pending {
    /// Records not acknowledged yet, plus one while the batch is being handed over.
    remaining: AtomicUsize,
    error: Mutex<Option<AppendError>>,
    done: Mutex<Option<Done>>,
    bytes: usize,
    queue: Arc<Queue>,
}

impl Pending {
    fn fail(&self, error: AppendError) {
        let mut first = self.error.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        first.get_or_insert(error);
    }

    fn settle(&self, records: usize) {
        if self.remaining.fetch_sub(records, Ordering::AcqRel) != records {
            return;
        }
        self.queue.bytes.fetch_sub(self.bytes, Ordering::AcqRel);
        let error = self.error.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        let done = self.done.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
        if let Some(done) = done {
            done(error.map_or(Ok(()), Err));
        }
    }
}

/// What waits for its acknowledgement.
#[derive(Debug, Default)]
struct Queue {
    bytes: AtomicUsize,
}

/// Receives the acknowledgements.
pub(super) struct Delivery {
    context: Arc<Context>,
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
    type DeliveryOpaque = Arc<Pending>;

    fn delivery(&self, result: &DeliveryResult<'_>, pending: Arc<Pending>) {
        match result {
            Ok(_) => self.context.set_back(),
            Err((error, message)) => {
                let given_up = matches!(
                    error.rdkafka_error_code(),
                    Some(RDKafkaErrorCode::PurgeQueue | RDKafkaErrorCode::PurgeInflight)
                );
                if !given_up {
                    self.context.set_away(format!("{}: {error}", message.topic()));
                }
                pending.fail(append_error(error));
            }
        }
        pending.settle(1);
    }
}

fn append_error(error: &KafkaError) -> AppendError {
    match error.rdkafka_error_code() {
        Some(RDKafkaErrorCode::QueueFull) => AppendError::Busy,
        Some(code) => AppendError::Unavailable(code.to_string()),
        None => AppendError::Unavailable(error.to_string()),
    }
}

/// The producer, and what waits in it.
pub(super) struct Appender {
    settings: Arc<Settings>,
    layout: Arc<Layout>,
    context: Arc<Context>,
    queue: Arc<Queue>,
    producer: ArcSwapOption<AppendProducer>,
    closed: AtomicBool,
    probed: Mutex<Option<Instant>>,
}

impl Appender {
    pub(super) fn new(settings: Arc<Settings>, layout: Arc<Layout>) -> Result<Appender, LogError> {
        let context = Arc::new(Context::new("appender"));
        let producer = make_producer(&settings, &context)?;
        Ok(Appender {
            settings,
            layout,
            context,
            queue: Arc::default(),
            producer: ArcSwapOption::from_pointee(producer),
            closed: AtomicBool::new(false),
            probed: Mutex::new(None),
        })
    }

    /// The producer, as long as the log is open.
    pub(super) fn producer(&self) -> Option<Arc<AppendProducer>> {
        self.producer.load_full()
    }

    pub(super) fn append(&self, batch: &RecordBatch, done: Done) {
        if batch.is_empty() {
            return done(Ok(()));
        }
        if self.closed.load(Ordering::Acquire) {
            return done(Err(AppendError::Closed));
        }
        if let Some(bytes) =
            batch.iter().map(|(_, key, value)| key.len() + value.len()).find(too_large)
        {
            return done(Err(AppendError::TooLarge(bytes)));
        }
        // Each record costs librdkafka some hundred bytes besides its own.
        let bytes = batch.bytes() + 256 * batch.len();
        if self.queue.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes
            > self.settings.queue_bytes_max
        {
            self.queue.bytes.fetch_sub(bytes, Ordering::AcqRel);
            return done(Err(AppendError::Busy));
        }
        if self.context.take_fatal() {
            self.replace_producer();
        }
        let pending = Arc::new(Pending {
            remaining: AtomicUsize::new(batch.len() + 1),
            error: Mutex::new(None),
            done: Mutex::new(Some(done)),
            bytes,
            queue: Arc::clone(&self.queue),
        });
        self.send(batch, &pending);
        pending.settle(1);
    }

    fn send(&self, batch: &RecordBatch, pending: &Arc<Pending>) {
        let producer = self.producer.load();
        let Some(producer) = producer.as_ref() else {
            pending.fail(AppendError::Closed);
            return pending.settle(batch.len());
        };
        for (sent, (partition, key, value)) in batch.iter().enumerate() {
            let mut record = BaseRecord::<[u8], [u8], _>::with_opaque_to(
                self.layout.name(partition.topic),
                Arc::clone(pending),
            );
            fill(&mut record, partition.topic, partition.number, key, value);
            if let Err((error, _)) = producer.send(record) {
                if error.rdkafka_error_code() == Some(RDKafkaErrorCode::Fatal) {
                    self.replace_producer();
                }
                pending.fail(append_error(&error));
                return pending.settle(batch.len() - sent);
            }
        }
    }

    /// An idempotent producer that lost count of its sequence is of no use any more.
    fn replace_producer(&self) {
        match make_producer(&self.settings, &self.context) {
            Ok(producer) if !self.closed.load(Ordering::Acquire) => {
                tracing::warn!("the kafka producer had a fatal error and was replaced");
                end_elsewhere(self.producer.swap(Some(Arc::new(producer))));
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "the kafka producer can't be replaced"),
        }
    }

    /// The first record waits half a second for the producer's id. Topic `shards` is read by
    /// nobody, so the record goes there; and it shows that the cluster takes records at all.
    pub(super) fn warm_up(&self) -> Result<(), LogError> {
        let deadline = Instant::now() + self.settings.request_timeout() * 2;
        loop {
            let (sender, receiver) = mpsc::sync_channel(1);
            self.append(&probe_record(), Box::new(move |result| drop(sender.send(result))));
            let left = deadline.saturating_duration_since(Instant::now());
            let failed = |why: String| LogError::Kafka(format!("no record can be stored: {why}"));
            match receiver.recv_timeout(left) {
                Ok(Ok(())) => return Ok(()),
                Ok(Err(AppendError::Unavailable(_))) if !left.is_zero() => {}
                Ok(Err(error)) => return Err(failed(error.to_string())),
                Err(_) => return Err(failed("the cluster does not answer in time".into())),
            }
        }
    }

    /// Whether appends can be expected to succeed. After a failure it asks by itself, now and then.
    pub(super) fn writable(&self) -> Result<(), AppendError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(AppendError::Closed);
        }
        let Some(reason) = self.context.away() else { return Ok(()) };
        let mut probed = self.probed.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if probed.is_none_or(|at| at.elapsed() > PROBE_INTERVAL) {
            *probed = Some(Instant::now());
            self.append(&probe_record(), Box::new(drop));
        }
        Err(AppendError::Unavailable(reason))
    }

    pub(super) fn purge(&self) {
        if let Some(producer) = self.producer() {
            producer.purge(PurgeConfig::default().queue().inflight());
        }
    }

    pub(super) fn close(&self, timeout: Duration) {
        self.closed.store(true, Ordering::Release);
        let deadline = Instant::now() + timeout;
        while self.queue.bytes.load(Ordering::Acquire) > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        // Dropping it fails what is left, so that everyone who waits gets an answer.
        drop(self.producer.swap(None));
    }
}

impl Drop for Appender {
    fn drop(&mut self) {
        end_elsewhere(self.producer.swap(None));
    }
}

fn too_large(bytes: &usize) -> bool {
    *bytes > RECORD_BYTES_MAX
}

/// Sets a record's place and content. An empty value removes the key from a compacted topic.
pub(super) fn fill<'a, D: rdkafka::util::IntoOpaque>(
    record: &mut BaseRecord<'a, [u8], [u8], D>,
    topic: Topic,
    partition: u32,
    key: &'a [u8],
    value: &'a [u8],
) {
    // A number that is too large must not become "any partition".
    record.partition = Some(i32::try_from(partition).unwrap_or(i32::MAX));
    record.key = (!key.is_empty()).then_some(key);
    let removes = value.is_empty() && topic.settings().compacted;
    record.payload = (!removes).then_some(value);
}

fn probe_record() -> RecordBatch {
    let mut batch = RecordBatch::new();
    batch.push(Topic::Shards, 0, b"", b"");
    batch
}

fn make_producer(settings: &Settings, context: &Arc<Context>) -> Result<AppendProducer, LogError> {
    let delivery = Delivery { context: Arc::clone(context) };
    AppendProducer::from_config_and_context(&settings.appender(), delivery)
        .map_err(|error| LogError::Kafka(error.to_string()))
}

/// Dropping a producer waits for its thread, which may be the one that runs this.
fn end_elsewhere(producer: Option<Arc<AppendProducer>>) {
    let spawned =
        std::thread::Builder::new().name("kafka producer end".into()).spawn(move || drop(producer));
    if let Err(error) = spawned {
        tracing::warn!(%error, "no thread to end a kafka producer");
    }
}
