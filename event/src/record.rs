//! The wire format of an accepted event: one JSON object per record, version 1.
//!
//! A record in an activity topic is an [`Event`] without `judged`. The aggregator passes it on to
//! `judged-events` byte for byte, with the `judged` object appended as its last member
//! ([`append_judgement`]), so that nothing an accepted event said can change on the way.
//!
//! Empty fields are left out. Readers must ignore members they don't know: fields are only ever
//! added within a version.
//!
//! # Layout
//!
//! - `fields`: everything an event has. `words`: the values that some of them are one of.
//! - `judgement`: what the aggregator adds. `write`: the short way to write a record.

mod fields;
mod judgement;
mod words;
mod write;

use std::borrow::Cow;

pub use self::fields::Event;
pub use self::judgement::{Judgement, append_judgement};
pub use self::words::{ConversionStatus, Device, PropValue, Via};

/// The version that this code writes, and the only one it reads.
pub const VERSION: u8 = 1;

/// A borrowed or owned text.
pub type Text<'a> = Cow<'a, str>;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl<'a> Event<'a> {
    /// The record's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an event has only text keys and finite numbers")
    }

    /// The event of a record's bytes, borrowing from them where it can.
    ///
    /// # Errors
    /// When the bytes are not a record of this version.
    pub fn from_json(bytes: &'a [u8]) -> Result<Event<'a>, RecordError> {
        let event = match crate::record_scan::event(bytes) {
            Some(event) => event,
            None => serde_json::from_slice(bytes)?,
        };
        if event.v != VERSION {
            return Err(RecordError::Version(event.v));
        }
        Ok(event)
    }
}

/// Why bytes are not a record.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not the JSON of an event.
    #[error("not an event record: {0}")]
    Json(#[from] serde_json::Error),
    /// Written by another version.
    #[error("record version {0}, expected {VERSION}")]
    Version(u8),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Activity, Hex64, Id};

    fn sample() -> Event<'static> {
        let mut event = Event::new(Activity::Search, Id::from_u128(7), "example.com", 1_000);
        event.visitor = Some(Hex64(1));
        event.query = "Größe \"42\"".into();
        event.props.insert("n".into(), PropValue::Number(3.into()));
        event.props.insert("b".into(), PropValue::Bool(true));
        event
    }

    #[test]
    fn round_trip_and_empty_fields_are_left_out() {
        let event = sample();
        let json = event.to_json();
        assert_eq!(Event::from_json(&json).unwrap(), event);
        let text = std::str::from_utf8(&json).unwrap();
        assert!(!text.contains("country") && !text.contains("judged"), "{text}");
    }

    #[test]
    fn other_versions_are_refused() {
        let json = String::from_utf8(sample().to_json()).unwrap().replace("\"v\":1", "\"v\":2");
        assert!(matches!(Event::from_json(json.as_bytes()), Err(RecordError::Version(2))));
    }
}
