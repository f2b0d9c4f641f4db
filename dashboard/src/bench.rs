//! The overview's raw queries, for a benchmark that sets the page's time beside their sum.

use crate::figures;
use crate::period::{Compare, Period, Preset, Unit};
use crate::tables::{self, Panel};
use crate::view::View;

/// A statement whose arguments don't fit.
#[derive(Debug, thiserror::Error)]
#[error("a statement could not be written: {0}")]
pub struct QueryError(String);

/// The statements behind `/sites/{site}?period=28d`, ready to be sent to the warehouse one by one.
/// Times are in UTC; `now_ms` is milliseconds since 1970.
///
/// # Errors
/// When an argument can't be written as SQL.
pub fn page_queries(site: &str, now_ms: i64) -> Result<Vec<String>, QueryError> {
    let client = clickhouse::Client::default();
    let view = View::new(site);
    let zone = jiff::tz::TimeZone::UTC;
    let period = Period::resolve(Preset::Days(28), Compare::Previous, &zone, now_ms, None);
    let figures = figures::queries(&client, &view, &period, Unit::Day);
    let lists = Panel::ALL.map(|panel| {
        let limit = tables::overview_rows(panel);
        tables::query(&client, &view, &period, view.tab(panel)).bind(limit).bind(0u32)
    });
    let look = crate::live::query(&client, site, now_ms);
    let all = figures.into_iter().chain(lists).chain([look]);
    all.map(|query| {
        let sql = query.sql_display().to_string();
        // The client reports what could not be bound in the statement's place.
        if sql.contains("SELECT") { Ok(sql) } else { Err(QueryError(sql)) }
    })
    .collect()
}
