//! The log's metrics.

use std::time::Duration;

use metrics::{Unit, counter, gauge, histogram};

use crate::AppendError;

const APPEND_DURATION: &str = "footfall_append_duration_seconds";
const APPEND_RECORDS: &str = "footfall_append_records_total";
const APPEND_FAILURES: &str = "footfall_append_failures_total";
const LOG_BYTES: &str = "footfall_log_bytes";
const DROPPED_BYTES: &str = "footfall_log_dropped_bytes_total";
const ROLLED_BACK: &str = "footfall_log_rolled_back_total";

/// Describes the metrics to the exporter.
pub fn describe() {
    metrics::describe_histogram!(
        APPEND_DURATION,
        Unit::Seconds,
        "From the call of append until the records are durable"
    );
    metrics::describe_counter!(APPEND_RECORDS, "Records stored");
    metrics::describe_counter!(APPEND_FAILURES, "Appends that failed, by reason");
    metrics::describe_gauge!(LOG_BYTES, Unit::Bytes, "Bytes of all records in the embedded log");
    metrics::describe_counter!(
        DROPPED_BYTES,
        Unit::Bytes,
        "Bytes of records dropped by retention, by its reason"
    );
    metrics::describe_counter!(ROLLED_BACK, "Writes that failed and were cut off again");
}

/// Handles for the appends of one write, so that the recorder is asked once.
pub(crate) struct Appends {
    records: metrics::Counter,
    duration: metrics::Histogram,
}

impl Appends {
    pub(crate) fn start() -> Appends {
        Appends { records: counter!(APPEND_RECORDS), duration: histogram!(APPEND_DURATION) }
    }

    pub(crate) fn appended(&self, records: u64, duration: Duration) {
        self.records.increment(records);
        self.duration.record(duration.as_secs_f64());
    }

    pub(crate) fn committed(&self, records: u64) {
        self.records.increment(records);
    }
}

pub(crate) fn append_failed(error: &AppendError) {
    let reason = match error {
        AppendError::Full(_) => "full",
        AppendError::Busy => "busy",
        AppendError::Unavailable(_) => "unavailable",
        AppendError::TooLarge(_) => "too_large",
        AppendError::Closed => "closed",
    };
    counter!(APPEND_FAILURES, "reason" => reason).increment(1);
}

pub(crate) fn log_bytes(bytes: u64) {
    gauge!(LOG_BYTES).set(bytes as f64);
}

pub(crate) fn dropped(bytes: u64, reason: &'static str) {
    counter!(DROPPED_BYTES, "reason" => reason).increment(bytes);
}

pub(crate) fn rolled_back() {
    counter!(ROLLED_BACK).increment(1);
}
