//! Queries to the warehouse: bounded in number and time, typed, with the engine's texts kept from
//! the page. The statements themselves are beside the rows they fill.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use clickhouse::query::Query;
use clickhouse::{Client, RowOwned, RowRead};
use footfall_warehouse::{Error, Warehouse};
use tokio::sync::Semaphore;

use crate::settings::Settings;

/// Why a part of a page has no figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The query needed more than it may.
    TooSlow,
    /// The warehouse did not answer.
    Away,
    /// The warehouse refused it, or answered something else than was asked for.
    Broken,
}

/// What all pages share: the client and the bound on queries at the same time.
pub(crate) struct Queries {
    warehouse: Warehouse,
    permits: Semaphore,
    per_page: usize,
    pub(crate) seconds_max: u32,
    /// When a query first found the warehouse away; 0 while it answers. Milliseconds since 1970.
    away_since: AtomicI64,
}

/// The queries of one page. When one finds the warehouse away, the others don't try.
pub(crate) struct Runner<'a> {
    queries: &'a Queries,
    permits: Semaphore,
    away: AtomicBool,
}

impl Queries {
    pub(crate) fn new(warehouse: Warehouse, settings: &Settings) -> Queries {
        Queries {
            warehouse,
            permits: Semaphore::new(settings.queries_max.max(1)),
            per_page: settings.queries_per_page_max.max(1),
            seconds_max: settings.query_seconds_max.max(1),
            away_since: AtomicI64::new(0),
        }
    }

    /// Asks whether the warehouse answers, and remembers since when it does not.
    pub(crate) async fn ping(&self) {
        match self.warehouse.ping().await {
            Ok(()) => self.away_since.store(0, Relaxed),
            Err(error) => {
                if self.away_since.compare_exchange(0, now_ms(), Relaxed, Relaxed).is_ok() {
                    tracing::warn!(%error, "the warehouse is away");
                }
            }
        }
    }

    /// Since when the warehouse does not answer.
    pub(crate) fn away_since(&self) -> Option<i64> {
        Some(self.away_since.load(Relaxed)).filter(|&since| since != 0)
    }

    /// For the queries of one page.
    pub(crate) fn runner(&self) -> Runner<'_> {
        Runner {
            queries: self,
            permits: Semaphore::new(self.per_page),
            away: AtomicBool::new(false),
        }
    }
}

impl Runner<'_> {
    /// The client with which statements are written.
    pub(crate) fn client(&self) -> &Client {
        self.queries.warehouse.client()
    }

    /// Runs it. `name` is for metrics and logs.
    pub(crate) async fn rows<T>(&self, name: &'static str, query: Query) -> Result<Vec<T>, Failure>
    where
        T: RowOwned + RowRead,
    {
        // The limit of the page first: a page that waits must not hold what another could use.
        let _page = self.permits.acquire().await.expect("never closed");
        let _all = self.queries.permits.acquire().await.expect("never closed");
        if self.away.load(Relaxed) {
            return Err(Failure::Away);
        }
        let query = query
            .with_setting("max_execution_time", self.queries.seconds_max.to_string())
            .with_setting("timeout_overflow_mode", "throw")
            // A page's queries read so little that planning them is more than half of their time:
            // two things that none of them profits from.
            .with_setting("optimize_use_implicit_projections", "0")
            .with_setting("output_format_parallel_formatting", "0");
        let began = Instant::now();
        // The engine ends a query that is too long by itself; this is for one that hangs.
        let limit = Duration::from_millis(u64::from(self.queries.seconds_max) * 1_000 + 500);
        let result = tokio::time::timeout(limit, query.fetch_all::<T>()).await;
        metrics::histogram!("footfall_dashboard_query_duration_seconds", "query" => name)
            .record(began.elapsed().as_secs_f64());
        match result {
            Ok(Ok(rows)) => {
                self.queries.away_since.store(0, Relaxed);
                Ok(rows)
            }
            Ok(Err(error)) => Err(self.failed(name, error)),
            Err(_) => Err(self.failed(name, clickhouse::error::Error::TimedOut)),
        }
    }

    fn failed(&self, name: &'static str, error: clickhouse::error::Error) -> Failure {
        metrics::counter!("footfall_dashboard_query_failures_total", "query" => name).increment(1);
        match Error::from(error) {
            error @ (Error::Unreachable(_) | Error::Timeout(_)) => {
                tracing::warn!(query = name, %error, "the warehouse is away");
                self.queries.away_since.compare_exchange(0, now_ms(), Relaxed, Relaxed).ok();
                self.away.store(true, Relaxed);
                Failure::Away
            }
            error => {
                tracing::warn!(query = name, %error, "a query for a page failed");
                match error {
                    Error::Server { code, .. } if OVER_LIMIT.contains(&code) => Failure::TooSlow,
                    _ => Failure::Broken,
                }
            }
        }
    }
}

/// ClickHouse's codes for limits on rows, bytes, time, memory and queries at the same time.
const OVER_LIMIT: [u32; 7] = [158, 159, 160, 202, 241, 307, 396];

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> i64 {
    jiff::Timestamp::now().as_millisecond()
}

/// Milliseconds since 1970 as the warehouse's `DateTime` counts: whole seconds, from 1970 to 2106.
pub(crate) fn seconds(time_ms: i64) -> u32 {
    u32::try_from(time_ms.div_euclid(1_000).max(0)).unwrap_or(u32::MAX)
}
