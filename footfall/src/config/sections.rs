//! The tables `[log]`, `[kafka]` and `[clickhouse]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Secret;

/// `[log]`: the embedded log, also used as the spool in front of Kafka.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LogConfig {
    /// Partitions of each activity topic; fixed when the folder is made.
    pub(crate) partitions: u32,
    /// Bytes that the log may take on disk.
    pub(crate) bytes_max: u64,
    /// Bytes that stay free on the disk.
    pub(crate) free_bytes_min: u64,
    /// Bytes that the spool in front of Kafka may take.
    pub(crate) spool_bytes_max: u64,
}

impl Default for LogConfig {
    fn default() -> LogConfig {
        LogConfig {
            partitions: 4,
            bytes_max: 64 << 30,
            free_bytes_min: 256 << 20,
            spool_bytes_max: 4 << 30,
        }
    }
}

/// `[kafka]`. Any other key is one of librdkafka's own options and passed through
/// (`"security.protocol" = "SASL_SSL"`).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KafkaConfig {
    /// Comma-separated host:port list; empty: the embedded log.
    pub(crate) brokers: String,
    /// Partitions of topics that have to be created; 0: 8.
    pub(crate) partitions: u32,
    /// Replicas of topics that have to be created; 0: the broker's default.
    pub(crate) replication: u16,
    /// librdkafka's options.
    #[serde(flatten)]
    pub(crate) options: BTreeMap<String, Secret>,
}

/// `[clickhouse]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct ClickhouseConfig {
    /// Address of the HTTP interface, with or without `user:password@`; empty: embedded engine.
    pub(crate) url: Secret,
    /// User, when the address has none.
    pub(crate) user: String,
    /// Password, when the address has none.
    pub(crate) password: Secret,
    /// Database.
    pub(crate) database: String,
    /// Create Replicated and Distributed tables on this cluster.
    pub(crate) cluster: String,
}

impl Default for ClickhouseConfig {
    fn default() -> ClickhouseConfig {
        ClickhouseConfig {
            url: Secret::default(),
            user: "default".to_owned(),
            password: Secret::default(),
            database: "footfall".to_owned(),
            cluster: String::new(),
        }
    }
}
