//! Clicks one by one, and how many of which verdict there are. Both say the verdict in force.

use clickhouse::Row;
use clickhouse::query::Query;
use serde::Deserialize;

use super::choice::Filter;
use crate::ads::choice::Choice;
use crate::period::Period;
use crate::query::{Failure, Runner};
use crate::revised;
use crate::rulebook::Terms;

/// One click.
#[derive(Clone, Debug, Default, PartialEq, Row, Deserialize)]
pub(crate) struct ClickRow {
    pub(crate) id: String,
    pub(crate) at_ms: i64,
    pub(crate) of_campaign: String,
    pub(crate) of_ad: String,
    pub(crate) of_placement: String,
    /// 0: not known.
    pub(crate) of_position: u16,
    pub(crate) of_country: String,
    pub(crate) of_device: String,
    /// What it costs if it is billed, millionths; 0 unless clicks are paid.
    pub(crate) worth: i64,
    pub(crate) of_currency: String,
    /// The first judgement.
    pub(crate) was: String,
    /// The verdict in force.
    pub(crate) in_force: String,
    pub(crate) why: Vec<String>,
    pub(crate) judged_by: u32,
    /// The reason under which it counts; empty for none.
    pub(crate) counted: String,
}

/// Clicks of one verdict, counted under one reason, paid in one currency.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(crate) struct Part {
    pub(crate) in_force: String,
    pub(crate) counted: String,
    pub(crate) of_currency: String,
    pub(crate) clicks: i64,
    pub(crate) micros: i64,
    pub(crate) decided: i64,
    pub(crate) taken_back: i64,
    pub(crate) given_back: i64,
    pub(crate) rules: Vec<u32>,
}

/// Which clicks come first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    OldestFirst,
    NewestFirst,
}

fn of_clicks(
    runner: &Runner<'_>,
    sql: &str,
    choice: &Choice,
    period: &Period,
    terms: &Terms,
) -> Query {
    let sql = revised::fill(&sql.replace("{clicks}", include_str!("judged.sql").trim_end()));
    revised::bind(runner.client().query(&sql).bind(terms.filters()), choice, period)
}

/// Reads `limit` clicks from `offset`.
pub(crate) async fn clicks(
    runner: &Runner<'_>,
    (choice, period, terms): (&Choice, &Period, &Terms),
    filter: Filter,
    order: Order,
    (limit, offset): (u32, u32),
) -> Result<Vec<ClickRow>, Failure> {
    let order = match order {
        Order::OldestFirst => "ASC",
        Order::NewestFirst => "DESC",
    };
    let sql = include_str!("list.sql").replace("{order}", order);
    let verdict = filter.verdict_word();
    let reason = filter.reason.map_or("", |reason| reason.as_str());
    let query = of_clicks(runner, &sql, choice, period, terms)
        .bind(verdict)
        .bind(verdict)
        .bind(reason)
        .bind(reason)
        .bind(limit)
        .bind(offset);
    runner.rows("clicks", query).await
}

/// Clicks summed up by verdict, reason and currency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Summary {
    pub(crate) parts: Vec<Part>,
}

impl Summary {
    /// Reads it.
    pub(crate) async fn load(
        runner: &Runner<'_>,
        choice: &Choice,
        period: &Period,
        terms: &Terms,
    ) -> Result<Summary, Failure> {
        let query = of_clicks(runner, include_str!("summary.sql"), choice, period, terms);
        Ok(Summary { parts: runner.rows("clicks_summary", query).await? })
    }

    /// The parts that a filter leaves.
    pub(crate) fn of(&self, filter: Filter) -> impl Iterator<Item = &Part> {
        self.parts.iter().filter(move |part| filter.leaves(&part.in_force, &part.counted))
    }

    /// Clicks that a filter leaves.
    pub(crate) fn clicks(&self, filter: Filter) -> i64 {
        self.of(filter).map(|part| part.clicks).sum()
    }

    /// What they are worth, by currency, in millionths.
    pub(crate) fn worth(&self, filter: Filter) -> Vec<(String, i64)> {
        let mut sums = std::collections::BTreeMap::<String, i64>::new();
        for part in self.of(filter).filter(|part| !part.of_currency.is_empty()) {
            let sum = sums.entry(part.of_currency.clone()).or_default();
            *sum = sum.saturating_add(part.micros);
        }
        sums.into_iter().collect()
    }

    /// Clicks with enough to judge by.
    pub(crate) fn decided(&self) -> i64 {
        self.parts.iter().map(|part| part.decided).sum()
    }

    /// Clicks that were counted first and then found invalid, and the other way round.
    pub(crate) fn corrected(&self) -> (i64, i64) {
        let sum = |of: fn(&Part) -> i64| self.parts.iter().map(of).sum();
        (sum(|part| part.taken_back), sum(|part| part.given_back))
    }

    /// The versions of the rules that judged, the newest last.
    pub(crate) fn rules(&self) -> Vec<u32> {
        let all: std::collections::BTreeSet<u32> =
            self.parts.iter().flat_map(|part| part.rules.iter().copied()).collect();
        all.into_iter().collect()
    }
}
