//! The dashboard's metrics, described once.

/// Describes them to the recorder; call it after one is installed.
pub fn describe() {
    metrics::describe_histogram!(
        "footfall_dashboard_page_duration_seconds",
        metrics::Unit::Seconds,
        "time to answer a page of the dashboard"
    );
    metrics::describe_histogram!(
        "footfall_dashboard_query_duration_seconds",
        metrics::Unit::Seconds,
        "time of one query for a page"
    );
    metrics::describe_counter!(
        "footfall_dashboard_query_failures_total",
        "queries for a page that the warehouse did not answer"
    );
    metrics::describe_histogram!(
        "footfall_ranking_duration_seconds",
        metrics::Unit::Seconds,
        "time to rank the ads of a placement"
    );
    metrics::describe_counter!(
        "footfall_feeds_ended_total",
        "feeds that were ended by the server, by reason"
    );
    metrics::describe_counter!(
        "footfall_dashboard_logins_total",
        "attempts to sign in, by outcome"
    );
}
