//! What an operator can set.

use serde::{Deserialize, Serialize};

use crate::alerts::AlertSettings;
use crate::core::CoreLimits;

/// Settings of the aggregator and the loader.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Events that a shard takes into one batch at the most.
    pub batch_records_max: usize,
    /// Bytes of events that a shard takes into one batch at the most.
    pub batch_bytes_max: usize,
    /// While events keep coming, a shard commits this often, milliseconds.
    pub commit_interval_ms: u64,
    /// A shard at rest waits this long for company after the first event, milliseconds.
    pub linger_ms: u64,
    /// A shard's state is saved this often while it changes, seconds.
    pub snapshot_interval_s: u64,
    /// Event ids that a shard remembers at the most (20 to 39 bytes each). When it is reached, the
    /// oldest are forgotten and events as old as they are set aside.
    pub ids_max: usize,
    /// Visitors that a shard remembers at the most (some 250 bytes each). When it is reached, those
    /// that were away longest are forgotten and counted again if they return.
    pub visitors_max: usize,
    /// Rows of one insert at the most.
    pub block_rows_max: usize,
    /// Bytes of records of one insert at the most.
    pub block_bytes_max: usize,
    /// A shard inserts into a table this often at the most, milliseconds; less often when the engine
    /// is slow.
    pub insert_interval_ms: u64,
    /// Webhooks and e-mails.
    pub alerts: AlertSettings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            batch_records_max: 50_000,
            batch_bytes_max: 32 * 1024 * 1024,
            commit_interval_ms: 200,
            linger_ms: 10,
            snapshot_interval_s: 120,
            ids_max: 10_000_000,
            visitors_max: 1_000_000,
            block_rows_max: 100_000,
            block_bytes_max: 64 * 1024 * 1024,
            insert_interval_ms: 400,
            alerts: AlertSettings::default(),
        }
    }
}

impl Settings {
    /// What a core may remember. The window is the age at which the ingest refuses events: one
    /// can't be changed without the other, so it is not a setting.
    pub fn core_limits(&self) -> CoreLimits {
        CoreLimits {
            window_ms: footfall_event::limits::AGE_MS_MAX,
            ids_max: self.ids_max,
            visitors_max: self.visitors_max,
        }
    }
}
