use super::*;

const TIME: &str = "[21/Nov/2026:10:00:00 +0000]";
const AT: i64 = 1_795_255_200_000;

fn hit(line: &str) -> Result<Hit, Unparsable> {
    parse(line.as_bytes())
}

fn target(line: &str) -> String {
    hit(line).unwrap().request.unwrap().target
}

#[test]
fn the_known_formats() {
    let combined = hit(&format!(
        "192.0.2.7 - - {TIME} \"GET /a?b=c HTTP/1.1\" 200 512 \"https://t.test/\" \"Mozilla/5.0 (X)\""
    ));
    let expected = Hit {
        time: AT,
        client: Some("192.0.2.7".parse().unwrap()),
        request: Some(Request { method: "GET".into(), target: "/a?b=c".into() }),
        status: 200,
        referrer: "https://t.test/".into(),
        user_agent: "Mozilla/5.0 (X)".into(),
        ..Hit::default()
    };
    assert_eq!(combined, Ok(expected.clone()));
    let common = hit(&format!("192.0.2.7 - - {TIME} \"GET /a?b=c HTTP/2.0\" 200 -"));
    let bare = Hit { referrer: String::new(), user_agent: String::new(), ..expected.clone() };
    assert_eq!(common, Ok(bare));
    let vhost = hit(&format!(
        "www.example.com:80 192.0.2.7 - - {TIME} \"GET /a?b=c HTTP/1.1\" 200 5 \
         \"https://t.test/\" \"Mozilla/5.0 (X)\" 0.004 \"10.0.0.1\""
    ));
    let expected = Hit { host: "www.example.com".into(), plain_http: true, ..expected };
    assert_eq!(vhost, Ok(expected));
}

#[test]
fn clients() {
    for (client, expected) in [
        ("2001:db8::1", Some("2001:db8::1")),
        ("fe80::1%eth0", Some("fe80::1")),
        ("[2001:db8::1]", Some("2001:db8::1")),
        ("192.0.2.1:5000", Some("192.0.2.1")),
        ("host.example.net", None),
        ("-", None),
        ("999.0.2.1", None),
    ] {
        let hit = hit(&format!("{client} - bob {TIME} \"GET / HTTP/1.1\" 200 1")).unwrap();
        assert_eq!(hit.client, expected.map(|text| text.parse().unwrap()), "{client}");
        assert_eq!(hit.host, "");
    }
    let user = hit(&format!("192.0.2.1 - \"a [b] c\" {TIME} \"GET / HTTP/1.1\" 200 1")).unwrap();
    assert_eq!(user.client, Some("192.0.2.1".parse().unwrap()));
}

#[test]
fn times_need_a_zone_and_a_real_date() {
    for (text, expected) in [
        ("21/Nov/2026:11:00:00 +0100", Some(AT)),
        ("21/Nov/2026:04:30:00 -0530", Some(AT)),
        ("21/Nov/2026:09:59:60 +0000", Some(AT - 1_000)),
        ("2026-11-21T11:00:00+01:00", Some(AT)),
        ("29/Feb/2024:00:00:00 +0000", Some(1_709_164_800_000)),
        ("29/Feb/2026:00:00:00 +0000", None),
        ("21/Nov/2026:24:00:00 +0000", None),
        ("21/Nov/2026:10:00:00", None),
        ("21/Nov/2026:10:00:00 +00", None),
        ("21/anF/2026:10:00:00 +0000", None),
        ("21/Now/2026:10:00:00 +0000", None),
        ("2é/Nov/2026:10:00:00 +000", None),
        ("21/Nov/2026:10:00:00 +9999", None),
        ("2026-11-21T10:00:00", None),
    ] {
        assert_eq!(parse_time(text.as_bytes()), expected, "{text}");
    }
}

#[test]
fn escapes_and_quotes() {
    let line = |request: &str, agent: &str| {
        format!("192.0.2.1 - - {TIME} \"{request}\" 200 1 \"-\" \"{agent}\"")
    };
    for (agent, expected) in [
        (r"a\x22b", "a\"b"),
        (r#"a\"b"#, "a\"b"),
        (r"back\\slash", r"back\slash"),
        (r"\xd0\xb8", "и"),
        (r"\xff", "\u{fffd}"),
        (r"\xzz \q", r"\xzz \q"),
        (r#"un"escaped"#, "un\"escaped"),
        ("-", ""),
        ("", ""),
    ] {
        assert_eq!(hit(&line("GET / HTTP/1.1", agent)).unwrap().user_agent, expected, "{agent}");
    }
    assert_eq!(target(&line(r"GET /\xc3\xa9 HTTP/1.1", "-")), "/%C3%A9");
    assert_eq!(target(&line("GET /a b HTTP/1.1", "-")), "/a%20b");
    assert_eq!(target(&line("GET /old", "-")), "/old");
}

#[test]
fn what_is_no_request_is_still_a_line() {
    for request in ["-", "", r"\x16\x03\x01", "GET", "GET  HTTP/1.1", "quit now please"] {
        let line = format!("192.0.2.1 - - {TIME} \"{request}\" 400 0 \"-\" \"-\"");
        let hit = hit(&line).unwrap_or_else(|error| panic!("{request}: {error:?}"));
        let harmless = hit.request.as_ref().is_none_or(|request| request.method != "GET");
        assert!(harmless, "{hit:?}");
    }
}

#[test]
fn what_can_not_be_read_says_why() {
    for (line, expected) in [
        (String::new(), Unparsable::Form),
        ("hello world".into(), Unparsable::Form),
        (format!("192.0.2.1 - - {TIME}"), Unparsable::Form),
        (format!("192.0.2.1 - {TIME} \"GET / HTTP/1.1\" 200 1"), Unparsable::Form),
        (format!("192.0.2.1 - - {TIME} \"GET / HTTP/1.1"), Unparsable::Form),
        (format!("192.0.2.1 - - {TIME} \"GET / HTTP/1.1\""), Unparsable::Status),
        (format!("192.0.2.1 - - {TIME} \"GET / HTTP/1.1\" OK 1"), Unparsable::Status),
        (format!("192.0.2.1 - - {TIME} \"GET / HTTP/1.1\" 999 1"), Unparsable::Status),
        (format!("192.0.2.1 - - {TIME} \"GET / HTTP/1.1\" 200 1x"), Unparsable::Form),
        (format!("192.0.2.1 - - {TIME} \"GET / HTTP/1.1\" 200 1 \"-\" \"Mozil"), Unparsable::Form),
        (format!("192.0.2.1 - - {TIME} \"GET / HTTP/1.1\" 200 1 \"-\""), Unparsable::Form),
        ("192.0.2.1 - - [21/Nov/2026:10:00:00] \"GET / HTTP/1.1\" 200 1".into(), Unparsable::Time),
    ] {
        assert_eq!(hit(&line), Err(expected), "{line}");
    }
    let mut invalid = b"192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] \"GET /".to_vec();
    invalid.extend_from_slice(b"\xff\xfe HTTP/1.1\" 200 1 \"-\" \"\xc3(\"");
    let hit = parse(&invalid).unwrap();
    assert_eq!(hit.request.unwrap().target, "/%FF%FE");
    assert_eq!(hit.user_agent, "\u{fffd}(");
}

#[test]
fn no_line_panics() {
    let line = format!(
        "h:80 192.0.2.1 - - {TIME} \"GET /\\x22 HTTP/1.1\" 200 1 \"a\\\\\" \"b\\\"\" extra"
    );
    for end in 0..line.len() {
        drop(parse(&line.as_bytes()[..end]));
        drop(parse(&line.as_bytes()[end..]));
    }
}
