//! What the records of a batch say, and in which order they are worked through: that of what happened,
//! so that it matters as little as possible how the input was cut into batches.

use footfall_event::ads::AdDelta;
use footfall_event::ads::performance::BudgetSet;
use footfall_event::limits::RECORD_BYTES_MAX;
use footfall_event::record::{Event, Judgement};
use footfall_event::{Id, Topic};

use super::notes::{Note, is_note};
use crate::rules::Delta;
use crate::shard::Input;

/// One thing that a batch tells of.
pub(super) enum Task<'a> {
    /// Net impressions that no record tells of.
    Shown(Delta),
    Delta(AdDelta<'a>),
    Budget(BudgetSet<'a>),
    Event(&'a Input<'a>, Box<(Event<'a>, Judgement)>),
    /// And the topic on which it is said.
    Note(Topic, Note<'a>),
}

impl Task<'_> {
    /// When it stands among the others: by what happened, a note by when it was written, which is
    /// after what it is about.
    pub(super) fn turn(&self) -> (i64, Id) {
        match self {
            Task::Shown(shown) => (shown.minute, Id::nil()),
            Task::Delta(delta) => (delta.minute, Id::nil()),
            Task::Budget(_) => (i64::MIN, Id::nil()),
            Task::Event(_, event) => (event.0.time, event.0.id),
            Task::Note(_, Note::Click(note)) => (note.at, Id::max()),
            Task::Note(_, Note::Converted(note)) => (note.at, Id::max()),
            Task::Note(_, Note::Reached(note)) => (note.at, Id::max()),
            Task::Note(_, Note::Conversion(_)) => (i64::MAX, Id::max()),
        }
    }
}

/// Reads a record.
///
/// # Errors
/// What is wrong with it, in words.
pub(super) fn read<'a>(input: &'a Input<'a>) -> Result<Task<'a>, String> {
    let message = |error: serde_json::Error| error.to_string();
    if is_note(input.value) {
        let note = serde_json::from_slice(input.value).map_err(message)?;
        return Ok(Task::Note(input.topic, note));
    }
    if input.topic == Topic::AdDeltas {
        return match serde_json::from_slice(input.value) {
            Ok(delta) => Ok(Task::Delta(delta)),
            Err(error) => match serde_json::from_slice(input.value) {
                Ok(budget) => Ok(Task::Budget(budget)),
                Err(_) => Err(message(error)),
            },
        };
    }
    event(input).map(|event| Task::Event(input, Box::new(event)))
}

/// An event that stage 1 has judged, and its judgement.
fn event<'a>(input: &'a Input<'a>) -> Result<(Event<'a>, Judgement), String> {
    if input.value.len() > 2 * RECORD_BYTES_MAX {
        return Err(format!("{} bytes", input.value.len()));
    }
    let mut event = Event::from_json(input.value).map_err(|error| error.to_string())?;
    let judgement = event.judged.take().ok_or("the event was not judged")?;
    match memchr::memmem::rfind(input.value, b",\"judged\":{") {
        Some(_) => Ok((event, judgement)),
        None => Err("the judgement is not the last member".to_owned()),
    }
}
