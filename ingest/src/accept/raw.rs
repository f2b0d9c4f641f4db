//! Decode: one event as it was sent, borrowed from the body wherever its text has no escapes.
//!
//! Only the form is looked at here (is it an object, has each field the right kind of value);
//! what the values mean is for the later steps. An absent field and `null` are the same.

mod values;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use footfall_event::ads::Proof;
use footfall_event::record::{PropValue, Text};
use footfall_event::{Rejected, VerdictReason};
use serde::Deserializer;
use serde::de::{self, DeserializeSeed, IgnoredAny, MapAccess, Visitor};

use self::values::{Borrowed, Filters, Props};
pub use self::values::{Moment, RawMoney};
use super::Rejection;

/// An event as it was sent. Empty texts are absent fields.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)] // The fields are those of the public interface, by the same names.
pub struct Raw<'a> {
    pub activity: Text<'a>,
    pub id: Text<'a>,
    pub site: Text<'a>,
    pub time: Option<Moment<'a>>,
    pub sent_at: Option<Moment<'a>>,
    pub url: Text<'a>,
    pub referrer: Text<'a>,
    pub title: Text<'a>,
    pub language: Text<'a>,
    pub screen: Text<'a>,
    pub timezone: Text<'a>,
    pub props: BTreeMap<String, PropValue>,
    pub account: Text<'a>,
    pub ip: Text<'a>,
    pub user_agent: Text<'a>,
    pub pageview: Text<'a>,
    pub engaged_ms: Option<f64>,
    pub scroll_pct: Option<f64>,
    pub query: Text<'a>,
    pub results: Option<f64>,
    pub filters: BTreeMap<String, String>,
    pub name: Text<'a>,
    pub value: Option<RawMoney<'a>>,
    pub ad: Text<'a>,
    pub placement: Text<'a>,
    pub position: Option<f64>,
    pub request: Text<'a>,
    pub impression: Text<'a>,
    pub viewable_ms: Option<f64>,
    pub visible_pct: Option<f64>,
    pub measurable: Option<bool>,
    pub click: Text<'a>,
    pub goal: Text<'a>,
    pub transaction: Text<'a>,
    pub status: Text<'a>,
    /// The page is driven by automation.
    pub automated: bool,
    /// The page's fragment is its route.
    pub hash: bool,
    /// How sure a click's impression is. Not a field: the redirect says it.
    pub proof: Proof,
    /// When a click's impression was made, by its token. Not a field either.
    pub impression_at: i64,
    /// What the redirect found. Not a field either.
    pub found: Vec<VerdictReason>,
    /// The first field whose name is not known.
    pub unknown: Option<Text<'a>>,
}

/// Decodes one event.
///
/// # Errors
/// `malformed` when the text is not a JSON object, `invalid_field` when a field holds the wrong
/// kind of value or is given twice.
pub fn decode(json: &str) -> Result<Raw<'_>, Rejection> {
    let mut raw = Raw::default();
    let mut field = None;
    let mut deserializer = serde_json::Deserializer::from_str(json);
    Seed { raw: &mut raw, field: &mut field }
        .deserialize(&mut deserializer)
        .and_then(|()| deserializer.end())
        .map_err(|error| explain(&error, field))?;
    Ok(raw)
}

/// The position is of no use to the sender of a batch: it counts from the event's first byte.
fn explain(error: &serde_json::Error, field: Option<&str>) -> Rejection {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or(&text);
    match (error.classify(), field) {
        (serde_json::error::Category::Data, Some(field)) => {
            Rejection::new(Rejected::InvalidField, format!("{field}: {text}"))
        }
        (serde_json::error::Category::Data, None) => {
            Rejection::new(Rejected::Malformed, format!("{text}: an event is a JSON object"))
        }
        _ => Rejection::new(
            Rejected::Malformed,
            format!("{text} (byte {} of the event)", error.column()),
        ),
    }
}

struct Seed<'r, 'a> {
    raw: &'r mut Raw<'a>,
    field: &'r mut Option<&'static str>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, 'de> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, 'de> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Seed { raw, field } = self;
        let mut seen = 0u64;
        // Each row: the number of the field in `seen`, its name, where it goes, and how.
        macro_rules! fields {
            ($key:expr; $($number:literal $name:literal => $slot:expr, $kind:ident;)+) => {
                match $key {
                    $($name => {
                        *field = Some($name);
                        if seen & (1 << $number) != 0 {
                            return Err(de::Error::custom("given twice"));
                        }
                        seen |= 1 << $number;
                        if let Some(value) = map.next_value::<Option<$kind>>()? {
                            $slot = value.into();
                        }
                    })+
                    other => {
                        if raw.unknown.is_none() {
                            raw.unknown = Some(Cow::Owned(other.to_owned()));
                        }
                        map.next_value::<IgnoredAny>()?;
                    }
                }
            };
        }
        while let Some(key) = map.next_key::<Borrowed>()? {
            fields! { &*key.0;
                0 "type" => raw.activity, Borrowed;
                1 "id" => raw.id, Borrowed;
                2 "site" => raw.site, Borrowed;
                3 "time" => raw.time, Moment;
                4 "url" => raw.url, Borrowed;
                5 "referrer" => raw.referrer, Borrowed;
                6 "title" => raw.title, Borrowed;
                7 "ip" => raw.ip, Borrowed;
                8 "user_agent" => raw.user_agent, Borrowed;
                9 "language" => raw.language, Borrowed;
                10 "screen" => raw.screen, Borrowed;
                11 "timezone" => raw.timezone, Borrowed;
                12 "sent_at" => raw.sent_at, Moment;
                13 "props" => raw.props, Props;
                14 "account" => raw.account, Borrowed;
                15 "pageview" => raw.pageview, Borrowed;
                16 "engaged_ms" => raw.engaged_ms, f64;
                17 "scroll_pct" => raw.scroll_pct, f64;
                18 "query" => raw.query, Borrowed;
                19 "results" => raw.results, f64;
                20 "filters" => raw.filters, Filters;
                21 "name" => raw.name, Borrowed;
                22 "value" => raw.value, RawMoney;
                23 "ad" => raw.ad, Borrowed;
                24 "placement" => raw.placement, Borrowed;
                25 "position" => raw.position, f64;
                26 "request" => raw.request, Borrowed;
                27 "impression" => raw.impression, Borrowed;
                28 "viewable_ms" => raw.viewable_ms, f64;
                29 "visible_pct" => raw.visible_pct, f64;
                30 "click" => raw.click, Borrowed;
                31 "goal" => raw.goal, Borrowed;
                32 "transaction" => raw.transaction, Borrowed;
                33 "status" => raw.status, Borrowed;
                34 "automated" => raw.automated, bool;
                35 "hash" => raw.hash, bool;
                36 "measurable" => raw.measurable, bool;
            }
        }
        *field = None;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(json: &str) -> (Rejected, String) {
        let rejection = decode(json).unwrap_err();
        (rejection.reason, rejection.detail)
    }

    #[test]
    fn fields_are_read_and_borrowed() {
        let raw = decode(
            r#"{"type":"pageview","site":"example.com","url":"https://example.com/","title":"a\tb",
               "time":1795255200123,"props":{"a":1,"b":"x","c":null,"d":true},"engaged_ms":1.5,
               "value":{"amount":"12.50","currency":"EUR"},"referrer":null,"nope":{"x":[1,{}]}}"#,
        )
        .unwrap();
        assert!(matches!(raw.url, Cow::Borrowed("https://example.com/")));
        assert_eq!(raw.title, "a\tb");
        assert_eq!(raw.time, Some(Moment::Millis(1_795_255_200_123)));
        assert_eq!(raw.props.len(), 3);
        assert_eq!(raw.engaged_ms, Some(1.5));
        assert_eq!(raw.value.unwrap().amount, "12.50");
        assert_eq!(raw.referrer, "");
        assert_eq!(raw.unknown.as_deref(), Some("nope"));
    }

    #[test]
    fn what_is_wrong_is_said_by_name() {
        for (json, reason, said) in [
            ("", Rejected::Malformed, "EOF"),
            ("[]", Rejected::Malformed, "an event is a JSON object"),
            ("7", Rejected::Malformed, "an event is a JSON object"),
            ("{\"url\":5}", Rejected::InvalidField, "url: invalid type: integer `5`"),
            ("{\"url\":\"\",\"url\":\"\"}", Rejected::InvalidField, "url: given twice"),
            ("{\"props\":{\"a\":[1]}}", Rejected::InvalidField, "props: invalid type: sequence"),
            ("{\"value\":{\"amount\":1,\"currency\":\"EUR\"}}", Rejected::InvalidField, "value: "),
            ("{\"value\":{\"amount\":\"1\"}}", Rejected::InvalidField, "missing field `currency`"),
            ("{\"time\":true}", Rejected::InvalidField, "RFC 3339"),
            ("{\"title\":\"\\ud800\"}", Rejected::Malformed, "hex escape"),
            ("{\"title\":\"\u{0}\"}", Rejected::Malformed, "control character"),
            ("{\"a\":1}{", Rejected::Malformed, "trailing"),
        ] {
            let (found, detail) = refusal(json);
            assert_eq!(found, reason, "{json}: {detail}");
            assert!(detail.contains(said), "{json}: {detail}");
        }
    }

    #[test]
    fn huge_numbers_stay_in_range() {
        let raw = decode(r#"{"time":99999999999999999999999,"engaged_ms":1e308}"#).unwrap();
        assert_eq!(raw.time, Some(Moment::Millis(i64::MAX)));
        assert!(decode(r#"{"engaged_ms":1e999}"#).is_err());
    }
}
