//! Who leads each partition, and the connections to them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka_protocol::ResponseError;
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};
use kafka_protocol::protocol::StrBytes;

use super::Trouble;
use super::link::Link;
use crate::kafka::settings::Settings;

/// Between two attempts to find the leaders, the first time and the longest.
const RETRY: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(2);

/// A partition's leader: the broker's number, and which of the partition's leaders it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Leader {
    pub(super) broker: i32,
    pub(super) epoch: i32,
}

/// The leaders of a topic's partitions.
pub(super) struct Leaders {
    first: Vec<(String, u16)>,
    topic: StrBytes,
    timeout: Duration,
    of: Vec<Option<Leader>>,
    brokers: BTreeMap<i32, (String, u16)>,
    links: BTreeMap<i32, Link>,
    /// When to look again, if what is known is not enough.
    look_at: Option<Instant>,
    retry: Duration,
    missing_since: Option<Instant>,
}

impl Leaders {
    pub(super) fn new(settings: &Settings, topic: &str, count: usize) -> Result<Leaders, Trouble> {
        let first = settings.brokers.split(',').map(|one| endpoint(one.trim()));
        Ok(Leaders {
            first: first.collect::<Result<_, Trouble>>()?,
            topic: StrBytes::from_string(topic.to_owned()),
            timeout: settings.request_timeout(),
            of: vec![None; count],
            brokers: BTreeMap::new(),
            links: BTreeMap::new(),
            look_at: Some(Instant::now()),
            retry: RETRY,
            missing_since: None,
        })
    }

    /// The leader of a partition, if it is known.
    pub(super) fn of(&self, partition: usize) -> Option<Leader> {
        self.of[partition]
    }

    /// The open connections and their brokers.
    pub(super) fn links(&mut self) -> impl Iterator<Item = (i32, &mut Link)> {
        self.links.iter_mut().map(|(broker, link)| (*broker, link))
    }

    /// The connection to a broker.
    pub(super) fn link(&mut self, broker: i32) -> Option<&mut Link> {
        self.links.get_mut(&broker)
    }

    /// Closes a connection that failed.
    pub(super) fn close(&mut self, broker: i32) {
        self.links.remove(&broker);
        self.look_again();
    }

    /// Notes that what is known about the leaders is not right any more.
    pub(super) fn look_again(&mut self) {
        if self.look_at.is_none() {
            self.look_at = Some(Instant::now() + self.retry);
            self.retry = (self.retry * 2).min(RETRY_MAX);
        }
    }

    /// Notes that a partition's leader may be another by now.
    pub(super) fn forget(&mut self, partition: usize) {
        self.of[partition] = None;
        self.look_again();
    }

    /// Notes that records come, so that the next trouble is met without delay.
    pub(super) fn are_fine(&mut self) {
        self.retry = RETRY;
        self.missing_since = None;
    }

    /// When it is worth trying again, if now is too early.
    pub(super) fn wait_until(&self) -> Option<Instant> {
        self.look_at.filter(|at| *at > Instant::now())
    }

    /// A topic or partition that is not there. A broker that has just started knows of none, so
    /// that is an error only if it stays so.
    pub(super) fn missing(&mut self) -> Result<(), Trouble> {
        let since = *self.missing_since.get_or_insert_with(Instant::now);
        if since.elapsed() > self.timeout {
            return Err(Trouble::Lasting(format!("there is no topic {} any more", self.topic)));
        }
        self.look_again();
        Ok(())
    }

    /// Finds the leaders and connects to them, if that is due.
    pub(super) fn find(&mut self) -> Result<(), Trouble> {
        if self.look_at.is_none_or(|at| at > Instant::now()) {
            return Ok(());
        }
        self.look_at = None;
        let outcome = self.ask().and_then(|found| self.take(found)).and_then(|()| self.connect());
        match outcome {
            Err(Trouble::Passing(why)) => {
                self.look_again();
                Err(Trouble::Passing(why))
            }
            other => other,
        }
    }

    fn ask(&self) -> Result<MetadataResponse, Trouble> {
        let mut asked = MetadataRequest::default();
        let mut topic = MetadataRequestTopic::default();
        topic.name = Some(self.topic.clone().into());
        asked.topics = Some(vec![topic]);
        asked.allow_auto_topic_creation = false;
        let mut failure = Trouble::Passing("no broker is known".to_owned());
        for (host, port) in self.brokers.values().chain(&self.first) {
            // A connection of its own, since others have a request under way.
            let found = Link::open(host, *port, self.timeout)
                .and_then(|mut link| link.metadata::<MetadataResponse>(&asked));
            match found {
                Ok(found) => return Ok(found),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    fn take(&mut self, found: MetadataResponse) -> Result<(), Trouble> {
        let mut brokers = BTreeMap::new();
        for broker in found.brokers {
            let port = u16::try_from(broker.port)
                .map_err(|error| Trouble::Passing(format!("port {}: {error}", broker.port)))?;
            brokers.insert(broker.node_id.0, (broker.host.to_string(), port));
        }
        let known = std::mem::replace(&mut self.brokers, brokers);
        self.links.retain(|broker, _| self.brokers.get(broker) == known.get(broker));
        self.of.fill(None);
        let topic = found
            .topics
            .into_iter()
            .find(|topic| topic.name.as_ref().is_some_and(|name| name.0 == self.topic));
        let Some(topic) = topic else { return self.missing() };
        match ResponseError::try_from_code(topic.error_code) {
            None => {}
            Some(ResponseError::UnknownTopicOrPartition) => return self.missing(),
            Some(error) if error.is_retriable() => {
                return Err(Trouble::Passing(error.to_string()));
            }
            Some(error) => return Err(Trouble::Lasting(format!("{}: {error}", self.topic))),
        }
        for partition in topic.partitions {
            let place = usize::try_from(partition.partition_index).ok();
            let place = place.and_then(|number| self.of.get_mut(number));
            let leads = self.brokers.contains_key(&partition.leader_id.0);
            if let (Some(place), true) = (place, leads) {
                let (broker, epoch) = (partition.leader_id.0, partition.leader_epoch);
                *place = Some(Leader { broker, epoch });
            }
        }
        if self.of.iter().any(Option::is_none) {
            self.look_again();
        }
        Ok(())
    }

    /// Connects to the leaders, and leaves those that are none any more.
    fn connect(&mut self) -> Result<(), Trouble> {
        let leads = |broker: i32| self.of.iter().flatten().any(|leader| leader.broker == broker);
        self.links.retain(|broker, _| leads(*broker));
        let mut failure = Ok(());
        for (number, (host, port)) in &self.brokers {
            if !leads(*number) || self.links.contains_key(number) {
                continue;
            }
            match Link::open(host, *port, self.timeout) {
                Ok(link) => drop(self.links.insert(*number, link)),
                Err(error @ Trouble::Passing(_)) => failure = Err(error),
                Err(error) => return Err(error),
            }
        }
        failure
    }
}

/// `host:port` as librdkafka takes it: the protocol may stand before it, the port may be missing.
fn endpoint(text: &str) -> Result<(String, u16), Trouble> {
    let text = match text.split_once("://") {
        Some((protocol, rest)) if protocol.eq_ignore_ascii_case("plaintext") => rest,
        Some((protocol, _)) => return Err(Trouble::Unfamiliar(format!("protocol {protocol}"))),
        None => text,
    };
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => (host, Some(port)),
        _ => (text, None),
    };
    let port = port.map_or(Ok(9092), str::parse);
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match port {
        Ok(port) if !host.is_empty() => Ok((host.to_owned(), port)),
        _ => Err(Trouble::Unfamiliar(format!("address {text:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_as_librdkafka_takes_them() {
        for (text, host, port) in [
            ("kafka:9093", "kafka", 9093),
            ("kafka", "kafka", 9092),
            ("PLAINTEXT://kafka:1", "kafka", 1),
            ("[::1]:9093", "::1", 9093),
            ("[::1]", "::1", 9092),
        ] {
            match endpoint(text) {
                Ok(found) => assert_eq!(found, (host.to_owned(), port), "{text}"),
                Err(error) => panic!("{text}: {error:?}"),
            }
        }
        for text in ["SSL://kafka:9093", "kafka:port", "kafka:70000", ":1", ""] {
            assert!(matches!(endpoint(text), Err(Trouble::Unfamiliar(_))), "{text}");
        }
    }
}
