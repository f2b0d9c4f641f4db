//! What stage 1 says to stage 2 about an event that it has passed on already, because something
//! earlier came later. On the topics of the events themselves, after them.

use footfall_event::ads::Touch;
use footfall_event::record::Text;
use footfall_event::{Id, VerdictReason};
use serde::{Deserialize, Serialize};

/// How a note begins; an event's record begins otherwise.
const BEGINNING: &[u8] = b"{\"note\":";

/// Whether a record is a [`Note`] rather than an event.
pub(crate) fn is_note(record: &[u8]) -> bool {
    record.starts_with(BEGINNING)
}

/// A note.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "lowercase")]
pub(crate) enum Note<'a> {
    /// About a click, on `ad-clicks`.
    #[serde(borrow)]
    Click(ClickNote<'a>),
    /// About a conversion, on `ad-conversions`.
    #[serde(borrow)]
    Conversion(Box<ConversionNote<'a>>),
}

/// A click's reasons changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClickNote<'a> {
    /// Version of the format.
    pub(crate) v: u8,
    /// The click.
    pub(crate) id: Id,
    /// Its site.
    #[serde(borrow)]
    pub(crate) site: Text<'a>,
    /// When it happened.
    pub(crate) time: i64,
    /// When that was found out, by receipt.
    pub(crate) received_at: i64,
    /// This reason holds now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) add: Option<VerdictReason>,
    /// This reason holds no longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remove: Option<VerdictReason>,
}

/// A conversion may belong to another impression than was said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConversionNote<'a> {
    /// Version of the format.
    pub(crate) v: u8,
    /// The conversion.
    pub(crate) id: Id,
    /// Its site.
    #[serde(borrow)]
    pub(crate) site: Text<'a>,
    /// Its goal.
    #[serde(borrow)]
    pub(crate) goal: Text<'a>,
    /// Its transaction; empty for none.
    #[serde(borrow)]
    pub(crate) transaction: Text<'a>,
    /// When it happened.
    pub(crate) time: i64,
    /// When that was found out, by receipt.
    pub(crate) received_at: i64,
    /// The impression.
    #[serde(borrow)]
    pub(crate) view_through: Touch<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_told_from_events() {
        let note = Note::Click(ClickNote {
            v: 1,
            id: Id::from_u128(5),
            site: "a.test".into(),
            time: 9,
            received_at: 10,
            add: Some(VerdictReason::VisitorAdDuplicate),
            remove: None,
        });
        let json = serde_json::to_vec(&note).unwrap();
        assert!(is_note(&json));
        assert_eq!(serde_json::from_slice::<Note<'_>>(&json).unwrap(), note);
        let event = footfall_event::Event::new(
            footfall_event::Activity::Click,
            Id::from_u128(5),
            "a.test",
            9,
        );
        assert!(!is_note(&event.to_json()));
    }
}
