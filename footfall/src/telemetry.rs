//! Logs, metrics and health.
//!
//! Log levels say what the operator must do: ERROR needs a human or lost data, WARN was recovered,
//! INFO is a change of state. Nothing is logged per event.

use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;

/// Whether a role can do its job now; the error says why not.
pub(crate) type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;

/// Starts logging to standard error. `FOOTFALL_LOG` sets the level (`warn`, `footfall=debug`).
pub(crate) fn start_logging() {
    let filter = EnvFilter::try_from_env("FOOTFALL_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,librdkafka=error,rdkafka=error"));
    let format = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second start in the same process (tests) keeps the first.
    let colours = std::io::IsTerminal::is_terminal(&std::io::stderr());
    drop(format.with_target(false).with_ansi(colours).try_init());
}

/// Starts collecting metrics.
pub(crate) fn start_metrics() -> Result<PrometheusHandle> {
    const SECONDS: [f64; 14] =
        [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
    let handle = PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &SECONDS)?
        .install_recorder()
        .context("metrics can't be collected")?;
    footfall_topics::metrics::describe();
    footfall_warehouse::metrics::describe();
    footfall_ingest::metrics::describe();
    footfall_aggregator::metrics::describe();
    footfall_dashboard::metrics::describe();
    Ok(handle)
}

/// `/metrics`, `/healthz` and `/readyz`, for the private listener.
pub(crate) fn app(handle: PrometheusHandle, ready: Ready) -> Router {
    Router::new()
        .route("/metrics", get(metrics).with_state(handle))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz).with_state(ready))
}

async fn metrics(State(handle): State<PrometheusHandle>) -> impl IntoResponse {
    handle.run_upkeep();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], handle.render())
}

async fn readyz(State(ready): State<Ready>) -> (StatusCode, String) {
    match ready() {
        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
        Err(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")),
    }
}
