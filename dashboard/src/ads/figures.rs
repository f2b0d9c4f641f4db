//! What was counted about ads: by bucket of the chart, for the period and its comparison together.
//! Totals are the sums of the buckets, so the chart and the figures can't disagree.

use std::collections::BTreeMap;

use clickhouse::query::Query;
use clickhouse::{Client, Row};
use serde::Deserialize;

use super::choice::{Choice, Measure};
use super::money::{self, Amounts, Purse};
use crate::figures::{HOUR_MS, hourly};
use crate::period::{Period, Unit};
use crate::query::{Failure, Runner, seconds};

/// The measures, in the order of the statements' columns.
pub(super) const COUNTS: [(&str, &str); 8] = [
    ("impressions", "impressions"),
    ("net_impressions", "net_impressions"),
    ("measurable", "measurable"),
    ("viewable", "viewable"),
    ("clicks", "clicks"),
    ("net_clicks", "net_clicks"),
    ("click_conversions", "click_conversions_micros"),
    ("view_conversions", "view_conversions_micros"),
];

/// Sums over a bucket, a period or a row of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) impressions: i64,
    pub(crate) net_impressions: i64,
    pub(crate) measurable: i64,
    pub(crate) viewable: i64,
    pub(crate) clicks: i64,
    pub(crate) net_clicks: i64,
    /// Millionths of a conversion.
    pub(crate) click_conversions: i64,
    /// Millionths of a conversion.
    pub(crate) view_conversions: i64,
    pub(crate) purse: Purse,
}

impl Sums {
    /// Clicks and impressions of which the click-through rate is made.
    pub(crate) fn ctr_of(&self, gross: bool) -> (i64, i64) {
        if gross {
            (self.clicks, self.impressions)
        } else {
            (self.net_clicks, self.net_impressions)
        }
    }

    /// Clicks that net counts leave out.
    pub(crate) fn invalid_clicks(&self) -> i64 {
        self.clicks - self.net_clicks
    }

    /// Conversions by click and by view, in millionths of one.
    pub(crate) fn conversions(&self) -> i64 {
        self.click_conversions + self.view_conversions
    }

    /// The value of a measure; `None` where it does not exist. Rates in percent.
    pub(crate) fn value(&self, measure: Measure, gross: bool, currency: &str) -> Option<f64> {
        let ratio = |part: i64, whole: i64| (whole > 0).then(|| part as f64 * 100.0 / whole as f64);
        match measure {
            Measure::Clicks if gross => Some(self.clicks as f64),
            Measure::Clicks => Some(self.net_clicks as f64),
            Measure::Impressions if gross => Some(self.impressions as f64),
            Measure::Impressions => Some(self.net_impressions as f64),
            Measure::Viewable => ratio(self.viewable, self.measurable),
            Measure::Ctr => {
                let (clicks, impressions) = self.ctr_of(gross);
                ratio(clicks, impressions)
            }
            Measure::Conversions => Some(self.conversions() as f64 / 1e6),
            Measure::Spend => {
                let amounts = self.purse.get(currency).copied().unwrap_or_default();
                Some(amounts.cost_micros() as f64)
            }
        }
    }

    /// Adds another's.
    pub(crate) fn add(&mut self, more: &Sums) {
        for (sum, more) in [
            (&mut self.impressions, more.impressions),
            (&mut self.net_impressions, more.net_impressions),
            (&mut self.measurable, more.measurable),
            (&mut self.viewable, more.viewable),
            (&mut self.clicks, more.clicks),
            (&mut self.net_clicks, more.net_clicks),
            (&mut self.click_conversions, more.click_conversions),
            (&mut self.view_conversions, more.view_conversions),
        ] {
            *sum = sum.saturating_add(more);
        }
        money::add(&mut self.purse, &more.purse);
    }

    /// Whether nothing at all was counted.
    pub(crate) fn is_empty(&self) -> bool {
        self.impressions == 0 && self.clicks == 0 && self.conversions() == 0
    }
}

/// Everything about the period and its comparison.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) current: Sums,
    /// Absent when nothing is compared.
    pub(crate) previous: Option<Sums>,
    /// By the bucket's beginning, milliseconds since 1970, of both periods.
    pub(crate) buckets: BTreeMap<i64, Sums>,
}

#[derive(Debug, Row, Deserialize)]
struct TimeRow {
    bucket: u32,
    currency: String,
    impressions: i64,
    net_impressions: i64,
    measurable: i64,
    viewable: i64,
    clicks: i64,
    net_clicks: i64,
    click_conversions: i64,
    view_conversions: i64,
    cost: i64,
    revenue: i64,
}

impl Figures {
    /// Reads them.
    pub(crate) async fn load(
        runner: &Runner<'_>,
        choice: &Choice,
        period: &Period,
        unit: Unit,
    ) -> Result<Figures, Failure> {
        let query = query(runner.client(), choice, period, unit);
        Ok(fold(period, runner.rows("ads_by_time", query).await?))
    }
}

/// Writes the columns of sums into a statement: `{sums}` over the table's columns, and `{totals}`
/// over those of the part before (`from` is their prefix).
pub(super) fn with_sums(sql: &str, from: &str) -> String {
    let sums = COUNTS.iter().map(|(name, column)| format!("toInt64(sum({column})) AS part_{name}"));
    let money = [
        "toInt64(sum(cost_micros) * 1000 + sum(cost_per_mille_micros)) AS part_cost".to_owned(),
        "toInt64(sum(revenue_micros)) AS part_revenue".to_owned(),
    ];
    let sums = sums.chain(money).collect::<Vec<_>>().join(",\n        ");
    let totals = COUNTS.iter().map(|(name, _)| format!("sum({from}_{name}) AS {name}"));
    let totals = totals.collect::<Vec<_>>().join(",\n    ");
    sql.replace("{sums}", &sums).replace("{totals}", &totals)
}

/// The statement of the figures.
fn query(client: &Client, choice: &Choice, period: &Period, unit: Unit) -> Query {
    let edges = period.edges(unit);
    let time = if hourly(period, &edges) { "hour" } else { "minute" };
    let sql = with_sums(include_str!("by_time.sql"), "part").replace("{time}", time);
    let edges: Vec<u32> = edges.iter().map(|&edge| seconds(edge)).collect();
    let current = &period.current;
    let none = (current.from, current.from);
    let (from, to) = period.previous.as_ref().map_or(none, |range| (range.from, range.to));
    let whole_to = (to.div_euclid(HOUR_MS) * HOUR_MS).max(from);
    let query = scoped(client.query(&sql).bind(&edges), choice)
        .bind(seconds(current.from))
        .bind(seconds(current.to))
        .bind(seconds(from))
        .bind(seconds(whole_to))
        .bind(&edges);
    scoped(query, choice).bind(seconds(whole_to)).bind(seconds(to))
}

/// Binds site, campaign and ad.
pub(super) fn scoped(query: Query, choice: &Choice) -> Query {
    query
        .bind(&choice.view.site)
        .bind(&choice.campaign)
        .bind(&choice.campaign)
        .bind(&choice.ad)
        .bind(&choice.ad)
}

fn fold(period: &Period, rows: Vec<TimeRow>) -> Figures {
    let mut buckets: BTreeMap<i64, Sums> = BTreeMap::new();
    for row in rows {
        let mut sums = Sums {
            impressions: row.impressions,
            net_impressions: row.net_impressions,
            measurable: row.measurable,
            viewable: row.viewable,
            clicks: row.clicks,
            net_clicks: row.net_clicks,
            click_conversions: row.click_conversions,
            view_conversions: row.view_conversions,
            purse: Purse::new(),
        };
        if !row.currency.is_empty() {
            let amounts = Amounts { cost_nanos: row.cost, revenue_micros: row.revenue };
            sums.purse.insert(row.currency, amounts);
        }
        buckets.entry(i64::from(row.bucket) * 1_000).or_default().add(&sums);
    }
    let sum = |from: i64, to: i64| {
        let mut total = Sums::default();
        for (_, sums) in buckets.range(from..to) {
            total.add(sums);
        }
        total
    };
    Figures {
        current: sum(period.current.from, period.current.to),
        previous: period.previous.as_ref().map(|range| sum(range.from, range.to)),
        buckets,
    }
}
