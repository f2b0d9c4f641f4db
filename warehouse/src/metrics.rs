//! What this crate measures.

use std::time::Duration;

use crate::Error;
use crate::client::Insert;

const ROWS: &str = "footfall_warehouse_rows_total";
const INSERTS: &str = "footfall_warehouse_inserts_total";
const INSERT_SECONDS: &str = "footfall_warehouse_insert_duration_seconds";
pub(crate) const ENGINE_UP: &str = "footfall_engine_up";
pub(crate) const ENGINE_RESTARTS: &str = "footfall_engine_restarts_total";

/// Describes the metrics; call once after the recorder is installed.
pub fn describe() {
    metrics::describe_counter!(ROWS, "Rows stored in ClickHouse, by table.");
    metrics::describe_counter!(INSERTS, "Inserts tried, by table and outcome.");
    metrics::describe_histogram!(INSERT_SECONDS, "Duration of one insert, by table.");
    metrics::describe_gauge!(ENGINE_UP, "1 while the embedded engine answers.");
    metrics::describe_counter!(ENGINE_RESTARTS, "Times the embedded engine was started again.");
}

pub(crate) fn record_insert(insert: &Insert, took: Duration, result: &Result<(), Error>) {
    let outcome = match result {
        Ok(()) => "stored",
        Err(error) if error.is_retriable() => "failed",
        Err(_) => "refused",
    };
    metrics::counter!(INSERTS, "table" => insert.table, "outcome" => outcome).increment(1);
    if result.is_ok() {
        metrics::counter!(ROWS, "table" => insert.table).increment(insert.rows as u64);
        metrics::histogram!(INSERT_SECONDS, "table" => insert.table).record(took.as_secs_f64());
    }
}
