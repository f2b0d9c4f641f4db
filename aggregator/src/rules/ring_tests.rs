//! Who colludes and who does not, through the judge of stage 1.

use std::collections::BTreeSet;
use std::sync::Arc;

use footfall_event::ads::Proof;
use footfall_event::{Activity, VerdictReason};

use super::*;
use crate::rules::{Facts, JudgeLimits, NetworkJudge, RuleSet};

const NOON: i64 = 1_772_452_800_000;
const HOUR: i64 = 3_600_000;
const HOUSEHOLDS: u64 = 60;

/// A hash whose upper half says something too.
const fn h(n: u64) -> u64 {
    n << 40 | n << 8 | 1
}

/// A household's click at a publisher.
fn click(household: u64, site: u64, time: i64) -> Facts<'static> {
    let id = u128::from(household) << 64 | u128::from(site) << 32 | (time - NOON) as u128;
    Facts {
        site: h(site),
        campaign: h(2),
        ad: h(household % 30 + 100),
        placement: h(site),
        network: h(household),
        visitor: h(household),
        impression: id,
        impression_at: time - 10_000,
        proof: Proof::Signed,
        ..Facts::new(Activity::Click, id, time)
    }
}

/// The clicks that collude when all is over.
fn colluding(clicks: &[Facts<'static>]) -> BTreeSet<u128> {
    let limits = JudgeLimits { networks_max: 10_000, impressions_max: 100, clicks_max: 10_000 };
    let mut judge = NetworkJudge::new(Arc::new(RuleSet::default()), limits);
    let mut found = BTreeSet::new();
    let mut note =
        |id, collusion: bool| if collusion { found.insert(id) } else { found.remove(&id) };
    let mut watermark = NOON;
    for facts in clicks {
        watermark = watermark.max(facts.time);
        for correction in judge.close(watermark) {
            note(correction.id, correction.opinion.reasons.contains(VerdictReason::Collusion));
        }
        let opinion = judge.observe(facts);
        note(facts.id, opinion.reasons.contains(VerdictReason::Collusion));
    }
    for correction in judge.close(watermark + 24 * HOUR) {
        note(correction.id, correction.opinion.reasons.contains(VerdictReason::Collusion));
    }
    found
}

/// Each household clicks at one of two publishers, and two hours later at the other one.
fn ring() -> Vec<Facts<'static>> {
    let both = (0..HOUSEHOLDS).flat_map(|n| {
        let time = NOON + n as i64 * 20_000;
        [click(n, 1 + n % 2, time), click(n, 2 - n % 2, time + 2 * HOUR)]
    });
    let mut clicks: Vec<_> = both.collect();
    clicks.sort_by_key(|facts| facts.time);
    clicks
}

#[test]
fn households_that_wander_between_two_publishers_are_found_and_their_first_clicks_are_not() {
    let clicks = ring();
    let found = colluding(&clicks);
    let (first, second) = clicks.split_at(HOUSEHOLDS as usize);
    assert!(first.iter().all(|facts| !found.contains(&facts.id)));
    let late = second.iter().filter(|facts| found.contains(&facts.id)).count();
    assert!(late >= 45, "{late} of {HOUSEHOLDS}");
}

#[test]
fn what_is_out_of_order_changes_nothing() {
    let clicks = ring();
    let mut late = clicks.clone();
    // Up to two minutes late.
    late.sort_by_key(|facts| facts.time + (facts.id >> 64) as i64 * 7_919 % 120_000);
    assert!(late.iter().zip(&clicks).any(|(late, facts)| late.id != facts.id));
    assert_eq!(colluding(&late), colluding(&clicks));
}

#[test]
fn one_publisher_alone_never_colludes() {
    // Everybody who clicks there has clicked elsewhere, each at another place.
    let mut clicks: Vec<_> = (0..HOUSEHOLDS)
        .flat_map(|n| {
            let time = NOON + n as i64 * 20_000;
            [click(n, 100 + n, time), click(n, 1, time + 2 * HOUR)]
        })
        .collect();
    clicks.sort_by_key(|facts| facts.time);
    assert!(colluding(&clicks).is_empty());
}

#[test]
fn readers_who_wander_as_everybody_does_are_left_alone() {
    // A third of the clicks at each of six publishers come from households that clicked elsewhere.
    let mut clicks = Vec::new();
    for n in 0..6 * HOUSEHOLDS {
        let (site, time) = (1 + n % 6, NOON + n as i64 * 120_000);
        clicks.push(click(n, site, time));
        if n % 2 == 0 {
            clicks.push(click(n, 1 + (n + 1 + n / 6 % 5) % 6, time + HOUR));
        }
    }
    clicks.sort_by_key(|facts| facts.time);
    let found = colluding(&clicks).len();
    assert!(found * 20 <= clicks.len(), "{found} of {}", clicks.len());
}

#[test]
fn the_alarm_comes_with_the_click_that_is_one_too_many() {
    let rules = RuleSet::default();
    // ln (0.7 / 0.1) = 1.95 for each while nothing else is known: five make 9.7, six make 11.7.
    let alarmed = |count: u64, marks: Marks| {
        let mut publishers = Publishers::default();
        for n in 0..count {
            publishers.click(h(1), (NOON + n as i64, u128::from(n)), marks, rules.base());
        }
        publishers.alarmed.contains(&half(h(1)))
    };
    let wandering = Marks(Marks::HOUSEHOLD.0 | Marks::ROAMING.0);
    assert!(!alarmed(5, wandering));
    assert!(alarmed(6, wandering) && alarmed(7, wandering));
    assert!(!alarmed(50, Marks::ROAMING), "a shared address proves nothing");
    let again = Marks(wandering.0 | Marks::AGAIN.0);
    assert!(!alarmed(50, again), "one visit is one witness");
}
