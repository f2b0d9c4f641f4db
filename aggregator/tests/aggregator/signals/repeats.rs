//! The same again: a visitor, an ad, an impression, an account.

use footfall_event::{Event, Hex64, Id, VerdictReason as R};

use super::Row;
use super::make::{NOON, SECOND, by, click, people, unsigned};
use crate::world::{HOUR, MIDNIGHT};

pub(super) fn rows() -> Vec<Row> {
    let mut rows = visitors();
    rows.extend(shared());
    rows.extend(on_an_impression());
    rows.extend(accounts());
    rows
}

fn second(reason: R, name: impl Into<String>, other: Event<'static>, found: bool) -> Row {
    let first = click(1, NOON);
    Row::new(reason, name, [first, other], found.then_some(2))
}

fn visitors() -> Vec<Row> {
    let mut rows = Vec::new();
    for (reason, limit) in [(R::DoubleClick, 2 * SECOND), (R::VisitorAdDuplicate, HOUR)] {
        for (gap, found) in
            [(0, true), (1, true), (limit - 1, true), (limit, true), (limit + 1, false)]
        {
            rows.push(second(reason, format!("{gap} ms later"), click(2, NOON + gap), found));
            // The network's and the visitor's hashes change.
            let (before, after) = (click(1, MIDNIGHT - 1), click(2, MIDNIGHT - 1 + gap));
            let name = format!("{gap} ms later, at midnight");
            rows.push(Row::new(reason, name, [before, after], found.then_some(2)));
        }
        let (soon, at) = (click(2, NOON + 9), click(2, NOON + 9));
        rows.push(second(reason, "another browser", by(1, 2, soon.clone()), false));
        rows.push(second(reason, "another network", by(2, 1, soon), false));
        rows.push(second(reason, "another ad", Event { ad: "b".into(), ..at }, false));
    }
    rows
}

/// Behind a shared address people with the same browser are one visitor: a click with an impression
/// of its own is another person's.
fn shared() -> Vec<Row> {
    let crowd = |live: u64, other: Event<'static>, found: bool| {
        let events = people(live).chain([click(1, NOON), other]);
        let name = format!("{live} people share the address");
        Row::new(R::VisitorAdDuplicate, name, events, found.then_some(2))
    };
    let same = |event: Event<'static>| Event { impression: click(1, NOON).impression, ..event };
    vec![
        crowd(8, click(2, NOON + HOUR), true),
        crowd(9, click(2, NOON + HOUR), false),
        crowd(10, click(2, NOON + HOUR), false),
        crowd(9, same(click(2, NOON + HOUR)), true),
        crowd(9, Event { impression: None, ..unsigned(2, NOON + HOUR) }, true),
    ]
}

fn on_an_impression() -> Vec<Row> {
    let on = |id, network, gap| {
        let other = by(network, 1, click(id, NOON + gap));
        Event { impression: Some(Id::from_u128(77)), ..other }
    };
    let clicks = |name: &str, gaps: &[i64], found: &[u128]| {
        let clicks = (1..).zip(gaps).map(|(id, gap)| on(id, id as u64, *gap));
        Row::new(R::DuplicateClick, name, clicks, found.iter().copied())
    };
    let bot = Event { bot: "Preview".into(), ..on(1, 1, 0) };
    let other = Event { impression: Some(Id::from_u128(78)), ..on(2, 2, 1) };
    let none = |id| Event { impression: None, ..on(id, id as u64, 0) };
    vec![
        clicks("one click", &[0], &[]),
        clicks("two at the same moment", &[0, 0], &[2]),
        clicks("two", &[0, 1], &[2]),
        clicks("the second an hour later", &[0, HOUR], &[2]),
        clicks("the second when the token expires", &[0, 24 * HOUR], &[2]),
        clicks("ten", &[9, 8, 7, 6, 5, 4, 3, 2, 1, 0], &[1, 2, 3, 4, 5, 6, 7, 8, 9]),
        Row::new(R::DuplicateClick, "another impression", [on(1, 1, 0), other], []),
        Row::new(R::DuplicateClick, "no impression", [none(1), none(2)], []),
        Row::new(R::DuplicateClick, "a bot uses nothing up", [bot, on(2, 2, 1)], []),
    ]
}

fn accounts() -> Vec<Row> {
    let at = |id, hours: i64, country: &'static str, account: u64| Event {
        account: Some(Hex64(account)).filter(|account| account.0 != 0),
        country: country.into(),
        ..by(id as u64, 1, click(id, NOON + hours * HOUR))
    };
    let two = |name: &str, hours: i64, to: &'static str, found: bool| {
        let events = [at(1, 0, "DE", 5), at(2, hours, to, 5)];
        Row::new(R::ImpossibleTravel, name, events, found.then_some(2))
    };
    vec![
        two("the same country", 1, "DE", false),
        two("the next country", 1, "FR", false),
        two("an unknown country", 1, "XX", false),
        two("Japan within an hour", 1, "JP", true),
        two("Japan on the next day", 20, "JP", false),
        // 8,925.3 km from Germany to Japan.
        two("just too fast", 1, "JP", true).by("thresholds.impossible_travel.km_per_hour = 8925"),
        two("just possible", 1, "JP", false).by("thresholds.impossible_travel.km_per_hour = 8926"),
        two("just too far", 1, "JP", true).by("thresholds.impossible_travel.km = 8925"),
        two("just near enough", 1, "JP", false).by("thresholds.impossible_travel.km = 8926"),
        Row::new(R::ImpossibleTravel, "two accounts", [at(1, 0, "DE", 5), at(2, 1, "JP", 6)], []),
        Row::new(R::ImpossibleTravel, "no account", [at(1, 0, "DE", 0), at(2, 1, "JP", 0)], []),
        Row::new(
            R::ImpossibleTravel,
            "there and back",
            [at(1, 0, "DE", 5), at(2, 1, "JP", 5), at(3, 20, "DE", 5)],
            [2],
        ),
    ]
}
