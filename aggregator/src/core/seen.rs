//! The part of a record that the core looks at, borrowed from the record.

use std::borrow::Cow;

use footfall_event::record::{self, Device, RecordError, Via};
use footfall_event::{Activity, Hex64, Id};
use serde::Deserialize;

use super::scan::{Value, scan};

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
    pub(super) visitor: Option<Hex64>,
    #[serde(default)]
    pub(super) previous_visitor: Option<Hex64>,
    #[serde(borrow, default)]
    pub(super) host: Text<'a>,
    #[serde(borrow, default)]
    pub(super) path: Text<'a>,
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
}

impl<'a> Seen<'a> {
    /// Reads a record.
    ///
    /// # Errors
    /// When the bytes are not a record of this version.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Seen<'a>, RecordError> {
        let seen = match scan(bytes) {
            Some(seen) => seen,
            None => serde_json::from_slice(bytes)?,
        };
        if seen.v != record::VERSION {
            return Err(RecordError::Version(seen.v));
        }
        Ok(seen)
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
            visitor: None,
            previous_visitor: None,
            host: none(),
            path: none(),
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
        }
    }

    /// Takes over one member. `None`: leave the record to the real parser. The members that a record
    /// must have answer with their bit.
    pub(super) fn set(&mut self, key: &[u8], value: Value<'a>) -> Option<u8> {
        match key {
            b"v" => {
                self.v = value.number()?.try_into().ok()?;
                return Some(1);
            }
            b"type" => {
                self.activity = Activity::parse(value.text()?)?;
                return Some(2);
            }
            b"id" => {
                self.id = Id::try_parse_ascii(value.text()?.as_bytes()).ok()?;
                return Some(4);
            }
            b"site" => {
                self.site = value.text()?.into();
                return Some(8);
            }
            b"time" => {
                self.time = value.number()?;
                return Some(16);
            }
            b"received_at" => {
                self.received_at = value.number()?;
                return Some(32);
            }
            b"via" => self.via = word(value.text()?)?,
            b"visitor" => self.visitor = Some(value.text()?.parse().ok()?),
            b"previous_visitor" => self.previous_visitor = Some(value.text()?.parse().ok()?),
            b"host" => self.host = value.text()?.into(),
            b"path" => self.path = value.text()?.into(),
            b"source" => self.source = value.text()?.into(),
            b"channel" => self.channel = value.text()?.into(),
            b"referrer_host" => self.referrer_host = value.text()?.into(),
            b"utm_medium" => self.utm_medium = value.text()?.into(),
            b"utm_campaign" => self.utm_campaign = value.text()?.into(),
            b"utm_content" => self.utm_content = value.text()?.into(),
            b"utm_term" => self.utm_term = value.text()?.into(),
            b"browser" => self.browser = value.text()?.into(),
            b"os" => self.os = value.text()?.into(),
            b"device" => self.device = word(value.text()?)?,
            b"bot" => self.bot = value.text()?.into(),
            b"automated" => self.automated = value.flag()?,
            b"country" => self.country = value.text()?.into(),
            b"region" => self.region = value.text()?.into(),
            b"city" => self.city = value.text()?.into(),
            b"language" => self.language = value.text()?.into(),
            b"screen" => self.screen = value.text()?.into(),
            b"engaged_ms" => self.engaged_ms = value.number()?.try_into().ok()?,
            _ => {}
        }
        Some(0)
    }
}

fn word<'a, T: Deserialize<'a>>(word: &'a str) -> Option<T> {
    use serde::de::{IntoDeserializer, value::Error};
    let deserializer: serde::de::value::StrDeserializer<'a, Error> = word.into_deserializer();
    T::deserialize(deserializer).ok()
}

/// The number after the first occurrence of `name` (`"time":`) in a record, without parsing it.
/// Good for ordering only: a record of foreign make may have it elsewhere.
pub(super) fn glance(record: &[u8], name: &[u8]) -> Option<i64> {
    // `time` and `received_at` stand among the first members of a record that we wrote.
    let head = &record[..record.len().min(512)];
    let at = head.windows(name.len()).position(|window| window == name)? + name.len();
    let mut value = 0i64;
    let mut digits = 0;
    for byte in head[at..].iter().take_while(|byte| byte.is_ascii_digit()).take(18) {
        value = value * 10 + i64::from(byte - b'0');
        digits += 1;
    }
    (digits > 0).then_some(value)
}
