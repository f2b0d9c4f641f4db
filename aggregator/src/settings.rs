//! What an operator can set.

use serde::{Deserialize, Serialize};

use crate::ads::Limits;
use crate::alerts::AlertSettings;
use crate::core::{AdLimits, CoreLimits};
use crate::rules::JudgeLimits;

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
    /// A shard that has had nothing to read for so long is not waited for where clicks of several
    /// shards are compared, milliseconds. Longer than an ingest takes to start again.
    pub rest_after_ms: u64,
    /// A shard's state is saved this often while it changes, seconds.
    pub snapshot_interval_s: u64,
    /// Event ids that a shard remembers at the most (20 to 39 bytes each). When it is reached, the
    /// oldest are forgotten and events as old as they are set aside.
    pub ids_max: usize,
    /// Visitors that a shard remembers at the most (some 250 bytes each). When it is reached, those
    /// that were away longest are forgotten and counted again if they return.
    pub visitors_max: usize,
    /// Ad impressions that a shard remembers at the most, for a day (some 200 bytes each). Clicks on
    /// forgotten ones are flagged, conversions are not given to them.
    pub impressions_max: usize,
    /// Ad clicks that a shard remembers at the most (some 300 bytes each): without them, a
    /// duplicate is not found. Three hours' in the first stage, 25 hours' in the second.
    pub clicks_max: usize,
    /// Conversions that a shard remembers at the most, those with a transaction id for 90 days (some
    /// 300 bytes each). A forgotten one can't be taken back.
    pub transactions_max: usize,
    /// Ads in placements whose performance a shard follows at the most (some 400 bytes each).
    pub performances_max: usize,
    /// Different searches of a site and UTC day under which ads are counted, per shard; what comes
    /// beyond is counted as `(other)`.
    pub searches_max: usize,
    /// Rows of one insert at the most. The more, the less the engine has to merge later, which costs it
    /// more than the inserts do.
    pub block_rows_max: usize,
    /// Bytes of records of one insert at the most. In memory and on the way they take about a quarter
    /// of that, three times: gathered, written out, and in the engine.
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
            rest_after_ms: 10_000,
            snapshot_interval_s: 120,
            ids_max: 10_000_000,
            visitors_max: 1_000_000,
            impressions_max: 1_000_000,
            clicks_max: 300_000,
            transactions_max: 500_000,
            performances_max: 100_000,
            searches_max: 10_000,
            block_rows_max: 200_000,
            block_bytes_max: 128 * 1024 * 1024,
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
            ads: AdLimits { impressions_max: self.impressions_max },
            judge: JudgeLimits {
                networks_max: self.visitors_max,
                impressions_max: self.impressions_max,
                clicks_max: self.clicks_max,
            },
        }
    }

    /// What the second stage may remember.
    pub fn ad_limits(&self) -> Limits {
        Limits {
            clicks_max: self.clicks_max,
            transactions_max: self.transactions_max,
            performances_max: self.performances_max,
            searches_max: self.searches_max,
        }
    }
}
