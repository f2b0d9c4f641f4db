//! Whose events are taken: sites, keys, origins, exclusions, visitors.

use super::*;

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
