//! The part of a record that the core looks at, borrowed from the record.

use std::borrow::Cow;

use footfall_event::record::{self, Device, RecordError, Via};
use footfall_event::scan::{Value, text_end, word};
use footfall_event::{Activity, Hex64, Id, VerdictReason};
use serde::Deserialize;

use super::scan::scan;

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
    /// Reads a record, where nothing was read yet: it is too large to be passed around.
    ///
    /// # Errors
    /// When the bytes are not a record of this version.
    pub(super) fn read(&mut self, bytes: &'a [u8]) -> Result<(), RecordError> {
        if scan(bytes, self).is_none() {
            *self = serde_json::from_slice(bytes)?;
        }
        if self.v != record::VERSION {
            return Err(RecordError::Version(self.v));
        }
        Ok(())
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

    /// Takes over one member, whose name's first eight bytes are `first`. `None`: leave the record to
    /// the real parser. The members that a record must have answer with their bit.
    #[inline]
    pub(super) fn set(&mut self, first: u64, key: &[u8], value: Value<'a>) -> Option<u8> {
        /// One comparison of words finds the arm, the other makes sure.
        macro_rules! member {
            ($($name:ident $text:literal: $bit:literal, $set:expr;)+) => {
                $(const $name: u64 = word($text);)+
                match first {
                    $($name if key == $text => {
                        $set;
                        return Some($bit);
                    })+
                    _ => {}
                }
            };
        }
        member! {
            V b"v": 1, self.v = number(value)?.try_into().ok()?;
            TYPE b"type": 2, self.activity = Activity::parse(text(value)?)?;
            ID b"id": 4, self.id = Id::try_parse_ascii(text(value)?.as_bytes()).ok()?;
            SITE b"site": 8, self.site = text(value)?.into();
            TIME b"time": 16, self.time = number(value)?;
            RECEIVED_AT b"received_at": 32, self.received_at = number(value)?;
            VIA b"via": 0, self.via = parsed(text(value)?)?;
            NETWORK b"network": 0, self.network = Some(text(value)?.parse().ok()?);
            VISITOR b"visitor": 0, self.visitor = Some(text(value)?.parse().ok()?);
            HOST b"host": 0, self.host = text(value)?.into();
            PATH b"path": 0, self.path = text(value)?.into();
            NAME b"name": 0, self.name = text(value)?.into();
            SOURCE b"source": 0, self.source = text(value)?.into();
            CHANNEL b"channel": 0, self.channel = text(value)?.into();
            REFERRER_HOST b"referrer_host": 0, self.referrer_host = text(value)?.into();
            UTM_MEDIUM b"utm_medium": 0, self.utm_medium = text(value)?.into();
            UTM_CAMPAIGN b"utm_campaign": 0, self.utm_campaign = text(value)?.into();
            UTM_CONTENT b"utm_content": 0, self.utm_content = text(value)?.into();
            UTM_TERM b"utm_term": 0, self.utm_term = text(value)?.into();
            BROWSER b"browser": 0, self.browser = text(value)?.into();
            OS b"os": 0, self.os = text(value)?.into();
            BOT b"bot": 0, self.bot = text(value)?.into();
            COUNTRY b"country": 0, self.country = text(value)?.into();
            REGION b"region": 0, self.region = text(value)?.into();
            CITY b"city": 0, self.city = text(value)?.into();
            LANGUAGE b"language": 0, self.language = text(value)?.into();
            SCREEN b"screen": 0, self.screen = text(value)?.into();
            DEVICE b"device": 0, self.device = parsed(text(value)?)?;
            AUTOMATED b"automated": 0, self.automated = flag(value)?;
            ENGAGED_MS b"engaged_ms": 0, self.engaged_ms = number(value)?.try_into().ok()?;
            FOUND b"found": 0, self.found = list(value)?;
            PREVIOUS_VISITOR b"previous_visitor": 0, self.previous_visitor = Some(text(value)?.parse().ok()?);
        }
        Some(0)
    }
}

fn text(value: Value<'_>) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

fn number(value: Value<'_>) -> Option<i64> {
    if let Value::Number(number) = value { Some(number) } else { None }
}

fn flag(value: Value<'_>) -> Option<bool> {
    if let Value::Flag(flag) = value { Some(flag) } else { None }
}

fn list<'a, T: Deserialize<'a>>(value: Value<'a>) -> Option<Vec<T>> {
    if let Value::Other(json) = value { serde_json::from_str(json).ok() } else { None }
}

fn parsed<'a, T: Deserialize<'a>>(word: &'a str) -> Option<T> {
    use serde::de::{IntoDeserializer, value::Error};
    let deserializer: serde::de::value::StrDeserializer<'a, Error> = word.into_deserializer();
    T::deserialize(deserializer).ok()
}

/// The number after the first occurrence of `name` (`"time":`) in a record, without parsing it.
/// Good for ordering only: a record of foreign make may have it elsewhere.
pub(super) fn glance(record: &[u8], name: &[u8]) -> Option<i64> {
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
