//! Members of an object, read into the fields of a struct.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::{IntoDeserializer, value::Error};

use super::{Value, object};
use crate::{Hex64, Id};

/// What a member's value can be read into.
pub trait Member<'a>: Sized {
    /// The value; `None` leaves the record to the general parser.
    fn of(value: Value<'a>) -> Option<Self>;
}

impl<'a> Member<'a> for Cow<'a, str> {
    fn of(value: Value<'a>) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            _ => general(value),
        }
    }
}

impl<'a> Member<'a> for bool {
    fn of(value: Value<'a>) -> Option<Self> {
        if let Value::Flag(flag) = value { Some(flag) } else { None }
    }
}

impl<'a> Member<'a> for Id {
    fn of(value: Value<'a>) -> Option<Self> {
        let Value::Text(text) = value else { return None };
        Id::try_parse_ascii(text.as_bytes()).ok()
    }
}

impl<'a> Member<'a> for Hex64 {
    fn of(value: Value<'a>) -> Option<Self> {
        if let Value::Text(text) = value { text.parse().ok() } else { None }
    }
}

impl<'a, T: Member<'a>> Member<'a> for Option<T> {
    fn of(value: Value<'a>) -> Option<Self> {
        T::of(value).map(Some)
    }
}

impl<'a, T: Deserialize<'a>> Member<'a> for Vec<T> {
    fn of(value: Value<'a>) -> Option<Self> {
        general(value)
    }
}

impl<'a, T: Deserialize<'a>> Member<'a> for BTreeMap<String, T> {
    fn of(value: Value<'a>) -> Option<Self> {
        general(value)
    }
}

/// By the general parser: for words, objects and lists.
pub(crate) fn general<'a, T: Deserialize<'a>>(value: Value<'a>) -> Option<T> {
    match value {
        Value::Text(word) => {
            let word: serde::de::value::StrDeserializer<'a, Error> = word.into_deserializer();
            T::deserialize(word).ok()
        }
        Value::Other(json) => serde_json::from_str(json).ok(),
        Value::Number(_) | Value::Flag(_) => None,
    }
}

macro_rules! by_the_general_parser {
    ($($type:ty),+) => {$(
        impl<'a> $crate::scan::members::Member<'a> for $type {
            fn of(value: $crate::scan::Value<'a>) -> Option<Self> {
                $crate::scan::members::general(value)
            }
        }
    )+};
}
pub(crate) use by_the_general_parser;

macro_rules! numbers {
    ($($type:ty),+) => {$(
        impl<'a> Member<'a> for $type {
            fn of(value: Value<'a>) -> Option<Self> {
                if let Value::Number(number) = value { number.try_into().ok() } else { None }
            }
        }
    )+};
}
numbers!(u8, u16, u32, i32, i64);

/// Makes a function that sets the field of a member; names that differ from their field's come first.
/// It returns the member's bit, each having one of its own, so that a member that comes twice can be
/// told; no bit when the name is not known, and `None` to leave the record to the general parser.
#[macro_export]
macro_rules! members {
    (
        $vis:vis $set:ident, $bits:ident, $record:ty
        $(, $name:literal => $renamed:ident)*: $($field:ident)+
    ) => {
        $crate::members! { @named $vis $set, $bits, $record:
            $($name => $renamed,)* $(stringify!($field) => $field,)+
        }
    };
    (@named $vis:vis $set:ident, $bits:ident, $record:ty: $($name:expr => $field:ident,)+) => {
        #[allow(non_upper_case_globals, dead_code, reason = "one for each field")]
        mod $bits {
            #[repr(u32)]
            #[expect(non_camel_case_types, reason = "named after the fields")]
            enum At { $($field),+ }
            $(pub(super) const $field: u128 = 1 << At::$field as u32;)+
        }

        /// Sets the field of a member, and says which it was.
        #[inline]
        $vis fn $set<'a>(
            record: &mut $record,
            first: u64,
            name: &[u8],
            value: $crate::scan::Value<'a>,
        ) -> Option<u128> {
            #[expect(non_upper_case_globals, reason = "named after the fields")]
            mod words {
                $(pub(super) const $field: u64 = $crate::scan::word($name.as_bytes());)+
            }
            // One comparison of words finds the arm, the other makes sure.
            match first {
                $(words::$field if name == $name.as_bytes() => {
                    record.$field = $crate::scan::members::Member::of(value)?;
                    Some($bits::$field)
                })+
                _ => Some(0),
            }
        }
    };
}
pub use members;

/// Reads a whole object with a function of [`members!`]; `required` are the bits that must come, and
/// others than it knows must not.
pub(crate) fn record<'a, T>(
    text: &'a str,
    mut record: T,
    required: u128,
    set: fn(&mut T, u64, &[u8], Value<'a>) -> Option<u128>,
) -> Option<T> {
    let mut present = 0;
    let end = object(text, 0, |first, name, value| {
        let bit = set(&mut record, first, name, value)?;
        let new = present | bit != present;
        present |= bit;
        new.then_some(())
    })?;
    (end == text.len() && present & required == required).then_some(record)
}
