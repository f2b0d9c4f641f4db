//! The lists about ads: what each is grouped by, and how its rows are read.

use std::collections::HashMap;

use clickhouse::Row;
use clickhouse::query::Query;
use serde::Deserialize;

use super::choice::Choice;
use super::figures::{COUNTS, Sums, scoped, with_sums};
use super::money::{Amounts, Purse};
use crate::figures::hourly;
use crate::period::{Period, Unit};
use crate::query::{Failure, Runner, seconds};
use crate::revised;
use crate::tables::days::Days;

/// What a list groups by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Campaign,
    Ad,
    Placement,
    Position,
    Criteria,
    Device,
    Country,
    /// Time from the impression to the click.
    Delay,
}

/// One row of any list.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ListRow {
    pub(crate) name: String,
    /// Campaign of an ad; else empty.
    pub(crate) code: String,
    pub(crate) sums: Sums,
    /// Clicks that its impressions would have had at everybody's rates; see `lists.sql`.
    pub(crate) expected: f64,
    /// Rows of the whole list.
    pub(crate) rows: u64,
}

#[derive(Debug, Row, Deserialize)]
struct Stored {
    name: String,
    code: String,
    impressions: i64,
    net_impressions: i64,
    measurable: i64,
    viewable: i64,
    clicks: i64,
    net_clicks: i64,
    click_conversions: i64,
    view_conversions: i64,
    expected: f64,
    currencies: Vec<String>,
    costs: Vec<i64>,
    revenues: Vec<i64>,
    rows: u64,
}

impl From<Stored> for ListRow {
    fn from(row: Stored) -> ListRow {
        let money = row.costs.into_iter().zip(row.revenues);
        let purse: Purse = row
            .currencies
            .into_iter()
            .zip(money)
            .filter(|(currency, _)| !currency.is_empty())
            .map(|(currency, (cost_nanos, revenue_micros))| {
                (currency, Amounts { cost_nanos, revenue_micros })
            })
            .collect();
        ListRow {
            name: row.name,
            code: row.code,
            sums: Sums {
                impressions: row.impressions,
                net_impressions: row.net_impressions,
                measurable: row.measurable,
                viewable: row.viewable,
                clicks: row.clicks,
                net_clicks: row.net_clicks,
                click_conversions: row.click_conversions,
                view_conversions: row.view_conversions,
                purse,
            },
            expected: row.expected,
            rows: row.rows,
        }
    }
}

impl By {
    const fn as_str(self) -> &'static str {
        match self {
            By::Campaign => "ads_by_campaign",
            By::Ad => "ads_by_ad",
            By::Placement => "ads_by_placement",
            By::Position => "ads_by_position",
            By::Criteria => "ads_by_criteria",
            By::Device => "ads_by_device",
            By::Country => "ads_by_country",
            By::Delay => "ads_by_delay",
        }
    }

    // Expressions come from this closed list only, never from a request.
    const fn columns(self) -> [&'static str; 3] {
        match self {
            By::Campaign => ["campaign", "''", "position"],
            By::Ad => ["ad", "campaign", "position"],
            By::Placement => ["placement", "''", "position"],
            By::Position => ["position", "''", "ad"],
            By::Criteria | By::Device | By::Country | By::Delay => ["''", "''", "''"],
        }
    }
}

/// Seconds at which the classes of time to click end; the last one has no end.
pub(crate) const DELAYS_S: [u32; 7] = [1, 5, 30, 120, 600, 3_600, 86_400];

/// Reads `limit` rows from `offset`.
pub(crate) async fn load(
    runner: &Runner<'_>,
    choice: &Choice,
    period: &Period,
    by: By,
    limit: u32,
    offset: u32,
) -> Result<Vec<ListRow>, Failure> {
    let query = match by {
        By::Criteria => windows(runner, choice, period, include_str!("criteria.sql"), "part"),
        By::Device | By::Country | By::Delay => events(runner, choice, period, by),
        By::Campaign | By::Ad | By::Placement | By::Position => {
            let [name, code, other] = by.columns();
            let (clicks, impressions) = match choice.view.gross {
                true => ("part_clicks", "part_impressions"),
                false => ("part_net_clicks", "part_net_impressions"),
            };
            let middle = COUNTS.map(|(name, _)| format!("sum(part_{name}) AS all_{name}"));
            let order = match by {
                By::Position => "toUInt32(name)",
                _ => "net_clicks DESC, net_impressions DESC, name, code",
            };
            let sql = include_str!("lists.sql")
                .replace("{middle}", &middle.join(",\n        "))
                .replace("{name}", name)
                .replace("{code}", code)
                .replace("{other}", other)
                .replace("{c}", clicks)
                .replace("{n}", impressions)
                .replace("{order}", order);
            windows(runner, choice, period, &sql, "all")
        }
    };
    let rows: Vec<Stored> = runner.rows(by.as_str(), query.bind(limit).bind(offset)).await?;
    Ok(rows.into_iter().map(ListRow::from).collect())
}

fn windows(runner: &Runner<'_>, choice: &Choice, period: &Period, sql: &str, from: &str) -> Query {
    let days = Days::of(period);
    let sql = days.fill(&with_sums(sql, from), "minute");
    days.bind_each(runner.client().query(&sql), |query| scoped(query, choice))
}

fn events(runner: &Runner<'_>, choice: &Choice, period: &Period, by: By) -> Query {
    let (name, types) = match by {
        By::Device => ("toString(device)".to_owned(), "('impression', 'click')"),
        By::Country => ("toString(country)".to_owned(), "('impression', 'click')"),
        _ => (delay_class(), "('click')"),
    };
    let order = match by {
        By::Delay => "toInt32(name)",
        _ => "net_clicks DESC, net_impressions DESC, name",
    };
    let sql = revised::fill(include_str!("properties.sql"))
        .replace("{name}", &name)
        .replace("{types}", types)
        .replace("{order}", order);
    revised::bind(runner.client().query(&sql), choice, period)
}

/// The number of the class; -1 where it is not known when the impression was: neither a token nor
/// the impression's id (a UUID of version 7 has its time) says so.
fn delay_class() -> String {
    let known = "multiIf(toUnixTimestamp64Milli(impression_at) > 0, toUnixTimestamp64Milli(impression_at), \
                 substring(toString(impression), 15, 1) = '7', toUnixTimestamp64Milli(UUIDv7ToDateTime(impression)), \
                 toInt64(0))";
    let delay = format!("(toUnixTimestamp64Milli(events.time) - {known})");
    let classes = DELAYS_S.iter().enumerate();
    let classes = classes.map(|(at, end)| format!("{delay} < {end}000, '{at}'"));
    let classes = classes.collect::<Vec<_>>().join(", ");
    format!("multiIf({known} = 0 OR {delay} < -300000, '-1', {classes}, '{}')", DELAYS_S.len())
}

#[derive(Debug, Row, Deserialize)]
struct RemovedRow {
    name: String,
    clicks: i64,
}

/// Invalid clicks by their first reason, most frequent first.
pub(crate) async fn removed(
    runner: &Runner<'_>,
    choice: &Choice,
    period: &Period,
) -> Result<Vec<(String, i64)>, Failure> {
    let query = windows(runner, choice, period, include_str!("removed.sql"), "part");
    let rows: Vec<RemovedRow> = runner.rows("ads_removed", query).await?;
    Ok(rows.into_iter().map(|row| (row.name, row.clicks)).collect())
}

#[derive(Debug, Row, Deserialize)]
struct SavedRow {
    of_name: String,
    currency: String,
    micros: i64,
}

/// What invalid clicks would have cost, in millionths: by campaign or ad, then by currency.
pub(crate) type Saved = HashMap<String, Vec<(String, i64)>>;

/// Reads it, by ad or by campaign.
pub(crate) async fn saved(
    runner: &Runner<'_>,
    choice: &Choice,
    period: &Period,
    by_ad: bool,
) -> Result<Saved, Failure> {
    let column = if by_ad { "ad" } else { "campaign" };
    let sql = revised::fill(include_str!("saved.sql")).replace("{name}", column);
    let query = revised::bind(runner.client().query(&sql), choice, period);
    let rows: Vec<SavedRow> = runner.rows("ads_saved", query).await?;
    let mut out = Saved::new();
    for row in rows {
        out.entry(row.of_name).or_default().push((row.currency, row.micros));
    }
    Ok(out)
}

#[derive(Debug, Row, Deserialize)]
struct TrendRow {
    name: String,
    bucket: u32,
    clicks: i64,
    net_clicks: i64,
}

/// Gross and net clicks by the bucket's beginning (milliseconds), by campaign or ad.
pub(crate) type Trends = HashMap<String, HashMap<i64, (i64, i64)>>;

/// Reads the trends of these campaigns, or ads.
pub(crate) async fn trends(
    runner: &Runner<'_>,
    choice: &Choice,
    period: &Period,
    unit: Unit,
    of: (By, &[&str]),
) -> Result<Trends, Failure> {
    let (by, names) = of;
    if names.is_empty() {
        return Ok(Trends::new());
    }
    let edges = period.edges(unit);
    let time = if hourly(period, &edges) { "hour" } else { "minute" };
    let sql = include_str!("trends.sql").replace("{time}", time).replace("{name}", by.columns()[0]);
    let edges: Vec<u32> = edges.iter().map(|&edge| seconds(edge)).collect();
    let query = runner
        .client()
        .query(&sql)
        .bind(&edges)
        .bind(&choice.view.site)
        .bind(names)
        .bind(seconds(period.current.from))
        .bind(seconds(period.current.to));
    let mut out = Trends::new();
    for row in runner.rows::<TrendRow>("ads_trends", query).await? {
        let trend = out.entry(row.name).or_default();
        trend.insert(i64::from(row.bucket) * 1_000, (row.clicks, row.net_clicks));
    }
    Ok(out)
}
