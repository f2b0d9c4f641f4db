//! Asks the leaders for records, and takes what they answer.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::fetch_response::PartitionData;
use kafka_protocol::messages::{FetchRequest, FetchResponse};
use kafka_protocol::protocol::{Decodable, StrBytes};

use super::chunk::Chunk;
use super::leaders::Leaders;
use super::{Trouble, link};
use crate::kafka::context::Context;
use crate::kafka::settings::Settings;

const RESPONSE_BYTES: i32 = 8 << 20;
const PARTITION_BYTES: i32 = 4 << 20;
/// A broker with less than this waits a little for more.
const RESPONSE_BYTES_MIN: i32 = 1_000_000;
const RESPONSE_WAIT_MS: i32 = 20;
/// With several brokers, how long one is waited for before the next one's turn.
const TURN: Duration = Duration::from_millis(5);
const READ_COMMITTED: i8 = 1;

/// Fetches the partitions of one topic.
pub(super) struct Fetch {
    topic: String,
    leaders: Leaders,
    /// Offset of the next request for each partition: behind what came, which may not all be
    /// handed out yet.
    next: Vec<i64>,
    chunks: VecDeque<Chunk>,
    /// The response that is being worked through, and the broker whose it is.
    response: Option<(i32, Bytes)>,
    /// Which broker's response is looked for first.
    turn: usize,
    context: Context,
}

impl Fetch {
    /// Begins at these offsets, one for each partition.
    pub(super) fn new(settings: &Settings, topic: &str, next: Vec<i64>) -> Result<Fetch, Trouble> {
        Ok(Fetch {
            topic: topic.to_owned(),
            leaders: Leaders::new(settings, topic, next.len())?,
            next,
            chunks: VecDeque::new(),
            response: None,
            turn: 0,
            context: Context::new("foreign"),
        })
    }

    /// What has come and is to be handed out, in order.
    pub(super) fn chunks(&mut self) -> &mut VecDeque<Chunk> {
        &mut self.chunks
    }

    /// Takes one response and asks for the next; `false` when the time is up. Nothing of the response
    /// before may be in use any more.
    pub(super) fn receive(&mut self, deadline: Instant) -> Result<bool, Trouble> {
        if let Some((broker, response)) = self.response.take()
            && let Some(link) = self.leaders.link(broker)
        {
            link.reuse(response);
        }
        loop {
            let outcome = self.leaders.find().and_then(|()| self.ask());
            self.may_pass(outcome)?;
            let outcome = self.take(deadline);
            self.may_pass(outcome)?;
            if !self.chunks.is_empty() {
                // The next response is made while this one is worked through.
                let outcome = self.ask();
                return self.may_pass(outcome).map(|()| true);
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(false);
            }
            let waits = self.leaders.links().any(|(_, link)| link.is_waiting());
            if let (false, Some(until)) = (waits, self.leaders.wait_until()) {
                std::thread::sleep(until.min(deadline).saturating_duration_since(now));
            }
        }
    }

    /// What passes is only logged.
    fn may_pass(&self, outcome: Result<(), Trouble>) -> Result<(), Trouble> {
        match outcome {
            Err(Trouble::Passing(why)) => {
                self.context.warn("kafka reports a problem", &why);
                Ok(())
            }
            other => other,
        }
    }

    /// Takes the first response that comes from any broker.
    fn take(&mut self, deadline: Instant) -> Result<(), Trouble> {
        let mut waiting: Vec<i32> = self
            .leaders
            .links()
            .filter_map(|(broker, link)| link.is_waiting().then_some(broker))
            .collect();
        if waiting.is_empty() {
            return Ok(());
        }
        self.turn = self.turn.wrapping_add(1);
        let first = self.turn % waiting.len();
        waiting.rotate_left(first);
        for broker in &waiting {
            let Some(link) = self.leaders.link(*broker) else { continue };
            let left = deadline.saturating_duration_since(Instant::now());
            let received = link.receive(if waiting.len() == 1 { left } else { left.min(TURN) });
            let Some(received) = received.transpose() else { continue };
            let asked = link.take_asked();
            let accepted = received.and_then(|response| {
                self.response = Some((*broker, response.clone()));
                self.accept(response, &asked)
            });
            if let Err(Trouble::Passing(_)) = &accepted {
                self.leaders.close(*broker);
            }
            return accepted;
        }
        Ok(())
    }

    fn accept(&mut self, mut response: Bytes, asked: &[(usize, i64)]) -> Result<(), Trouble> {
        let found = FetchResponse::decode(&mut response, link::FETCH)
            .map_err(|error| Trouble::Unfamiliar(error.to_string()))?;
        if let Some(error) = ResponseError::try_from_code(found.error_code) {
            return Err(Trouble::Passing(error.to_string()));
        }
        for data in found.responses.into_iter().flat_map(|topic| topic.partitions) {
            let wanted = asked.iter().find(|(number, from)| {
                usize::try_from(data.partition_index) == Ok(*number) && self.next[*number] == *from
            });
            // Else asked of another broker meanwhile, and come from there.
            let Some(&(number, from)) = wanted else { continue };
            let kept = match ResponseError::try_from_code(data.error_code) {
                Some(error) => self.refused(number, error),
                None => self.keep(number, from, data),
            };
            kept.map_err(|trouble| self.named(number, trouble))?;
        }
        Ok(())
    }

    fn keep(&mut self, number: usize, from: i64, data: PartitionData) -> Result<(), Trouble> {
        let chunk = Chunk::new(from, data)?;
        self.leaders.are_fine();
        self.next[number] = chunk.end;
        self.chunks.push_back(chunk);
        Ok(())
    }

    /// What a partition's error means. The partition is not asked for again before its leader was
    /// looked up.
    fn refused(&mut self, number: usize, error: ResponseError) -> Result<(), Trouble> {
        self.leaders.forget(number);
        match error {
            ResponseError::UnsupportedCompressionType
            | ResponseError::UnsupportedVersion
            | ResponseError::UnsupportedForMessageFormat => {
                Err(Trouble::Unfamiliar(error.to_string()))
            }
            ResponseError::UnknownTopicOrPartition => self.leaders.missing(),
            // A checksum that the broker itself finds wrong stays wrong.
            ResponseError::CorruptMessage => Err(Trouble::Lasting(error.to_string())),
            // Java's client tries again after this, too.
            ResponseError::UnknownServerError => Ok(()),
            error if error.is_retriable() => Ok(()),
            // Above all an offset out of range: where a record should be that was deleted
            // meanwhile, counting can't be exact.
            error => Err(Trouble::Lasting(error.to_string())),
        }
    }

    /// Asks every leader that has nothing to answer.
    fn ask(&mut self) -> Result<(), Trouble> {
        let idle: Vec<i32> = self
            .leaders
            .links()
            .filter_map(|(broker, link)| (!link.is_waiting()).then_some(broker))
            .collect();
        for broker in idle {
            let turn = self.leaders.link(broker).map_or(0, |link| link.requests());
            let (request, asked) = self.request(broker, turn);
            let Some(link) = self.leaders.link(broker).filter(|_| !asked.is_empty()) else {
                continue;
            };
            if let Err(trouble) = link.fetch(&request, asked) {
                self.leaders.close(broker);
                return Err(trouble);
            }
        }
        Ok(())
    }

    /// What to ask a broker for, with the partitions and offsets. The partition that stands first is
    /// sent even if its next batch is larger than the limits, so each stands first in turn.
    fn request(&self, broker: i32, turn: usize) -> (FetchRequest, Vec<(usize, i64)>) {
        let count = self.next.len();
        let mut topic = FetchTopic::default();
        topic.topic = StrBytes::from_string(self.topic.clone()).into();
        let mut asked = Vec::new();
        for number in (0..count).map(|number| (number + turn % count) % count) {
            let leader = self.leaders.of(number).filter(|leader| leader.broker == broker);
            let Some(leader) = leader else { continue };
            let mut partition = FetchPartition::default();
            partition.partition = number as i32;
            partition.current_leader_epoch = leader.epoch;
            partition.fetch_offset = self.next[number];
            partition.log_start_offset = -1;
            partition.partition_max_bytes = PARTITION_BYTES;
            topic.partitions.push(partition);
            asked.push((number, self.next[number]));
        }
        let mut request = FetchRequest::default();
        request.replica_id = (-1).into();
        request.max_wait_ms = RESPONSE_WAIT_MS;
        request.min_bytes = RESPONSE_BYTES_MIN;
        request.max_bytes = RESPONSE_BYTES;
        request.isolation_level = READ_COMMITTED;
        request.session_epoch = -1;
        request.topics = vec![topic];
        (request, asked)
    }

    /// Says in which partition something is wrong.
    pub(super) fn named(&self, partition: usize, trouble: Trouble) -> Trouble {
        match trouble {
            Trouble::Lasting(why) => {
                Trouble::Lasting(format!("partition {partition} of {}: {why}", self.topic))
            }
            other => other,
        }
    }
}
