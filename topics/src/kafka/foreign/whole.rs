//! Topics as a whole: whether they are there, what is in them, and filling them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::{Reading, failed};
use crate::LogError;
use crate::kafka::acks::{Delivery, ShardProducer};
use crate::kafka::context::Context;
use crate::kafka::layout::wait_for;
use crate::kafka::settings::Settings;

/// Hands out every committed record of a topic: key and value.
///
/// # Errors
/// When the cluster can't be reached, or there is no such topic.
pub fn read_all(
    settings: &Settings,
    topic: &str,
    mut each: impl FnMut(&[u8], &[u8]),
) -> Result<(), LogError> {
    let consumer = reader(settings, "read-all")?;
    let count = partitions(&consumer, settings, topic)?;
    let mut list = TopicPartitionList::with_capacity(count);
    for number in 0..count {
        list.add_partition_offset(topic, number as i32, Offset::Beginning).map_err(failed)?;
    }
    consumer.assign(&list).map_err(failed)?;
    let mut ended = BTreeSet::new();
    let mut heard = Instant::now();
    while ended.len() < count {
        match consumer.poll(Duration::from_millis(100)) {
            None if heard.elapsed() > settings.request_timeout() => {
                return Err(LogError::Kafka(format!("{topic} can't be read to its end")));
            }
            None => {}
            Some(Err(KafkaError::PartitionEOF(number))) => drop(ended.insert(number)),
            Some(Err(error)) => tracing::debug!(%error, "kafka reports a problem"),
            Some(Ok(message)) => {
                heard = Instant::now();
                each(message.key().unwrap_or_default(), message.payload().unwrap_or_default());
            }
        }
    }
    Ok(())
}

/// Fills a topic, which is created with so many partitions if it is missing: `records` is handed a
/// function that takes one record.
///
/// # Errors
/// When the cluster can't be reached or a record is not stored; what `records` returns.
pub fn fill<E: From<LogError>>(
    settings: &Settings,
    topic: &str,
    partitions: u32,
    records: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<(), E>) -> Result<(), E>,
) -> Result<(), E> {
    settings.check()?;
    ensure(settings, topic, partitions)?;
    let producer =
        ShardProducer::from_config_and_context(&settings.foreign_filler(), Delivery::default())
            .map_err(failed)?;
    let mut number = 0;
    records(&mut |value| {
        // In turn rather than at random, so that no partition is ahead of the others by much.
        let partition = (number / 100 % u64::from(partitions)) as i32;
        number += 1;
        let mut unsent = Some(BaseRecord::<(), _>::to(topic).partition(partition).payload(value));
        producer.context().state().outstanding += 1;
        while let Some(record) = unsent.take() {
            let Err((error, record)) = producer.send(record) else { break };
            if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                return Err(failed(error).into());
            }
            std::thread::sleep(Duration::from_millis(1));
            unsent = Some(record);
        }
        Ok(())
    })?;
    let stored = producer.context().wait(0, Instant::now() + Duration::from_secs(60));
    let error = producer.context().state().error.take();
    match (stored, error) {
        (true, None) => Ok(()),
        (_, Some(error)) => Err(LogError::Kafka(error).into()),
        (false, None) => Err(LogError::Kafka("not all was acknowledged in time".into()).into()),
    }
}

pub(super) fn reader(settings: &Settings, run: &str) -> Result<Reading, LogError> {
    Reading::from_config_and_context(&settings.foreign_reader(run), Context::new("foreign"))
        .map_err(failed)
}

pub(super) fn partitions(
    consumer: &Reading,
    settings: &Settings,
    topic: &str,
) -> Result<usize, LogError> {
    let metadata =
        consumer.fetch_metadata(Some(topic), settings.request_timeout()).map_err(failed)?;
    match metadata.topics().iter().find(|found| found.name() == topic && found.error().is_none()) {
        Some(found) if !found.partitions().is_empty() => Ok(found.partitions().len()),
        _ => Err(LogError::Kafka(format!("there is no topic {topic} at {}", settings.brokers))),
    }
}

/// Creates a topic if it is missing, and waits until it is there.
pub(super) fn ensure(settings: &Settings, topic: &str, count: u32) -> Result<(), LogError> {
    let admin = AdminClient::from_config_and_context(&settings.admin(), Context::new("admin"))
        .map_err(failed)?;
    let count = i32::try_from(count).map_err(|error| LogError::Kafka(error.to_string()))?;
    let new = NewTopic::new(topic, count, TopicReplication::Fixed(settings.replication));
    let options = AdminOptions::new().operation_timeout(Some(settings.request_timeout()));
    for outcome in wait_for(admin.create_topics(&[new], &options)).map_err(failed)? {
        match outcome {
            Ok(_) | Err((_, RDKafkaErrorCode::TopicAlreadyExists)) => {}
            Err((_, code)) => {
                return Err(LogError::Kafka(format!("topic {topic} can't be created: {code}")));
            }
        }
    }
    let consumer = reader(settings, "ensure")?;
    let deadline = Instant::now() + settings.request_timeout();
    while let Err(error) = partitions(&consumer, settings, topic) {
        if Instant::now() > deadline {
            return Err(error);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
