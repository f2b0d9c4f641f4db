//! Reads the records that go through in numbers the short way: see [`crate::scan`].
//!
//! A member that is missing in the lists below is still read, by the general parser; only slower. The
//! tests below fail then.

use crate::ads::{Billing, Proof, Touch};
use crate::money::Money;
use crate::record::{ConversionStatus, Device, Event, Judgement, Via};
use crate::scan::members::{Member, by_the_general_parser, general, members, record};
use crate::scan::{Value, plain};
use crate::{Activity, Hex64, Id, SessionDelta, Verdict};

by_the_general_parser!(Billing, Money, Proof, ConversionStatus, Via);

impl<'a> Member<'a> for Touch<'a> {
    fn of(value: Value<'a>) -> Option<Self> {
        general(value)
    }
}

impl<'a> Member<'a> for Activity {
    fn of(value: Value<'a>) -> Option<Self> {
        if let Value::Text(word) = value { Activity::parse(word) } else { None }
    }
}

impl<'a> Member<'a> for Device {
    fn of(value: Value<'a>) -> Option<Self> {
        let Value::Text(word) = value else { return None };
        Device::ALL.into_iter().find(|device| device.as_str() == word)
    }
}

impl<'a> Member<'a> for Verdict {
    fn of(value: Value<'a>) -> Option<Self> {
        if let Value::Text(word) = value { Verdict::parse(word) } else { None }
    }
}

impl<'a> Member<'a> for Judgement {
    fn of(value: Value<'a>) -> Option<Self> {
        let Value::Other(json) = value else { return None };
        let empty = Judgement {
            verdict: Verdict::Valid,
            reasons: Vec::new(),
            rules: 0,
            session: None,
            new_visitor: 0,
            new_on_path: 0,
            late: false,
            marks: 0,
        };
        record(json, empty, judgement::verdict | judgement::rules, set_judgement)
    }
}

/// An event's record; `None` leaves it to the general parser.
pub(crate) fn event(bytes: &[u8]) -> Option<Event<'_>> {
    let mut empty = Event::new(Activity::Pageview, Id::nil(), "", 0);
    empty.v = 0;
    let required = event_members::v
        | event_members::activity
        | event_members::id
        | event_members::site
        | event_members::time
        | event_members::received_at;
    record(plain(bytes)?, empty, required, set_event)
}

/// A difference's record; `None` leaves it to the general parser.
pub(crate) fn session(bytes: &[u8]) -> Option<SessionDelta<'_>> {
    let mut empty = SessionDelta::new("", Hex64(0), Hex64(0), 0);
    empty.v = 0;
    let required =
        delta::v | delta::site | delta::session | delta::visitor | delta::start | delta::verdict;
    record(plain(bytes)?, empty, required, set_delta)
}

members! { set_event, event_members, Event<'a>, "type" => activity:
    v id site time received_at via network visitor previous_network previous_visitor account url
    host path title referrer source channel referrer_host utm_medium utm_campaign utm_content
    utm_term click_id_param user_agent browser browser_version os os_version device bot automated
    country region city asn as_organization language screen timezone props pageview engaged_ms
    scroll_pct query results filters name value ad placement position request impression viewable_ms
    visible_pct click goal transaction status campaign billing budget target view_days measurable
    proof impression_at touches found view_through judged
}

members! { set_judgement, judgement, Judgement:
    verdict reasons rules session new_visitor new_on_path late marks
}

members! { set_delta, delta, SessionDelta<'a>:
    v site session visitor start verdict entry exit host source channel referrer_host utm_medium
    utm_campaign utm_content utm_term browser os device screen language country region city visits
    bounces pageviews duration_ms engaged_ms visitors source_visitors channel_visitors
    campaign_visitors entry_visitors exit_visitors exits left left_visitors
}

#[cfg(test)]
mod tests {
    use serde_json::{Value as Json, json};

    use super::*;
    use crate::SessionDelta;

    /// A record in which every member of the schema has a value, and every text needs care.
    fn whole(schema: &Json, mut record: Json, escape: bool) -> Json {
        for (at, (name, member)) in schema["properties"].as_object().unwrap().iter().enumerate() {
            if record.get(name).is_some() {
                continue;
            }
            record[name] = match member["type"].as_str() {
                Some("string") if escape => format!("ü\n\"\\{at}").into(),
                Some("string") => format!("ü/\u{7f}{at} – a text of some length").into(),
                Some("boolean") => true.into(),
                Some("integer") => (at + 1).into(),
                _ => panic!("no example for {name}: {member}"),
            };
        }
        record
    }

    fn whole_event(escape: bool) -> Vec<u8> {
        let id = "0192f0c1-2d3e-7abc-8def-0123456789ab";
        let money = json!({"micros": -5, "currency": "EUR"});
        let billing = json!({"model": "cpc", "price": money});
        let touch = json!({"click": id, "at": 1, "site": "a\"b", "ad": "x", "billing": billing});
        let record = json!({
            "v": 1, "type": "conversion", "id": id, "time": -7, "via": "import",
            "network": "0000000000000001", "visitor": "00000000000000ff",
            "previous_network": "0000000000000003", "previous_visitor": "ffffffffffffffff",
            "account": "0123456789abcdef", "device": "television", "pageview": id,
            "impression": id, "scroll_pct": 100, "results": 0, "visible_pct": 50,
            "props": {"a}\"b": "]\\", "n": 1.5e3, "t": true}, "filters": {"f": "\u{1}"},
            "value": money, "status": "rejected", "billing": billing, "budget": money,
            "proof": "signed", "found": ["bot_agent", "expired"],
            "touches": [touch], "view_through": touch,
            "judged": {"verdict": "flagged", "reasons": ["no_impression"], "rules": 2,
                "session": "0000000000000009", "new_visitor": 1, "new_on_path": 1, "late": true},
        });
        let schema = schemars::schema_for!(Event<'static>).to_value();
        let json = whole(&schema, record, escape).to_string();
        serde_json::from_str::<Event<'_>>(&json).unwrap().to_json()
    }

    fn whole_delta(escape: bool) -> Vec<u8> {
        let record = json!({
            "v": 1, "session": "0000000000000001", "visitor": "00000000000000ff",
            "verdict": "invalid", "device": "tablet", "bounces": -1, "duration_ms": i64::MAX,
        });
        let schema = schemars::schema_for!(SessionDelta<'static>).to_value();
        whole(&schema, record, escape).to_string().into_bytes()
    }

    /// What is read the short way is what the general parser reads, and nothing that it refuses.
    fn agrees<'a, T>(bytes: &'a [u8], scan: fn(&'a [u8]) -> Option<T>) -> bool
    where
        T: serde::Deserialize<'a> + PartialEq + std::fmt::Debug,
    {
        let scanned = scan(bytes);
        if let Some(scanned) = &scanned {
            let parsed = serde_json::from_slice::<T>(bytes).ok();
            assert_eq!(Some(scanned), parsed.as_ref(), "{}", String::from_utf8_lossy(bytes));
        }
        scanned.is_some()
    }

    #[test]
    fn every_member_is_read_the_short_way() {
        for escape in [false, true] {
            assert!(agrees(&whole_event(escape), event));
            assert!(agrees(&whole_delta(escape), session));
        }
        let usual = Event::new(Activity::Search, Id::from_u128(9), "example.com", 5).to_json();
        assert!(agrees(&usual, event));
    }

    #[test]
    fn whatever_a_record_is_changed_into_both_agree() {
        let (whole_event, whole_delta) = (whole_event(true), whole_delta(false));
        for at in 0..whole_event.len() {
            assert!(!agrees(&whole_event[..at], event), "cut at {at}");
            // Others at the next position: all of them everywhere would take half a minute.
            for byte in b"\"\\{}[],:0-e \x01\xff".iter().skip(at % 7).step_by(7).copied() {
                let mut changed = whole_event.clone();
                changed[at] = byte;
                agrees(&changed, event);
                changed = whole_event.clone();
                changed.insert(at, byte);
                agrees(&changed, event);
            }
        }
        for at in 0..whole_delta.len() {
            for byte in *b"\"\\{}[],:0-. \x1f\xff" {
                let mut changed = whole_delta.clone();
                changed[at] = byte;
                agrees(&changed, session);
            }
        }
    }

    #[test]
    fn what_is_missing_twice_or_unknown_is_left_to_the_parser() {
        let text = String::from_utf8(whole_delta(false)).unwrap();
        for (from, to) in [
            ("\"v\":1,", ""),
            ("\"v\":1,", "\"v\":1,\"v\":1,"),
            ("\"v\":1,", "\"v\":1,\"new\":1,"),
            ("\"v\":1,", "\"v\":01,"),
            ("\"v\":1,", "\"v\":null,"),
            ("\"v\":1,", "\"v\":1e0,"),
            ("\"v\":1,", "\"v\":256,"),
            ("\"bounces\":-1", "\"bounces\":-0"),
            ("\"bounces\":-1", "\"bounces\":2147483648"),
            ("\"tablet\"", "\"tabletop\""),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(changed != text && !agrees(changed.as_bytes(), session), "{to}");
        }
        assert!(
            SessionDelta::from_json(text.replacen("{", "{\"new\":[1], ", 1).as_bytes()).is_ok()
        );
    }
}
