use super::*;

fn tally() -> Tally {
    let mut groups = Groups::default();
    for (ad, campaign) in [("a1", "c1"), ("a2", "c1"), ("b\"1", "c2")] {
        groups.put(ad, campaign);
    }
    Tally::new(Rule::yahoo(), groups)
}

fn counts(tally: &mut Tally) -> Vec<(String, i64, u64)> {
    let mut counts = Vec::new();
    tally.drain(|group, start, count| counts.push((group.to_owned(), start, count)));
    counts
}

#[test]
fn views_are_counted_per_campaign_and_window() {
    let mut tally = tally();
    tally.lines(
        b"{\"user_id\": \"u\", \"ad_id\": \"a1\", \"event_type\": \"view\", \"event_time\": \"10001\"}\n\
          {\"ad_id\":\"a2\",\"event_type\":\"view\",\"event_time\":19999,\"ip_address\":\"1.2.3.4\"}\r\n\
          \n  \n\
          {\"event_time\":20000,\"event_type\":\"view\",\"ad_id\":\"a1\"}\n\
          {\"event_time\":20000,\"event_type\":\"click\",\"ad_id\":\"a1\"}\n\
          {\"event_time\":20000,\"event_type\":\"view\",\"ad_id\":\"zz\"}\n\
          \t{ \"event_time\" : -1 , \"x\":[{}], \"event_type\":\"v\\u0069ew\",\"ad_id\":\"b\\\"1\" } ",
    );
    let expected = [("c1", 10_000, 2), ("c1", 20_000, 1), ("c2", -10_000, 1)];
    assert_eq!(counts(&mut tally), expected.map(|(c, s, n)| (c.to_owned(), s, n)));
    let outcomes = Outcomes { counted: 4, left_out: 1, unknown: 1, malformed: 0 };
    assert_eq!(tally.outcomes(), outcomes);
    assert_eq!(outcomes.events(), 6);
    assert!(counts(&mut tally).is_empty(), "handed out once");
}

#[test]
fn what_is_not_an_event_is_malformed() {
    let good = r#"{"ad_id":"a1","event_type":"view","event_time":"10001","s":"x"}"#;
    for bad in [
        "x",
        "[]",
        "{}",
        "null",
        r#"{"ad_id":"a1","event_type":"view"}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":"1e3"}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":""}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":1.5}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":true}"#,
        r#"{"ad_id":7,"event_type":"view","event_time":1}"#,
        r#"{"ad_id":null,"event_type":"view","event_time":1}"#,
        r#"{"ad_id":"a1","ad_id":"a1","event_type":"view","event_time":1}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":1,}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":1} {}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":1,"x":{1}}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":1,"x":"\q"}"#,
        "{\"ad_id\":\"a1\",\"event_type\":\"view\",\"event_time\":1,\"x\":\"\u{1}\"}",
        r#"{"ad_id":"a1","event_type":"view","event_time":01}"#,
        r#"{"ad_id":"a1","event_type":"view","event_time":99999999999999999999}"#,
    ] {
        let mut tally = tally();
        tally.event(bad.as_bytes());
        assert_eq!(tally.outcomes(), Outcomes { malformed: 1, ..Outcomes::default() }, "{bad}");
    }
    for at in 0..good.len() {
        let mut tally = tally();
        tally.event(&good.as_bytes()[..at]);
        assert_eq!(tally.outcomes().malformed, 1, "cut at {at}");
    }
    let mut tally = tally();
    tally.event(b"{\"ad_id\":\"a1\",\"event_type\":\"view\",\"event_time\":1,\"x\":\"\xff\"}");
    assert_eq!(tally.outcomes().malformed, 1, "not UTF-8");
}

/// Whatever byte is changed, both ways agree.
#[test]
fn the_short_way_agrees_with_the_parser() {
    let tally = tally();
    let good = br#"{"user_id": "u", "ad_id": "a1", "event_type": "view", "event_time": "10001"}"#;
    for at in 0..good.len() {
        for byte in *b"\"\\{}[],:0 x\xff\n" {
            let mut changed = good.to_vec();
            changed[at] = byte;
            let Some(short) = tally.scan(&changed) else { continue };
            let text = String::from_utf8_lossy(&changed);
            let long = tally.parse(&changed).unwrap_or_else(|| panic!("refused: {text}"));
            assert_eq!(
                (short.kept, short.key, short.time),
                (long.kept, long.key, long.time),
                "{text}"
            );
        }
    }
}
