//! What is read to compare two versions of the rules, and the sums that pages make of it.

use std::collections::BTreeMap;

use clickhouse::Row;
use clickhouse::query::Query;
use serde::Deserialize;

use crate::ads::choice::Choice;
use crate::period::Period;
use crate::query::{Failure, Runner};
use crate::revised;
use crate::rulebook::Terms;

/// A version that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(crate) struct Version {
    pub(crate) version: u32,
    pub(crate) clicks: i64,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) run_ms: i64,
}

/// Clicks that go from one verdict and reason to another.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Move {
    pub(super) in_force: String,
    pub(super) counted: String,
    pub(super) tried: String,
    pub(super) tried_counted: String,
    pub(super) of_campaign: String,
    pub(super) of_currency: String,
    pub(super) clicks: i64,
    pub(super) micros: i64,
}

/// A click of which the other rules say something else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Changed {
    pub(super) id: String,
    pub(super) at_ms: i64,
    pub(super) of_campaign: String,
    pub(super) of_ad: String,
    pub(super) worth: i64,
    pub(super) of_currency: String,
    pub(super) in_force: String,
    pub(super) counted: String,
    pub(super) tried: String,
    pub(super) tried_counted: String,
}

/// Reads which versions were tried on clicks of the period, the newest first.
pub(crate) async fn versions(
    runner: &Runner<'_>,
    site: &str,
    period: &Period,
) -> Result<Vec<Version>, Failure> {
    let query = runner.client().query(include_str!("versions.sql"));
    let query = query.bind(site).bind(period.current.from).bind(period.current.to);
    runner.rows("rules_versions", query).await
}

/// What is compared.
#[derive(Clone, Copy)]
pub(super) struct Sides<'a> {
    pub(super) choice: &'a Choice,
    pub(super) period: &'a Period,
    /// The rules in force.
    pub(super) in_force: &'a Terms,
    /// The others, if they are known; else those in force.
    pub(super) tried: &'a Terms,
    /// Version of the others.
    pub(super) version: u32,
}

/// Binds a statement over clicks beside what a version says of them.
fn of_both(runner: &Runner<'_>, sql: &str, sides: Sides<'_>) -> Query {
    let Sides { choice, period, in_force, tried, version } = sides;
    let both = include_str!("both.sql").trim_end();
    let clicks = include_str!("../judged.sql").trim_end();
    let sql = revised::fill(&sql.replace("{both}", both).replace("{clicks}", clicks));
    let query = runner.client().query(&sql).bind(tried.filters()).bind(in_force.filters());
    revised::bind(query, choice, period)
        .bind(&choice.view.site)
        .bind(version)
        .bind(period.current.from)
        .bind(period.current.to)
}

/// Reads the sums.
pub(super) async fn moves(runner: &Runner<'_>, sides: Sides<'_>) -> Result<Moves, Failure> {
    let query = of_both(runner, include_str!("summary.sql"), sides);
    Ok(Moves { all: runner.rows("rules_summary", query).await? })
}

/// Reads `limit` clicks that change from `offset`; those whose counting changes come first.
pub(super) async fn changes(
    runner: &Runner<'_>,
    sides: Sides<'_>,
    (limit, offset): (u32, u32),
) -> Result<Vec<Changed>, Failure> {
    let query = of_both(runner, include_str!("changes.sql"), sides);
    runner.rows("rules_changes", query.bind(limit).bind(offset)).await
}

/// A number of clicks and what they are worth, by currency, in millionths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) clicks: i64,
    pub(super) worth: BTreeMap<String, i64>,
}

impl Amount {
    fn add(&mut self, part: &Move, factor: i64) {
        self.clicks += factor * part.clicks;
        if !part.of_currency.is_empty() {
            *self.worth.entry(part.of_currency.clone()).or_default() += factor * part.micros;
        }
    }
}

/// The same by the rules in force and by the others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) in_force: Amount,
    pub(super) tried: Amount,
    /// From the first to the second.
    pub(super) change: Amount,
}

impl Pair {
    fn add(&mut self, part: &Move, was: bool, is: bool) {
        if was {
            self.in_force.add(part, 1);
            self.change.add(part, -1);
        }
        if is {
            self.tried.add(part, 1);
            self.change.add(part, 1);
        }
    }
}

/// All clicks that both have judged.
#[derive(Clone, Debug, Default)]
pub(super) struct Moves {
    pub(super) all: Vec<Move>,
}

impl Moves {
    /// Clicks that were compared.
    pub(super) fn clicks(&self) -> i64 {
        self.all.iter().map(|part| part.clicks).sum()
    }

    /// Clicks of which the other rules say something else.
    pub(super) fn changed(&self) -> i64 {
        let differs =
            |part: &&Move| part.in_force != part.tried || part.counted != part.tried_counted;
        self.all.iter().filter(differs).map(|part| part.clicks).sum()
    }

    /// Clicks that are counted by one and not by the other: counted until now, and from then on.
    pub(super) fn turned(&self) -> (i64, i64) {
        let sum = |was: bool| {
            let turned = self.all.iter().filter(|part| {
                let (before, now) = (part.in_force == "invalid", part.tried == "invalid");
                before != now && before != was
            });
            turned.map(|part| part.clicks).sum()
        };
        (sum(true), sum(false))
    }

    /// Net clicks.
    pub(super) fn net(&self) -> Pair {
        self.of(|_| true, |verdict, _| verdict != "invalid")
    }

    /// Flagged clicks.
    pub(super) fn flagged(&self) -> Pair {
        self.of(|_| true, |verdict, _| verdict == "flagged")
    }

    /// Net clicks by campaign, largest change first.
    pub(super) fn by_campaign(&self) -> Vec<(String, Pair)> {
        let names: std::collections::BTreeSet<&str> =
            self.all.iter().map(|part| part.of_campaign.as_str()).collect();
        let of = |name: &str| {
            let pair = self.of(|part| part.of_campaign == name, |verdict, _| verdict != "invalid");
            (name.to_owned(), pair)
        };
        sorted(names.into_iter().map(of).collect())
    }

    /// Invalid clicks by the reason under which they count, largest change first.
    pub(super) fn by_reason(&self) -> Vec<(String, Pair)> {
        let invalid = self.all.iter().flat_map(|part| {
            let was = (part.in_force == "invalid").then_some(part.counted.as_str());
            let is = (part.tried == "invalid").then_some(part.tried_counted.as_str());
            was.into_iter().chain(is)
        });
        let words: std::collections::BTreeSet<&str> = invalid.collect();
        let of = |word: &str| {
            let is = |verdict: &str, counted: &str| verdict == "invalid" && counted == word;
            (word.to_owned(), self.of(|_| true, is))
        };
        sorted(words.into_iter().map(of).collect())
    }

    fn of(&self, keep: impl Fn(&Move) -> bool, is: impl Fn(&str, &str) -> bool) -> Pair {
        let mut pair = Pair::default();
        for part in self.all.iter().filter(|part| keep(part)) {
            let was = is(&part.in_force, &part.counted);
            pair.add(part, was, is(&part.tried, &part.tried_counted));
        }
        pair
    }
}

fn sorted(mut pairs: Vec<(String, Pair)>) -> Vec<(String, Pair)> {
    pairs.sort_by_key(|(_, pair)| {
        std::cmp::Reverse((pair.change.clicks.abs(), pair.in_force.clicks, pair.tried.clicks))
    });
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_is_added_up_on_both_sides() {
        let part = |from: (&str, &str), to: (&str, &str), campaign: &str, clicks: i64| Move {
            in_force: from.0.into(),
            counted: from.1.into(),
            tried: to.0.into(),
            tried_counted: to.1.into(),
            of_campaign: campaign.into(),
            of_currency: "EUR".into(),
            clicks,
            micros: clicks * 10,
        };
        let moves = Moves {
            all: vec![
                part(("valid", ""), ("valid", ""), "a", 90),
                part(("valid", ""), ("invalid", "churn"), "a", 4),
                part(("invalid", "churn"), ("flagged", "fast_click"), "b", 1),
                part(("invalid", "churn"), ("invalid", "double_click"), "b", 5),
            ],
        };
        assert_eq!((moves.clicks(), moves.changed(), moves.turned()), (100, 10, (4, 1)));
        let net = moves.net();
        assert_eq!((net.in_force.clicks, net.tried.clicks, net.change.clicks), (94, 91, -3));
        assert_eq!(net.change.worth["EUR"], -30);
        assert_eq!(moves.flagged().change.clicks, 1);
        let reasons: Vec<_> = moves
            .by_reason()
            .into_iter()
            .map(|(word, pair)| (word, pair.in_force.clicks, pair.tried.clicks))
            .collect();
        assert_eq!(reasons, [("double_click".to_owned(), 0, 5), ("churn".to_owned(), 6, 4)]);
        let campaigns: Vec<_> = moves
            .by_campaign()
            .into_iter()
            .map(|(name, pair)| (name, pair.in_force.clicks, pair.change.clicks))
            .collect();
        assert_eq!(campaigns, [("a".to_owned(), 94, -4), ("b".to_owned(), 0, 1)]);
    }
}
