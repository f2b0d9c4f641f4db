//! The steps by tables, through the one way that every event takes.
//!
//! - Here: what is asked with, times, sources. `fields`, `who`, `ads`: the other steps.
//! - `fuzz`: whatever is sent.

mod ads;
mod fields;
mod fuzz;
mod who;

use std::borrow::Cow;
use std::sync::LazyLock;

use footfall_event::catalog::{Catalog, Entry, Exclusions, PartitionKey, Site};
use footfall_event::record::Event;
use footfall_event::time::{DAY_MS, day_of};
use footfall_event::{Hex64, Id};

use super::*;
use crate::keys::Key;

/// 2026-11-21T10:00:00Z.
const NOW: i64 = 1_795_255_200_000;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/131.0.0.0 Safari/537.36";

/// Shared, so that each user agent is parsed once.
static AGENTS: LazyLock<Agents> = LazyLock::new(Agents::default);

struct Fixture {
    sites: Sites,
    blocklist: Blocklist,
    used_up: HashSet<String>,
    keys: DayKeys,
    geo: Geo,
    agents: &'static Agents,
    fresh: FreshIds,
    limits: Limits,
}

fn catalog(exclude: Exclusions, ignore_opt_out: bool) -> Catalog {
    let mut catalog = Catalog::default();
    let site = Site {
        domain: "example.com".into(),
        aliases: vec!["shop.test".into()],
        exclude,
        ignore_opt_out,
        ..Site::default()
    };
    for entry in
        [Entry::Site(site), Entry::PartitionKey(PartitionKey { halves: (Hex64(1), Hex64(2)) })]
    {
        let json = serde_json::to_vec(&entry).unwrap();
        catalog.apply(entry.key().as_bytes(), &json).unwrap();
    }
    catalog
}

impl Fixture {
    fn new() -> Fixture {
        Fixture::of(&catalog(Exclusions::default(), false))
    }

    fn of(catalog: &Catalog) -> Fixture {
        let today = day_of(NOW);
        Fixture {
            sites: Sites::of(catalog.clone().into(), None).unwrap(),
            used_up: HashSet::new(),
            keys: DayKeys::Agreed(vec![(today - 1, Key::new([1; 16])), (today, Key::new([2; 16]))]),
            geo: Geo::none(),
            agents: &AGENTS,
            fresh: FreshIds::new(NOW, 7),
            blocklist: Blocklist::default(),
            limits: Limits::default(),
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            now_ms: NOW,
            via: Via::Script,
            policy: Policy::BEACON,
            limits: &self.limits,
            sites: &self.sites,
            used_up: &self.used_up,
            allowed_sites: &[],
            blocklist: &self.blocklist,
            keys: &self.keys,
            partitions: 8,
            geo: &self.geo,
            agents: self.agents,
            fresh: &self.fresh,
            address: Some("203.0.113.7".parse().unwrap()),
            user_agent: CHROME,
            accept_language: "de-AT,de;q=0.9",
            origin: None,
            opted_out: false,
        }
    }
}

/// What became of an event, and its record.
fn run_json(json: &str, context: &Context<'_>) -> (Outcome, Option<Event<'static>>) {
    let mut record = Vec::new();
    let outcome = match decode(json) {
        Ok(mut raw) => run(&mut raw, context, |event, _| event.append_json(&mut record)),
        Err(rejection) => Outcome::Rejected(rejection),
    };
    if record.is_empty() {
        return (outcome, None);
    }
    (outcome, Some(Event::from_json(record.leak()).unwrap()))
}

fn accepted(json: &str, context: &Context<'_>) -> Event<'static> {
    match run_json(json, context) {
        (Outcome::Accepted(_), Some(event)) => event,
        (other, _) => panic!("{json}: {other:?}"),
    }
}

fn rejected(json: &str, context: &Context<'_>) -> Rejection {
    match run_json(json, context) {
        (Outcome::Rejected(rejection), None) => rejection,
        (other, _) => panic!("{json}: {other:?}"),
    }
}

/// A page view with these members besides.
fn page(members: &str) -> String {
    format!(
        r#"{{"type":"pageview","site":"example.com","url":"https://www.example.com/a"{members}}}"#
    )
}

#[test]
fn the_record_of_a_page_view() {
    let fixture = Fixture::new();
    let context = Context { origin: Some("https://www.example.com"), ..fixture.context() };
    let json = r#"{"type":"pageview","id":"01935a4e-0000-7000-8000-000000000001",
        "site":"example.com","time":1795255199000,"sent_at":1795255199500,
        "url":"https://www.example.com/pricing?utm_source=google&utm_medium=cpc&utm_campaign=a+b#x",
        "referrer":"https://www.google.com/","title":"Prices","language":"en-GB",
        "screen":"1440x900","timezone":"Europe/Vienna","props":{"plan":"pro"}}"#;
    let mut record = Vec::new();
    let outcome = run(&mut decode(json).unwrap(), &context, |event, _| {
        event.append_json(&mut record);
    });
    let expected = include_str!("../../testdata/pageview.json").trim();
    assert_eq!(String::from_utf8(record).unwrap(), expected);
    let Outcome::Accepted(route) = outcome else { panic!("{outcome:?}") };
    assert_eq!(route.topic, Activity::Pageview.topic());
    assert!(route.partition < 8);
}

#[test]
fn clocks() {
    let fixture = Fixture::new();
    let context = fixture.context();
    let api = Context { policy: Policy::API, ..context };
    let import = Context { policy: Policy::IMPORT_EVENTS, ..context };
    let time = |offset: i64| format!(",\"time\":{}", NOW + offset);
    let sent =
        |time: i64, sent: i64| format!(",\"time\":{},\"sent_at\":{}", NOW + time, NOW + sent);
    let year = 365 * DAY_MS;
    for (members, context, expected) in [
        (String::new(), &context, Ok(0)),
        (time(-5_000), &context, Ok(-5_000)),
        (time(-DAY_MS), &api, Ok(-DAY_MS)),
        (time(-DAY_MS - 1), &api, Err(Rejected::TooOld)),
        (time(300_000), &api, Ok(300_000)),
        (time(300_001), &api, Err(Rejected::InFuture)),
        // Off by no more than 60 s: kept as sent.
        (sent(-70_000, -60_000), &context, Ok(-70_000)),
        (sent(-70_000, -60_001), &context, Ok(-9_999)),
        // A clock that is a year off, either way.
        (sent(-year - 1_000, -year), &context, Ok(-1_000)),
        (sent(year - 1_000, year), &context, Ok(-1_000)),
        (sent(i64::MIN / 2, i64::MIN / 2), &context, Ok(0)),
        (time(-10 * year), &import, Ok(-10 * year)),
        (time(-60 * year), &import, Err(Rejected::TooOld)),
        (time(year), &import, Err(Rejected::InFuture)),
    ] {
        let found = match run_json(&page(&members), context) {
            (Outcome::Accepted(_), Some(event)) => Ok(event.time - NOW),
            (Outcome::Rejected(rejection), None) => Err(rejection.reason),
            other => panic!("{other:?}"),
        };
        assert_eq!(found, expected, "{members}");
    }
}

#[test]
fn sources_and_channels() {
    let fixture = Fixture::new();
    let context = fixture.context();
    for (query, referrer, source, channel) in [
        ("", "", "", "Direct"),
        ("", "https://www.google.de/search?q=x", "Google", "Organic Search"),
        ("?gclid=1", "https://www.google.de/", "Google", "Paid Search"),
        ("", "https://www.example.com/b", "", "Direct"),
        ("", "https://shop.test/", "", "Direct"),
        ("", "https://blog.test/post", "blog.test", "Referral"),
        ("?utm_source=newsletter&utm_medium=email", "https://blog.test/", "newsletter", "Email"),
        ("?ref=producthunt", "", "Product Hunt", "Organic Social"),
        ("?source=a&ref=b&utm_source=c", "", "c", "Referral"),
        ("?utm_source=%00%0d", "", "", "Direct"),
        ("", "https://chatgpt.com/", "ChatGPT", "AI Assistants"),
        ("?fbclid=1", "", "Facebook", "Organic Social"),
        ("", "android-app://com.slack/", "", "Direct"),
    ] {
        let json = format!(
            r#"{{"type":"pageview","site":"example.com","url":"https://example.com/{query}","referrer":"{referrer}"}}"#
        );
        let event = accepted(&json, &context);
        assert_eq!((&*event.source, &*event.channel), (source, channel), "{query} {referrer}");
    }
}

#[test]
fn texts_that_were_sent_stay_as_they_are() {
    let fixture = Fixture::new();
    let raw = Raw {
        activity: "search".into(),
        site: "example.com".into(),
        query: Cow::Borrowed("  Größe  \"42\" "),
        ..Raw::default()
    };
    let mut query = String::new();
    let outcome = run(&mut raw.clone(), &fixture.context(), |event, _| {
        query = event.query.to_string();
    });
    assert!(matches!(outcome, Outcome::Accepted(_)));
    assert_eq!(query, "  Größe  \"42\" ");
    let id = accepted(&page(""), &fixture.context()).id;
    assert_eq!(id.get_version_num(), 7);
    assert_ne!(id, Id::nil());
}
