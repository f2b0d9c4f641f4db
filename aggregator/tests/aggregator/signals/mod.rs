//! Each signal of the rules at its edges, through both stages: just below, at, just above; in the
//! order of time, in others, and with everything coming twice.
//!
//! A table is a list of rows: what happens, and which events have the reason in the end. There are
//! rows for every reason that exists, else the last test of this file fails.
//!
//! - `event`: what one event says. `repeats`: the same again. `network`: what a network does.
//! - `placement`: sequential tests. `publishers`: who shares clickers. `hourly`: hours compared.
//! - `make`: events. What ingest finds is judged here, and found in ingest's own tables.

use std::collections::{BTreeMap, BTreeSet};

use footfall_aggregator::Settings;
use footfall_aggregator::rules::RuleSet;
use footfall_event::{Activity, Event, Id, VerdictReason};

use crate::ads::{Arrival, Pipeline, Random};
use crate::world::HOUR;

mod event;
mod hourly;
mod make;
mod network;
mod placement;
mod publishers;
mod repeats;

/// What out of order means: later than it should be, but by less than the rules wait for.
const LATE_MS: i64 = 110_000;
/// A row with more events than that is judged in batches, a smaller one event by event.
const SINGLY: usize = 150;

/// One situation.
pub(crate) struct Row {
    reason: VerdictReason,
    name: String,
    /// Rules that differ from the built-in ones: lines of TOML.
    rules: &'static str,
    events: Vec<Event<'static>>,
    found: Found,
}

/// Which events have the reason in the end.
#[derive(Debug, PartialEq)]
enum Found {
    /// These.
    These(BTreeSet<u128>),
    /// So many, whichever came last.
    Many(usize),
}

impl Row {
    fn new(
        reason: VerdictReason,
        name: impl Into<String>,
        events: impl IntoIterator<Item = Event<'static>>,
        found: impl IntoIterator<Item = u128>,
    ) -> Row {
        let (events, found) = (events.into_iter().collect(), found.into_iter().collect());
        Row { reason, name: name.into(), rules: "", events, found: Found::These(found) }
    }

    /// By other rules than the built-in ones.
    fn by(self, rules: &'static str) -> Row {
        Row { rules, ..self }
    }

    /// Whether something is found.
    fn finds(&self) -> bool {
        match &self.found {
            Found::These(found) => !found.is_empty(),
            Found::Many(count) => *count > 0,
        }
    }

    fn rule_set(&self) -> RuleSet {
        if self.rules.is_empty() {
            return RuleSet::default();
        }
        RuleSet::parse(&format!("version = 99\n{}", self.rules)).unwrap()
    }

    /// The order of time first; then others that may be, and everything twice.
    fn orders(&self) -> Vec<(&'static str, Vec<Event<'static>>)> {
        let mut in_order = self.events.clone();
        in_order.sort_by_key(|event| (event.time, event.id));
        let twice = |events: &[Event<'static>]| {
            events.iter().flat_map(|event| [event.clone(), event.clone()]).collect::<Vec<_>>()
        };
        let reversed = arriving(&in_order, |event| {
            let block = event.time.div_euclid(LATE_MS) * LATE_MS;
            block + LATE_MS - (event.time - block)
        });
        let mut random = Random::new(7);
        let mut shuffled =
            || arriving(&in_order, |event| event.time + random.below(LATE_MS as u64) as i64);
        let (one, other) = (shuffled(), shuffled());
        let mut random = Random::new(8);
        // The second time up to an hour later, as a client's retry.
        let again = arriving(&in_order, |event| event.time + random.below(HOUR as u64) as i64);
        let mut with_retries: Vec<_> = other.iter().cloned().chain(again).collect();
        with_retries.sort_by_key(|event| event.received_at);
        vec![
            ("twice each", twice(&in_order)),
            ("backwards", reversed),
            ("mixed up", one),
            ("mixed up and retried", with_retries),
            ("in order", in_order),
        ]
    }

    /// What is thought of each event in the end.
    fn judge(&self, events: &[Event<'static>]) -> BTreeMap<Id, Vec<VerdictReason>> {
        let mut pipeline = Pipeline::with(&Settings::default(), self.rule_set());
        let batch = if self.events.len() > SINGLY { 16 } else { 1 };
        for events in events.chunks(batch) {
            for event in events {
                pipeline.accept(&Arrival { event: event.clone(), network: 0 });
            }
            pipeline.finish();
        }
        pipeline.end(events.iter().map(|event| event.time).max().unwrap() + 2 * HOUR);
        let mut said = std::mem::take(&mut pipeline.impressions);
        let clicks = pipeline.figures().clicks;
        said.extend(clicks.into_iter().map(|(id, (_, reasons))| (id, reasons)));
        said
    }

    /// What is wrong with what is thought of it.
    fn check(&self) -> Result<(), String> {
        let mut expected = None;
        for (order, events) in self.orders().into_iter().rev() {
            let what = format!("{}: {}, {order}", self.reason, self.name);
            let said = self.judge(&events);
            let with = said.iter().filter(|(_, reasons)| reasons.contains(&self.reason));
            let with: BTreeSet<u128> = with.map(|(id, _)| id.as_u128()).collect();
            let right = match &self.found {
                Found::These(found) => with == *found,
                Found::Many(count) => with.len() == *count,
            };
            if !right {
                return Err(format!("{what}: found {with:?}, expected {:?}", self.found));
            }
            // Nor does the order change any other reason of a click.
            let clicks = self.events.iter().filter(|event| event.activity == Activity::Click);
            let clicks: Vec<_> = clicks.map(|click| (click.id, said[&click.id].clone())).collect();
            let first: &Vec<_> = expected.get_or_insert_with(|| clicks.clone());
            if let Some((a, b)) = first.iter().zip(&clicks).find(|(a, b)| a != b) {
                return Err(format!("{what}: {b:?}, and in order {a:?}"));
            }
        }
        Ok(())
    }
}

/// The events as they arrive when each is received at its moment.
fn arriving(
    events: &[Event<'static>],
    mut at: impl FnMut(&Event<'static>) -> i64,
) -> Vec<Event<'static>> {
    let mut events: Vec<_> = events
        .iter()
        .map(|event| Event { received_at: at(event).max(event.time), ..event.clone() })
        .collect();
    events.sort_by_key(|event| event.received_at);
    events
}

fn check(rows: Vec<Row>) {
    let wrong: Vec<String> = rows.iter().filter_map(|row| row.check().err()).collect();
    assert!(wrong.is_empty(), "{} of {} rows:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn what_one_event_says() {
    check(event::rows());
}

#[test]
fn the_same_again() {
    check(repeats::rows());
}

#[test]
fn what_a_network_does() {
    check(network::rows());
}

#[test]
fn what_is_the_rule_in_a_placement() {
    check(placement::rows());
}

#[test]
fn publishers_who_share_their_clickers() {
    check(publishers::rows());
}

#[test]
fn hours_compared() {
    check(hourly::rows());
}

#[test]
fn every_reason_that_exists_is_found_in_a_row_and_not_found_in_another() {
    let tables = [
        event::rows(),
        repeats::rows(),
        network::rows(),
        placement::rows(),
        publishers::rows(),
        hourly::rows(),
    ];
    for finds in [true, false] {
        let rows = tables.iter().flatten().filter(|row| row.finds() == finds);
        let covered: BTreeSet<VerdictReason> = rows.map(|row| row.reason).collect();
        let missing: Vec<_> = VerdictReason::ALL.iter().filter(|r| !covered.contains(r)).collect();
        assert!(missing.is_empty(), "no row that finds ({finds}): {missing:?}");
    }
}
