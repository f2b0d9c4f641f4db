//! What single fields hold, read without a copy where that can be.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use footfall_event::record::{PropValue, Text};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer};

/// A time as it was sent.
#[derive(Clone, Debug, PartialEq)]
pub enum Moment<'a> {
    /// Milliseconds since 1970.
    Millis(i64),
    /// A text, to be read as RFC 3339.
    Text(Text<'a>),
}

/// An amount of money as it was sent.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawMoney<'a> {
    /// A decimal text.
    #[serde(borrow)]
    pub amount: Text<'a>,
    /// An ISO 4217 code.
    #[serde(borrow)]
    pub currency: Text<'a>,
}

/// A text that borrows when it can. (Serde's own `Cow` never does.)
#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Borrowed<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'a> From<Borrowed<'a>> for Text<'a> {
    fn from(text: Borrowed<'a>) -> Text<'a> {
        text.0
    }
}

impl<'de> Deserialize<'de> for Moment<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MomentVisitor;
        impl<'de> Visitor<'de> for MomentVisitor {
            type Value = Moment<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 text with a zone, or milliseconds since 1970")
            }
            fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
                Ok(Moment::Millis(value))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
                Ok(Moment::Millis(i64::try_from(value).unwrap_or(i64::MAX)))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
                Ok(Moment::Millis(value.round() as i64))
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Moment::Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Moment::Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(MomentVisitor)
    }
}

pub(super) struct Props(BTreeMap<String, PropValue>);

impl From<Props> for BTreeMap<String, PropValue> {
    fn from(props: Props) -> Self {
        props.0
    }
}

impl<'de> Deserialize<'de> for Props {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, Option<Prop>>::deserialize(deserializer)
            .map(|map| map.into_iter().filter_map(|(k, v)| Some((k, v?.0))).collect())
            .map(Props)
    }
}

struct Prop(PropValue);

impl<'de> Deserialize<'de> for Prop {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PropVisitor;
        impl Visitor<'_> for PropVisitor {
            type Value = Prop;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false as a property")
            }
            fn visit_bool<E>(self, value: bool) -> Result<Prop, E> {
                Ok(Prop(PropValue::Bool(value)))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Prop, E> {
                Ok(Prop(PropValue::Number(value.into())))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Prop, E> {
                Ok(Prop(PropValue::Number(value.into())))
            }
            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Prop, E> {
                serde_json::Number::from_f64(value)
                    .map(|number| Prop(PropValue::Number(number)))
                    .ok_or_else(|| E::custom("not a finite number"))
            }
            fn visit_str<E>(self, text: &str) -> Result<Prop, E> {
                Ok(Prop(PropValue::Text(text.to_owned())))
            }
        }
        deserializer.deserialize_any(PropVisitor)
    }
}

#[derive(Deserialize)]
#[serde(transparent)]
pub(super) struct Filters(BTreeMap<String, String>);

impl From<Filters> for BTreeMap<String, String> {
    fn from(filters: Filters) -> Self {
        filters.0
    }
}
