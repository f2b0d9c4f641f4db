//! Publishers who share their clickers: households that wander, and sets that are too much alike.

use footfall_event::{Event, VerdictReason as R};

use super::Row;
use super::make::{NOON, SECOND, by, click, life};
use crate::world::{HOUR, MINUTE};

const SITES: [&str; 2] = ["alpha.example", "beta.example"];

pub(super) fn rows() -> Vec<Row> {
    let mut rows = wandering();
    rows.extend(alike());
    rows
}

/// A click at one of the publishers, by somebody who is alive there.
fn at(site: usize, id: u128, network: u64, time: i64) -> [Event<'static>; 2] {
    let of = |event: Event<'static>| Event { site: SITES[site].into(), ..event };
    let ad = format!("ad-{site}");
    let click = Event { ad: ad.into(), ..of(click(id, time)) };
    [by(network, 1, of(life(id, network, 1, time - 9 * SECOND))), by(network, 1, click)]
}

/// So many households click at one publisher and later at the other; as many the other way round.
fn wandering() -> Vec<Row> {
    let row = |name: &str, households: u128, apart: i64, found: &[u128]| {
        let mut events = Vec::new();
        for n in 1..=households {
            for (way, offset) in [(0, 0), (1, 7 * SECOND)] {
                let (id, network) = (n * 2 + way, (n * 2 + way) as u64);
                let time = NOON + n as i64 * 15 * SECOND + offset;
                events.extend(at(way as usize, id, network, time));
                events.extend(at(1 - way as usize, id + 1_000, network, time + apart));
            }
        }
        Row::new(R::Collusion, name, events, found.iter().copied())
    };
    vec![
        // ln (0.7 / 0.1) = 1.95: five make 9.7, six 11.7, and 10 is needed, at both.
        row("five each way", 5, 2 * HOUR, &[]),
        // The sixth at the second publisher makes the alarm: its wanderers are found, those of the
        // first came before anything was known of the second.
        row("six each way", 6, 2 * HOUR, &[1003, 1005, 1007, 1009, 1011, 1013]),
        row("seven each way", 7, 2 * HOUR, &[1003, 1005, 1007, 1009, 1011, 1013, 1014, 1015]),
        row("seven within an hour", 7, HOUR - 1, &[]),
    ]
}

/// The same households at both publishers within the hour: who wanders is not known yet, but the
/// sets of networks are the same.
fn alike() -> Vec<Row> {
    let row = |name: &str, common: u128, others: u128, found: &[u128]| {
        let mut events = Vec::new();
        for n in 1..=common {
            let time = NOON + n as i64 * MINUTE;
            events.extend(at(0, n * 2, n as u64, time));
            events.extend(at(1, n * 2 + 1, n as u64, time + 20 * SECOND));
        }
        for n in 1..=others {
            let time = NOON + n as i64 * 30 * SECOND + 11 * SECOND;
            for site in 0..2u64 {
                let id = 1_000 + n * 2 + u128::from(site);
                events.extend(at(site as usize, id, id as u64, time + site as i64 * SECOND));
            }
        }
        events.sort_by_key(|event| event.time);
        Row::new(R::Collusion, name, events, found.iter().copied())
    };
    vec![
        row("24 networks, all in common", 24, 0, &[]),
        row("25 networks, all in common", 25, 0, &[51]),
        row("26 networks, all in common", 26, 0, &[51, 53]),
        row("none of 30 in common", 0, 30, &[]),
    ]
}
