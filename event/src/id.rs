//! Ids: UUIDs of events, and keyed hashes that are written as 16 hexadecimal digits.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
pub use uuid::Uuid as Id;

/// A 64-bit hash, written as 16 lower-case hexadecimal digits: JSON numbers lose precision
/// above 2^53 in most readers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Hex64(pub u64);

impl fmt::Debug for Hex64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Hex64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(encode(self.0, &mut [0; 16]))
    }
}

/// What each byte is worth as a lower-case hexadecimal digit; 255 for those that are none.
const DIGIT: [u8; 256] = {
    let mut digits = [u8::MAX; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

impl std::str::FromStr for Hex64 {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 16 {
            return Err("expected 16 hexadecimal digits");
        }
        // Records hold several of these: no branch per digit, the check comes at the end.
        let (mut value, mut all) = (0u64, 0u8);
        for byte in text.bytes() {
            let digit = DIGIT[usize::from(byte)];
            all |= digit;
            value = value << 4 | u64::from(digit & 15);
        }
        if all > 15 {
            return Err("expected 16 hexadecimal digits, lower case");
        }
        Ok(Hex64(value))
    }
}

impl Serialize for Hex64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(encode(self.0, &mut [0; 16]))
    }
}

impl<'de> Deserialize<'de> for Hex64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl de::Visitor<'_> for Visitor {
            type Value = Hex64;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("16 hexadecimal digits")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hex64, E> {
                text.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Visitor)
    }
}

impl JsonSchema for Hex64 {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Hex64".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[0-9a-f]{16}$"})
    }
}

fn encode(value: u64, buffer: &mut [u8; 16]) -> &str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (i, byte) in buffer.iter_mut().enumerate() {
        *byte = DIGITS[(value >> (60 - 4 * i) & 15) as usize];
    }
    std::str::from_utf8(buffer).expect("hexadecimal digits are ASCII")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_round_trips_and_refuses_anything_else() {
        for value in [0, 1, 0xdead_beef, u64::MAX] {
            let text = Hex64(value).to_string();
            assert_eq!(text, format!("{value:016x}"));
            assert_eq!(text.parse(), Ok(Hex64(value)));
            let json = serde_json::to_string(&Hex64(value)).unwrap();
            assert_eq!(serde_json::from_str::<Hex64>(&json).unwrap(), Hex64(value));
        }
        for bad in ["", "0", "00000000000000000", "000000000000000g", "00000000DEADBEEF"] {
            assert!(bad.parse::<Hex64>().is_err(), "{bad}");
        }
    }
}
