//! What can be configured, and the options of each kind of client.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::config::RDKafkaLogLevel;
use serde::{Deserialize, Serialize};

use crate::LogError;

/// Options that carry the guarantees of this module; nobody may set them.
const RESERVED: [&str; 13] = [
    "bootstrap.servers",
    "group.id",
    "transactional.id",
    "acks",
    "request.required.acks",
    "enable.idempotence",
    "isolation.level",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "auto.offset.reset",
    "enable.partition.eof",
    "partition.assignment.strategy",
    "group.protocol",
];

/// How to reach and use a Kafka cluster.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where to find the cluster: `host:port`, several with commas.
    pub brokers: String,
    /// Put in front of the names of topics, groups and transactional ids.
    pub topic_prefix: String,
    /// Partitions of topics that are created, and so the number of shards. Topics that exist keep
    /// theirs.
    pub partitions: u32,
    /// Replicas of topics that are created; -1: as the cluster's default says.
    pub replication: i32,
    /// Bytes that a partition of a topic that is created keeps at the most, besides the limit by
    /// time; compacted topics have no limit.
    pub retention_bytes: Option<u64>,
    /// Further options of librdkafka for every client (TLS, SASL, timeouts).
    pub options: BTreeMap<String, String>,
    /// Bytes of records that wait for their acknowledgement at the most; more is refused.
    pub queue_bytes_max: usize,
    /// Milliseconds until an append that is not acknowledged fails.
    pub append_timeout_ms: u64,
    /// Milliseconds that the cluster may take for an answer.
    pub request_timeout_ms: u64,
    /// Milliseconds until a shard's commit that does not get through fails.
    pub commit_timeout_ms: u64,
    /// Milliseconds after which the shards of a member that is not heard from go to others.
    pub session_timeout_ms: u64,
    /// Milliseconds after which the cluster ends a dead owner's transaction by itself.
    pub transaction_timeout_ms: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            brokers: "127.0.0.1:9092".into(),
            topic_prefix: "footfall.".into(),
            partitions: 8,
            replication: -1,
            retention_bytes: None,
            options: BTreeMap::new(),
            queue_bytes_max: 64 << 20,
            append_timeout_ms: 10_000,
            request_timeout_ms: 10_000,
            commit_timeout_ms: 15_000,
            session_timeout_ms: 6_000,
            transaction_timeout_ms: 60_000,
        }
    }
}

/// Values of options may be secrets, so only their names are shown.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("brokers", &self.brokers)
            .field("topic_prefix", &self.topic_prefix)
            .field("partitions", &self.partitions)
            .field("replication", &self.replication)
            .field("options", &self.options.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Finds what can't be right before a client does, with a clearer message.
    pub(super) fn check(&self) -> Result<(), LogError> {
        let wrong = |what: String| Err(LogError::Kafka(what));
        if self.brokers.trim().is_empty() {
            return wrong("no brokers are given: expected host:port, several with commas".into());
        }
        if self.partitions == 0 || self.partitions > 10_000 {
            return wrong(format!("{} partitions: expected 1 to 10,000", self.partitions));
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if self.topic_prefix.len() > 200 || !self.topic_prefix.chars().all(allowed) {
            return wrong(format!(
                "the topic prefix {:?} can't be used: expected up to 200 letters, digits, '.', '_' and '-'",
                self.topic_prefix
            ));
        }
        for name in RESERVED {
            if self.options.contains_key(name) {
                return wrong(format!(
                    "the option {name} can't be set: it is part of how counts stay right"
                ));
            }
        }
        Ok(())
    }

    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_millis(self.request_timeout_ms)
    }

    pub(super) fn commit_timeout(&self) -> Duration {
        Duration::from_millis(self.commit_timeout_ms)
    }

    /// What all clients have in common.
    pub(super) fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        // Its own lines go to `tracing`, at level debug; the library's default would follow the
        // crate `log`, which nobody sets up here.
        config.set_log_level(RDKafkaLogLevel::Info);
        if self.options.contains_key("debug") {
            config.set_log_level(RDKafkaLogLevel::Debug);
        }
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", "footfall")
            .set("socket.keepalive.enable", "true")
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "2000");
        config
    }

    pub(super) fn finish(&self, config: &mut ClientConfig) -> ClientConfig {
        for (name, value) in &self.options {
            config.set(name, value);
        }
        config.clone()
    }

    pub(super) fn admin(&self) -> ClientConfig {
        self.finish(&mut self.client())
    }

    /// One request per append and no waiting for company: measured fastest and no dearer.
    pub(super) fn appender(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("compression.type", "lz4")
            .set("linger.ms", "0")
            .set("message.timeout.ms", self.append_timeout_ms.to_string())
            // The bound that counts is `queue_bytes_max`; these only must not be lower.
            .set("queue.buffering.max.messages", "10000000")
            .set("queue.buffering.max.kbytes", (self.queue_bytes_max / 512 + 1024).to_string());
        self.finish(&mut config)
    }

    pub(super) fn reader(&self) -> ClientConfig {
        let mut config = self.client();
        config
            // Unused, but without one a consumer can't receive.
            .set("group.id", format!("{}reader", self.topic_prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("isolation.level", "read_committed")
            .set("auto.offset.reset", "error")
            .set("enable.partition.eof", "true")
            .set("fetch.min.bytes", "100000")
            .set("fetch.wait.max.ms", "50")
            // Per partition; the defaults would let one reader hold gigabytes.
            .set("queued.min.messages", "10000")
            .set("queued.max.messages.kbytes", "2048")
            .set("fetch.queue.backoff.ms", "20");
        self.finish(&mut config)
    }

    pub(super) fn member(&self, group: &str) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", self.group(group))
            .set("partition.assignment.strategy", "cooperative-sticky")
            .set("session.timeout.ms", self.session_timeout_ms.to_string())
            .set("heartbeat.interval.ms", (self.session_timeout_ms / 6).max(100).to_string())
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            // Makes the look-up of committed offsets wait for open transactions.
            .set("isolation.level", "read_committed");
        self.finish(&mut config)
    }

    pub(super) fn shard(&self, group: &str, shard: u32) -> ClientConfig {
        let mut config = self.client();
        config
            .set("transactional.id", format!("{}-shard-{shard}", self.group(group)))
            .set("transaction.timeout.ms", self.transaction_timeout_ms.to_string())
            .set("message.timeout.ms", self.transaction_timeout_ms.to_string())
            .set("compression.type", "lz4")
            .set("linger.ms", "5")
            .set("batch.size", "1000000")
            // A transaction right after another is told to wait for the other's markers: try again
            // soon, not after the default of 100 ms.
            .set("retry.backoff.ms", "10")
            .set("queue.buffering.max.messages", "1000000")
            .set("queue.buffering.max.kbytes", "65536");
        self.finish(&mut config)
    }

    pub(super) fn group(&self, group: &str) -> String {
        format!("{}{group}", self.topic_prefix)
    }
}

/// Kafka counts partitions and offsets with signed numbers; a negative one never means a record.
pub(super) fn partition_number(number: u32) -> Result<i32, LogError> {
    i32::try_from(number).map_err(|_| LogError::Kafka(format!("there is no partition {number}")))
}

pub(super) fn offset(raw: i64) -> u64 {
    u64::try_from(raw).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(change: impl FnOnce(&mut Settings), expect: &str) {
        let mut settings = Settings::default();
        change(&mut settings);
        let error = settings.check().expect_err("refused").to_string();
        assert!(error.contains(expect), "{error}");
    }

    #[test]
    fn what_cannot_work_is_refused_by_name() {
        check(|s| s.brokers = " ".into(), "host:port");
        check(|s| s.partitions = 0, "1 to 10,000");
        check(|s| s.topic_prefix = "a/b".into(), "\"a/b\"");
        check(|s| drop(s.options.insert("acks".into(), "1".into())), "option acks");
        Settings::default().check().expect("the default is fine");
    }

    #[test]
    fn option_values_are_not_shown() {
        let mut settings = Settings::default();
        settings.options.insert("sasl.password".into(), "hunter2".into());
        let shown = format!("{settings:?}");
        assert!(shown.contains("sasl.password") && !shown.contains("hunter2"), "{shown}");
    }
}
