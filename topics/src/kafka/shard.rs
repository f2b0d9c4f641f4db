//! The exclusive hold of a shard: a transactional producer whose id is the shard's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::{BaseRecord, Producer};
use rdkafka::{Offset, TopicPartitionList};

use super::acks::{Deliveries, ShardProducer};
use super::appender::{RECORD_BYTES_MAX, fill};
use super::layout::Layout;
use super::opener::Claim;
use super::settings::{offset, partition_number};
use super::transaction::{Trouble, persist};
use crate::{CommitError, Partition, Position, RecordBatch, ShardLog};

/// The broker's limit for what is noted with an offset.
const METADATA_BYTES_MAX: usize = 4_096;
/// How long the look-up of committed offsets may block until ownership is checked again.
const LOOKUP_SLICE: Duration = Duration::from_secs(3);
const PAUSE: Duration = Duration::from_millis(20);

/// One opened shard.
pub(super) struct KafkaShard {
    claim: Claim,
    producer: ShardProducer,
    layout: Arc<Layout>,
    commit_timeout: Duration,
    /// Why nothing can be committed with this producer any more. A delayed request of it could
    /// land in a later transaction, so a new one is needed, and with it a look at what is committed.
    unusable: Option<String>,
}

impl KafkaShard {
    pub(super) fn new(
        claim: Claim,
        producer: ShardProducer,
        layout: Arc<Layout>,
        commit_timeout: Duration,
    ) -> KafkaShard {
        KafkaShard { claim, producer, layout, commit_timeout, unusable: None }
    }

    /// One transaction from begin to commit. `Ok(true)`: a request timed out on the way.
    fn attempt(
        &self,
        outputs: &RecordBatch,
        positions: &TopicPartitionList,
        deadline: Instant,
    ) -> Result<bool, Step> {
        let before = |trouble| Step::BeforeCommit(trouble);
        self.producer.begin_transaction().map_err(|error| before(Trouble::of(&error)))?;
        self.send(outputs, deadline).map_err(before)?;
        let mut timed_out = false;
        if positions.count() > 0 {
            timed_out = persist(
                deadline,
                || self.claim.check().is_ok(),
                |timeout| {
                    let gone = || KafkaError::Canceled;
                    let member = self.claim.member.upgrade().ok_or_else(gone)?;
                    // Fresh each time: a rebalance that left us the shard changes it.
                    let metadata = member.group_metadata().ok_or_else(gone)?;
                    self.producer.send_offsets_to_transaction(positions, &metadata, timeout)
                },
            )
            .map_err(before)?;
        }
        self.await_deliveries(deadline).map_err(before)?;
        persist(deadline, || true, |timeout| self.producer.commit_transaction(timeout))
            .map(|late| late || timed_out)
            .map_err(Step::AtCommit)
    }

    fn send(&self, outputs: &RecordBatch, deadline: Instant) -> Result<(), Trouble> {
        let deliveries = self.producer.context();
        *deliveries.state() = Deliveries::default();
        for (partition, key, value) in outputs.iter() {
            let name = self.layout.name(partition.topic);
            let mut record = BaseRecord::<[u8], [u8], ()>::to(name);
            fill(&mut record, partition.topic, partition.number, key, value);
            // Counted before it is sent: the acknowledgement may be quicker than this thread.
            deliveries.state().outstanding += 1;
            let mut unsent = Some(record);
            while let Some(record) = unsent.take() {
                let Err((error, record)) = self.producer.send(record) else { break };
                if error.rdkafka_error_code() != Some(RDKafkaErrorCode::QueueFull) {
                    return Err(self.why(error.to_string()));
                }
                let outstanding = deliveries.state().outstanding;
                if !deliveries.wait(outstanding / 2, deadline) {
                    return Err(Trouble::Abort(error.to_string()));
                }
                unsent = Some(record);
            }
        }
        Ok(())
    }

    /// Waits for the acknowledgements here, not in `commit_transaction`, which would sleep for
    /// 100 ms when anything is on its way.
    fn await_deliveries(&self, deadline: Instant) -> Result<(), Trouble> {
        let deliveries = self.producer.context();
        if !deliveries.wait(0, deadline) {
            return Err(Trouble::Abort("the outputs were not acknowledged in time".into()));
        }
        if let Some(error) = deliveries.state().error.take() {
            return Err(self.why(error));
        }
        // The last report is freed a moment after it was handed out.
        while self.producer.in_flight_count() > 0 && Instant::now() < deadline {
            std::thread::sleep(Duration::from_micros(50));
        }
        Ok(())
    }

    /// The producer's own reason for a record that was not taken.
    fn why(&self, reason: String) -> Trouble {
        match self.producer.client().fatal_error() {
            Some((code, text)) => Trouble::of_fatal(code, text),
            None => Trouble::Abort(reason),
        }
    }

    /// Ends the transaction without effect. Errors as the caller of `commit` sees them.
    fn abort(&mut self, reason: &str, deadline: Instant) -> Result<(), CommitError> {
        // Even at the end of its time a commit gets a chance to clean up behind itself.
        let deadline = deadline.max(Instant::now() + Duration::from_secs(1));
        match persist(deadline, || true, |timeout| self.producer.abort_transaction(timeout)) {
            Ok(false) => Ok(()),
            Ok(true) => Err(self.give_up(format!("{reason}; its abort timed out"))),
            Err(Trouble::Fenced(fence)) => Err(self.fenced(fence)),
            Err(other) => Err(self.give_up(format!("{reason}; its abort: {}", other.reason()))),
        }
    }

    fn give_up(&mut self, reason: String) -> CommitError {
        self.unusable = Some(reason.clone());
        CommitError::Unknown(reason)
    }

    fn fenced(&mut self, reason: String) -> CommitError {
        self.claim.owned.note_fenced(self.claim.shard);
        self.unusable = Some(reason.clone());
        CommitError::Lost(reason)
    }

    /// What an attempt's trouble means: `Ok(reason)`: aborted, the same outputs may be tried again.
    fn recover(&mut self, step: Step, deadline: Instant) -> Result<String, CommitError> {
        match step {
            Step::AtCommit(Trouble::Abort(reason) | Trouble::Stale(reason)) => {
                self.abort(&reason, deadline)?;
                Ok(reason)
            }
            // The commit may have been carried out, and only its answer be missing.
            Step::AtCommit(trouble) => Err(self.give_up(trouble.reason())),
            Step::BeforeCommit(Trouble::Fenced(reason)) => Err(self.fenced(reason)),
            Step::BeforeCommit(Trouble::Expelled(reason)) => {
                // The answer counts, not whether the abort succeeds: the next owner aborts too.
                let _ = self.abort(&reason, Instant::now());
                self.unusable = Some(reason.clone());
                Err(CommitError::Lost(reason))
            }
            Step::BeforeCommit(Trouble::Broken(reason)) => Err(self.give_up(reason)),
            Step::BeforeCommit(Trouble::Late(reason)) => {
                // Its request may arrive later, in the next transaction of this producer.
                self.abort(&reason, deadline)?;
                Err(self.give_up(reason))
            }
            Step::BeforeCommit(
                Trouble::Abort(reason) | Trouble::Stale(reason) | Trouble::Again(reason),
            ) => {
                self.abort(&reason, deadline)?;
                Ok(reason)
            }
        }
    }

    fn list(&self, positions: &[Position]) -> Result<TopicPartitionList, CommitError> {
        let mut list = TopicPartitionList::with_capacity(positions.len());
        for position in positions {
            if position.metadata.len() > METADATA_BYTES_MAX {
                return Err(CommitError::Failed(format!(
                    "{} bytes are noted with an offset: {METADATA_BYTES_MAX} are possible",
                    position.metadata.len()
                )));
            }
            let failed = |error: &dyn std::fmt::Display| CommitError::Failed(error.to_string());
            let number = partition_number(position.partition.number).map_err(|e| failed(&e))?;
            let raw = i64::try_from(position.offset).map_err(|e| failed(&e))?;
            let mut part = list.add_partition(self.layout.name(position.partition.topic), number);
            part.set_offset(Offset::Offset(raw)).map_err(|e| failed(&e))?;
            if !position.metadata.is_empty() {
                part.set_metadata(&position.metadata);
            }
        }
        Ok(list)
    }
}

/// Where an attempt failed.
enum Step {
    BeforeCommit(Trouble),
    AtCommit(Trouble),
}

impl ShardLog for KafkaShard {
    fn committed(
        &mut self,
        partitions: &[Partition],
    ) -> Result<Vec<Option<Position>>, CommitError> {
        let positions: Vec<Position> = partitions
            .iter()
            .map(|partition| Position { partition: *partition, offset: 0, metadata: String::new() })
            .collect();
        let list = self.list(&positions)?;
        // Waits for open transactions of before, which may take its time after an outage.
        let deadline = Instant::now() + self.commit_timeout * 2;
        let found = loop {
            let member = self.claim.check()?;
            match member.committed_offsets(list.clone(), LOOKUP_SLICE) {
                Ok(found) => break found,
                Err(error) if Instant::now() > deadline => {
                    return Err(CommitError::Failed(format!(
                        "committed offsets: {error}. If this stays so, a transaction hangs in the \
                         cluster: `kafka-transactions.sh find-hanging` names it, and \
                         `kafka-transactions.sh abort` ends it"
                    )));
                }
                Err(_) => std::thread::sleep(PAUSE),
            }
        };
        let mut committed = Vec::with_capacity(partitions.len());
        for (partition, part) in partitions.iter().zip(found.elements()) {
            part.error().map_err(|error| CommitError::Failed(error.to_string()))?;
            committed.push(match part.offset() {
                Offset::Offset(raw) => Some(Position {
                    partition: *partition,
                    offset: offset(raw),
                    metadata: part.metadata().to_owned(),
                }),
                _ => None,
            });
        }
        Ok(committed)
    }

    fn commit(&mut self, outputs: &RecordBatch, positions: &[Position]) -> Result<(), CommitError> {
        if let Some(reason) = &self.unusable {
            return Err(match self.claim.check() {
                Ok(_) => CommitError::Unknown(format!("the shard must be opened again: {reason}")),
                Err(lost) => lost,
            });
        }
        let positions = self.list(positions)?;
        let bytes = |(_, key, value): (_, &[u8], &[u8])| key.len() + value.len();
        if let Some(bytes) = outputs.iter().map(bytes).find(|bytes| *bytes > RECORD_BYTES_MAX) {
            return Err(CommitError::Failed(format!("an output of {bytes} bytes is too large")));
        }
        let deadline = Instant::now() + self.commit_timeout;
        loop {
            self.claim.check()?;
            let step = match self.attempt(outputs, &positions, deadline) {
                Ok(timed_out) => {
                    self.unusable = timed_out.then(|| "a request timed out before".to_owned());
                    return Ok(());
                }
                Err(step) => step,
            };
            let reason = self.recover(step, deadline)?;
            if Instant::now() >= deadline {
                return Err(CommitError::Failed(reason));
            }
            tracing::debug!(shard = self.claim.shard, reason, "a transaction is tried again");
            std::thread::sleep(PAUSE);
        }
    }
}
