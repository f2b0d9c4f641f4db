//! What is said to stage 2 beside the events: what stage 1 finds out about one that it has passed on
//! already, which clicks have led to conversions, and how far its shards are. On the topics of the
//! events themselves, after them.

use footfall_event::ads::Touch;
use footfall_event::record::Text;
use footfall_event::{Hex64, Id, Topic, VerdictReason};
use footfall_topics::RecordBatch;
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
    Click(ClickNote),
    /// About a click that led to a conversion, on `ad-clicks`.
    Converted(ConvertedNote),
    /// About a conversion, on `ad-conversions`.
    #[serde(borrow)]
    Conversion(Box<ConversionNote<'a>>),
    /// About a shard of stage 1, on `ad-clicks` and `ad-deltas`.
    Reached(ReachedNote),
}

/// What stage 1 thinks of a click now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClickNote {
    /// Version of the format.
    pub(crate) v: u8,
    /// The click.
    pub(crate) id: Id,
    /// Hash of its site.
    pub(crate) site: Hex64,
    /// When it happened.
    pub(crate) time: i64,
    /// The moment of the look that found it out, by the time of events.
    pub(crate) at: i64,
    /// When that was found out, by receipt.
    pub(crate) received_at: i64,
    /// The reasons that hold now.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) reasons: Vec<VerdictReason>,
    /// What stage 2 compares.
    pub(crate) marks: u16,
    /// Version of the rules that judged.
    pub(crate) rules: u32,
}

/// A click has led to a conversion; said by the shard of the transaction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ConvertedNote {
    /// Version of the format.
    pub(crate) v: u8,
    /// Hash of the click's campaign.
    pub(crate) campaign: Hex64,
    /// Hash of its site.
    pub(crate) site: Hex64,
    /// Hash of its placement.
    pub(crate) placement: Hex64,
    /// When it happened.
    pub(crate) clicked_at: i64,
    /// When the conversion happened.
    pub(crate) at: i64,
    /// When the conversion was received.
    pub(crate) received_at: i64,
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

/// A shard of stage 1 has passed on everything up to a moment, but for what is late.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ReachedNote {
    /// Version of the format.
    pub(crate) v: u8,
    /// The shard.
    pub(crate) shard: u32,
    /// The moment: its newest event.
    pub(crate) at: i64,
    /// Its newest receipt.
    pub(crate) received_at: i64,
    /// Nothing is left to read, and nothing has come for a while.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) rests: bool,
}

impl ReachedNote {
    /// Writes it for each of so many shards of stage 2.
    pub(crate) fn write(self, shards: u32, out: &mut RecordBatch) {
        let note = serde_json::to_vec(&Note::Reached(self)).expect("a note is plain data");
        for number in 0..shards {
            out.push(Topic::AdClicks, number, b"", &note);
            out.push(Topic::AdDeltas, number, b"", &note);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_told_from_events() {
        let note = Note::Click(ClickNote {
            v: 1,
            id: Id::from_u128(5),
            site: Hex64(3),
            time: 9,
            at: 10,
            received_at: 10,
            reasons: vec![VerdictReason::VisitorAdDuplicate],
            marks: 3,
            rules: 2,
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
