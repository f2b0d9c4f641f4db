//! From a body to a batch of records: cuts it, decodes each event, takes it through the accept
//! steps, and notes what became of it.

use std::borrow::Cow;

use footfall_event::{Activity, Event, Rejected};
use footfall_topics::RecordBatch;
use serde::Serialize;
use serde::de::IgnoredAny;

use crate::accept::raw::Raw;
use crate::accept::{self, Context, Outcome, RecordKey, Rejection, Route};
use crate::metrics::{Counted, Tally};
use crate::split::{Piece, SplitError, SplitLimits, split};

/// An event that was not accepted, as the answer lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Its id, if it brought one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The reason.
    pub reason: &'static str,
    /// What was wrong and what would be right.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub detail: String,
}

/// What became of a body.
#[derive(Default)]
pub struct Taken {
    /// The records of the accepted events, to be appended.
    pub batch: RecordBatch,
    /// Left out by wish.
    pub dropped: Vec<Note>,
    /// Refused.
    pub rejected: Vec<Note>,
    pub(crate) tally: Tally,
}

/// Ids of rejected events are repeated up to here.
const ID_BYTES_MAX: usize = 64;

/// Decides about every event of a body.
///
/// # Errors
/// When the body as a whole can't be taken: it is no list of events, or too long a one.
pub fn take(body: &[u8], context: &Context<'_>) -> Result<Taken, Rejection> {
    let limits = SplitLimits {
        event_bytes_max: context.limits.event_bytes_max,
        depth_max: context.limits.json_depth_max,
        events_max: context.limits.batch_events_max,
    };
    let (pieces, lines) = split(body, limits).map_err(|error| match error {
        SplitError::Malformed { .. } => Rejection::new(Rejected::Malformed, error.to_string()),
        SplitError::TooMany(_) => Rejection::new(Rejected::TooMany, error.to_string()),
    })?;
    // A record is the event with some 700 bytes of what is found out about it.
    let batch = RecordBatch::with_capacity(body.len() + 800 * pieces.len());
    let mut taken = Taken { batch, ..Taken::default() };
    for (index, piece) in pieces.into_iter().enumerate() {
        let text = match piece {
            Piece::Event(text) => text,
            unreadable => {
                taken.reject(index, "", None, unreadable_because(unreadable, context));
                continue;
            }
        };
        if let Err(rejection) = one(&mut taken, index, text, context) {
            // In an array the body as a whole has to be JSON; a line stands for itself.
            if !lines && serde_json::from_str::<IgnoredAny>(text).is_err() {
                let detail = format!("event {index}: {}", rejection.detail);
                return Err(Rejection::new(Rejected::Malformed, detail));
            }
            taken.reject(index, "", None, rejection);
        }
    }
    Ok(taken)
}

fn unreadable_because(piece: Piece<'_>, context: &Context<'_>) -> Rejection {
    match piece {
        Piece::TooLarge(bytes) => {
            let max = context.limits.event_bytes_max;
            let detail = format!("the event has {bytes} bytes: expected at most {max}");
            Rejection::new(Rejected::TooLarge, detail)
        }
        Piece::TooDeep => {
            let max = context.limits.json_depth_max;
            let detail = format!("the event is nested deeper than {max} levels");
            Rejection::new(Rejected::Malformed, detail)
        }
        Piece::NotText | Piece::Event(_) => {
            Rejection::new(Rejected::Malformed, "the line is not UTF-8")
        }
    }
}

/// Takes one event. An error is one of decoding.
fn one(
    taken: &mut Taken,
    index: usize,
    text: &str,
    context: &Context<'_>,
) -> Result<(), Rejection> {
    let mended;
    let mut raw = match accept::decode(text) {
        Ok(raw) => raw,
        Err(rejection) => {
            // Scripts cut texts in the middle of a character. A browser can't mend that.
            if context.policy.refuse_bad_texts || !text.contains("\\u") {
                return Err(rejection);
            }
            mended = mend_surrogates(text);
            accept::decode(&mended)?
        }
    };
    taken.decide(index, &mut raw, context);
    Ok(())
}

impl Taken {
    /// Takes one decoded event through the accept steps.
    pub fn decide(&mut self, index: usize, raw: &mut Raw<'_>, context: &Context<'_>) {
        let batch = &mut self.batch;
        let outcome = accept::run(raw, context, |event, route| push(batch, event, route));
        match outcome {
            Outcome::Accepted(route) => {
                let activity = Activity::ALL.into_iter().find(|a| a.topic() == route.topic);
                self.tally.add(activity, Counted::Accepted);
            }
            Outcome::Dropped(reason) => {
                self.tally.add(Activity::parse(&raw.activity), Counted::Dropped(reason));
                let (reason, detail) = (reason.as_str(), String::new());
                self.dropped.push(Note { index, id: shown_id(&raw.id), reason, detail });
            }
            Outcome::Rejected(rejection) => {
                let activity = Activity::parse(&raw.activity);
                self.reject(index, &raw.id, activity, rejection);
            }
        }
    }

    fn reject(&mut self, index: usize, id: &str, activity: Option<Activity>, rejection: Rejection) {
        self.tally.add(activity, Counted::Rejected(rejection.reason));
        let Rejection { reason, detail } = rejection;
        self.rejected.push(Note { index, id: shown_id(id), reason: reason.as_str(), detail });
    }

    /// How many events were accepted (before [`Taken::batch`] is appended: if the log takes them).
    pub fn stored(&self) -> usize {
        self.tally.accepted() as usize
    }
}

/// Adds an accepted event's record.
pub(super) fn push(batch: &mut RecordBatch, event: &Event<'_>, route: Route) {
    let Route { topic, partition, key } = route;
    let mut push = |key: &[u8]| {
        batch.push_with(topic, partition, key, |out| event.append_json(out));
    };
    match key {
        RecordKey::Network(network) => push(&network.0.to_be_bytes()),
        RecordKey::Id(id) => push(id.as_bytes()),
    }
}

fn shown_id(id: &str) -> String {
    id[..id.floor_char_boundary(ID_BYTES_MAX)].to_owned()
}

/// Replaces `\u` escapes that are half a character by the replacement character.
fn mend_surrogates(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    let unit = |at: usize| -> Option<u16> {
        let digits = text.get(at + 2..at + 6)?;
        (bytes.get(at..at + 2)? == b"\\u").then(|| u16::from_str_radix(digits, 16).ok())?
    };
    let mut out = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        if bytes[at] != b'\\' {
            at += 1;
            continue;
        }
        match unit(at) {
            Some(0xd800..=0xdbff) if matches!(unit(at + 6), Some(0xdc00..=0xdfff)) => at += 12,
            Some(0xd800..=0xdfff) => {
                out.push_str(&text[copied..at]);
                out.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            Some(_) => at += 6,
            None => at += 2,
        }
    }
    out.push_str(&text[copied..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_characters_are_mended() {
        for (text, expected) in [
            (r#""a\ud83d""#, r#""a\ufffd""#),
            (r#""\ude00b""#, r#""\ufffdb""#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\ud83d\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud8"#, r#""\ud8"#),
            (r#""ü\ud800ü\"#, r#""ü\ufffdü\"#),
        ] {
            assert_eq!(mend_surrogates(text), expected);
        }
    }
}
