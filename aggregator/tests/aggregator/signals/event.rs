//! What one event says about itself, or ingest has found of it.

use footfall_event::ads::Proof;
use footfall_event::{Event, VerdictReason as R};

use super::Row;
use super::make::{NOON, SECOND, click, elsewhere, impression, life, unsigned};
use crate::world::HOUR;

const MINUTE: i64 = 60 * SECOND;
const DAY: i64 = 24 * HOUR;

pub(super) fn rows() -> Vec<Row> {
    let mut rows = declared();
    rows.extend(found_by_ingest());
    rows.extend(places());
    rows.extend(impressions());
    rows.extend(too_fast());
    rows
}

/// One click with something about it.
fn one(reason: R, name: &str, found: bool, with: impl Fn(&mut Event<'static>)) -> Row {
    let mut event = click(1, NOON);
    with(&mut event);
    Row::new(reason, name, [event], found.then_some(1))
}

fn declared() -> Vec<Row> {
    vec![
        one(R::BotAgent, "a browser", false, |_| {}),
        one(R::BotAgent, "a bot", true, |e| e.bot = "Examplebot".into()),
        one(R::Automated, "nobody drives it", false, |e| e.automated = false),
        one(R::Automated, "webdriver", true, |e| e.automated = true),
        one(R::Expired, "a token of the day", false, |e| e.proof = Proof::Signed),
        one(R::Expired, "no token", false, |e| e.proof = Proof::None),
        one(R::Expired, "an old token", true, |e| e.proof = Proof::Expired),
        one(R::ReferrerMismatch, "its own site", false, |_| {}),
        one(R::ReferrerMismatch, "another site", true, |e| {
            e.referrer_host = "elsewhere.example".into();
        }),
        one(R::ReferrerMismatch, "another site, and no placement", false, |e| {
            (e.referrer_host, e.placement) = ("elsewhere.example".into(), "".into());
        }),
    ]
}

/// Found where the catalogue and the blocklist are; here it decides.
fn found_by_ingest() -> Vec<Row> {
    let all = [
        R::Blocklisted,
        R::NotRunning,
        R::PlacementSize,
        R::PlacementUnknown,
        R::PositionUnknown,
        R::HintMismatch,
    ];
    let rows = |reason: R| {
        let other = if reason == R::NotRunning { R::PositionUnknown } else { R::NotRunning };
        [
            one(reason, "nothing was found", false, |_| {}),
            one(reason, "something else was found", false, |e| e.found = vec![other]),
            one(reason, "it was found", true, |e| e.found = vec![reason]),
            one(reason, "and something else", true, |e| e.found = vec![reason, other]),
        ]
    };
    all.into_iter().flat_map(rows).collect()
}

fn places() -> Vec<Row> {
    let hosted = |asn| move |e: &mut Event<'static>| e.asn = asn;
    // A VPN's exit, and somebody who is seen there. The last look at a click is ten minutes after
    // it, and goes by what had happened two minutes before; life is known by the minute.
    let exit = |name: &str, seen_at: i64, found: bool| {
        let event = Event { asn: 60_068, ..click(1, NOON) };
        Row::new(R::DatacentreNetwork, name, [event, life(9, 1, 7, seen_at)], found.then_some(1))
    };
    let zone = |name: &str, timezone: &'static str, country: &'static str, found: bool| {
        one(R::GeoMismatch, name, found, |e| {
            (e.timezone, e.country) = (timezone.into(), country.into())
        })
    };
    vec![
        one(R::DatacentreNetwork, "no system", false, hosted(0)),
        one(R::DatacentreNetwork, "a telephone company", false, hosted(3_320)),
        one(R::DatacentreNetwork, "rented servers", true, hosted(24_940)),
        one(R::DatacentreNetwork, "a VPN's exit where nobody is", true, hosted(60_068)),
        exit("somebody was there", NOON - HOUR, false),
        exit("somebody comes just in time", NOON + 8 * MINUTE - 1, false),
        exit("somebody comes too late", NOON + 8 * MINUTE, true),
        zone("the same country", "Europe/Berlin", "DE", false),
        zone("another continent", "Asia/Tokyo", "DE", true),
        zone("no zone", "", "DE", false),
        zone("no country", "Asia/Tokyo", "", false),
        zone("an unknown zone", "Mars/Base", "DE", false),
        // 1,721.8 km from Lisbon to the nearest place of Germany.
        zone("just above", "Europe/Lisbon", "DE", true).by("thresholds.geo_mismatch.km = 1721"),
        zone("just below", "Europe/Lisbon", "DE", false).by("thresholds.geo_mismatch.km = 1722"),
    ]
}

fn impressions() -> Vec<Row> {
    let known = |name: &str, at: i64, found: bool| {
        let events = [impression(1, at), unsigned(1, NOON)];
        Row::new(R::ImpressionUnknown, name, events, found.then_some(1))
    };
    let of = |name: &str, with: &dyn Fn(&mut Event<'static>), found: bool| {
        let mut event = impression(1, NOON - SECOND);
        with(&mut event);
        Row::new(R::ImpressionUnknown, name, [event, unsigned(1, NOON)], found.then_some(1))
    };
    let without = |name: &str, event: Event<'static>, found: bool| {
        Row::new(R::NoImpression, name, [event], found.then_some(1))
    };
    vec![
        known("shown just before", NOON - 1, false),
        known("shown at the same time", NOON, false),
        known("shown a day before", NOON - DAY, false),
        known("shown more than a day before", NOON - DAY - 1, true),
        // Clocks differ. What is later than this is not known when the click is looked at last.
        known("shown eight minutes later", NOON + 8 * MINUTE, false),
        known("shown later than that", NOON + 8 * MINUTE + 1, true),
        of("its own", &|_| {}, false),
        of("another ad's", &|e| e.ad = "b".into(), true),
        of("another site's", &|e| e.site = "blog.example".into(), true),
        of("another network's", &|e| *e = super::make::by(2, 1, e.clone()), true),
        Row::new(R::ImpressionUnknown, "signed", [click(1, NOON)], []),
        without("signed", click(1, NOON), false),
        without("named, though unknown", unsigned(1, NOON), false),
        without("named by nobody", Event { impression: None, ..unsigned(1, NOON) }, true),
    ]
}

fn too_fast() -> Vec<Row> {
    let signed = |after: i64, found: bool| {
        let event = Event { impression_at: NOON - after, ..click(1, NOON) };
        Row::new(R::FastClick, format!("{after} ms, signed"), [event], found.then_some(1))
    };
    let known = |after: i64, found: bool| {
        let events = [impression(1, NOON - after), unsigned(1, NOON)];
        Row::new(R::FastClick, format!("{after} ms, known"), events, found.then_some(1))
    };
    let mut rows = Vec::new();
    for (after, found) in [(-1, false), (0, true), (799, true), (800, false), (801, false)] {
        rows.extend([signed(after, found), known(after, found)]);
    }
    // An impression, and so many more of the same ad to the same visitor.
    let repeated = |count: u128, step: i64, found: usize| {
        let events = (0..count).map(|n| impression(n, NOON + n as i64 * step));
        let name = format!("{count} impressions, {step} ms apart");
        let row = Row::new(R::DuplicateImpression, name, events, []);
        Row { found: super::Found::Many(found), ..row }
    };
    let other_ads = (0..20).map(|n| elsewhere(n, impression(u128::from(n), NOON)));
    rows.extend([
        repeated(5, SECOND, 0),
        repeated(6, SECOND, 0),
        repeated(7, SECOND, 1),
        repeated(8, SECOND, 2),
        // Ten in two minutes, five in each.
        repeated(10, 12 * SECOND, 0),
        Row::new(R::DuplicateImpression, "different ads", other_ads, []),
    ]);
    rows
}
