//! What the aggregator and the loader tell Prometheus.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::shard::{AdStats, BatchStats};

/// Describes every metric of this crate to the recorder.
pub fn describe() {
    describe_gauge!(
        "footfall_consumer_lag_events",
        Unit::Count,
        "Records of a partition that its shard has not committed yet, by group"
    );
    describe_gauge!(
        "footfall_watermark_age_seconds",
        Unit::Seconds,
        "Age of the newest event that was passed on, by group and shard"
    );
    describe_counter!("footfall_events_judged_total", Unit::Count, "Events passed on");
    describe_counter!("footfall_events_repeated_total", Unit::Count, "Events that had come before");
    describe_counter!("footfall_events_late_total", Unit::Count, "Events behind the lateness");
    describe_counter!(
        "footfall_dead_letters_total",
        Unit::Count,
        "Records set aside, by group: they can't be read or told from a repeat"
    );
    describe_counter!(
        "footfall_visitors_forgotten_total",
        Unit::Count,
        "Visitors forgotten because there were more than visitors_max"
    );
    describe_gauge!(
        "footfall_ads_remembered_count",
        Unit::Count,
        "Impressions, clicks, transactions and so on remembered, by group and shard"
    );
    describe_counter!(
        "footfall_ads_forgotten_total",
        Unit::Count,
        "Impressions, clicks and transactions forgotten because there were more than allowed"
    );
    describe_counter!(
        "footfall_verdicts_corrected_total",
        Unit::Count,
        "Verdicts on clicks that were corrected because something earlier came later"
    );
    describe_counter!(
        "footfall_corrections_lost_total",
        Unit::Count,
        "Corrections without effect: their click or conversion was forgotten"
    );
    describe_counter!(
        "footfall_searches_other_total",
        Unit::Count,
        "Differences counted under (other): their search was beyond the day's cap"
    );
    describe_gauge!("footfall_ids_remembered_count", Unit::Count, "Event ids remembered, by shard");
    describe_gauge!("footfall_visitors_remembered_count", Unit::Count, "Visitors remembered");
    describe_gauge!(
        "footfall_sessions_open_count",
        Unit::Count,
        "Visitors with a visit that can still grow, by shard"
    );
    describe_histogram!("footfall_commit_duration_seconds", Unit::Seconds, "Commits, by group");
    describe_counter!("footfall_commits_failed_total", Unit::Count, "Commits tried again");
    describe_gauge!("footfall_snapshot_bytes", Unit::Bytes, "Size of the last snapshot stored");
    describe_histogram!("footfall_snapshot_duration_seconds", Unit::Seconds, "Snapshots stored");
    describe_counter!("footfall_loader_rows_total", Unit::Count, "Rows inserted, by table");
    describe_counter!("footfall_loader_blocks_total", Unit::Count, "Inserts, by table");
    describe_counter!("footfall_loader_retries_total", Unit::Count, "Inserts tried again");
    describe_histogram!("footfall_insert_duration_seconds", Unit::Seconds, "Inserts, by table");
    describe_counter!("footfall_alerts_sent_total", Unit::Count, "Alerts delivered");
    describe_counter!("footfall_alerts_failed_total", Unit::Count, "Deliveries to be tried again");
    describe_counter!("footfall_alerts_given_up_total", Unit::Count, "Alerts nobody would take");
}

pub(crate) fn alert_sent() {
    counter!("footfall_alerts_sent_total").increment(1);
}

pub(crate) fn alert_failed() {
    counter!("footfall_alerts_failed_total").increment(1);
}

pub(crate) fn alert_given_up() {
    counter!("footfall_alerts_given_up_total").increment(1);
}

pub(crate) fn batch(group: &'static str, shard: u32, stats: &BatchStats) {
    counter!("footfall_events_repeated_total").increment(stats.repeats);
    dead_letters(group, stats.dead_letters);
    let shard = shard.to_string();
    // Both stages count what they remember of ads; everything else is the first one's.
    if group == "aggregate" {
        counter!("footfall_events_judged_total").increment(stats.stored);
        counter!("footfall_events_late_total").increment(stats.late);
        counter!("footfall_visitors_forgotten_total").increment(stats.visitors_forgotten);
        gauge!("footfall_ids_remembered_count", "shard" => shard.clone()).set(stats.ids as f64);
        gauge!("footfall_visitors_remembered_count", "shard" => shard.clone())
            .set(stats.visitors as f64);
        gauge!("footfall_sessions_open_count", "shard" => shard.clone())
            .set(stats.timelines as f64);
    }
    ads(group, &shard, &stats.ads);
}

fn ads(group: &'static str, shard: &str, stats: &AdStats) {
    for (what, count) in [
        ("impressions", stats.impressions),
        ("clicks", stats.clicks),
        ("transactions", stats.transactions),
        ("performances", stats.performances),
        ("keys", stats.keys),
    ] {
        let shard = shard.to_owned();
        gauge!("footfall_ads_remembered_count", "group" => group, "shard" => shard, "what" => what)
            .set(count as f64);
    }
    counter!("footfall_ads_forgotten_total", "group" => group).increment(stats.forgotten);
    counter!("footfall_verdicts_corrected_total").increment(stats.corrected);
    counter!("footfall_corrections_lost_total").increment(stats.corrections_lost);
    counter!("footfall_searches_other_total").increment(stats.other_searches);
}

pub(crate) fn dead_letters(group: &'static str, count: u64) {
    counter!("footfall_dead_letters_total", "group" => group).increment(count);
}

pub(crate) fn committed(group: &'static str, took: Duration) {
    histogram!("footfall_commit_duration_seconds", "group" => group).record(took.as_secs_f64());
}

pub(crate) fn commit_failed(group: &'static str) {
    counter!("footfall_commits_failed_total", "group" => group).increment(1);
}

pub(crate) fn saved(group: &'static str, bytes: usize, took: Duration) {
    gauge!("footfall_snapshot_bytes", "group" => group).set(bytes as f64);
    histogram!("footfall_snapshot_duration_seconds", "group" => group).record(took.as_secs_f64());
}

pub(crate) fn lag(group: &'static str, topic: &'static str, partition: u32, records: u64) {
    let partition = partition.to_string();
    gauge!(
        "footfall_consumer_lag_events",
        "group" => group, "topic" => topic, "partition" => partition
    )
    .set(records as f64);
}

pub(crate) fn watermark_age(group: &'static str, shard: u32, age_ms: i64) {
    gauge!("footfall_watermark_age_seconds", "group" => group, "shard" => shard.to_string())
        .set(age_ms as f64 / 1_000.0);
}

pub(crate) fn inserted(table: &'static str, rows: usize, took: Duration) {
    counter!("footfall_loader_rows_total", "table" => table).increment(rows as u64);
    counter!("footfall_loader_blocks_total", "table" => table).increment(1);
    histogram!("footfall_insert_duration_seconds", "table" => table).record(took.as_secs_f64());
}

pub(crate) fn insert_failed(table: &'static str) {
    counter!("footfall_loader_retries_total", "table" => table).increment(1);
}
