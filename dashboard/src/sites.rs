//! `/`: every site with today's visitors and the last week; the set-up page when there is none.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use clickhouse::Row;
use http::request::Parts;
use jiff::ToSpan;
use serde::Deserialize;

use crate::App;
use crate::error::Problem;
use crate::frame::{Frame, Theme, render};
use crate::period::{self, date_of, start_of};
use crate::query::{Failure, Runner, now_ms, seconds};
use crate::view::View;
use crate::{format, words as w};

/// Sites on one page of the list.
const SITES: usize = 100;
/// Days of the small chart, today included.
const DAYS: i32 = 7;

#[derive(Template)]
#[template(path = "sites/sites.html")]
struct SitesPage {
    frame: Frame,
    sites: Vec<SiteRow>,
    failed: Option<String>,
    earlier: Option<String>,
    later: Option<String>,
}

struct SiteRow {
    domain: String,
    href: String,
    today: String,
    yesterday: String,
    line: String,
    part: String,
}

#[derive(Debug, Row, Deserialize)]
struct HourRow {
    site: String,
    hour: u32,
    visitors: i64,
}

/// `GET /`.
pub(crate) async fn page(
    State(app): State<App>,
    Query(pairs): Query<Vec<(String, String)>>,
    request: Parts,
) -> Response {
    let catalog = app.catalog.load();
    if catalog.sites.is_empty() {
        return crate::setup::first_page(&app, &request);
    }
    let number = match View::parse("", &pairs) {
        Ok(view) => view.page as usize,
        Err(problem) => return Problem::into_response(problem),
    };
    let now = now_ms();
    let sites: Vec<_> = catalog.sites.values().skip((number - 1) * SITES).take(SITES).collect();
    let domains: Vec<&str> = sites.iter().map(|site| site.domain.as_str()).collect();
    let hours = hours(&app.queries.runner(), &domains, now).await;
    let rows = sites.iter().map(|site| {
        let zone = period::zone(&site.timezone);
        let days = hours.as_ref().ok().map(|hours| by_day(hours, &site.domain, &zone, now));
        row(&site.domain, days)
    });
    let page = SitesPage {
        frame: crate::site::frame(&app, &request, w::SITES.into(), None, false),
        sites: rows.collect(),
        failed: hours.as_ref().err().map(|f| w::failure(*f, app.queries.seconds_max)),
        earlier: (number > 1).then(|| format!("/?page={}", number - 1)),
        later: (number * SITES < catalog.sites.len()).then(|| format!("/?page={}", number + 1)),
    };
    render(&page)
}

/// Visitors by site and hour.
type Hours = BTreeMap<String, Vec<(i64, i64)>>;

async fn hours(runner: &Runner<'_>, domains: &[&str], now: i64) -> Result<Hours, Failure> {
    // A day more than is shown: the first day begins earlier in zones east of Greenwich.
    let from = now - i64::from(DAYS + 1) * 86_400_000;
    let query =
        runner.client().query(include_str!("sites/sites.sql")).bind(domains).bind(seconds(from));
    let rows: Vec<HourRow> = runner.rows("sites", query).await?;
    let mut out = Hours::new();
    for row in rows {
        out.entry(row.site).or_default().push((i64::from(row.hour) * 1_000, row.visitors));
    }
    Ok(out)
}

/// Visitors of the last days of a zone, today last.
fn by_day(hours: &Hours, site: &str, zone: &jiff::tz::TimeZone, now: i64) -> Vec<i64> {
    let today = date_of(zone, now);
    let starts: Vec<i64> =
        (0..DAYS).rev().map(|back| start_of(zone, today.saturating_sub(back.days()))).collect();
    let mut days = vec![0; starts.len()];
    for (hour, visitors) in hours.get(site).into_iter().flatten() {
        if let Some(day) = starts.partition_point(|start| start <= hour).checked_sub(1) {
            days[day] += visitors;
        }
    }
    days
}

fn row(domain: &str, days: Option<Vec<i64>>) -> SiteRow {
    let days = days.unwrap_or_default();
    let largest = days.iter().copied().max().unwrap_or(0).max(1) as f64;
    let point = |(at, value): (usize, &i64)| {
        let (x, y) =
            (at as f64 * 96.0 / f64::from(DAYS - 1), 26.0 - *value as f64 / largest * 24.0);
        format!("{}{x:.0} {y:.1}", if at == 0 { "M" } else { "L" })
    };
    let points: Vec<String> = days.iter().enumerate().map(point).collect();
    let solid = points.len().saturating_sub(1);
    let part = points
        .iter()
        .skip(solid.saturating_sub(1))
        .enumerate()
        .map(|(at, text)| format!("{}{}", if at == 0 { "M" } else { "L" }, &text[1..]));
    let count = |value: Option<&i64>| value.map_or("–".to_owned(), |value| format::count(*value));
    SiteRow {
        domain: domain.to_owned(),
        href: View::new(domain).href(),
        today: count(days.last()),
        yesterday: count(days.iter().rev().nth(1)),
        line: points.iter().take(solid).map(String::as_str).collect(),
        part: part.collect(),
    }
}
