//! Follows partitions.
//!
//! One consumer with manual assignment, and a queue per partition: an "end of partition" in a
//! shared queue names the partition's number only, and a shard reads the same number of many
//! topics. The queues wake the reader through one condition variable.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::context::Context;
use super::layout::Layout;
use super::settings::{Settings, offset, partition_number};
use crate::{Chunk, LogError, Partition, Reader};

type ReadConsumer = BaseConsumer<Context>;

/// How often the client's own events (log lines, errors) are served while nothing arrives.
const SERVE_INTERVAL: Duration = Duration::from_millis(500);
/// How long a partition may end before the reader's position until that is an error: a new leader
/// may need a moment to know its own end.
const AHEAD_TOLERANCE: Duration = Duration::from_secs(30);
const RETRY_INTERVAL: Duration = Duration::from_millis(500);

/// The partitions with something to read; filled by threads of librdkafka.
#[derive(Default)]
struct Ready {
    partitions: Mutex<BTreeSet<Partition>>,
    changed: Condvar,
}

impl Ready {
    fn add(&self, partition: Partition) {
        let mut partitions = self.partitions.lock().unwrap_or_else(|p| p.into_inner());
        partitions.insert(partition);
        self.changed.notify_one();
    }

    fn take(&self) -> BTreeSet<Partition> {
        std::mem::take(&mut *self.partitions.lock().unwrap_or_else(|p| p.into_inner()))
    }

    fn wait(&self, timeout: Duration) {
        let partitions = self.partitions.lock().unwrap_or_else(|p| p.into_inner());
        let waited = self.changed.wait_timeout_while(partitions, timeout, |p| p.is_empty());
        drop(waited.unwrap_or_else(|p| p.into_inner()));
    }
}

struct Followed {
    queue: PartitionQueue<Context>,
    /// The next offset to hand out; earlier ones are stale.
    next: u64,
    /// Since when the partition ends before `next`.
    ahead_since: Option<Instant>,
    /// When to assign it anew after it could not be read.
    retry_at: Option<Instant>,
}

/// What became of reading one partition's queue.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Left {
    Nothing,
    More,
}

/// A consumer on behalf of one thread.
pub(super) struct KafkaReader {
    // Before the consumer: the queues must be dropped first.
    followed: BTreeMap<Partition, Followed>,
    ready: Arc<Ready>,
    /// The partition to begin with, so that a busy one does not starve the others.
    turn: Option<Partition>,
    /// When the client's own events were last served.
    served: Instant,
    consumer: Arc<ReadConsumer>,
    layout: Arc<Layout>,
    request_timeout: Duration,
}

impl KafkaReader {
    pub(super) fn new(settings: &Settings, layout: Arc<Layout>) -> Result<KafkaReader, LogError> {
        let consumer =
            ReadConsumer::from_config_and_context(&settings.reader(), Context::new("reader"))
                .map_err(|error| LogError::Kafka(error.to_string()))?;
        Ok(KafkaReader {
            followed: BTreeMap::new(),
            ready: Arc::default(),
            turn: None,
            served: Instant::now(),
            consumer: Arc::new(consumer),
            layout,
            request_timeout: settings.request_timeout(),
        })
    }

    fn list(&self, partition: Partition, at: u64) -> Result<TopicPartitionList, LogError> {
        let raw =
            i64::try_from(at).map_err(|_| LogError::Kafka(format!("there is no offset {at}")))?;
        let mut list = TopicPartitionList::with_capacity(1);
        let name = self.layout.name(partition.topic);
        list.add_partition(name, partition_number(partition.number)?)
            .set_offset(Offset::Offset(raw))
            .map_err(|error| LogError::Kafka(error.to_string()))?;
        Ok(list)
    }

    /// Log lines and errors of the client.
    fn serve(&mut self) -> Result<(), LogError> {
        if self.served.elapsed() < SERVE_INTERVAL {
            return Ok(());
        }
        self.served = Instant::now();
        // Costs nothing now and then, and a call-back that was missed would cost everything.
        for partition in self.followed.keys() {
            self.ready.add(*partition);
        }
        // With no time at all it would serve a single log line.
        while let Some(event) = self.consumer.poll(Duration::from_millis(1)) {
            match event {
                Ok(message) => debug_assert!(false, "{} has no queue", message.topic()),
                Err(error) => permanent(&error)?,
            }
        }
        Ok(())
    }

    /// Partitions whose next try is due.
    fn retry(&mut self) -> Result<(), LogError> {
        let now = Instant::now();
        let due: Vec<(Partition, u64, Option<Instant>)> = self
            .followed
            .iter()
            .filter(|(_, followed)| followed.retry_at.is_some_and(|at| at <= now))
            .map(|(partition, followed)| (*partition, followed.next, followed.ahead_since))
            .collect();
        for (partition, next, ahead_since) in due {
            self.place_again(partition, next, ahead_since)?;
        }
        Ok(())
    }

    /// Finds a place to read from for a partition whose next offset does not exist (any more).
    fn place_again(
        &mut self,
        partition: Partition,
        next: u64,
        ahead_since: Option<Instant>,
    ) -> Result<(), LogError> {
        let name = self.layout.name(partition.topic).to_owned();
        let number = partition_number(partition.number)?;
        let kept = match self.consumer.fetch_watermarks(&name, number, self.request_timeout) {
            Ok((low, high)) => offset(low)..offset(high),
            Err(error) => {
                self.consumer
                    .context()
                    .warn("kafka can't be asked for offsets", &error.to_string());
                self.retry_later(partition, ahead_since);
                return Ok(());
            }
        };
        if next < kept.start {
            tracing::warn!(topic = name, number, next, first = kept.start, "records are gone");
            return self.assign(partition, kept.start);
        }
        if next <= kept.end {
            return self.assign(partition, next);
        }
        let since = ahead_since.unwrap_or_else(Instant::now);
        if since.elapsed() > AHEAD_TOLERANCE {
            return Err(LogError::Kafka(format!(
                "{name}/{number} ends at {}, but was read up to {next} before: the cluster lost \
                 acknowledged records",
                kept.end
            )));
        }
        self.retry_later(partition, Some(since));
        Ok(())
    }

    fn retry_later(&mut self, partition: Partition, ahead_since: Option<Instant>) {
        if let Some(followed) = self.followed.get_mut(&partition) {
            followed.retry_at = Some(Instant::now() + RETRY_INTERVAL);
            followed.ahead_since = ahead_since;
        }
    }

    /// What the queues hold now, without waiting.
    fn drain(&mut self, bytes_max: usize) -> Result<Vec<Chunk>, LogError> {
        let ready = self.ready.take();
        let first = self.turn.take();
        let (later, sooner): (Vec<_>, Vec<_>) =
            ready.into_iter().partition(|partition| first.is_some_and(|first| *partition < first));
        let mut chunks = Vec::new();
        let mut bytes = 0;
        for partition in sooner.into_iter().chain(later) {
            if bytes >= bytes_max {
                self.ready.add(partition);
                self.turn.get_or_insert(partition);
                continue;
            }
            let Some(followed) = self.followed.get_mut(&partition) else { continue };
            let mut chunk = Chunk::new(partition, followed.next);
            match fill(followed, &mut chunk, bytes_max - bytes)? {
                Left::More => self.ready.add(partition),
                Left::Nothing => {}
            }
            bytes += chunk.bytes() + chunk.len();
            if !chunk.is_empty() || chunk.at_end {
                chunks.push(chunk);
            }
        }
        Ok(chunks)
    }
}

/// Moves records from a partition's queue into the chunk.
fn fill(followed: &mut Followed, chunk: &mut Chunk, bytes_max: usize) -> Result<Left, LogError> {
    loop {
        match followed.queue.poll(Duration::ZERO) {
            None => return Ok(Left::Nothing),
            Some(Ok(message)) => {
                let at = offset(message.offset());
                if at < followed.next {
                    continue;
                }
                let value = message.payload().unwrap_or_default();
                chunk.push(at, message.key().unwrap_or_default(), value);
                chunk.at_end = false;
                followed.next = at + 1;
                followed.ahead_since = None;
                if chunk.bytes() + chunk.len() >= bytes_max {
                    return Ok(Left::More);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => chunk.at_end = true,
            Some(Err(error)) => {
                let code = error.rdkafka_error_code();
                if matches!(
                    code,
                    Some(RDKafkaErrorCode::AutoOffsetReset | RDKafkaErrorCode::OffsetOutOfRange)
                ) {
                    followed.retry_at = Some(Instant::now());
                } else {
                    permanent(&error)?;
                }
            }
        }
    }
}

/// Which errors of a consumer don't pass by themselves. The others were logged by its context.
fn permanent(error: &KafkaError) -> Result<(), LogError> {
    let lasting = match error {
        KafkaError::MessageConsumptionFatal(_) => true,
        other => matches!(
            other.rdkafka_error_code(),
            Some(
                RDKafkaErrorCode::TopicAuthorizationFailed
                    | RDKafkaErrorCode::GroupAuthorizationFailed
                    | RDKafkaErrorCode::ClusterAuthorizationFailed
            )
        ),
    };
    if lasting { Err(LogError::Kafka(error.to_string())) } else { Ok(()) }
}

impl Reader for KafkaReader {
    fn assign(&mut self, partition: Partition, at: u64) -> Result<(), LogError> {
        let list = self.list(partition, at)?;
        self.unassign(partition)?;
        let name = self.layout.name(partition.topic);
        // Before the assignment: from then on its records go where the queue says.
        let mut queue = self
            .consumer
            .split_partition_queue(name, partition_number(partition.number)?)
            .ok_or_else(|| LogError::Kafka(format!("no queue for {name}/{}", partition.number)))?;
        let ready = Arc::clone(&self.ready);
        queue.set_nonempty_callback(move || ready.add(partition));
        self.followed
            .insert(partition, Followed { queue, next: at, ahead_since: None, retry_at: None });
        self.consumer
            .incremental_assign(&list)
            .map_err(|error| LogError::Kafka(format!("{name}/{}: {error}", partition.number)))
    }

    fn unassign(&mut self, partition: Partition) -> Result<(), LogError> {
        let Some(followed) = self.followed.remove(&partition) else { return Ok(()) };
        let list = self.list(partition, followed.next)?;
        self.consumer.incremental_unassign(&list).map_err(|error| {
            let name = self.layout.name(partition.topic);
            LogError::Kafka(format!("{name}/{}: {error}", partition.number))
        })
    }

    fn poll(&mut self, max_bytes: usize, timeout: Duration) -> Result<Vec<Chunk>, LogError> {
        let deadline = Instant::now() + timeout;
        loop {
            self.serve()?;
            self.retry()?;
            let chunks = self.drain(max_bytes.max(1))?;
            let left = deadline.saturating_duration_since(Instant::now());
            if !chunks.is_empty() || left.is_zero() {
                return Ok(chunks);
            }
            self.ready.wait(left.min(SERVE_INTERVAL));
        }
    }
}
