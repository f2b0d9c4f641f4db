//! Lines of Apache's and nginx's text formats: common, combined, and either with the virtual host
//! in front. What follows the known fields (a response time, a forwarded address) is ignored.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::civil::DateTime;
use jiff::tz::Offset;

use super::hit::{Hit, Request, Unparsable};

/// The request that a line tells.
///
/// # Errors
/// Why it can't be read.
pub(crate) fn parse(line: &[u8]) -> Result<Hit, Unparsable> {
    let (prefix, time, rest) = split_at_time(line).ok_or(Unparsable::Form)?;
    let (vhost, client) = parse_prefix(prefix).ok_or(Unparsable::Form)?;
    let time = parse_time(time).ok_or(Unparsable::Time)?;
    let (request, rest) = quoted(rest).ok_or(Unparsable::Form)?;
    let mut fields = rest.splitn(3, |&b| b == b' ');
    let status = fields.next().and_then(parse_status).ok_or(Unparsable::Status)?;
    let bytes = fields.next().unwrap_or(b"-");
    if bytes != b"-" && (bytes.is_empty() || !bytes.iter().all(u8::is_ascii_digit)) {
        return Err(Unparsable::Form);
    }
    let mut hit = Hit {
        time,
        client: parse_client(client),
        request: parse_request(&unescape(request)),
        status,
        ..Hit::default()
    };
    if let Some((host, port)) = vhost {
        hit.host = host.to_owned();
        hit.plain_http = port == "80";
    }
    // Both or none: a combined line that ends within a field was cut off.
    if let Some(rest) = fields.next().filter(|rest| rest.starts_with(b"\"")) {
        let (referrer, rest) = quoted(rest).ok_or(Unparsable::Form)?;
        let (user_agent, _) = quoted(rest).ok_or(Unparsable::Form)?;
        hit.referrer = text(referrer);
        hit.user_agent = text(user_agent);
    }
    Ok(hit)
}

/// Milliseconds since 1970 of `21/Nov/2026:10:00:00 +0100` or RFC 3339; both need a zone.
pub(crate) fn parse_time(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    if text.len() != 26 || !text.is_ascii() || text.as_bytes()[2] != b'/' {
        return footfall_event::time::parse_rfc3339(text);
    }
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let number = |range: std::ops::Range<usize>| {
        let digits = &text[range];
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        digits.parse::<i16>().ok()
    };
    let separators = [(6, b'/'), (11, b':'), (14, b':'), (17, b':'), (20, b' ')];
    if separators.iter().any(|&(at, byte)| text.as_bytes()[at] != byte) {
        return None;
    }
    let month = MONTHS.find(&text[3..6]).filter(|at| at % 3 == 0)? / 3 + 1;
    let two = |range| number(range).and_then(|n| i8::try_from(n).ok());
    // A leap second becomes the second before, as in Unix time.
    let second = two(18..20)?.min(if &text[18..20] == "60" { 59 } else { 60 });
    let local = DateTime::new(
        number(7..11)?,
        i8::try_from(month).ok()?,
        two(0..2)?,
        two(12..14)?,
        two(15..17)?,
        second,
        0,
    )
    .ok()?;
    let offset_s = (i32::from(number(22..24)?) * 60 + i32::from(number(24..26)?)) * 60;
    let offset = match text.as_bytes()[21] {
        b'+' => Offset::from_seconds(offset_s).ok()?,
        b'-' => Offset::from_seconds(-offset_s).ok()?,
        _ => return None,
    };
    Some(offset.to_timestamp(local).ok()?.as_millisecond())
}

/// An address, also in brackets, with an IPv6 zone, or with the port of an IPv4 client.
pub(crate) fn parse_client(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(address) = text.parse() {
        return Some(address);
    }
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if text.matches(':').count() == 1 => text.split(':').next()?,
        None => text.split('%').next()?,
    };
    bare.parse().ok()
}

/// A status from 100 to 599.
pub(crate) fn parse_status(text: &[u8]) -> Option<u16> {
    let status: u16 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (text.len() == 3 && (100..=599).contains(&status)).then_some(status)
}

/// Method and target of `GET /path HTTP/1.1`; `None` when it is no HTTP request.
pub(crate) fn parse_request(line: &[u8]) -> Option<Request> {
    let space = line.iter().position(|&b| b == b' ')?;
    let (method, rest) = (&line[..space], &line[space + 1..]);
    let is_method = (3..=20).contains(&method.len())
        && method.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'-' | b'_'));
    if !is_method {
        return None;
    }
    let version = rest.windows(6).rposition(|window| window == b" HTTP/");
    let target = version.map_or(rest, |at| &rest[..at]);
    if target.is_empty() {
        return None;
    }
    Some(Request {
        method: String::from_utf8_lossy(method).into_owned(),
        target: encode_target(target),
    })
}

/// Bytes that can't stand in an address are percent-encoded, as a browser does it.
fn encode_target(target: &[u8]) -> String {
    let mut text = String::with_capacity(target.len());
    for &byte in target {
        if byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>') {
            text.push(char::from(byte));
        } else {
            const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    text
}

/// What is before the brackets, within them, and behind them. The first brackets that hold a
/// time-like text count: a user's name may hold brackets too.
fn split_at_time(line: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let mut from = 0;
    while let Some(at) = line[from..].windows(2).position(|window| window == b" [") {
        let open = from + at;
        let inner = &line[open + 2..];
        if let Some(length) = inner.iter().take(64).position(|&b| b == b']')
            && inner.first().is_some_and(u8::is_ascii_digit)
        {
            let rest = inner[length + 1..].strip_prefix(b" ")?;
            return Some((&line[..open], &inner[..length], rest));
        }
        from = open + 2;
    }
    None
}

/// Host and port.
type Vhost<'a> = (&'a str, &'a str);

/// Virtual host with port (if the format has it) and client, from `client ident user` or
/// `vhost:port client ident user`.
fn parse_prefix(prefix: &[u8]) -> Option<(Option<Vhost<'_>>, &[u8])> {
    let mut fields = prefix.split(|&b| b == b' ').filter(|field| !field.is_empty());
    let (first, second) = (fields.next()?, fields.next()?);
    fields.next()?; // The user.
    let has_four = fields.next().is_some();
    let name = std::str::from_utf8(first).ok();
    if has_four && let Some(name) = name {
        let with_port = name.rsplit_once(':').filter(|(_, port)| {
            !port.is_empty()
                && port.bytes().all(|b| b.is_ascii_digit())
                && parse_client(first).is_none()
        });
        if with_port.is_some() || (second != b"-" && parse_client(second).is_some()) {
            return Some((Some(with_port.unwrap_or((name, ""))), second));
        }
    }
    Some((None, first))
}

/// The inside of a quoted field and what follows it and its blank. A quote that is neither escaped
/// nor followed by a blank belongs to the field: some servers don't escape.
fn quoted(field: &[u8]) -> Option<(&[u8], &[u8])> {
    let inner = field.strip_prefix(b"\"")?;
    let mut at = 0;
    while at < inner.len() {
        match inner[at] {
            b'\\' => at += 2,
            b'"' => match inner.get(at + 1) {
                None => return Some((&inner[..at], b"")),
                Some(b' ') => return Some((&inner[..at], &inner[at + 2..])),
                Some(_) => at += 1,
            },
            _ => at += 1,
        }
    }
    None
}

/// A field's text; `-` stands for none.
fn text(field: &[u8]) -> String {
    if field == b"-" {
        return String::new();
    }
    String::from_utf8_lossy(&unescape(field)).into_owned()
}

/// Resolves `\"`, `\\`, `\xHH` and the control characters' letters; anything else stays as it is.
fn unescape(field: &[u8]) -> Cow<'_, [u8]> {
    if !field.contains(&b'\\') {
        return Cow::Borrowed(field);
    }
    let hex = |byte: Option<&u8>| byte.and_then(|&b| char::from(b).to_digit(16));
    let mut out = Vec::with_capacity(field.len());
    let mut at = 0;
    while at < field.len() {
        let escaped = match (field[at], field.get(at + 1)) {
            (b'\\', Some(b'x')) => match (hex(field.get(at + 2)), hex(field.get(at + 3))) {
                (Some(high), Some(low)) => {
                    at += 4;
                    out.push((high * 16 + low) as u8);
                    continue;
                }
                _ => None,
            },
            (b'\\', Some(&b @ (b'"' | b'\\'))) => Some(b),
            (b'\\', Some(b'n')) => Some(b'\n'),
            (b'\\', Some(b't')) => Some(b'\t'),
            (b'\\', Some(b'r')) => Some(b'\r'),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                out.push(byte);
                at += 2;
            }
            None => {
                out.push(field[at]);
                at += 1;
            }
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests;
