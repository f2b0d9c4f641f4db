//! The six figures at the top of a page and the chart under them: one query over visits and one
//! over page views, for the period and its comparison together. Totals are the sums of the
//! buckets, so the chart and the figures can't disagree.

use std::collections::BTreeMap;

use clickhouse::query::Query;
use clickhouse::{Client, Row};
use serde::Deserialize;

use crate::chart::{Good, Kind};
use crate::period::{Period, Unit};
use crate::query::{Failure, Runner, seconds};
use crate::view::View;

/// What the chart can show; each is also one of the figures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    Visitors,
    Visits,
    Pageviews,
    ViewsPerVisit,
    BounceRate,
    Duration,
}

impl Metric {
    pub(crate) const ALL: [Metric; 6] = [
        Metric::Visitors,
        Metric::Visits,
        Metric::Pageviews,
        Metric::ViewsPerVisit,
        Metric::BounceRate,
        Metric::Duration,
    ];

    /// The word in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Metric::Visitors => "visitors",
            Metric::Visits => "visits",
            Metric::Pageviews => "pageviews",
            Metric::ViewsPerVisit => "views_per_visit",
            Metric::BounceRate => "bounce_rate",
            Metric::Duration => "visit_duration",
        }
    }

    /// The metric of a word.
    pub(crate) fn parse(word: &str) -> Option<Metric> {
        Metric::ALL.into_iter().find(|metric| metric.as_str() == word)
    }

    /// What kind of number it is.
    pub(crate) const fn kind(self) -> Kind {
        match self {
            Metric::Visitors | Metric::Visits | Metric::Pageviews => Kind::Count,
            Metric::ViewsPerVisit => Kind::Ratio,
            Metric::BounceRate => Kind::Share,
            Metric::Duration => Kind::Duration,
        }
    }

    /// Whether more of it is better.
    pub(crate) const fn good(self) -> Good {
        match self {
            Metric::BounceRate => Good::Less,
            _ => Good::More,
        }
    }

    /// Its value; `None` where it does not exist (a rate of no visits).
    pub(crate) fn of(self, counts: &Counts) -> Option<f64> {
        let per_visit =
            |value: i64| (counts.visits > 0).then(|| value as f64 / counts.visits as f64);
        match self {
            Metric::Visitors => Some(counts.visitors as f64),
            Metric::Visits => Some(counts.visits as f64),
            Metric::Pageviews => Some(counts.pageviews as f64),
            Metric::ViewsPerVisit => per_visit(counts.visit_pageviews),
            Metric::BounceRate => per_visit(counts.bounces).map(|rate| rate * 100.0),
            Metric::Duration => per_visit(counts.duration_ms),
        }
    }
}

/// Sums over a bucket or a period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) visitors: i64,
    pub(crate) visits: i64,
    pub(crate) bounces: i64,
    /// Page views inside visits: what views per visit are made of.
    pub(crate) visit_pageviews: i64,
    pub(crate) duration_ms: i64,
    /// Page views, by their own time.
    pub(crate) pageviews: i64,
}

/// Page views that net counts leave out, by first reason, most frequent first.
pub(crate) type LeftOut = Vec<(String, i64)>;

/// Everything about the period and its comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) current: Counts,
    /// Absent when nothing is compared.
    pub(crate) previous: Option<Counts>,
    /// By the bucket's beginning, milliseconds since 1970, of both periods.
    pub(crate) buckets: BTreeMap<i64, Counts>,
    /// Of the current period, whether counted (gross) or not (net).
    pub(crate) left_out: LeftOut,
}

#[derive(Debug, Row, Deserialize)]
struct VisitsRow {
    bucket: u32,
    visits: i64,
    bounces: i64,
    pageviews: i64,
    duration_ms: i64,
}

#[derive(Debug, Row, Deserialize)]
struct PageviewsRow {
    bucket: u32,
    /// Left out of net counts, for this reason.
    invalid: bool,
    reason: String,
    pageviews: i64,
    visitors: i64,
}

/// The granularity of the warehouse's roll-ups of totals.
pub(crate) const HOUR_MS: i64 = 3_600_000;

impl Figures {
    /// Reads them.
    pub(crate) async fn load(
        runner: &Runner<'_>,
        view: &View,
        period: &Period,
        unit: Unit,
    ) -> Result<Figures, Failure> {
        let [visits, pageviews] = queries(runner.client(), view, period, unit);
        let (visits, pageviews) =
            tokio::join!(runner.rows("visits", visits), runner.rows("pageviews", pageviews));
        Ok(fold(view, period, visits?, pageviews?))
    }

    /// Whether there is nothing at all in the period.
    pub(crate) fn is_empty(&self) -> bool {
        self.current == Counts::default() && self.left_out.is_empty()
    }
}

/// The statements: visits and page views.
pub(crate) fn queries(client: &Client, view: &View, period: &Period, unit: Unit) -> [Query; 2] {
    let edges = period.edges(unit);
    let hourly = hourly(period, &edges);
    let visits = match hourly {
        true => [("{source}", "visit_hours"), ("{time}", "hour")],
        false => [("{source}", "sessions"), ("{time}", "start")],
    };
    let pageviews = match hourly {
        true => [
            ("{source}", "event_hours"),
            ("{time}", "hour"),
            ("{count}", "sum(events)"),
            ("{reason}", "event_hours.reason"),
        ],
        false => [
            ("{source}", "events"),
            ("{time}", "time"),
            ("{count}", "count()"),
            ("{reason}", "reasons[1]"),
        ],
    };
    // No projection fits; looking at each of them takes longer than the answer.
    let visits = client
        .query(&filled(include_str!("figures/visits.sql"), &visits))
        .with_setting("optimize_use_projections", "0");
    let pageviews = client.query(&filled(include_str!("figures/pageviews.sql"), &pageviews));
    let net = |query: Query| query.bind(&view.site).bind(view.gross);
    let all = |query: Query| query.bind(&view.site);
    [bind(visits, net, period, &edges), bind(pageviews, all, period, &edges)]
}

fn filled(sql: &str, words: &[(&str, &str)]) -> String {
    words.iter().fold(sql.to_owned(), |sql, (name, word)| sql.replace(name, word))
}

/// Whether the hourly roll-ups can answer: every bucket begins at a whole UTC hour.
pub(crate) fn hourly(period: &Period, edges: &[i64]) -> bool {
    let ends = period.previous.as_ref().map(|range| range.to);
    edges.iter().all(|&edge| edge % HOUR_MS == 0 || Some(edge) == ends)
}

/// Both statements take the same arguments: the roll-up's part, then the rest of the hour in
/// which a comparison ends. `scope` binds what each part has besides times.
fn bind(query: Query, scope: impl Fn(Query) -> Query, period: &Period, edges: &[i64]) -> Query {
    let edges: Vec<u32> = edges.iter().map(|&edge| seconds(edge)).collect();
    let none = (period.current.from, period.current.from);
    let (from, to) = period.previous.as_ref().map_or(none, |range| (range.from, range.to));
    let whole_to = (to.div_euclid(HOUR_MS) * HOUR_MS).max(from);
    let whole = scope(query.bind(&edges))
        .bind(seconds(period.current.from))
        .bind(seconds(period.current.to))
        .bind(seconds(from))
        .bind(seconds(whole_to));
    scope(whole.bind(&edges)).bind(whole_to).bind(to)
}

fn fold(
    view: &View,
    period: &Period,
    visits: Vec<VisitsRow>,
    pageviews: Vec<PageviewsRow>,
) -> Figures {
    let mut left_out: BTreeMap<String, i64> = BTreeMap::new();
    let mut buckets: BTreeMap<i64, Counts> = BTreeMap::new();
    for row in visits {
        let counts = buckets.entry(i64::from(row.bucket) * 1_000).or_default();
        counts.visits += row.visits;
        counts.bounces += row.bounces;
        counts.visit_pageviews += row.pageviews;
        counts.duration_ms += row.duration_ms;
    }
    for row in pageviews {
        let at = i64::from(row.bucket) * 1_000;
        if view.gross || !row.invalid {
            let counts = buckets.entry(at).or_default();
            counts.pageviews += row.pageviews;
            counts.visitors += row.visitors;
        }
        let now = period.current.from..period.current.to;
        if row.invalid && row.pageviews > 0 && now.contains(&at) {
            *left_out.entry(row.reason).or_default() += row.pageviews;
        }
    }
    let mut left_out: LeftOut = left_out.into_iter().collect();
    left_out.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let sum = |from: i64, to: i64| {
        let mut total = Counts::default();
        for counts in buckets.range(from..to).map(|(_, counts)| counts) {
            total.visitors += counts.visitors;
            total.visits += counts.visits;
            total.bounces += counts.bounces;
            total.visit_pageviews += counts.visit_pageviews;
            total.duration_ms += counts.duration_ms;
            total.pageviews += counts.pageviews;
        }
        total
    };
    Figures {
        current: sum(period.current.from, period.current.to),
        previous: period.previous.as_ref().map(|range| sum(range.from, range.to)),
        buckets,
        left_out,
    }
}
