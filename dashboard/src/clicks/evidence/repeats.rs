//! The click among those of its visitor and its network.

use std::collections::BTreeSet;

use super::facts::Facts;
use super::rows::Near;
use super::signals::{Finding, Limits, Side};
use crate::format;
use crate::words as w;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// How long before it the same visitor had clicked the same ad.
fn gap(facts: &Facts<'_>) -> Option<i64> {
    let ad = facts.click.text("ad");
    let mut before = facts.until_now().rev().filter(|near| !facts.is_this(near));
    let same = before.find(|near| {
        near.of_visitor == facts.click.of_visitor && near.of_ad == ad && near.of_site == facts.site
    });
    same.map(|near| facts.click.at_ms - near.at_ms)
}

fn since(facts: &Facts<'_>, limit_ms: Option<f64>) -> Finding {
    let known = facts.is_whole && facts.click.of_visitor != 0;
    let fires = limit_ms.map_or("–".to_owned(), |ms| format!("≤ {}", format::span(ms as i64)));
    match gap(facts) {
        Some(gap) => Finding::new(w::after(&format::span(gap)), fires).against(
            gap as f64,
            limit_ms,
            Side::Below,
        ),
        None => Finding::new(w::NONE_BEFORE, fires),
    }
    .unless(known)
}

pub(super) fn double(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    since(facts, limits.get("within_ms"))
}

pub(super) fn on_ad(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    since(facts, limits.get("within_s").map(|s| s * 1_000.0))
}

pub(super) fn on_impression(facts: &Facts<'_>) -> Finding {
    if facts.click.impression().is_empty() {
        return Finding::new("–", w::FIRES_SECOND).noting(w::NO_IMPRESSION_NAMED).unless(false);
    }
    let this = (facts.click.at_ms, facts.click.click_id.as_str());
    let clicks = facts.impression.iter().filter(|it| it.kind == "click");
    let number = clicks.filter(|it| (it.at_ms, it.of_id.as_str()) <= this).count().max(1);
    Finding::new(w::ordinal(number), w::FIRES_SECOND).against(number as f64, Some(2.0), Side::Above)
}

/// Clicks of the network in a span that ends with this one.
fn within<'a>(facts: &Facts<'a>, span_ms: i64) -> impl Iterator<Item = &'a Near> + use<'a> {
    let from = facts.click.at_ms - span_ms;
    facts.until_now().filter(move |near| near.at_ms > from)
}

/// A limit of a household, scaled by the people behind the network.
fn scaled(facts: &Facts<'_>, limits: Limits<'_>, limit: f64) -> f64 {
    let household = limits.of("shared_address", "household").unwrap_or(1.0).max(1.0);
    (limit * (facts.live() as f64).max(household) / household).floor()
}

pub(super) fn network(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let spans = [
        (MINUTE_MS, "per_minute", w::A_MINUTE),
        (HOUR_MS, "per_hour", w::AN_HOUR),
        (DAY_MS, "per_day", w::A_DAY),
    ];
    let of = |(span, key, word): (i64, &'static str, &'static str)| {
        let limit = limits.get(key).map(|limit| scaled(facts, limits, limit));
        (within(facts, span).count(), limit, word)
    };
    // The span that comes nearest to its limit.
    let near = |(count, limit, _): &(usize, Option<f64>, &str)| {
        limit.map_or(0.0, |limit| *count as f64 / limit.max(1.0))
    };
    let found = spans.map(of);
    let mut nearest = found[0];
    for other in found {
        if near(&other) > near(&nearest) {
            nearest = other;
        }
    }
    let (count, limit, word) = nearest;
    let fires = limit.map_or("–".to_owned(), |limit| w::more_than(limit as i64, word));
    Finding::new(w::times(count as i64, word), fires)
        .against(count as f64, limit, Side::Above)
        .noting(w::live_visitors(facts.live()))
        .unless(facts.is_whole)
}

pub(super) fn campaign(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let campaign = facts.click.text("campaign");
    let again = limits.of("visitor_ad_duplicate", "within_s").unwrap_or(0.0) as i64 * 1_000;
    let clicks: Vec<&Near> =
        within(facts, DAY_MS).filter(|near| near.of_campaign == campaign).collect();
    // Repetitions are another reason's.
    let repeats = |at: usize| {
        let near = clicks[at];
        let same = |other: &&&Near| {
            other.of_visitor == near.of_visitor
                && other.of_ad == near.of_ad
                && near.at_ms - other.at_ms <= again
        };
        clicks[..at].iter().find(same).is_some()
    };
    let count = (0..clicks.len()).filter(|at| facts.is_this(clicks[*at]) || !repeats(*at)).count();
    let limit = limits.get("per_day").map(|limit| {
        let by_impressions = facts.shown() as f64 * limits.get("ratio").unwrap_or(0.0);
        scaled(facts, limits, limit).max(by_impressions.floor())
    });
    let fires = limit.map_or("–".to_owned(), |limit| w::more_than(limit as i64, w::A_DAY));
    Finding::new(w::times(count as i64, w::A_DAY), fires)
        .against(count as f64, limit, Side::Above)
        .noting(w::shown_to_network(facts.shown()))
        .unless(facts.is_whole && !campaign.is_empty())
}

pub(super) fn churn(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let from = facts.click.at_ms - HOUR_MS;
    let hour = facts.network.iter().filter(|near| near.at_ms > from);
    let all: BTreeSet<(&str, u64)> =
        hour.map(|near| (near.of_site.as_str(), near.of_visitor)).collect();
    let lifeless = all.iter().filter(|(site, visitor)| !facts.is_live(site, *visitor)).count();
    let fires = match (limits.get("visitors"), limits.get("share")) {
        (Some(visitors), Some(share)) => w::fires_churn(visitors as i64, (share * 100.0) as i64),
        _ => "–".to_owned(),
    };
    Finding::new(w::lifeless_of(lifeless as i64, all.len() as i64), fires)
        .against(lifeless as f64, limits.get("visitors"), Side::Above)
        .unless(facts.is_whole)
}

pub(super) fn timing(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let double = limits.of("double_click", "within_ms").unwrap_or(0.0) as i64;
    let household = limits.of("shared_address", "household").unwrap_or(0.0) as i64;
    let whole = facts.live() <= household;
    let mut gaps = Vec::new();
    let mut before = None;
    for near in facts.network {
        if !whole && near.of_visitor != facts.click.of_visitor {
            continue;
        }
        match before {
            Some(before) if near.at_ms - before <= double => continue,
            Some(before) => gaps.push((near.at_ms - before) as f64),
            None => {}
        }
        before = Some(near.at_ms);
    }
    let needed = limits.get("gaps").unwrap_or(f64::MAX);
    let variation = limits.get("variation");
    let fires = variation.map_or("–".to_owned(), |limit| w::fires_regular(limit, needed as i64));
    if (gaps.len() as f64) < needed {
        return Finding::new(w::gaps(gaps.len() as i64), fires)
            .noting(w::needs_gaps(needed as i64))
            .unless(false);
    }
    let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
    let squares: f64 = gaps.iter().map(|gap| (gap - mean).powi(2)).sum();
    let found = (squares / (gaps.len() as f64 - 1.0).max(1.0)).sqrt() / mean.max(1.0);
    Finding::new(w::variation(found), fires)
        .against(found, variation, Side::Below)
        .noting(w::gaps(gaps.len() as i64))
        .unless(facts.is_whole)
}

pub(super) fn everything(facts: &Facts<'_>, limits: Limits<'_>) -> Finding {
    let ads: BTreeSet<&str> = facts.network.iter().map(|near| near.of_ad.as_str()).collect();
    let fires = match (limits.get("ads"), limits.get("ratio")) {
        (Some(ads), Some(ratio)) => w::fires_everything(ads as i64, (ratio * 100.0) as i64),
        _ => "–".to_owned(),
    };
    Finding::new(w::ads_clicked(ads.len() as i64, facts.network.len() as i64), fires)
        .against(ads.len() as f64, limits.get("ads"), Side::Above)
        .noting(w::shown_to_network(facts.shown()))
        .unless(facts.is_whole && facts.shown() > 0)
}
