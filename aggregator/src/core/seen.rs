//! The part of a record that the core looks at, borrowed from the record.

use std::borrow::Cow;

use footfall_event::record::{self, Device, RecordError, Via};
use footfall_event::{Activity, Hex64, Id};
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
        let seen: Seen<'a> = serde_json::from_slice(bytes)?;
        if seen.v != record::VERSION {
            return Err(RecordError::Version(seen.v));
        }
        Ok(seen)
    }
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
