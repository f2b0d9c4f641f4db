//! The long way to an event's three members: the real JSON parser.

use std::borrow::Cow;
use std::fmt;

use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::{Looked, Rule};

/// Reads the three members of an object.
pub(super) struct Look<'r> {
    pub(super) rule: &'r Rule,
}

/// A time as a number or in a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Time<'a> {
    Number(i64),
    Text(#[serde(borrow)] Cow<'a, str>),
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = Looked<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an event")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Looked<'de>, A::Error> {
        let (mut kept, mut key, mut time) = (None, None, None);
        let wrong = |what: &str| serde::de::Error::custom(what);
        while let Some(Name(name)) = map.next_key()? {
            let twice = if name == self.rule.kind {
                let Name(kind) = map.next_value()?;
                kept.replace(kind == self.rule.kept).is_some()
            } else if name == self.rule.key {
                let Name(text) = map.next_value()?;
                key.replace(text).is_some()
            } else if name == self.rule.time {
                let number = match map.next_value()? {
                    Time::Number(number) => number,
                    Time::Text(text) => text.parse().map_err(|_| wrong("not a time"))?,
                };
                time.replace(number).is_some()
            } else {
                map.next_value::<IgnoredAny>()?;
                false
            };
            if twice {
                return Err(wrong("a member stands there twice"));
            }
        }
        match (kept, key, time) {
            (Some(kept), Some(key), Some(time)) => Ok(Looked { kept, key, time }),
            _ => Err(wrong("a member is missing")),
        }
    }
}

/// A text, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Name<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Name<'de>, D::Error> {
        #[derive(Deserialize)]
        struct Borrowed<'a>(#[serde(borrow)] Cow<'a, str>);
        Borrowed::deserialize(deserializer).map(|Borrowed(text)| Name(text))
    }
}
