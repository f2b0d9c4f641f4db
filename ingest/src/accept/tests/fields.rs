//! Fields that can't be right: refused to programs, put right for browsers.

use super::*;

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
