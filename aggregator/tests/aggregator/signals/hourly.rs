//! What is compared once an hour: the clicks of the next hour are flagged.

use footfall_event::ads::Touch;
use footfall_event::{Activity, Event, Id, VerdictReason as R};

use super::Row;
use super::make::{NOON, SECOND, by, click, impression};
use crate::world::{HOUR, MINUTE};

/// The click of the next hour. Nobody has to have read before, or all clicks would be lifeless.
const PROBE: u128 = 9;
const NO_LIFE: &str = "tiers.lifeless = \"off\"";

pub(super) fn rows() -> Vec<Row> {
    let mut rows = rates();
    rows.extend(shifts());
    rows.extend(strangers());
    rows.extend(addresses());
    rows.extend(conversion_rates());
    rows.extend(conversion_times());
    rows
}

/// Hours from noon on, and a click in the placement "odd" in the one after `last`.
struct Hours {
    events: Vec<Event<'static>>,
    next: u64,
    last: i64,
}

impl Hours {
    fn new() -> Hours {
        Hours { events: Vec::new(), next: 1, last: 0 }
    }

    /// A number that nobody has had: an id, or a network.
    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next * 16
    }

    /// A moment within an hour, far from its ends.
    fn moment(&mut self, hour: i64) -> i64 {
        self.last = self.last.max(hour);
        NOON + hour * HOUR + 6 * MINUTE + self.fresh() as i64 * 7_919 % (40 * MINUTE)
    }

    fn add(&mut self, placement: &'static str, event: Event<'static>) {
        self.events.push(Event { placement: placement.into(), ..event });
    }

    /// So many clicks in an hour, each from a network of its own.
    fn clicks(&mut self, placement: &'static str, hour: i64, count: usize) {
        for _ in 0..count {
            let (id, time) = (self.fresh(), self.moment(hour));
            self.add(placement, by(id, 1, click(u128::from(id), time)));
        }
    }

    fn impressions(&mut self, placement: &'static str, hour: i64, count: usize) {
        for _ in 0..count {
            let (id, time) = (self.fresh(), self.moment(hour));
            self.add(placement, by(id, 1, impression(u128::from(id), time)));
        }
    }

    /// Conversions of clicks that came so long before.
    fn conversions(&mut self, placement: &'static str, hour: i64, count: usize, after: i64) {
        for _ in 0..count {
            let (id, time) = (self.fresh(), self.moment(hour).max(NOON + 30 * MINUTE));
            let touch = Touch {
                click: Id::from_u128(u128::from(id) | 1 << 90),
                at: time - after,
                site: "news.example".into(),
                campaign: "c0".into(),
                ad: "a".into(),
                placement: placement.into(),
                position: 1,
                ..Touch::default()
            };
            let id128 = Id::from_u128(u128::from(id) | 1 << 91);
            let mut event = Event::new(Activity::Conversion, id128, "shop.example", time);
            event.touches = vec![touch];
            event.transaction = format!("t{id}").into();
            self.events.push(by(id, 1, event));
        }
    }

    /// The row; the probe has the reason or not.
    fn row(mut self, reason: R, name: impl Into<String>, found: bool) -> Row {
        let time = NOON + (self.last + 1) * HOUR + 10 * MINUTE;
        self.add("odd", by(PROBE as u64, 1, click(PROBE, time)));
        Row::new(reason, name, self.events, found.then_some(PROBE)).by(NO_LIFE)
    }
}

const PEERS: [&str; 3] = ["one", "two", "three"];

fn rates() -> Vec<Row> {
    let row = |name: &str, peers: usize, clicks: usize, impressions: usize, found: bool| {
        let mut hours = Hours::new();
        for placement in &PEERS[..peers] {
            hours.impressions(placement, 0, 60);
            hours.clicks(placement, 0, 3);
        }
        hours.impressions("odd", 0, impressions);
        hours.clicks("odd", 0, clicks);
        hours.row(R::PlacementCtr, format!("{name}: {clicks} of {impressions}"), found)
    };
    vec![
        row("too few clicks", 3, 29, 30, false),
        row("just enough", 3, 30, 30, true),
        row("more", 3, 31, 30, true),
        row("two to compare with", 2, 31, 30, false),
        row("as the others", 3, 30, 600, false),
        // As improbable as one in ten thousand where the others' rate is 5 %.
        row("just below", 3, 30, 262, true),
        row("at", 3, 30, 263, true),
        row("just above", 3, 30, 264, false),
    ]
}

fn shifts() -> Vec<Row> {
    // Fifteen at noon; the noise of fifteen is √(15 + 1 + 0.2² × 15²) = 5, so that the sum reaches
    // five with 15 + 5 × 5.5 = 42.5 clicks at the next noon.
    let row = |name: &str, clicks: usize, rules: &'static str, found: bool| {
        let mut hours = Hours::new();
        hours.clicks("odd", 0, 15);
        for hour in 1..4 {
            hours.clicks("odd", hour, 3);
        }
        hours.clicks("odd", 24, clicks);
        hours.row(R::RateShift, format!("{name}: {clicks}"), found).by(rules)
    };
    const FOUR: &str = "tiers.lifeless = \"off\"\nthresholds.rate_shift.hours = 4";
    const FIVE: &str = "tiers.lifeless = \"off\"\nthresholds.rate_shift.hours = 5";
    vec![
        row("as ever", 15, FOUR, false),
        row("just below", 42, FOUR, false),
        row("just above", 43, FOUR, true),
        row("above", 44, FOUR, true),
        row("too short a history", 44, FIVE, false),
        row("far too short a history", 44, NO_LIFE, false),
    ]
}

fn strangers() -> Vec<Row> {
    // Twelve of thirty are strangers. Four deviations of thirty are 4 × √(0.4 × 0.6 / 30) = 0.358:
    // 22.7 of thirty.
    let row = |name: &str, clicks: usize, new: usize, found: bool| {
        let mut hours = Hours::new();
        for (hour, clicks, new) in [(0, 30, 12), (1, clicks, new)] {
            let first = hours.events.len();
            hours.clicks("odd", hour, clicks);
            let known: Vec<_> = hours.events[first + new..].to_vec();
            for event in known {
                let n = hours.fresh();
                let network = (event.id.as_u128()) as u64;
                let before = impression(u128::from(n), event.time - 2 * MINUTE);
                hours.add("odd", by(network, 1, before));
            }
        }
        hours.row(R::NewVisitorBurst, format!("{name}: {new} of {clicks}"), found)
    };
    vec![
        row("as ever", 30, 12, false),
        row("just below", 30, 22, false),
        row("just above", 30, 23, true),
        row("above", 30, 24, true),
        row("too few to judge", 29, 29, false),
        row("just enough to judge", 30, 30, true),
        row("more than ever before", 31, 31, false),
    ]
}

fn addresses() -> Vec<Row> {
    // Pairs by a household, the others one each: of fifty clicks each pair takes
    // 2 / 50 × ln 2 / ln 50 = 0.0071 off, and four hundredths are four deviations.
    let row = |name: &str, peers: usize, clicks: usize, pairs: usize, found: bool| {
        let mut hours = Hours::new();
        for placement in &PEERS[..peers] {
            hours.clicks(placement, 0, 50);
        }
        hours.clicks("odd", 0, clicks - pairs);
        let firsts: Vec<_> = hours.events[peers * 50..][..pairs].to_vec();
        for first in firsts {
            let (id, network) = (hours.fresh(), first.id.as_u128() as u64);
            let other = Event { ad: "b".into(), ..click(u128::from(id), first.time + 5 * SECOND) };
            hours.add("odd", by(network, 2, other));
        }
        hours.row(R::AddressEntropy, format!("{name}: {pairs} pairs of {clicks}"), found)
    };
    vec![
        row("as the others", 3, 50, 0, false),
        row("just above", 3, 50, 5, false),
        row("just below", 3, 50, 6, true),
        row("below", 3, 50, 7, true),
        row("too few to judge", 3, 49, 12, false),
        row("just enough to judge", 3, 50, 12, true),
        row("two to compare with", 2, 50, 12, false),
    ]
}

fn conversion_rates() -> Vec<Row> {
    // Others convert one in four.
    let row = |name: &str, clicks: usize, converted: usize, peers: [usize; 3], found: bool| {
        let mut hours = Hours::new();
        for (placement, converted) in PEERS.into_iter().zip(peers) {
            hours.clicks(placement, 0, 28);
            hours.conversions(placement, 0, converted, MINUTE);
        }
        hours.clicks("odd", 0, clicks);
        hours.conversions("odd", 0, converted, MINUTE);
        let all = peers.iter().sum::<usize>() + converted;
        let name = format!("{name}: {converted} of {clicks}, {all} in all");
        hours.row(R::ConversionRate, name, found)
    };
    vec![
        row("as the others", 100, 25, [7, 7, 7], false),
        row("too few clicks", 99, 0, [7, 7, 7], false),
        row("just enough clicks", 100, 0, [7, 7, 7], true),
        row("more", 101, 0, [7, 7, 7], true),
        row("too few conversions", 100, 0, [6, 6, 7], false),
        row("just enough conversions", 100, 0, [6, 7, 7], true),
        row("just below", 100, 7, [7, 7, 7], true),
        row("at", 100, 8, [7, 7, 7], true),
        row("just above", 100, 9, [7, 7, 7], false),
    ]
}

fn conversion_times() -> Vec<Row> {
    let row = |name: &str, times: &[(usize, i64)], found: bool| {
        let mut hours = Hours::new();
        hours.clicks("odd", 0, 5);
        for (count, after) in times {
            hours.conversions("odd", 0, *count, *after);
        }
        hours.row(R::ConversionTiming, name, found)
    };
    vec![
        row("as people do", &[(20, MINUTE)], false),
        row("nineteen are too few", &[(19, 5 * SECOND)], false),
        row("twenty are enough", &[(20, 5 * SECOND)], true),
        row("five of twenty at once", &[(15, MINUTE), (3, 3 * SECOND), (2, 10 * SECOND)], false),
        row("six of twenty at once", &[(14, MINUTE), (3, 3 * SECOND), (3, 10 * SECOND)], true),
        row("just sooner", &[(14, MINUTE), (6, 3 * SECOND - 1)], false),
        row("just later", &[(14, MINUTE), (6, 10 * SECOND + 1)], false),
        row("fourteen of twenty after hours", &[(6, MINUTE), (14, HOUR + 1)], false),
        row("fifteen of twenty after hours", &[(5, MINUTE), (15, HOUR + 1)], true),
        row("within the hour", &[(5, MINUTE), (15, HOUR)], false),
    ]
}
