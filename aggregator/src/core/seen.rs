//! The part of a record that the core looks at, borrowed from the record.

use std::borrow::Cow;

use footfall_event::record::{self, Device, RecordError, Via};
use footfall_event::scan::members::members;
use footfall_event::scan::text_end;
use footfall_event::{Activity, Hex64, Id, VerdictReason};
use serde::Deserialize;

type Text<'a> = Cow<'a, str>;

/// An accepted event as far as the core needs it: see [`footfall_event::Event`] for the fields.
#[derive(Debug, PartialEq, Deserialize)]
pub(super) struct Seen<'a> {
    v: u8,
    #[serde(rename = "type")]
    pub(super) activity: Activity,
    pub(super) id: Id,
    #[serde(borrow)]
    pub(super) site: Text<'a>,
    pub(super) time: i64,
    pub(super) received_at: i64,
    #[serde(default)]
    pub(super) via: Via,
    #[serde(default)]
    pub(super) network: Option<Hex64>,
    #[serde(default)]
    pub(super) visitor: Option<Hex64>,
    #[serde(default)]
    pub(super) previous_visitor: Option<Hex64>,
    #[serde(borrow, default)]
    pub(super) host: Text<'a>,
    #[serde(borrow, default)]
    pub(super) path: Text<'a>,
    /// Of an action.
    #[serde(borrow, default)]
    pub(super) name: Text<'a>,
    #[serde(borrow, default)]
    pub(super) source: Text<'a>,
    #[serde(borrow, default)]
    pub(super) channel: Text<'a>,
    #[serde(borrow, default)]
    pub(super) referrer_host: Text<'a>,
    #[serde(borrow, default)]
    pub(super) utm_medium: Text<'a>,
    #[serde(borrow, default)]
    pub(super) utm_campaign: Text<'a>,
    #[serde(borrow, default)]
    pub(super) utm_content: Text<'a>,
    #[serde(borrow, default)]
    pub(super) utm_term: Text<'a>,
    #[serde(borrow, default)]
    pub(super) browser: Text<'a>,
    #[serde(borrow, default)]
    pub(super) os: Text<'a>,
    #[serde(default)]
    pub(super) device: Device,
    #[serde(borrow, default)]
    pub(super) bot: Text<'a>,
    #[serde(default)]
    pub(super) automated: bool,
    #[serde(borrow, default)]
    pub(super) country: Text<'a>,
    #[serde(borrow, default)]
    pub(super) region: Text<'a>,
    #[serde(borrow, default)]
    pub(super) city: Text<'a>,
    #[serde(borrow, default)]
    pub(super) language: Text<'a>,
    #[serde(borrow, default)]
    pub(super) screen: Text<'a>,
    #[serde(default)]
    pub(super) engaged_ms: u32,
    #[serde(default)]
    pub(super) found: Vec<VerdictReason>,
}

impl<'a> Seen<'a> {
    /// By the general parser.
    ///
    /// # Errors
    /// When the bytes are not a record.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Seen<'a>, RecordError> {
        Ok(serde_json::from_slice(bytes)?)
    }

    /// # Errors
    /// When the record is of another version than this program's.
    pub(super) fn check(&self) -> Result<(), RecordError> {
        if self.v == record::VERSION { Ok(()) } else { Err(RecordError::Version(self.v)) }
    }

    /// A record of which nothing was read yet.
    pub(super) fn empty() -> Seen<'a> {
        let none = Text::default;
        Seen {
            v: 0,
            activity: Activity::Pageview,
            id: Id::nil(),
            site: none(),
            time: 0,
            received_at: 0,
            via: Via::default(),
            network: None,
            visitor: None,
            previous_visitor: None,
            host: none(),
            path: none(),
            name: none(),
            source: none(),
            channel: none(),
            referrer_host: none(),
            utm_medium: none(),
            utm_campaign: none(),
            utm_content: none(),
            utm_term: none(),
            browser: none(),
            os: none(),
            device: Device::default(),
            bot: none(),
            automated: false,
            country: none(),
            region: none(),
            city: none(),
            language: none(),
            screen: none(),
            engaged_ms: 0,
            found: Vec::new(),
        }
    }
}

members! { pub(super) set_seen, has, Seen<'a>, "type" => activity:
    v id site time received_at via network visitor previous_visitor host path name source channel
    referrer_host utm_medium utm_campaign utm_content utm_term browser os device bot automated
    country region city language screen engaged_ms found
}

/// The member that says what the others are about.
pub(super) const ACTIVITY: u128 = has::activity;
/// What a record must have.
pub(super) const REQUIRED: u128 =
    has::v | has::activity | has::id | has::site | has::time | has::received_at;

/// The number after the first occurrence of `name` (`"time":`) in a record, without parsing it.
/// Good for ordering only: a record of foreign make may have it elsewhere.
pub(super) fn glance<const N: usize>(record: &[u8], name: &[u8; N]) -> Option<i64> {
    // `time` and `received_at` stand among the first members of a record that we wrote.
    let head = &record[..record.len().min(512)];
    let times = times_of(head);
    let behind = times.and_then(|times| {
        let next = || times.get(memchr::memchr(b',', times)? + 1..)?.strip_prefix(name);
        times.strip_prefix(name).or_else(next)
    });
    let behind = match behind {
        Some(behind) => behind,
        None => &head[memchr::memmem::find(head, name)? + name.len()..],
    };
    let mut value = 0i64;
    let mut digits = 0;
    for byte in behind.iter().take_while(|byte| byte.is_ascii_digit()).take(18) {
        value = value * 10 + i64::from(byte - b'0');
        digits += 1;
    }
    (digits > 0).then_some(value)
}

/// The members from `time` on, where they stand in a record that we wrote.
fn times_of(head: &[u8]) -> Option<&[u8]> {
    const ID_BYTES: usize = 36;
    let rest = head.strip_prefix(b"{\"v\":1,\"type\":\"")?;
    let rest = rest[text_end(rest, 0)?..].strip_prefix(b"\",\"id\":\"")?;
    let rest = rest.get(ID_BYTES..)?.strip_prefix(b"\",\"site\":\"")?;
    rest[text_end(rest, 0)?..].strip_prefix(b"\",")
}

#[cfg(test)]
mod tests {
    use footfall_event::Event;

    use super::*;

    #[test]
    fn times_are_found_wherever_they_stand() {
        let mut event = Event::new(Activity::Pageview, Id::from_u128(7), "example.com", 1_234);
        event.received_at = 5_678;
        let usual = event.to_json();
        assert!(times_of(&usual).is_some());
        let other = br#"{"received_at":5678,"v":1,"time":1234}"#;
        for record in [&usual[..], other] {
            assert_eq!(glance(record, b"\"time\":"), Some(1_234));
            assert_eq!(glance(record, b"\"received_at\":"), Some(5_678));
        }
        for bad in [&b""[..], b"{}", b"{\"time\":-1}", &usual[..20], &usual[..70]] {
            assert_eq!(glance(bad, b"\"time\":"), None);
        }
    }
}
