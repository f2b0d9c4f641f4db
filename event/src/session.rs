//! Visits, as differences: a visit that grows writes what changed, so that sums over the records
//! are right at any moment and nothing waits for a visit to end.
//!
//! When a visit's dimensions change (an earlier page view arrives late), the old values are taken back
//! by a record with negative measures and the new ones added by another. The exit page moves with
//! every page view, so that has a shorter way: only `exits` and `exit_visitors` depend on it, and the
//! record that adds them to the new page says with [`SessionDelta::left`] which page loses them.
//! All other measures are summed without regard to the exit page.
//!
//! [`SessionDelta`] is the record as readers see it; [`crate::difference`] writes it.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::{Device, RecordError, Text};
use crate::{Hex64, Verdict};

fn is_zero(value: &i64) -> bool {
    *value == 0
}

fn is_zero32(value: &i32) -> bool {
    *value == 0
}

/// One difference of one visit. The dimensions say what the measures count towards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionDelta<'a> {
    /// Version of the format.
    pub v: u8,
    /// The registered domain.
    #[serde(borrow)]
    pub site: Text<'a>,
    /// The visit.
    pub session: Hex64,
    /// Its visitor, under the key of the day on which the visit began.
    pub visitor: Hex64,
    /// When the visit began: it belongs to that day. Milliseconds since 1970.
    pub start: i64,
    /// Net visits are those that are not invalid.
    pub verdict: Verdict,

    /// Path of the first page view; empty while there is none.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub entry: Text<'a>,
    /// Path of the last page view; empty while there is none.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub exit: Text<'a>,
    /// Host of the entry page.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub host: Text<'a>,
    /// Source of the first page view.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub source: Text<'a>,
    /// Channel of the first page view.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub channel: Text<'a>,
    /// Referrer's host of the first page view.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub referrer_host: Text<'a>,
    /// `utm_medium` of the first page view.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_medium: Text<'a>,
    /// `utm_campaign` of the first page view.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_campaign: Text<'a>,
    /// `utm_content` of the first page view.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_content: Text<'a>,
    /// `utm_term` of the first page view.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub utm_term: Text<'a>,
    /// Browser family.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub browser: Text<'a>,
    /// Operating system family.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub os: Text<'a>,
    /// Kind of device.
    #[serde(default)]
    pub device: Device,
    /// Class of the screen's width.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub screen: Text<'a>,
    /// Preferred language.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub language: Text<'a>,
    /// Country code.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub country: Text<'a>,
    /// Region.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub region: Text<'a>,
    /// City.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub city: Text<'a>,

    /// Visits.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub visits: i32,
    /// Visits with exactly one page view and no search or action.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub bounces: i32,
    /// Page views in visits.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub pageviews: i32,
    /// Last minus first activity, milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub duration_ms: i64,
    /// Engaged time, milliseconds.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub engaged_ms: i64,
    /// Visitors with a visit (a visitor id lives one UTC day). This and the following count each
    /// visitor once per value of the dimension, so that they add up without distinct counts.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub visitors: i32,
    /// Visitors of this `source`.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub source_visitors: i32,
    /// Visitors of this `channel`.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub channel_visitors: i32,
    /// Visitors of this `utm_campaign`.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub campaign_visitors: i32,
    /// Visitors with this `entry` page.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub entry_visitors: i32,
    /// Visitors with this `exit` page.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub exit_visitors: i32,
    /// Visits by exit page: add these to `exit`, the other measures whatever the exit page is.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub exits: i32,
    /// The exit page until now, when the record moves it: it loses one of `exits`, all other
    /// dimensions being the same. Empty otherwise.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub left: Text<'a>,
    /// What `left` gains of `exit_visitors`: -1 when its visitor has no other visit that ended there.
    #[serde(default, skip_serializing_if = "is_zero32")]
    pub left_visitors: i32,
}

impl<'a> SessionDelta<'a> {
    /// The difference of a record's bytes, borrowing from them where it can.
    ///
    /// # Errors
    /// When the bytes are not a record of this version.
    pub fn from_json(bytes: &'a [u8]) -> Result<SessionDelta<'a>, RecordError> {
        let delta = match crate::record_scan::session(bytes) {
            Some(delta) => delta,
            None => serde_json::from_slice(bytes)?,
        };
        if delta.v != crate::record::VERSION {
            return Err(RecordError::Version(delta.v));
        }
        Ok(delta)
    }
}

impl SessionDelta<'_> {
    /// A record without any texts or measures, for tests and as a starting point.
    pub fn new(site: &str, session: Hex64, visitor: Hex64, start: i64) -> SessionDelta<'static> {
        let none = || Cow::Borrowed("");
        SessionDelta {
            v: crate::record::VERSION,
            site: Cow::Owned(site.to_owned()),
            session,
            visitor,
            start,
            verdict: Verdict::Valid,
            host: none(),
            entry: none(),
            exit: none(),
            source: none(),
            channel: none(),
            referrer_host: none(),
            utm_medium: none(),
            utm_campaign: none(),
            utm_content: none(),
            utm_term: none(),
            browser: none(),
            os: none(),
            device: Device::Unknown,
            screen: none(),
            language: none(),
            country: none(),
            region: none(),
            city: none(),
            visits: 0,
            bounces: 0,
            pageviews: 0,
            duration_ms: 0,
            engaged_ms: 0,
            visitors: 0,
            source_visitors: 0,
            channel_visitors: 0,
            campaign_visitors: 0,
            entry_visitors: 0,
            exit_visitors: 0,
            exits: 0,
            left: none(),
            left_visitors: 0,
        }
    }
}
