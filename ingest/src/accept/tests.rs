//! The steps by tables, through the one way that every event takes.

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
fn refusals_on_the_api() {
    let fixture = Fixture::new();
    let context = Context { policy: Policy::API, via: Via::Api, ..fixture.context() };
    let long = format!(",\"title\":\"{}\"", "x".repeat(513));
    let many: Vec<String> = (0..31).map(|i| format!("\"p{i}\":1")).collect();
    let many = format!(",\"props\":{{{}}}", many.join(","));
    for (json, reason, said) in [
        ("{}".to_owned(), Rejected::MissingField, "type is missing"),
        (r#"{"type":"visit"}"#.into(), Rejected::UnknownType, "pageview, engagement"),
        (page(",\"colour\":1"), Rejected::UnknownField, "\"colour\""),
        (page(",\"query\":\"x\""), Rejected::UnknownField, "query does not belong"),
        (page(",\"engaged_ms\":1"), Rejected::UnknownField, "engaged_ms does not belong"),
        (page(&long), Rejected::TooLarge, "title has 513 bytes: expected at most 512"),
        (page(&many), Rejected::TooLarge, "props has 31 entries"),
        (page(",\"title\":\"a\\u0000b\""), Rejected::InvalidField, "title holds a control"),
        (page(",\"account\":\"a\\r\\nb\""), Rejected::InvalidField, "account holds a control"),
        (page(",\"props\":{\"a\\n\":1}"), Rejected::InvalidField, "props"),
        (page(",\"id\":\"7\""), Rejected::InvalidField, "id \"7\" is not a UUID"),
        (
            page(",\"id\":\"00000000-0000-0000-0000-000000000000\""),
            Rejected::InvalidField,
            "not a UUID",
        ),
        (page(",\"ip\":\"300.1.1.1\""), Rejected::InvalidField, "ip is not an address"),
        (page(",\"time\":\"2026-11-21T10:00:00\""), Rejected::InvalidTime, "with a zone"),
        (page(",\"time\":\"soon\""), Rejected::InvalidTime, "RFC 3339"),
        (page(",\"time\":1"), Rejected::TooOld, "at most 24 h"),
        (page(",\"time\":1e300"), Rejected::InFuture, "at most 300 s"),
        (
            r#"{"type":"pageview","site":"example.com","url":"/a"}"#.into(),
            Rejected::InvalidField,
            "expected http:// or https://",
        ),
        (
            r#"{"type":"pageview","site":"example.com"}"#.into(),
            Rejected::MissingField,
            "url is missing",
        ),
        (
            r#"{"type":"search","site":"example.com","query":" "}"#.into(),
            Rejected::MissingField,
            "query is missing",
        ),
        (
            r#"{"type":"engagement","site":"example.com"}"#.into(),
            Rejected::MissingField,
            "engaged_ms or scroll_pct",
        ),
        (
            r#"{"type":"engagement","site":"example.com","scroll_pct":101}"#.into(),
            Rejected::InvalidField,
            "expected 0 to 100",
        ),
        (
            r#"{"type":"action","site":"example.com","name":"buy",
                "value":{"amount":"1,5","currency":"EUR"}}"#
                .into(),
            Rejected::InvalidField,
            "amount \"1,5\"",
        ),
        (r#"{"type":"action","name":"x"}"#.into(), Rejected::MissingField, "site is missing"),
        (
            r#"{"type":"action","name":"x","site":"other.test"}"#.into(),
            Rejected::UnknownSite,
            "footfall site add other.test",
        ),
    ] {
        let rejection = rejected(&json, &context);
        assert_eq!(rejection.reason, reason, "{json}: {rejection:?}");
        assert!(rejection.detail.contains(said), "{json}: {rejection:?}");
    }
}

#[test]
fn beacons_are_taken_as_far_as_they_can_be() {
    let fixture = Fixture::new();
    let context = fixture.context();
    let title = "ü".repeat(400);
    let event = accepted(&page(&format!(",\"title\":\"{title}\"")), &context);
    assert_eq!(event.title, "ü".repeat(256));
    let event = accepted(&page(",\"colour\":1,\"query\":\"x\",\"ip\":\"8.8.8.8\""), &context);
    assert_eq!((&*event.query, event.results), ("", None));
    let event = accepted(&page(",\"title\":\"a\\u0000b\\r\\nc\""), &context);
    assert_eq!(event.title, "a b  c");
    let props: Vec<String> = (0..40).map(|i| format!("\"p{i:02}\":\"\\n\"")).collect();
    let event = accepted(&page(&format!(",\"props\":{{{}}}", props.join(","))), &context);
    assert_eq!(event.props.len(), 30);
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
fn sites_keys_and_origins() {
    let fixture = Fixture::new();
    let one = ["example.com".to_owned()];
    let other = ["other.test".to_owned()];
    let all: [String; 0] = [];
    let unnamed = r#"{"type":"action","name":"x"}"#;
    let api = |allowed_sites| Context { policy: Policy::API, allowed_sites, ..fixture.context() };
    assert_eq!(accepted(unnamed, &api(&one)).site, "example.com");
    assert_eq!(rejected(unnamed, &api(&all)).reason, Rejected::MissingField);
    assert_eq!(rejected(unnamed, &api(&other)).reason, Rejected::UnknownSite);
    assert_eq!(rejected(&page(""), &api(&other)).reason, Rejected::ForbiddenSite);
    for (origin, takes) in [
        ("https://example.com", true),
        ("http://www.example.com:8080", true),
        ("https://a.b.example.com", true),
        ("https://shop.test", true),
        ("https://badexample.com", false),
        ("https://example.com.evil.test", false),
        ("null", false),
        ("", false),
    ] {
        let context = Context { origin: Some(origin), ..fixture.context() };
        match run_json(&page(""), &context).0 {
            Outcome::Accepted(_) => assert!(takes, "{origin}"),
            Outcome::Rejected(rejection) => {
                assert!(!takes, "{origin}");
                assert_eq!(rejection.reason, Rejected::ForeignOrigin);
            }
            Outcome::Dropped(reason) => panic!("{reason}"),
        }
    }
}

#[test]
fn exclusions() {
    let dropped = |exclude: Exclusions| {
        let fixture = Fixture::of(&catalog(exclude, false));
        match run_json(&page(""), &fixture.context()).0 {
            Outcome::Dropped(reason) => Some(reason),
            Outcome::Accepted(_) => None,
            Outcome::Rejected(rejection) => panic!("{rejection:?}"),
        }
    };
    let texts = |text: &str| vec![text.to_owned()];
    let none = Exclusions::default;
    for (exclude, expected) in [
        (none(), None),
        (
            Exclusions { addresses: texts("203.0.113.0/24"), ..none() },
            Some(Dropped::ExcludedAddress),
        ),
        (Exclusions { addresses: texts("203.0.113.7"), ..none() }, Some(Dropped::ExcludedAddress)),
        (Exclusions { addresses: texts("203.0.114.0/24"), ..none() }, None),
        (Exclusions { hosts: texts("www.example.com"), ..none() }, Some(Dropped::ExcludedHost)),
        (Exclusions { hosts: texts("example.org"), ..none() }, None),
        (Exclusions { paths: texts("/a*"), ..none() }, Some(Dropped::ExcludedPath)),
        (Exclusions { paths: texts("/b*"), ..none() }, None),
        (Exclusions { agents: texts("windows nt"), ..none() }, Some(Dropped::ExcludedAgent)),
        (Exclusions { countries: texts("DE"), networks: vec![1], ..none() }, None),
    ] {
        let shown = format!("{exclude:?}");
        assert_eq!(dropped(exclude), expected, "{shown}");
    }
    let asks = |ignore| {
        let fixture = Fixture::of(&catalog(Exclusions::default(), ignore));
        let context = Context { opted_out: true, ..fixture.context() };
        run_json(&page(""), &context).0
    };
    assert_eq!(asks(false), Outcome::Dropped(Dropped::OptedOut));
    assert!(matches!(asks(true), Outcome::Accepted(_)));
}

#[test]
fn visitors_go_on_across_midnight_and_keep_their_shard() {
    let fixture = Fixture::new();
    let midnight = day_of(NOW) * DAY_MS;
    let at = |now_ms: i64, time: i64| {
        let context = Context { now_ms, ..fixture.context() };
        let mut route = None;
        let mut record = Vec::new();
        let json = page(&format!(",\"time\":{time}"));
        run(&mut decode(&json).unwrap(), &context, |event, to| {
            route = Some(to.partition);
            event.append_json(&mut record);
        });
        (Event::from_json(record.leak()).unwrap(), route)
    };
    let (before, shard) = at(midnight, midnight - 1);
    let (after, same_shard) = at(midnight, midnight);
    assert_ne!(before.visitor, after.visitor);
    assert_eq!(before.visitor, after.previous_visitor);
    assert_eq!(before.network, after.previous_network);
    assert_eq!(before.previous_visitor, None);
    assert_eq!(shard, same_shard);
}

#[test]
fn servers_report_for_their_visitors() {
    let fixture = Fixture::new();
    let context = Context { policy: Policy::API, via: Via::Api, ..fixture.context() };
    let event = accepted(&page(",\"ip\":\"198.51.100.9\",\"user_agent\":\"curl/8.0\""), &context);
    assert_eq!((&*event.bot, event.via), ("curl", Via::Api));
    assert!(event.visitor.is_some());
    let event = accepted(&page(",\"account\":\"u1\""), &context);
    assert_eq!((event.network, event.visitor, &*event.bot), (None, None, ""));
    assert!(event.account.is_some());
    let (Outcome::Accepted(route), _) = run_json(&page(""), &context) else { panic!() };
    assert!(matches!(route.key, RecordKey::Id(_)));
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

mod ads;

mod fuzz {
    use proptest::prelude::*;

    use super::*;
    use crate::web::take::take;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]

        #[test]
        fn no_bytes_bring_it_down(body: Vec<u8>) {
            let fixture = Fixture::new();
            for policy in [Policy::BEACON, Policy::API] {
                let _ = take(&body, &Context { policy, ..fixture.context() });
            }
        }

        /// A valid body with a few bytes replaced, removed or put in: whatever is accepted is a
        /// record that can be read.
        #[test]
        fn no_mutation_makes_an_unreadable_record(
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3), 1..6),
        ) {
            let fixture = Fixture::new();
            let list = format!(
                "[{},{}]",
                page(r#","title":"a\u00e9\ud83d\ude00","props":{"a":1.5e3,"b":"\n"}"#),
                r#"{"type":"search","site":"example.com","query":"x","filters":{"a":"b"}}"#
            );
            let mut body = list.into_bytes();
            for (index, byte, kind) in edits {
                let at = index.index(body.len());
                match kind {
                    0 => body[at] = byte,
                    1 => drop(body.remove(at)),
                    _ => body.insert(at, byte),
                }
            }
            for policy in [Policy::BEACON, Policy::API] {
                if let Ok(taken) = take(&body, &Context { policy, ..fixture.context() }) {
                    for (_, _, record) in taken.batch.iter() {
                        let event = Event::from_json(record);
                        prop_assert!(event.is_ok(), "{}", record.escape_ascii());
                    }
                }
            }
        }
    }
}
