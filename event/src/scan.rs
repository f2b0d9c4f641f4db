//! The short way to read a record.
//!
//! Records are written by this program: no white space, hardly any escapes. Reading them with this
//! knowledge takes a fraction of the general parser's time, which is most of what the aggregator and
//! the loader would spend on an event. Names are compared as words of eight bytes; ends of texts are
//! looked for eight bytes at a time, since most are short. Whatever looks different is left to the
//! general parser (`None`), so nothing is read differently.
//!
//! Here is how objects and their values are found; `members` reads them into the fields of a struct.

pub mod members;

/// A member's value.
#[derive(Clone, Copy, Debug)]
pub enum Value<'a> {
    /// A text without escapes.
    Text(&'a str),
    /// A whole number.
    Number(i64),
    /// True or false.
    Flag(bool),
    /// A text with escapes, an object or a list, as it stands there. Only where it ends is known.
    Other(&'a str),
}

/// Reads an object that begins at `at`, member by member: `member` gets the name's first eight
/// bytes (see [`word`]), the name and the value. Returns the position behind the object. `None`: leave
/// it to the general parser.
pub fn object<'a>(
    text: &'a str,
    at: usize,
    member: impl FnMut(u64, &'a [u8], Value<'a>) -> Option<()>,
) -> Option<usize> {
    walk::<false>(text, at, member)
}

/// [`object`] for what others write: an object at the beginning of a text, with spaces before names
/// and values if they like.
pub fn spaced_object<'a>(
    text: &'a str,
    member: impl FnMut(u64, &'a [u8], Value<'a>) -> Option<()>,
) -> Option<usize> {
    walk::<true>(text, 0, member)
}

#[inline]
fn walk<'a, const SPACED: bool>(
    text: &'a str,
    mut at: usize,
    mut member: impl FnMut(u64, &'a [u8], Value<'a>) -> Option<()>,
) -> Option<usize> {
    let bytes = text.as_bytes();
    let behind_spaces = |mut at: usize| {
        while SPACED && bytes.get(at) == Some(&b' ') {
            at += 1;
        }
        at
    };
    if bytes.get(at) != Some(&b'{') {
        return None;
    }
    loop {
        // At `{` or `,`.
        let from = behind_spaces(at + 1) + 1;
        if bytes.get(from - 1) != Some(&b'"') {
            return None;
        }
        let to = text_end(bytes, from)?;
        if bytes[to] != b'"' || bytes.get(to + 1) != Some(&b':') {
            return None;
        }
        let (value, end) = value(text, behind_spaces(to + 2))?;
        member(first_word(bytes, from, to), &bytes[from..to], value)?;
        at = end;
        match bytes.get(at)? {
            b',' => {}
            b'}' => return Some(at + 1),
            _ => return None,
        }
    }
}

/// The first eight bytes of a name, fewer being filled up with zeros: what `word` makes of it.
fn first_word(bytes: &[u8], from: usize, to: usize) -> u64 {
    let Some(eight) = bytes[from..].first_chunk::<8>() else { return word(&bytes[from..to]) };
    let all = u64::from_le_bytes(*eight);
    let length = to - from;
    if length >= 8 { all } else { all & ((1 << (8 * length)) - 1) }
}

/// The first eight bytes of a name as a number, fewer being filled up with zeros: one comparison
/// tells most names apart.
pub const fn word(name: &[u8]) -> u64 {
    let (mut word, mut at) = (0, 0);
    while at < name.len() && at < 8 {
        word |= (name[at] as u64) << (8 * at);
        at += 1;
    }
    word
}

/// The position of the first quotation mark or backslash from `at` on.
#[inline]
pub fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
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
#[inline]
fn value(text: &str, at: usize) -> Option<(Value<'_>, usize)> {
    let bytes = text.as_bytes();
    let other = |end: usize| Some((Value::Other(&text[at..end]), end));
    match bytes.get(at)? {
        b'"' => {
            let end = text_end(bytes, at + 1)?;
            if bytes[end] == b'"' {
                return Some((Value::Text(&text[at + 1..end]), end + 1));
            }
            other(skip_text(bytes, end)?)
        }
        b'0'..=b'9' => {
            let (number, end) = digits(bytes, at)?;
            Some((Value::Number(number), end))
        }
        b'-' => {
            let (number, end) = digits(bytes, at + 1)?;
            // Minus zero is no whole number to the general parser.
            (number != 0).then_some((Value::Number(-number), end))
        }
        b't' if bytes[at..].starts_with(b"true") => Some((Value::Flag(true), at + 4)),
        b'f' if bytes[at..].starts_with(b"false") => Some((Value::Flag(false), at + 5)),
        b'{' | b'[' => other(skip_nested(bytes, at)?),
        _ => None,
    }
}

/// A number without sign, fraction and exponent, and the position behind it.
fn digits(bytes: &[u8], at: usize) -> Option<(i64, usize)> {
    let mut number = 0i64;
    let mut end = at;
    while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
        number = number.checked_mul(10)?.checked_add(i64::from(digit - b'0'))?;
        end += 1;
    }
    let plain = end > at && matches!(bytes.get(end), Some(b',' | b'}'));
    // A leading zero is not JSON.
    (plain && (end == at + 1 || bytes[at] != b'0')).then_some((number, end))
}

/// The position behind a text, whatever escapes it has; `at` is within it.
pub fn skip_text(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at = text_end(bytes, at)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The position behind an object or list.
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

/// A record's bytes as a text, if they can be JSON without white space: no control characters.
pub(crate) fn plain(bytes: &[u8]) -> Option<&str> {
    let any = bytes.iter().fold(false, |any, byte| any | (*byte < 0x20));
    if any { None } else { simdutf8::basic::from_utf8(bytes).ok() }
}
