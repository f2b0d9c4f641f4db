//! Counts JSON events of foreign make: keep those that have one member's value, find the group that
//! another member belongs to, count per group in windows of a third member's time.
//!
//! The decoding is the core's: the scan for events that are written in the usual way, the real
//! parser for the rest. It decides nothing about fraud or repeats, and does no I/O.

use std::borrow::Cow;

use footfall_event::scan::{Value, spaced_object, word};
use hashbrown::HashMap;
use serde::Deserializer;

use crate::windows::Windows;

mod parse;
#[cfg(test)]
mod tests;

/// Which members of an event matter.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The member that says whether an event counts.
    pub kind: String,
    /// Its value in events that count.
    pub kept: String,
    /// The member that is looked up in the groups.
    pub key: String,
    /// The member with the event's time: milliseconds since 1970, as a number or in a text.
    pub time: String,
    /// Length of a window, milliseconds.
    pub window_ms: i64,
}

impl Rule {
    /// The query of the Yahoo streaming benchmark: views per campaign in windows of ten seconds.
    /// See <https://github.com/yahoo/streaming-benchmarks>.
    pub fn yahoo() -> Rule {
        Rule {
            kind: "event_type".to_owned(),
            kept: "view".to_owned(),
            key: "ad_id".to_owned(),
            time: "event_time".to_owned(),
            window_ms: 10_000,
        }
    }
}

/// What became of the events.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcomes {
    /// Events that were counted in a window.
    pub counted: u64,
    /// Events of another kind.
    pub left_out: u64,
    /// Events whose key belongs to no group.
    pub unknown: u64,
    /// Not a JSON object, or one of the three members is missing, twice there or of another type.
    pub malformed: u64,
}

impl Outcomes {
    /// All events.
    pub fn events(&self) -> u64 {
        self.counted + self.left_out + self.unknown + self.malformed
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Outcomes) {
        self.counted += other.counted;
        self.left_out += other.left_out;
        self.unknown += other.unknown;
        self.malformed += other.malformed;
    }
}

/// Which group each key belongs to.
#[derive(Clone, Debug, Default)]
pub struct Groups {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    of_key: HashMap<Box<[u8]>, u32>,
}

impl Groups {
    /// Says that a key belongs to a group. Of several groups the last one counts.
    pub fn put(&mut self, key: &str, group: &str) {
        let number = match self.numbers.get(group) {
            Some(number) => *number,
            None => {
                let number = u32::try_from(self.names.len()).expect("far fewer than 4 billion");
                self.names.push(group.to_owned());
                self.numbers.insert(group.to_owned(), number);
                number
            }
        };
        self.of_key.insert(key.as_bytes().into(), number);
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.of_key.len()
    }

    /// Whether there is no key.
    pub fn is_empty(&self) -> bool {
        self.of_key.is_empty()
    }

    /// A group's name.
    fn name(&self, number: u32) -> &str {
        &self.names[number as usize]
    }
}

/// Counts events.
#[derive(Clone, Debug)]
pub struct Tally {
    rule: Rule,
    words: [u64; 3],
    groups: Groups,
    windows: Windows<u32, u64>,
    outcomes: Outcomes,
}

/// The three members of one event.
struct Looked<'a> {
    kept: bool,
    key: Cow<'a, str>,
    time: i64,
}

impl Tally {
    /// Nothing counted yet.
    ///
    /// # Panics
    /// When the rule's windows have no length.
    pub fn new(rule: Rule, groups: Groups) -> Tally {
        let words = [&rule.kind, &rule.key, &rule.time].map(|name| word(name.as_bytes()));
        let windows = Windows::new(rule.window_ms);
        Tally { rule, words, groups, windows, outcomes: Outcomes::default() }
    }

    /// Counts one event. White space around it doesn't matter.
    #[inline]
    pub fn event(&mut self, bytes: &[u8]) {
        let looked = match self.scan(bytes) {
            Some(looked) => looked,
            None => match self.parse(bytes) {
                Some(looked) => looked,
                None => return self.outcomes.malformed += 1,
            },
        };
        if !looked.kept {
            self.outcomes.left_out += 1;
            return;
        }
        match self.groups.of_key.get(looked.key.as_bytes()) {
            Some(group) => {
                *self.windows.at(looked.time, *group) += 1;
                self.outcomes.counted += 1;
            }
            None => self.outcomes.unknown += 1,
        }
    }

    /// Counts each line of a text; empty lines are no events.
    pub fn lines(&mut self, text: &[u8]) {
        let mut from = 0;
        for end in memchr::memchr_iter(b'\n', text).chain([text.len()]) {
            let line = &text[from..end];
            if line.len() > 2 || !line.trim_ascii().is_empty() {
                self.event(line);
            }
            from = end + 1;
        }
    }

    /// What became of all events so far.
    pub fn outcomes(&self) -> Outcomes {
        self.outcomes
    }

    /// Windows that changed since the last drain.
    pub fn changed(&self) -> usize {
        self.windows.len()
    }

    /// Hands out what was counted since the last time: group, first moment of the window
    /// (milliseconds since 1970), events.
    pub fn drain(&mut self, mut each: impl FnMut(&str, i64, u64)) {
        for (start, group, count) in self.windows.drain() {
            each(self.groups.name(group), start, count);
        }
    }

    /// The short way; `None` leaves the event to the real parser.
    #[inline]
    fn scan<'a>(&self, bytes: &'a [u8]) -> Option<Looked<'a>> {
        // Control characters are no part of a JSON text; the scan itself doesn't look.
        if bytes.iter().fold(false, |found, byte| found | (*byte < b' ')) {
            return None;
        }
        let text = simdutf8::basic::from_utf8(bytes).ok()?;
        let (mut kept, mut key, mut time) = (None, None, None);
        let end = spaced_object(text, |first, name, value| {
            // What is not looked at is not checked either: the real parser does.
            if matches!(value, Value::Other(_)) {
                return None;
            }
            if first == self.words[0] && name == self.rule.kind.as_bytes() {
                kept.replace(text_of(value)? == self.rule.kept).is_none().then_some(())
            } else if first == self.words[1] && name == self.rule.key.as_bytes() {
                key.replace(text_of(value)?).is_none().then_some(())
            } else if first == self.words[2] && name == self.rule.time.as_bytes() {
                let number = match value {
                    Value::Number(number) => number,
                    other => digits(text_of(other)?)?,
                };
                time.replace(number).is_none().then_some(())
            } else {
                Some(())
            }
        })?;
        if end != text.len() {
            return None;
        }
        Some(Looked { kept: kept?, key: key?.into(), time: time? })
    }

    /// The long way; `None` when the event is malformed.
    #[cold]
    fn parse<'a>(&self, bytes: &'a [u8]) -> Option<Looked<'a>> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut parser = serde_json::Deserializer::from_str(text);
        let looked = parser.deserialize_map(parse::Look { rule: &self.rule }).ok()?;
        parser.end().ok()?;
        Some(looked)
    }
}

/// A text without escapes.
fn text_of(value: Value<'_>) -> Option<&str> {
    if let Value::Text(text) = value { Some(text) } else { None }
}

/// A number of up to 18 digits.
fn digits(text: &str) -> Option<i64> {
    let all = (1..=18).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    all.then(|| text.bytes().fold(0, |number, byte| number * 10 + i64::from(byte - b'0')))
}
