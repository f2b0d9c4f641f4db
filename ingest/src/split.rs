//! Cuts a body into its events without parsing them: one pass over the bytes that knows only
//! brackets and strings, never calls itself, and so can't be driven deep.

use memchr::{memchr2, memchr2_iter};

/// One event's text, or why it can't be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// The text of one JSON value (its form inside the brackets is not checked).
    Event(&'a str),
    /// It has so many bytes, more than an event may have.
    TooLarge(usize),
    /// It is nested deeper than JSON may be.
    TooDeep,
    /// The line is not UTF-8.
    NotText,
}

/// Why a body can't be cut: nothing of it may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The body is no list of JSON values.
    #[error("{what} (byte {at} of the body)")]
    Malformed {
        /// What was found or missing.
        what: &'static str,
        /// Where, from 0.
        at: usize,
    },
    /// More events than one request may carry.
    #[error("more than {0} events in one request")]
    TooMany(usize),
}

/// How large things may be.
#[derive(Clone, Copy, Debug)]
pub struct SplitLimits {
    /// Bytes of an event.
    pub event_bytes_max: usize,
    /// Nesting of an event, its own object included.
    pub depth_max: usize,
    /// Events.
    pub events_max: usize,
}

/// Cuts a body: an array, `{"events": […]}`, one object, or one object a line. Returns the pieces
/// and whether they come from lines (where each stands for itself).
///
/// # Errors
/// See [`SplitError`].
pub fn split(body: &[u8], limits: SplitLimits) -> Result<(Vec<Piece<'_>>, bool), SplitError> {
    let start = skip_blanks(body, 0);
    let malformed = |what, at| SplitError::Malformed { what, at };
    match body.get(start) {
        None => Err(malformed("the body is empty: expected events", 0)),
        Some(b'[') => Ok((array(as_text(body)?, start, limits)?, false)),
        Some(b'{') => {
            if let Ok(text) = as_text(body) {
                if let Some(list) = envelope(body, start) {
                    let pieces = array(text, list, limits)?;
                    return Ok((pieces, false));
                }
                let (end, _) = value_end(body, start).unwrap_or((start, 0));
                if end > start && skip_blanks(body, end) == body.len() {
                    return Ok((vec![piece(text, start, limits)?.0], false));
                }
            }
            Ok((lines(body, limits)?, true))
        }
        Some(_) => Err(malformed("expected an array, an object, or one object a line", start)),
    }
}

fn as_text(body: &[u8]) -> Result<&str, SplitError> {
    std::str::from_utf8(body)
        .map_err(|error| SplitError::Malformed { what: "not UTF-8", at: error.valid_up_to() })
}

fn skip_blanks(bytes: &[u8], mut at: usize) -> usize {
    while bytes.get(at).is_some_and(|b| matches!(b, b' ' | b'\n' | b'\r' | b'\t')) {
        at += 1;
    }
    at
}

/// The position of the array in `{"events":[…]}`.
fn envelope(body: &[u8], start: usize) -> Option<usize> {
    const NAME: &[u8] = b"\"events\"";
    let name = skip_blanks(body, start + 1);
    let rest = body.get(name..)?.starts_with(NAME).then_some(name + NAME.len())?;
    let colon = skip_blanks(body, rest);
    let list = (body.get(colon) == Some(&b':')).then(|| skip_blanks(body, colon + 1))?;
    (body.get(list) == Some(&b'[')).then_some(list)
}

/// The elements of the array that begins at `start`. Behind it only blanks may follow, or the
/// brace of the envelope.
fn array(text: &str, start: usize, limits: SplitLimits) -> Result<Vec<Piece<'_>>, SplitError> {
    let bytes = text.as_bytes();
    let malformed = |what, at| SplitError::Malformed { what, at };
    let mut pieces = Vec::new();
    let mut at = skip_blanks(bytes, start + 1);
    if bytes.get(at) == Some(&b']') {
        at += 1;
    } else {
        loop {
            if pieces.len() == limits.events_max {
                return Err(SplitError::TooMany(limits.events_max));
            }
            let (found, end) = piece(text, at, limits)?;
            pieces.push(found);
            at = skip_blanks(bytes, end);
            match bytes.get(at) {
                Some(b',') => at = skip_blanks(bytes, at + 1),
                Some(b']') => {
                    at += 1;
                    break;
                }
                Some(_) => return Err(malformed("expected , or ] after an event", at)),
                None => return Err(malformed("the array has no end", at)),
            }
        }
    }
    at = skip_blanks(bytes, at);
    if bytes[skip_blanks(bytes, 0)] == b'{' {
        if bytes.get(at) != Some(&b'}') {
            return Err(malformed("expected } after the events: there is no other field", at));
        }
        at = skip_blanks(bytes, at + 1);
    }
    if at < bytes.len() {
        return Err(malformed("something follows the end", at));
    }
    Ok(pieces)
}

fn piece(text: &str, start: usize, limits: SplitLimits) -> Result<(Piece<'_>, usize), SplitError> {
    let (end, depth) = value_end(text.as_bytes(), start)?;
    let found = if end - start > limits.event_bytes_max {
        Piece::TooLarge(end - start)
    } else if depth > limits.depth_max {
        Piece::TooDeep
    } else {
        Piece::Event(&text[start..end])
    };
    Ok((found, end))
}

fn lines(body: &[u8], limits: SplitLimits) -> Result<Vec<Piece<'_>>, SplitError> {
    let mut pieces = Vec::new();
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        if pieces.len() == limits.events_max {
            return Err(SplitError::TooMany(limits.events_max));
        }
        pieces.push(if line.len() > limits.event_bytes_max {
            Piece::TooLarge(line.len())
        } else if deepest(line) > limits.depth_max {
            Piece::TooDeep
        } else {
            std::str::from_utf8(line).map_or(Piece::NotText, Piece::Event)
        });
    }
    Ok(pieces)
}

/// The deepest nesting in a line, whatever else is wrong with it.
fn deepest(line: &[u8]) -> usize {
    match value_end(line, 0) {
        Ok((_, depth)) => depth,
        // A line without an end is malformed; the parser says so as long as it isn't too deep.
        Err(_) => memchr2_iter(b'{', b'[', line).count(),
    }
}

/// The end of the value that begins at `start`, and how deep it is nested.
fn value_end(bytes: &[u8], start: usize) -> Result<(usize, usize), SplitError> {
    let malformed = |what, at| SplitError::Malformed { what, at };
    let (mut at, mut depth, mut deepest) = (start, 0usize, 0);
    loop {
        let Some(byte) = bytes.get(at) else {
            return match depth {
                0 if at > start => Ok((at, deepest)),
                _ => Err(malformed("the body ends in the middle of a value", at)),
            };
        };
        match byte {
            b'"' => {
                at = string_end(bytes, at)?;
                if depth == 0 {
                    return Ok((at, deepest));
                }
                continue;
            }
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if depth > 0 => {
                depth -= 1;
                if depth == 0 {
                    return Ok((at + 1, deepest));
                }
            }
            b'}' | b']' | b',' | b' ' | b'\n' | b'\r' | b'\t' if depth == 0 => {
                return if at > start {
                    Ok((at, deepest))
                } else {
                    Err(malformed("expected a value", at))
                };
            }
            _ => {}
        }
        at += 1;
    }
}

/// The position behind the string that begins at `start`.
fn string_end(bytes: &[u8], start: usize) -> Result<usize, SplitError> {
    let mut at = start + 1;
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr2(b'"', b'\\', rest)) {
        at += found + 1;
        if bytes[at - 1] == b'"' {
            return Ok(at);
        }
        at += 1;
    }
    Err(SplitError::Malformed { what: "a text has no end", at: start })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: SplitLimits = SplitLimits { event_bytes_max: 40, depth_max: 3, events_max: 4 };

    fn check(body: &[u8], expected: Result<(&[Piece<'_>], bool), &str>) {
        match (split(body, LIMITS), expected) {
            (Ok((pieces, lines)), Ok(expected)) => {
                assert_eq!((&pieces[..], lines), expected, "{}", body.escape_ascii());
            }
            (Err(error), Err(expected)) => {
                assert!(error.to_string().contains(expected), "{}: {error}", body.escape_ascii());
            }
            (found, _) => panic!("{}: {found:?}", body.escape_ascii()),
        }
    }

    #[test]
    fn bodies_of_every_form() {
        use Piece::{Event, NotText, TooDeep, TooLarge};
        check(b"[]", Ok((&[], false)));
        check(
            b" [ {\"a\":\"]\\\"\"} , 5,\"x\" ]\n",
            Ok((&[Event("{\"a\":\"]\\\"\"}"), Event("5"), Event("\"x\"")], false)),
        );
        check(b"{\"events\" : [{},{}]}", Ok((&[Event("{}"), Event("{}")], false)));
        check(b"{\"a\":1}", Ok((&[Event("{\"a\":1}")], false)));
        check(b"{\n\"a\":1\n}\n", Ok((&[Event("{\n\"a\":1\n}")], false)));
        check(b"{}\r\n\n{\"a\"}\n", Ok((&[Event("{}"), Event("{\"a\"}")], true)));
        check(b"{}\n{\"a\n{\"\xff\"}\n", Ok((&[Event("{}"), Event("{\"a"), NotText], true)));
        check(b"[[[[[]]]]]", Ok((&[TooDeep], false)));
        let long = format!("[\"{}\"]", "x".repeat(60));
        check(long.as_bytes(), Ok((&[TooLarge(62)], false)));
    }

    #[test]
    fn what_is_no_list_of_events() {
        for (body, expected) in [
            (&b""[..], "empty"),
            (b"  ", "empty"),
            (b"hello", "expected an array"),
            (b"[", "ends in the middle"),
            (b"[{}", "no end"),
            (b"[{}{}]", "expected , or ]"),
            (b"[{},]", "expected a value"),
            (b"[,{}]", "expected a value"),
            (b"[\"a", "a text has no end"),
            (b"[\"a\\", "a text has no end"),
            (b"[{}]x", "something follows"),
            (b"[{}]]", "something follows"),
            (b"{\"events\":[{}],\"x\":1}", "expected }"),
            (b"[{},{},{},{},{}]", "more than 4 events"),
            (b"{}\n{}\n{}\n{}\n{}", "more than 4 events"),
            (b"[\"\xff\"]", "not UTF-8 (byte 2"),
        ] {
            check(body, Err(expected));
        }
    }

    #[test]
    fn deep_nesting_takes_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        let limits = SplitLimits { event_bytes_max: 4_000_000, ..LIMITS };
        assert_eq!(split(deep.as_bytes(), limits), Ok((vec![Piece::TooDeep], false)));
        let open = "{\"a\":".repeat(100_000);
        assert!(
            matches!(split(open.as_bytes(), limits), Ok((pieces, true)) if pieces == [Piece::TooDeep])
        );
    }
}
