//! Topics that are not Footfall's: read one exactly once, with the results in another.
//!
//! What was read and what came out of it are committed in one transaction, under an id that one
//! process at a time can hold: a run that ends anywhere and goes on later has counted each record
//! once. There are no shards and no rebalances here: one process reads all partitions.
//!
//! Records are read by Kafka's protocol itself (`wire`), which takes half the processor time, where
//! the cluster is reached in the clear and [`Settings::options`] is empty; else by librdkafka
//! (`polled`), which knows TLS, SASL and all options. It also takes over, at the same place, when
//! the topic has something that the other does not know: snappy, or records from before Kafka 0.11.
//! Everything else is librdkafka's in any case: topics, offsets, transactions.

use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::acks::{Deliveries, Delivery, ShardProducer};
use super::context::Context;
use super::settings::Settings;
use super::transaction::{Trouble, persist};
use crate::{CommitError, LogError};

mod clients;
mod polled;
mod whole;
mod wire;

use whole::{ensure, partitions, reader};
pub use whole::{fill, read_all};
use wire::{Trouble as Hitch, Wire};

type Reading = BaseConsumer<Context>;

/// A topic that is read exactly once.
pub struct Foreign {
    consumer: Reading,
    producer: ShardProducer,
    input: String,
    output: String,
    /// Of each partition.
    places: Vec<Place>,
    /// `None`: librdkafka reads.
    wire: Option<Wire>,
    commit_timeout: Duration,
}

/// How far a partition was read.
#[derive(Clone, Copy)]
struct Place {
    /// The offset behind the last record that was handed out.
    next: i64,
    /// The end was reached, and nothing more came since.
    ended: bool,
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
        let place = |offset: Offset| Place {
            next: if let Offset::Offset(offset) = offset { offset } else { 0 },
            ended: false,
        };
        let places = committed.elements().iter().map(|part| place(part.offset())).collect();
        let mut foreign = Foreign {
            consumer,
            producer,
            input: input.to_owned(),
            output: output.to_owned(),
            places,
            wire: None,
            commit_timeout: settings.commit_timeout(),
        };
        foreign.begin(settings)?;
        Ok(foreign)
    }

    /// Chooses how to read.
    fn begin(&mut self, settings: &Settings) -> Result<(), LogError> {
        if Wire::suits(settings) {
            match Wire::new(settings, &self.input, &self.places) {
                Ok(wire) => self.wire = Some(wire),
                Err(hitch) => return self.leave(hitch),
            }
            return Ok(());
        }
        polled::begin(&self.consumer, &self.input, &self.places)
    }

    /// Lets librdkafka read on where the protocol by itself can't.
    fn leave(&mut self, hitch: Hitch) -> Result<(), LogError> {
        match hitch {
            Hitch::Unfamiliar(what) => {
                tracing::info!(topic = self.input, what, "librdkafka reads on");
                self.wire = None;
                polled::begin(&self.consumer, &self.input, &self.places)
            }
            Hitch::Lasting(why) | Hitch::Passing(why) => Err(LogError::Kafka(why)),
        }
    }

    /// Whether librdkafka reads, record by record and so slower; see the module's description.
    pub fn by_librdkafka(&self) -> bool {
        self.wire.is_none()
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
        if let Some(wire) = &mut self.wire {
            // What librdkafka has to say about its connections must not pile up.
            drop(self.consumer.poll(Duration::ZERO));
            let places = &mut self.places;
            if let Err(hitch) = wire.read(places, &mut records, records_max, timeout, &mut each) {
                self.leave(hitch)?;
            }
        }
        if self.wire.is_none() {
            let places = &mut self.places;
            polled::read(&self.consumer, places, &mut records, records_max, timeout, &mut each)?;
        }
        Ok(Read { records, at_end: self.places.iter().all(|place| place.ended) })
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
        let mut positions = TopicPartitionList::with_capacity(self.places.len());
        for (number, place) in self.places.iter().enumerate() {
            let offset = Offset::Offset(place.next);
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
