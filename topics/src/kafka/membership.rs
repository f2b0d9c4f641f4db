//! Who owns which shard: a consumer that is subscribed to the topic `shards` and never reads it.
//!
//! With one topic to share out, every assignor gives whole shards, and the cooperative one moves
//! only those that must move.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use footfall_event::Topic;
use rdkafka::config::{FromClientConfigAndContext, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, Offset, TopicPartitionList};

use super::context::Context;
use super::layout::Layout;
use super::opener::Opener;
use super::settings::Settings;
use crate::{LogError, Membership, Ownership, ShardOpener};

pub(super) type MemberConsumer = BaseConsumer<MemberContext>;

/// What the member owns. Shared with the workers that commit for its shards.
#[derive(Default)]
pub(super) struct Owned {
    /// A number that grows each time the shard is gained: a commit belongs to one of them.
    epochs: Mutex<BTreeMap<u32, u64>>,
    next_epoch: AtomicU64,
    /// When somebody else was found to have opened the shard.
    fenced: Mutex<BTreeMap<u32, Instant>>,
}

impl Owned {
    /// The ownership in force, if there is one.
    pub(super) fn epoch(&self, shard: u32) -> Option<u64> {
        lock(&self.epochs).get(&shard).copied()
    }

    pub(super) fn note_fenced(&self, shard: u32) {
        lock(&self.fenced).insert(shard, Instant::now());
    }

    /// When the shard was last found to be fenced.
    pub(super) fn fenced(&self, shard: u32) -> Option<Instant> {
        lock(&self.fenced).get(&shard).copied()
    }

    fn gain(&self, shard: u32) {
        let epoch = self.next_epoch.fetch_add(1, Ordering::Relaxed);
        lock(&self.epochs).insert(shard, epoch);
    }

    fn lose(&self, shard: u32) {
        lock(&self.epochs).remove(&shard);
        lock(&self.fenced).remove(&shard);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// Receives the rebalances, on the thread that polls.
pub(super) struct MemberContext {
    context: Context,
    owned: Arc<Owned>,
    events: Mutex<Vec<Ownership>>,
    /// Shards that were handed out as revoked; given back on the next poll.
    revoking: Mutex<Option<TopicPartitionList>>,
    leaving: AtomicBool,
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, message: &str) {
        self.context.log(level, facility, message);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.context.error(error, reason);
    }
}

impl ConsumerContext for MemberContext {
    fn rebalance(
        &self,
        consumer: &MemberConsumer,
        what: RDKafkaRespErr,
        list: &mut TopicPartitionList,
    ) {
        let shards = shards_of(list);
        let result = if what == RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
            for shard in &shards {
                self.owned.gain(*shard);
            }
            lock(&self.events).extend(shards.into_iter().map(Ownership::Gained));
            take(consumer, list)
        } else if consumer.assignment_lost() || self.leaving.load(Ordering::Acquire) {
            for shard in &shards {
                self.owned.lose(*shard);
            }
            lock(&self.events).extend(shards.into_iter().map(Ownership::Lost));
            consumer.incremental_unassign(list)
        } else if shards.is_empty() {
            consumer.incremental_unassign(list)
        } else {
            lock(&self.events).extend(shards.into_iter().map(Ownership::Revoked));
            *lock(&self.revoking) = Some(list.clone());
            Ok(())
        };
        if let Err(error) = result {
            tracing::error!(%error, "a change of the group could not be followed");
        }
    }
}

/// Accepts an assignment. Nothing is ever read from it, so it is paused at once.
fn take(consumer: &MemberConsumer, list: &mut TopicPartitionList) -> Result<(), KafkaError> {
    // Explicit, or the client would look up a committed offset first.
    list.set_all_offsets(Offset::End)?;
    consumer.incremental_assign(list)?;
    if list.count() > 0 {
        consumer.pause(list)?;
    }
    Ok(())
}

fn shards_of(list: &TopicPartitionList) -> Vec<u32> {
    list.elements().iter().filter_map(|part| u32::try_from(part.partition()).ok()).collect()
}

/// A member of a group.
pub(super) struct KafkaMembership {
    consumer: Arc<MemberConsumer>,
    opener: Arc<Opener>,
    owned: Arc<Owned>,
}

impl KafkaMembership {
    pub(super) fn join(
        settings: Arc<Settings>,
        layout: Arc<Layout>,
        group: &str,
    ) -> Result<KafkaMembership, LogError> {
        let owned = Arc::new(Owned::default());
        let context = MemberContext {
            context: Context::new("member"),
            owned: Arc::clone(&owned),
            events: Mutex::default(),
            revoking: Mutex::default(),
            leaving: AtomicBool::new(false),
        };
        let consumer = MemberConsumer::from_config_and_context(&settings.member(group), context)
            .map_err(|error| LogError::Kafka(error.to_string()))?;
        consumer
            .subscribe(&[layout.name(Topic::Shards)])
            .map_err(|error| LogError::Kafka(error.to_string()))?;
        let consumer = Arc::new(consumer);
        let member = Arc::downgrade(&consumer);
        let opener = Opener::new(settings, layout, group.to_owned(), member, Arc::clone(&owned));
        Ok(KafkaMembership { consumer, opener: Arc::new(opener), owned })
    }

    /// Gives back what was announced as revoked.
    fn give_back(&self) -> Result<(), LogError> {
        let Some(list) = lock(&self.consumer.context().revoking).take() else { return Ok(()) };
        for shard in shards_of(&list) {
            self.owned.lose(shard);
        }
        self.consumer
            .incremental_unassign(&list)
            .map_err(|error| LogError::Kafka(format!("shards can't be given back: {error}")))
    }

    fn events(&self) -> Vec<Ownership> {
        std::mem::take(&mut *lock(&self.consumer.context().events))
    }
}

impl Membership for KafkaMembership {
    fn poll(&mut self, timeout: Duration) -> Result<Vec<Ownership>, LogError> {
        let deadline = Instant::now() + timeout;
        self.give_back()?;
        loop {
            let events = self.events();
            let left = deadline.saturating_duration_since(Instant::now());
            if !events.is_empty() {
                return Ok(events);
            }
            // Nothing is read from the topic, and what passes by itself was logged by the context.
            let event = self.consumer.poll(left);
            if let Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) = event {
                return Err(LogError::Kafka(error.to_string()));
            }
            if left.is_zero() {
                return Ok(self.events());
            }
        }
    }

    fn opener(&self) -> Arc<dyn ShardOpener> {
        Arc::clone(&self.opener) as Arc<dyn ShardOpener>
    }
}

impl Drop for KafkaMembership {
    /// Leaves the group, so that others take over at once.
    fn drop(&mut self) {
        self.consumer.context().leaving.store(true, Ordering::Release);
        if let Err(error) = self.give_back() {
            tracing::debug!(%error, "leaving the group");
        }
        self.consumer.unsubscribe();
    }
}
