//! The short way to read a record.
//!
//! Records come from our own ingest: no white space, hardly any escapes, and most members are of no
//! interest. Reading them with this knowledge is what keeps the core well below two microseconds an
//! event. Names are compared as words of eight bytes; ends of texts are looked for eight bytes at a
//! time, since most are short. Whatever looks different is left to the real parser, so nothing is read
//! differently; only within members that are skipped it is more lenient (the loader parses the whole
//! record anyway).

use super::seen::Seen;

/// A member's value, as far as it is looked at.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Text(&'a str),
    Number(i64),
    Flag(bool),
    /// Anything else: skipped.
    Other,
}

impl<'a> Value<'a> {
    pub(super) fn text(self) -> Option<&'a str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }
    pub(super) fn number(self) -> Option<i64> {
        if let Value::Number(number) = self { Some(number) } else { None }
    }
    pub(super) fn flag(self) -> Option<bool> {
        if let Value::Flag(flag) = self { Some(flag) } else { None }
    }
}

/// Reads a record as our ingest writes it; `None` leaves it to the real parser.
pub(super) fn scan(bytes: &[u8]) -> Option<Seen<'_>> {
    let text = simdutf8::basic::from_utf8(bytes).ok()?;
    let mut seen = Seen::empty();
    let mut present = 0;
    let mut at = 0;
    if bytes.first() != Some(&b'{') {
        return None;
    }
    loop {
        // At `{` or `,`.
        if bytes.get(at + 1) != Some(&b'"') {
            return None;
        }
        let key_end = text_end(bytes, at + 2)?;
        if bytes[key_end] != b'"' || bytes.get(key_end + 1) != Some(&b':') {
            return None;
        }
        let (value, end) = value(text, key_end + 2)?;
        let key = &bytes[at + 2..key_end];
        let bit = seen.set(first_word(bytes, at + 2, key_end), key, value)?;
        if present & bit != 0 {
            return None;
        }
        present |= bit;
        at = end;
        match bytes.get(at)? {
            b',' => {}
            b'}' => break,
            _ => return None,
        }
    }
    (present == 63 && at + 1 == bytes.len()).then_some(seen)
}

/// The first eight bytes of a name, fewer being filled up with zeros: what `word` makes of it.
fn first_word(bytes: &[u8], from: usize, to: usize) -> u64 {
    let Some(eight) = bytes[from..].first_chunk::<8>() else { return word(&bytes[from..to]) };
    let all = u64::from_le_bytes(*eight);
    let length = to - from;
    if length >= 8 { all } else { all & ((1 << (8 * length)) - 1) }
}

/// See [`first_word`].
pub(super) const fn word(name: &[u8]) -> u64 {
    let (mut word, mut at) = (0, 0);
    while at < name.len() && at < 8 {
        word |= (name[at] as u64) << (8 * at);
        at += 1;
    }
    word
}

/// The position of the first quotation mark or backslash from `at` on.
#[inline]
pub(super) fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    // The lowest high bit of the result is at the first byte that is zero; those above may deceive.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    for _ in 0..3 {
        let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) else { break };
        let eight = u64::from_le_bytes(*eight);
        let found = zeros(eight ^ (ONES * 0x22)) | zeros(eight ^ (ONES * 0x5c));
        if found != 0 {
            return Some(at + (found.trailing_zeros() / 8) as usize);
        }
        at += 8;
    }
    Some(at + memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?)
}

/// The value at a position, and the position behind it.
fn value(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let bytes = text.as_bytes();
    match bytes.get(at)? {
        b'"' => {
            let end = text_end(bytes, at + 1)?;
            if bytes[end] == b'"' {
                return Some((Value::Text(&text[at + 1..end]), end + 1));
            }
            Some((Value::Other, skip_text(bytes, end)?))
        }
        b'0'..=b'9' => {
            let mut number = 0i64;
            let mut end = at;
            while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
                number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
                end += 1;
            }
            let plain = matches!(bytes.get(end), Some(b',' | b'}'));
            // A leading zero is not JSON; fractions and exponents are nobody's here.
            (plain && (end == at + 1 || bytes[at] != b'0')).then_some((Value::Number(number), end))
        }
        b't' if bytes[at..].starts_with(b"true") => Some((Value::Flag(true), at + 4)),
        b'f' if bytes[at..].starts_with(b"false") => Some((Value::Flag(false), at + 5)),
        b'{' | b'[' => Some((Value::Other, skip_nested(bytes, at)?)),
        _ => None,
    }
}

/// The position behind a text, whatever escapes it has; `at` is within it.
pub(super) fn skip_text(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The position behind an object or array.
fn skip_nested(bytes: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0;
    loop {
        match bytes.get(at)? {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'"' => at = skip_text(bytes, at + 1)? - 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use footfall_event::record::{Device, PropValue, Via};
    use footfall_event::{Activity, Event, Hex64, Id};

    use super::*;

    fn slowly(bytes: &[u8]) -> Option<Seen<'_>> {
        serde_json::from_slice(bytes).ok()
    }

    fn sample() -> Event<'static> {
        let mut event = Event::new(Activity::Engagement, Id::from_u128(77), "example.com", 1_000);
        event.visitor = Some(Hex64(5));
        event.previous_visitor = Some(Hex64(6));
        event.via = Via::Import;
        event.device = Device::Tablet;
        event.path = "/grüße".into();
        event.title = "A \"title\" with } and \\".into();
        event.automated = true;
        event.engaged_ms = 700;
        event.scroll_pct = Some(0);
        event.props.insert("a}\"b".into(), PropValue::Text("]\\".into()));
        event.utm_term = "t".into();
        event
    }

    #[test]
    fn the_scan_reads_what_the_parser_reads() {
        let whole = sample().to_json();
        assert_eq!(scan(&whole), slowly(&whole));
        assert!(scan(&whole).is_some(), "the usual record takes the short way");
        let mut escaped = sample();
        escaped.path = "/a\"b".into();
        let escaped = escaped.to_json();
        assert_eq!(scan(&escaped), None);
        assert_eq!(Seen::parse(&escaped).unwrap().path, "/a\"b");
    }

    #[test]
    fn the_scan_never_takes_what_the_parser_refuses() {
        let whole = sample().to_json();
        for at in 0..whole.len() {
            assert_eq!(scan(&whole[..at]), None, "cut at {at}");
            for byte in *b"\"\\{}[],:0 x\xff" {
                let mut changed = whole.clone();
                changed[at] = byte;
                if let Some(seen) = scan(&changed) {
                    let text = std::str::from_utf8(&changed).unwrap();
                    // Inside what is skipped, the scan is more lenient; never in what it reads.
                    if let Some(parsed) = slowly(&changed) {
                        assert_eq!(seen, parsed, "{text}");
                    }
                }
            }
        }
        let twice = String::from_utf8(whole).unwrap().replace("\"v\":1", "\"v\":1,\"v\":1");
        assert_eq!(scan(twice.as_bytes()), None);
    }
}
