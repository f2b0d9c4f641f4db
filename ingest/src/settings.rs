//! `[ingest]`: everything about accepting that can be configured.

use serde::{Deserialize, Serialize};

use crate::geo::GeoSettings;
use footfall_event::limits;

/// How events are accepted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Networks (CIDR) of proxies whose `X-Forwarded-For` is believed. From nobody else.
    pub trusted_proxies: Vec<String>,
    /// Leave out browsers that send Global Privacy Control or Do Not Track.
    pub honour_opt_out: bool,
    /// How large anything may be.
    pub limits: Limits,
    /// How much one network may send.
    pub rate: RateSettings,
    /// The databases of places.
    pub geo: GeoSettings,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            trusted_proxies: Vec::new(),
            honour_opt_out: true,
            limits: Limits::default(),
            rate: RateSettings::default(),
            geo: GeoSettings::default(),
        }
    }
}

/// `[ingest.limits]`: how large, how old, how slow anything may be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a URL or referrer.
    pub url_bytes_max: usize,
    /// Bytes of any other text.
    pub text_bytes_max: usize,
    /// Properties of one event.
    pub props_max: usize,
    /// Search filters of one event.
    pub filters_max: usize,
    /// Bytes of one event as sent.
    pub event_bytes_max: usize,
    /// Nesting of JSON.
    pub json_depth_max: usize,
    /// Bytes of a beacon's body.
    pub beacon_bytes_max: usize,
    /// Bytes of an API body as sent.
    pub api_bytes_max: usize,
    /// Bytes of an API body after decompression.
    pub api_decompressed_bytes_max: usize,
    /// Bytes of all API bodies that are held at the same time.
    pub bodies_bytes_max: usize,
    /// Events in one request.
    pub batch_events_max: usize,
    /// Milliseconds that a body may take to arrive.
    pub body_timeout_ms: u64,
    /// Milliseconds of age. The aggregator remembers ids as long: both must be the same.
    pub age_ms_max: i64,
    /// Milliseconds ahead.
    pub ahead_ms_max: i64,
    /// Milliseconds that a sender's clock may be off before it is corrected.
    pub clock_skew_ms: i64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            url_bytes_max: limits::URL_BYTES_MAX,
            text_bytes_max: limits::TEXT_BYTES_MAX,
            props_max: limits::PROPS_MAX,
            filters_max: limits::FILTERS_MAX,
            event_bytes_max: limits::EVENT_BYTES_MAX,
            json_depth_max: limits::JSON_DEPTH_MAX,
            beacon_bytes_max: limits::BEACON_BYTES_MAX,
            api_bytes_max: limits::API_BYTES_MAX,
            api_decompressed_bytes_max: limits::API_DECOMPRESSED_BYTES_MAX,
            bodies_bytes_max: 256 << 20,
            batch_events_max: limits::BATCH_EVENTS_MAX,
            body_timeout_ms: 30_000,
            age_ms_max: limits::AGE_MS_MAX,
            ahead_ms_max: limits::AHEAD_MS_MAX,
            clock_skew_ms: limits::CLOCK_SKEW_MS,
        }
    }
}

/// `[ingest.rate]`: beacons of one network. Requests with a key have no limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RateSettings {
    /// Beacons a second, in the long run; 0: no limit.
    pub beacons_per_second: u32,
    /// Beacons at once.
    pub burst: u32,
}

impl Default for RateSettings {
    fn default() -> RateSettings {
        RateSettings { beacons_per_second: 200, burst: 1_000 }
    }
}
