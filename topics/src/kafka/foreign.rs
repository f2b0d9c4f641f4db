//! Topics that are not Footfall's: read one exactly once, with the results in another.
//!
//! What was read and what came out of it are committed in one transaction, under an id that one
//! process at a time can hold: a run that ends anywhere and goes on later has counted each record
//! once. There are no shards and no rebalances here: one process reads all partitions.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::Message;
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::acks::{Deliveries, Delivery, ShardProducer};
use super::context::Context;
use super::settings::Settings;
use super::transaction::{Trouble, persist};
use crate::{CommitError, LogError};

mod clients;
mod whole;

use whole::{ensure, partitions, reader};
pub use whole::{fill, read_all};

type Reading = BaseConsumer<Context>;

/// A topic that is read exactly once.
pub struct Foreign {
    consumer: Reading,
    producer: ShardProducer,
    input: String,
    output: String,
    /// The next offset of each partition, and whether its end was reached.
    partitions: Vec<(i64, bool)>,
    commit_timeout: Duration,
}

/// What a call of [`Foreign::read`] came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Read {
    /// Records handed out.
    pub records: u64,
    /// Every partition's end was reached, and nothing more came since.
    pub at_end: bool,
}

impl Foreign {
    /// Takes up the run of this name: behind what it committed last, or at the beginning. Another
    /// process that holds it can't commit any more. The output topic is created if it is missing.
    ///
    /// # Errors
    /// When the cluster can't be reached or refuses, or there is no such input topic.
    pub fn open(
        settings: &Settings,
        run: &str,
        input: &str,
        output: &str,
    ) -> Result<Foreign, LogError> {
        settings.check()?;
        ensure(settings, output, 1)?;
        let producer = ShardProducer::from_config_and_context(
            &settings.foreign_writer(run),
            Delivery::default(),
        )
        .map_err(failed)?;
        let deadline = Instant::now() + settings.commit_timeout() * 2;
        // Ends what an earlier process left open, before its offsets are looked up.
        persist(deadline, || true, |timeout| producer.init_transactions(timeout))
            .map_err(|trouble| LogError::Kafka(trouble.reason()))?;
        let consumer = reader(settings, run)?;
        let count = partitions(&consumer, settings, input)?;
        let mut list = TopicPartitionList::with_capacity(count);
        for number in 0..count {
            list.add_partition(input, number as i32);
        }
        let committed =
            consumer.committed_offsets(list, settings.request_timeout()).map_err(failed)?;
        let mut start = TopicPartitionList::with_capacity(count);
        let mut positions = Vec::with_capacity(count);
        for part in committed.elements() {
            let offset = match part.offset() {
                Offset::Offset(offset) => offset,
                _ => 0,
            };
            start
                .add_partition_offset(input, part.partition(), Offset::Offset(offset))
                .map_err(failed)?;
            positions.push((offset, false));
        }
        consumer.assign(&start).map_err(failed)?;
        Ok(Foreign {
            consumer,
            producer,
            input: input.to_owned(),
            output: output.to_owned(),
            partitions: positions,
            commit_timeout: settings.commit_timeout(),
        })
    }

    /// Hands out what is there, `records_max` at the most; waits at most `timeout` for each record.
    ///
    /// # Errors
    /// For what won't pass by itself.
    pub fn read(
        &mut self,
        records_max: u64,
        timeout: Duration,
        mut each: impl FnMut(&[u8]),
    ) -> Result<Read, LogError> {
        let mut records = 0;
        let mut at_end = self.partitions.iter().all(|(_, ended)| *ended);
        while records < records_max {
            // What is there is had without setting up a wait, which takes longer than the record.
            let polled = self.consumer.poll(Duration::ZERO).or_else(|| self.consumer.poll(timeout));
            match polled {
                None => break,
                Some(Ok(message)) => {
                    let part = &mut self.partitions[message.partition() as usize];
                    *part = (message.offset() + 1, false);
                    at_end = false;
                    each(message.payload().unwrap_or_default());
                    records += 1;
                }
                Some(Err(KafkaError::PartitionEOF(number))) => {
                    self.partitions[number as usize].1 = true;
                    if self.partitions.iter().all(|(_, ended)| *ended) {
                        at_end = true;
                        break;
                    }
                }
                Some(Err(error @ KafkaError::MessageConsumptionFatal(_))) => {
                    return Err(failed(error));
                }
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
        Ok(Read { records, at_end })
    }

    /// Writes the results (key and value) and commits what was read, all or nothing.
    ///
    /// # Errors
    /// [`CommitError::Lost`]: another process has taken up the run. Whatever the error, open the run
    /// again: it goes on where it last committed.
    pub fn commit(&mut self, results: &[(String, String)]) -> Result<(), CommitError> {
        let deadline = Instant::now() + self.commit_timeout;
        self.transact(results, deadline).map_err(|trouble| match trouble {
            Trouble::Fenced(reason) => CommitError::Lost(reason),
            other => CommitError::Unknown(other.reason()),
        })
    }

    fn transact(&self, results: &[(String, String)], deadline: Instant) -> Result<(), Trouble> {
        let broken = |error: KafkaError| Trouble::Broken(error.to_string());
        self.producer.begin_transaction().map_err(|error| Trouble::of(&error))?;
        *self.producer.context().state() = Deliveries::default();
        for (key, value) in results {
            let mut unsent = Some(BaseRecord::to(&self.output).key(key).payload(value));
            self.producer.context().state().outstanding += 1;
            while let Some(record) = unsent.take() {
                let Err((error, record)) = self.producer.send(record) else { break };
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull)
                    || Instant::now() > deadline
                {
                    return Err(broken(error));
                }
                std::thread::sleep(Duration::from_millis(1));
                unsent = Some(record);
            }
        }
        let mut positions = TopicPartitionList::with_capacity(self.partitions.len());
        for (number, (offset, _)) in self.partitions.iter().enumerate() {
            let offset = Offset::Offset(*offset);
            positions.add_partition_offset(&self.input, number as i32, offset).map_err(broken)?;
        }
        let group = self
            .consumer
            .group_metadata()
            .ok_or_else(|| Trouble::Broken("the consumer has no group".to_owned()))?;
        persist(
            deadline,
            || true,
            |timeout| self.producer.send_offsets_to_transaction(&positions, &group, timeout),
        )?;
        if !self.producer.context().wait(0, deadline) {
            return Err(Trouble::Late("the results were not acknowledged in time".to_owned()));
        }
        if let Some(error) = self.producer.context().state().error.take() {
            return Err(Trouble::Broken(error));
        }
        persist(deadline, || true, |timeout| self.producer.commit_transaction(timeout)).map(drop)
    }
}

fn failed(error: KafkaError) -> LogError {
    LogError::Kafka(error.to_string())
}
