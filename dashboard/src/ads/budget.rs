//! Budgets: what was spent since the beginning, and whether the rest will last.

use std::collections::HashMap;

use clickhouse::Row;
use footfall_event::catalog::Campaign;
use footfall_event::money::Money;
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::money;
use super::table::Cell;
use crate::chart::{Kind, Scale, one, percent};
use crate::query::{Failure, Runner};
use crate::{format, words as w};

const DAY_MS: i64 = 86_400_000;
/// The pace is that of so many days.
const PACE_DAYS: i64 = 14;
/// Height of the plot, and where it begins below the top edge.
const HEIGHT: f64 = 158.0;
const TOP: f64 = 18.0;

#[derive(Debug, Row, Deserialize)]
struct SpentRow {
    name: String,
    of_currency: String,
    nanos: i64,
}

#[derive(Debug, Row, Deserialize)]
struct SpentDay {
    began: i64,
    nanos: i64,
}

/// What campaigns spent since their beginning, in millionths: by campaign and currency.
pub(crate) type Spent = HashMap<(String, String), i64>;

/// Reads it for these campaigns.
pub(crate) async fn spent(runner: &Runner<'_>, campaigns: &[&str]) -> Result<Spent, Failure> {
    if campaigns.is_empty() {
        return Ok(Spent::new());
    }
    let query = runner.client().query(include_str!("spent.sql")).bind(campaigns);
    let rows: Vec<SpentRow> = runner.rows("ads_spent", query).await?;
    let row = |row: SpentRow| ((row.name, row.of_currency), money::micros(row.nanos));
    Ok(rows.into_iter().map(row).collect())
}

/// What a campaign has spent in the currency of its budget; 0 where that could not be read.
pub(crate) fn spent_of(spent: Option<&Spent>, campaign: &Campaign) -> i64 {
    let Some(spent) = spent else { return 0 };
    let currency = campaign.budget.map_or(String::new(), |budget| budget.currency.as_str().into());
    spent.get(&(campaign.id.clone(), currency)).copied().unwrap_or(0)
}

/// How much of the budget is spent, with a tick where an even pace would be.
pub(crate) fn meter(campaign: &Campaign, spent: i64, now: i64) -> Cell {
    let Some(budget) = campaign.budget.filter(|budget| budget.micros > 0) else {
        return Cell::None;
    };
    let share = (spent as f64 / budget.micros as f64).clamp(0.0, 1.0) * 100.0;
    Cell::Budget {
        label: w::BUDGET,
        width: format!("{}%", one(share)),
        tick: even_share(campaign, now).map(|share| format!("{}%", one(share * 100.0))),
        text: w::part_of_budget(
            &format!("{:.0}%", spent as f64 * 100.0 / budget.micros as f64),
            &super::names::money(budget),
        ),
    }
}

/// How much of its flight is over, from 0 to 1; `None` without an end or outside of it.
fn even_share(campaign: &Campaign, now: i64) -> Option<f64> {
    let (start, end) = (campaign.starts_at.unwrap_or(campaign.created_at), campaign.ends_at?);
    (start < end && (start..end).contains(&now))
        .then(|| (now - start) as f64 / (end - start) as f64)
}

/// The chart of a budget.
pub(crate) struct Pacing {
    pub(crate) spent: String,
    pub(crate) budget: String,
    pub(crate) summary: String,
    /// What will happen, and whether it needs a look.
    pub(crate) outlook: (String, &'static str),
    pub(crate) y: Vec<(String, String)>,
    pub(crate) line: String,
    pub(crate) ahead: String,
    pub(crate) even: String,
    pub(crate) budget_y: String,
    pub(crate) budget_text_y: String,
    pub(crate) now_x: String,
    pub(crate) now_y: String,
    pub(crate) x: Vec<(String, &'static str, String)>,
}

/// Reads what was spent by day and draws it; `None` without a budget.
pub(crate) async fn pacing(
    runner: &Runner<'_>,
    campaign: &Campaign,
    zone: &TimeZone,
    now: i64,
) -> Result<Option<Pacing>, Failure> {
    let Some(budget) = campaign.budget.filter(|budget| budget.micros > 0) else {
        return Ok(None);
    };
    let query = runner
        .client()
        .query(include_str!("spent_days.sql"))
        .bind(&campaign.id)
        .bind(budget.currency.as_str());
    let days: Vec<SpentDay> = runner.rows("ads_spent_days", query).await?;
    let days: Vec<(i64, i64)> = days.into_iter().map(|day| (day.began, day.nanos)).collect();
    Ok(Some(draw(campaign, budget, &days, zone, now)))
}

/// `days`: first moment and billionths spent, in the order of time.
fn draw(
    campaign: &Campaign,
    budget: Money,
    days: &[(i64, i64)],
    zone: &TimeZone,
    now: i64,
) -> Pacing {
    let start = campaign.starts_at.unwrap_or(campaign.created_at);
    let start = days.first().map_or(start, |(began, _)| start.min(*began));
    let total: i64 = days.iter().map(|(_, nanos)| nanos).sum();
    let spent = money::micros(total);
    let pace_from = (now - PACE_DAYS * DAY_MS).max(start);
    let recent: i64 =
        days.iter().filter(|(began, _)| *began >= pace_from).map(|(_, nanos)| nanos).sum();
    let per_ms = money::micros(recent) as f64 / (now - pace_from).max(DAY_MS) as f64;
    let running = campaign.ends_at.is_none_or(|end| now < end) && spent < budget.micros;
    let left = (budget.micros - spent).max(0) as f64;
    let used_up = (running && per_ms > 0.0).then(|| now + (left / per_ms).min(1e13) as i64);
    // Without an end: as far as the budget lasts, and a quarter more than what has passed.
    let open_end = used_up.unwrap_or(now).min(now + (now - start).max(DAY_MS)) + DAY_MS;
    let end = campaign.ends_at.unwrap_or(open_end).max(now).max(start + DAY_MS);
    let most = (budget.micros.max(spent)) as f64;
    let code = budget.currency.as_str().as_bytes().try_into().unwrap_or(*b"???");
    let scale = Scale::of(most, Kind::Money(code));
    let x = |at: i64| ((at - start) as f64 / (end - start) as f64).clamp(0.0, 1.0);
    let y = |micros: f64| HEIGHT * (1.0 - micros / scale.max);
    let point = |at: i64, micros: f64| format!("{} {}", (x(at) * 1_000.0).round(), one(y(micros)));
    let mut line = format!("M{}", point(start, 0.0));
    let mut sum = 0;
    for (began, nanos) in days {
        sum += nanos;
        line.push_str(&format!("L{}", point((began + DAY_MS).min(now), money::micros(sum) as f64)));
    }
    let stop = used_up.map_or(end, |at| at.min(end));
    let reached = spent as f64 + per_ms * (stop - now) as f64;
    let budget_y = y(budget.micros as f64);
    let amount = super::names::money(budget);
    Pacing {
        spent: w::spent(&format::money(spent, budget.currency.as_str())),
        summary: w::pacing_summary(&format::money(spent, budget.currency.as_str()), &amount),
        outlook: outlook(campaign, spent, used_up, zone, now),
        y: scale.ticks.iter().map(|&tick| (one(TOP + y(tick)), scale.label(tick))).collect(),
        ahead: match running && per_ms > 0.0 {
            true => format!("M{}L{}", point(now, spent as f64), point(stop, reached)),
            false => String::new(),
        },
        even: match campaign.ends_at {
            Some(end) => format!("M{}L{}", point(start, 0.0), point(end, budget.micros as f64)),
            None => String::new(),
        },
        line,
        budget: w::budget(&amount),
        budget_y: one(TOP + budget_y),
        budget_text_y: one(TOP + budget_y - 5.0),
        now_x: percent(x(now) * 100.0),
        now_y: one(TOP + y(spent as f64)),
        x: [(start, "start"), (start + (end - start) / 2, "middle"), (end - 1, "end")]
            .map(|(at, anchor)| (percent(x(at) * 100.0), anchor, format::day_month(zone, at)))
            .into(),
    }
}

/// What will become of the budget, in words, and the class of the tag.
fn outlook(
    campaign: &Campaign,
    spent: i64,
    used_up: Option<i64>,
    zone: &TimeZone,
    now: i64,
) -> (String, &'static str) {
    let budget = campaign.budget.map_or(0, |budget| budget.micros);
    if spent >= budget {
        return (w::BUDGET_USED.to_owned(), "flag");
    }
    if campaign.ends_at.is_some_and(|end| end <= now) {
        return (w::ENDED.to_owned(), "");
    }
    match (used_up, campaign.ends_at) {
        (None, _) => (w::NOTHING_SPENT_LATELY.to_owned(), ""),
        (Some(at), Some(end)) if at >= end => (w::LASTS.to_owned(), "good"),
        (Some(at), Some(end)) => {
            let early = (end - at).div_euclid(DAY_MS);
            (w::used_up_early(&format::day_month(zone, at), early), "flag")
        }
        (Some(at), None) => (w::used_up(&format::day_month_year(zone, at)), ""),
    }
}

#[cfg(test)]
mod tests {
    use footfall_event::ads::{Attribution, CostModel};
    use footfall_event::money::Currency;

    use super::*;

    fn campaign(budget: i64, ends_at: Option<i64>) -> Campaign {
        Campaign {
            id: "c".into(),
            site: "example.com".into(),
            advertiser: String::new(),
            name: String::new(),
            starts_at: Some(0),
            ends_at,
            cost_model: CostModel::Cpc,
            prices: Vec::new(),
            budget: Some(Money { micros: budget, currency: Currency::parse("EUR").unwrap() }),
            attribution: Attribution::default(),
            paused: false,
            removed: false,
            created_at: 0,
        }
    }

    #[test]
    fn the_outlook_follows_the_pace() {
        // One unit a day for ten days.
        let days: Vec<_> = (0..10).map(|day| (day * DAY_MS, 1_000_000_000)).collect();
        let now = 10 * DAY_MS;
        for (budget, end, expected, class) in [
            (40_000_000, Some(30), "lasts", "good"),
            (20_000_000, Some(30), "21 Jan, 10 days", "flag"),
            (10_000_000, Some(30), "used up", "flag"),
            (20_000_000, Some(10), "Ended", ""),
            (20_000_000, None, "21 Jan 1970", ""),
        ] {
            let campaign = campaign(budget, end.map(|end| end * DAY_MS));
            let pacing = draw(&campaign, campaign.budget.unwrap(), &days, &TimeZone::UTC, now);
            let (text, found) = &pacing.outlook;
            assert!(text.contains(expected), "{text} instead of {expected}");
            assert_eq!(*found, class, "{text}");
            assert!(pacing.line.starts_with("M0 158") && !pacing.line.contains("NaN"));
        }
    }

    #[test]
    fn meters_are_full_at_the_most() {
        for (spent, width, text) in
            [(0, "0%", "0%"), (5_000_000, "50%", "50%"), (30_000_000, "100%", "300%")]
        {
            let campaign = campaign(10_000_000, Some(100));
            let Cell::Budget { width: found, text: said, tick, .. } = meter(&campaign, spent, 50)
            else {
                panic!("a budget has a meter");
            };
            assert_eq!((found.as_str(), tick.as_deref()), (width, Some("50%")));
            assert!(said.starts_with(text), "{said}");
        }
    }
}
