//! Amounts of money: integer millionths of a currency unit, never floats.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An ISO 4217 code: three upper-case letters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// The code of a text in any case; `None` unless it is three ASCII letters. Whether such a
    /// currency exists is not checked: the list changes, and a sum is never converted.
    pub fn parse(text: &str) -> Option<Currency> {
        let bytes: [u8; 3] = text.as_bytes().try_into().ok()?;
        bytes
            .iter()
            .all(u8::is_ascii_alphabetic)
            .then(|| Currency(bytes.map(|b| b.to_ascii_uppercase())))
    }

    /// The three letters.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).expect("a currency code is ASCII")
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Currency {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Currency::parse(&text).ok_or_else(|| serde::de::Error::custom("expected three letters"))
    }
}

impl JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[A-Z]{3}$"})
    }
}

/// An amount with its currency, as records carry it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Money {
    /// Millionths of the currency's unit.
    pub micros: i64,
    /// ISO 4217 code.
    pub currency: Currency,
}

/// Why a text is not an amount.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not an optional minus, digits, and at most one point.
    #[error("expected a decimal number such as \"12.50\"")]
    Form,
    /// More digits after the point than millionths.
    #[error("more than six digits after the decimal point")]
    Precision,
    /// Does not fit in 64 bits of millionths.
    #[error("larger than 9,223,372,036,854")]
    Range,
}

/// Millionths of a decimal text (`"12.50"` → 12 500 000).
///
/// # Errors
/// When the text is not a plain decimal number, is finer than millionths, or is too large.
pub fn parse_micros(text: &str) -> Result<i64, AmountError> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || !all_digits(whole) || !all_digits(fraction) || digits.ends_with('.') {
        return Err(AmountError::Form);
    }
    if fraction.trim_end_matches('0').len() > 6 {
        return Err(AmountError::Precision);
    }
    let mut micros: i64 = 0;
    for digit in whole.bytes().chain(fraction.bytes().chain(std::iter::repeat(b'0')).take(6)) {
        micros = micros
            .checked_mul(10)
            .and_then(|m| m.checked_add(i64::from(digit - b'0')))
            .ok_or(AmountError::Range)?;
    }
    Ok(if negative { -micros } else { micros })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts() {
        for (text, expected) in [
            ("0", Ok(0)),
            ("12.50", Ok(12_500_000)),
            ("-0.000001", Ok(-1)),
            ("1.0000000", Ok(1_000_000)),
            ("9223372036854.775807", Ok(i64::MAX)),
            ("9223372036854.775808", Err(AmountError::Range)),
            ("0.0000001", Err(AmountError::Precision)),
            ("", Err(AmountError::Form)),
            (".5", Err(AmountError::Form)),
            ("5.", Err(AmountError::Form)),
            ("1e3", Err(AmountError::Form)),
            ("1,5", Err(AmountError::Form)),
            ("+1", Err(AmountError::Form)),
        ] {
            assert_eq!(parse_micros(text), expected, "{text}");
        }
    }

    #[test]
    fn currencies() {
        assert_eq!(Currency::parse("eur").unwrap().as_str(), "EUR");
        for bad in ["", "EU", "EURO", "E1R", "€"] {
            assert_eq!(Currency::parse(bad), None, "{bad}");
        }
    }
}
