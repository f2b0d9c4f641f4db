//! The page's address: host, path, query. Taken apart by hand, since nothing is changed: the path
//! is counted as the browser sent it.

use std::borrow::Cow;

use footfall_event::record::Text;
use footfall_event::{Activity, Rejected};

use super::{Raw, Rejection};

/// What is counted of a page's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<'a> {
    /// Lower case, without `www.`, port and user info.
    pub host: Text<'a>,
    /// From the first slash, without query and fragment (with it under hash routing).
    pub path: Text<'a>,
    /// Behind the question mark; empty when there is none.
    pub query: Text<'a>,
}

/// The page of an event; `None` when it has none.
///
/// # Errors
/// `invalid_field` when `url` is not an http(s) address.
pub(crate) fn parse<'a>(_: Activity, raw: &Raw<'a>) -> Result<Option<Page<'a>>, Rejection> {
    if raw.url.is_empty() {
        return Ok(None);
    }
    split(&raw.url, raw.hash).map(Some).ok_or_else(|| {
        let detail = "url is not the address of a page: expected http:// or https:// and a host";
        Rejection::new(Rejected::InvalidField, detail)
    })
}

/// Takes an http(s) address apart; `None` for anything else.
pub fn split<'a>(url: &Text<'a>, hash_routing: bool) -> Option<Page<'a>> {
    match url {
        Cow::Borrowed(url) => split_str(url, hash_routing),
        Cow::Owned(url) => split_str(url, hash_routing).map(|page| Page {
            host: Cow::Owned(page.host.into_owned()),
            path: Cow::Owned(page.path.into_owned()),
            query: Cow::Owned(page.query.into_owned()),
        }),
    }
}

fn split_str(url: &str, hash_routing: bool) -> Option<Page<'_>> {
    let rest = after_scheme(url)?;
    let (authority, rest) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let host = host_of_authority(authority)?;
    let (before, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = before.split_once('?').unwrap_or((before, ""));
    let path = if path.is_empty() { "/" } else { path };
    let route = fragment.split('?').next().unwrap_or_default();
    let path = if hash_routing && !route.is_empty() {
        Cow::Owned(format!("{path}#{route}"))
    } else {
        Cow::Borrowed(path)
    };
    Some(Page { host, path, query: Cow::Borrowed(query) })
}

/// The host of an http(s) address or origin, lower case, without `www.`.
pub fn host_of(url: &str) -> Option<Text<'_>> {
    let rest = after_scheme(url)?;
    host_of_authority(&rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
}

fn after_scheme(url: &str) -> Option<&str> {
    let colon = url.find("://")?;
    let scheme = &url[..colon];
    let web = scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http");
    web.then(|| &url[colon + 3..])
}

fn host_of_authority(authority: &str) -> Option<Text<'_>> {
    let host = authority.rsplit('@').next().unwrap_or_default();
    let host = if host.starts_with('[') {
        &host[..=host.find(']')?]
    } else {
        host.split(':').next().unwrap_or_default()
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.is_empty() || host.bytes().any(|b| b <= b' ' || b"\"<>\\^`{|}".contains(&b)) {
        return None;
    }
    let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    };
    Some(match host {
        Cow::Borrowed(host) => Cow::Borrowed(without_www(host)),
        Cow::Owned(host) => Cow::Owned(without_www(&host).to_owned()),
    })
}

/// A host without `www.` in front, unless nothing but a top-level name would be left.
fn without_www(host: &str) -> &str {
    match host.strip_prefix("www.") {
        Some(rest) if rest.contains('.') || rest == "localhost" => rest,
        _ => host,
    }
}

/// The values of a query's parameters, decoded (`+` is a blank). What is not UTF-8 is replaced.
pub fn parameters(query: &str) -> impl Iterator<Item = (&str, Text<'_>)> {
    query.split('&').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        (!name.is_empty()).then(|| (name, decode(value)))
    })
}

/// Percent-decodes a value of a query.
pub fn decode(value: &str) -> Text<'_> {
    if !value.bytes().any(|b| b == b'%' || b == b'+') {
        return Cow::Borrowed(value);
    }
    let hex = |byte: Option<&u8>| byte.and_then(|b| char::from(*b).to_digit(16));
    let bytes = value.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let decoded = match byte {
            b'+' => b' ',
            b'%' => match (hex(bytes.get(at + 1)), hex(bytes.get(at + 2))) {
                (Some(high), Some(low)) => {
                    at += 2;
                    (high << 4 | low) as u8
                }
                _ => b'%',
            },
            other => other,
        };
        out.push(decoded);
        at += 1;
    }
    Cow::Owned(match String::from_utf8(out) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        let check = |url: &str, hash, expected: Option<(&str, &str, &str)>| {
            let page = split(&Cow::Borrowed(url), hash);
            let found = page.as_ref().map(|p| (&*p.host, &*p.path, &*p.query));
            assert_eq!(found, expected, "{url}");
        };
        check("https://example.com", false, Some(("example.com", "/", "")));
        check(
            "https://WWW.Example.com:8443/A/b?x=1#y",
            false,
            Some(("example.com", "/A/b", "x=1")),
        );
        check("HTTP://user:pw@example.com./?q#", true, Some(("example.com", "/", "q")));
        check("https://e.com/app?x#/users?tab=1", true, Some(("e.com", "/app#/users", "x")));
        check("https://e.com?x=1", false, Some(("e.com", "/", "x=1")));
        check("https://www.com/", false, Some(("www.com", "/", "")));
        check("http://[::1]:8080/a", false, Some(("[::1]", "/a", "")));
        check("http://[::1/a", false, None);
        check("https://e.com/a%20b/ü", false, Some(("e.com", "/a%20b/ü", "")));
        for bad in ["", "/path", "example.com", "ftp://e.com/", "https://", "https:///a", "null"] {
            check(bad, false, None);
        }
        check("javascript:alert(1)", false, None);
        check("https://a b.com/", false, None);
    }

    #[test]
    fn parameters_are_decoded() {
        let all: Vec<_> = parameters("a=1&b=x+y%21&=z&c&d=%zz&e=%ff&f=%C3%BC").collect();
        let expected = [("a", "1"), ("b", "x y!"), ("d", "%zz"), ("e", "\u{fffd}"), ("f", "ü")];
        assert_eq!(all, expected.map(|(n, v)| (n, Cow::from(v))));
    }
}
