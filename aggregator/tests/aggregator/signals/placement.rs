//! What becomes the rule in a placement: the sequential tests.

use footfall_event::{Event, VerdictReason as R};

use super::Row;
use super::make::{NOON, SECOND, by, click, impression, life, unsigned};
use crate::world::{HOUR, MINUTE};

const STEP: i64 = 20 * SECOND;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    // Each click adds the logarithm of `strange` by `usual`, and `alarm` is needed.
    for (reason, enough) in [
        (R::HiddenAd, 4),      // ln (0.9 / 0.06) = 2.71; 9
        (R::ClickFlooding, 5), // ln (0.95 / 0.1) = 2.25; 10
        (R::FastClicks, 3),    // ln (0.8 / 0.03) = 3.28; 7
        (R::Concentration, 5), // ln (0.75 / 0.15) = 1.61; 8
        (R::Lifeless, 7),      // ln (0.95 / 0.15) = 1.85; 12
    ] {
        for (name, count) in
            [("just too few", enough - 1), ("enough", enough), ("one more", enough + 1)]
        {
            let found = if count < enough { 0 } else { count };
            let name = format!("{name}: {count}");
            rows.push(Row::new(reason, name, marked(reason, count, STEP), 1..=found));
        }
        // An honest visitor is counted, before the alarm and after it.
        let mut mixed = marked(reason, enough + 2, STEP);
        mixed.extend(honest(100, NOON - MINUTE));
        mixed.extend(honest(101, NOON + (enough as i64 + 1) * STEP + 1));
        rows.push(Row::new(reason, "an honest visitor among them", mixed, 1..=enough + 2));
        // The same people on one visit are one witness.
        if reason != R::Concentration {
            let again = marked(reason, 3 * enough, SECOND);
            rows.push(Row::new(reason, "one visit", again.into_iter().map(|e| by(1, 1, e)), []));
        }
        rows.push(Row::new(reason, "honest visitors", (1..=20).flat_map(|n| honest(n, NOON)), []));
    }
    rows.extend(unmeasured());
    rows.extend(came_back());
    rows.extend(slow());
    rows
}

/// Somebody who looks, and clicks some seconds later.
fn honest(n: u128, time: i64) -> Vec<Event<'static>> {
    let network = n as u64;
    vec![life(n, network, 1, time - 9 * SECOND), by(network, 1, click(n, time))]
}

/// So many clicks with what the reason looks for, each from a network of its own, and nothing else
/// about them.
fn marked(reason: R, count: u128, step: i64) -> Vec<Event<'static>> {
    // Impressions are counted in the placement.
    let mut events = vec![by(900, 1, impression(900, NOON - HOUR))];
    for n in 1..=count {
        let (network, time) = (n as u64, NOON + n as i64 * step);
        let alive = life(n, network, 1, time - 9 * SECOND);
        match reason {
            R::HiddenAd => {
                let shown = Event { measurable: true, ..impression(n, time - 10 * SECOND) };
                events.extend([alive, by(network, 1, shown), by(network, 1, unsigned(n, time))]);
            }
            R::ClickFlooding => {
                let none = Event { impression: None, ..unsigned(n, time) };
                events.extend([alive, by(network, 1, none)]);
            }
            R::FastClicks => {
                let fast = Event { impression_at: time - 700, ..click(n, time) };
                events.extend([alive, by(network, 1, fast)]);
            }
            R::Concentration => {
                let before = by(network, 1, click(n + 1_000, time - HOUR));
                let alive = Event { time: time - HOUR - MINUTE, ..alive };
                let alive = by(network, 1, Event { received_at: alive.time, ..alive });
                events.extend([alive, before, by(network, 2, click(n, time))]);
                events.push(life(n + 1_000, network, 2, time - MINUTE));
            }
            _ => events.push(by(network, 1, click(n, time))),
        }
    }
    events
}

/// Where no impressions are counted, none can be missing.
fn unmeasured() -> Vec<Row> {
    let events = |first_at: i64| {
        let mut events = marked(R::ClickFlooding, 8, STEP);
        events[0] = by(900, 1, impression(900, first_at));
        events
    };
    let elsewhere = |mut events: Vec<Event<'static>>| {
        events[0].placement = "side".into();
        events
    };
    vec![
        // The minute counts.
        Row::new(R::ClickFlooding, "measured from the first click on", events(NOON), 1..=8),
        Row::new(R::ClickFlooding, "measured later", events(NOON + 5 * MINUTE), []),
        Row::new(R::ClickFlooding, "measured elsewhere", elsewhere(events(NOON - HOUR)), []),
    ]
}

/// Coming back means something after an hour, at an address that few share.
fn came_back() -> Vec<Row> {
    let row = |name: &str, apart: i64, live: u64, found: u128| {
        let mut events = Vec::new();
        for n in 1..=6 {
            let (network, time) = (n as u64, NOON + n as i64 * STEP);
            for agent in 1..=live {
                let id = n * 100 + u128::from(agent);
                events.push(life(id, network, agent, NOON - 2 * HOUR));
            }
            events.push(by(network, 1, click(n + 1_000, time - apart)));
            let second = Event { ad: "b".into(), ..click(n, time) };
            events.push(by(network, 1, second));
        }
        Row::new(R::Concentration, name, events, 1..=found)
    };
    vec![
        row("just before the hour", HOUR - 1, 1, 0),
        row("an hour later", HOUR, 1, 6),
        row("later", HOUR + 1, 1, 6),
        row("eight share the address", HOUR, 8, 6),
        row("nine share it", HOUR, 9, 0),
    ]
}

/// What is older than some minutes when the alarm comes, is not found any more.
fn slow() -> Vec<Row> {
    let row = |step: i64, found: &[u128]| {
        let name = format!("one in {} s", step / SECOND);
        let events = marked(R::HiddenAd, 5, step);
        Row::new(R::HiddenAd, name, events, found.iter().copied())
    };
    vec![row(90 * SECOND, &[1, 2, 3, 4, 5]), row(400 * SECOND, &[3, 4, 5])]
}
