//! Reading by librdkafka, record by record: for what [`wire`](super::wire) does not know.

use std::time::Duration;

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::{Offset, TopicPartitionList};

use super::{Place, Reading, failed};
use crate::LogError;

/// Lets the consumer read on from these places.
pub(super) fn begin(consumer: &Reading, topic: &str, places: &[Place]) -> Result<(), LogError> {
    let mut start = TopicPartitionList::with_capacity(places.len());
    for (number, place) in places.iter().enumerate() {
        let offset = Offset::Offset(place.next);
        start.add_partition_offset(topic, number as i32, offset).map_err(failed)?;
    }
    consumer.assign(&start).map_err(failed)
}

/// Hands out what is there until `records_max` were handed out, all ends are reached, or nothing
/// comes for `timeout`.
pub(super) fn read(
    consumer: &Reading,
    places: &mut [Place],
    records: &mut u64,
    records_max: u64,
    timeout: Duration,
    mut each: impl FnMut(&[u8]),
) -> Result<(), LogError> {
    while *records < records_max {
        // What is there is had without setting up a wait, which takes longer than the record.
        match consumer.poll(Duration::ZERO).or_else(|| consumer.poll(timeout)) {
            None => break,
            Some(Ok(message)) => {
                places[message.partition() as usize] =
                    Place { next: message.offset() + 1, ended: false };
                each(message.payload().unwrap_or_default());
                *records += 1;
            }
            Some(Err(KafkaError::PartitionEOF(number))) => {
                places[number as usize].ended = true;
                if places.iter().all(|place| place.ended) {
                    break;
                }
            }
            Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => return Err(failed(error)),
            Some(Err(error)) => match error.rdkafka_error_code() {
                // Where a record should be that was deleted meanwhile, counting can't be exact.
                Some(
                    RDKafkaErrorCode::AutoOffsetReset
                    | RDKafkaErrorCode::OffsetOutOfRange
                    | RDKafkaErrorCode::TopicAuthorizationFailed
                    | RDKafkaErrorCode::UnknownTopicOrPartition,
                ) => return Err(failed(error)),
                _ => tracing::debug!(%error, "kafka reports a problem"),
            },
        }
    }
    Ok(())
}
