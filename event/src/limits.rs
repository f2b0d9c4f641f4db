//! How large anything may be. Where the configuration may change a limit, this is its default.

/// Bytes of a URL or referrer.
pub const URL_BYTES_MAX: usize = 2_048;
/// Bytes of any other text.
pub const TEXT_BYTES_MAX: usize = 512;
/// Properties of one event.
pub const PROPS_MAX: usize = 30;
/// Search filters of one event.
pub const FILTERS_MAX: usize = 30;
/// Bytes of one event as sent.
pub const EVENT_BYTES_MAX: usize = 32 * 1024;
/// Nesting of JSON.
pub const JSON_DEPTH_MAX: usize = 16;
/// Bytes of a beacon's body.
pub const BEACON_BYTES_MAX: usize = 64 * 1024;
/// Bytes of an API body as sent (compressed or not).
pub const API_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Bytes of an API body after decompression.
pub const API_DECOMPRESSED_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Events in one request.
pub const BATCH_EVENTS_MAX: usize = 10_000;
/// An event may be this old at the most; ids are remembered as long.
pub const AGE_MS_MAX: i64 = 24 * 3_600 * 1_000;
/// An event may be this far in the future at the most.
pub const AHEAD_MS_MAX: i64 = 5 * 60 * 1_000;
/// A sender's clock that is off by more is corrected by `sent_at`.
pub const CLOCK_SKEW_MS: i64 = 60 * 1_000;
/// A visit ends after a gap longer than this.
pub const VISIT_GAP_MS: i64 = 30 * 60 * 1_000;
/// A late event inside this lateness changes visits as if it had come in order.
pub const LATENESS_MS: i64 = 3_600 * 1_000;
/// Bytes of a record in the log: an event with all that enrichment adds.
pub const RECORD_BYTES_MAX: usize = 128 * 1024;
