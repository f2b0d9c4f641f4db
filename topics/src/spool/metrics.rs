//! The spool's metrics.

use metrics::{Unit, counter, gauge};

const BYTES: &str = "footfall_spool_bytes";
const RECORDS: &str = "footfall_spool_records";
const FORWARDED: &str = "footfall_spool_forwarded_total";

/// Describes the metrics to the exporter.
pub fn describe() {
    metrics::describe_gauge!(BYTES, Unit::Bytes, "Bytes of records that wait for Kafka");
    metrics::describe_gauge!(RECORDS, "Records that wait for Kafka");
    metrics::describe_counter!(FORWARDED, "Records forwarded from the spool to Kafka");
}

pub(super) fn waiting(records: i64, bytes: i64) {
    gauge!(RECORDS).set(records.max(0) as f64);
    gauge!(BYTES).set(bytes.max(0) as f64);
}

pub(super) fn forwarded(records: u64) {
    counter!(FORWARDED).increment(records);
}
