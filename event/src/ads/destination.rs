//! Where a click may lead: an http or https address that is checked when it is stored and again
//! after its macros were filled in.
//!
//! The check is stricter than what browsers would forgive, because what they forgive is what open
//! redirects are made of: a backslash is a slash to some, a tab or a line end is dropped, user
//! info hides the host, `%2e` in a host is a dot. So all of that is refused, and an address says
//! with the bytes that stand there where it leads.

use url::Url;

use crate::limits::URL_BYTES_MAX;

/// Why an address can't be a destination.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DestinationError {
    /// Nothing there.
    #[error("the destination is empty: expected an address such as https://shop.example/boots")]
    Empty,
    /// Too long.
    #[error("the destination has {0} bytes: expected at most {URL_BYTES_MAX}")]
    TooLong(usize),
    /// A byte that browsers drop or read as another.
    #[error(
        "the destination holds a blank, a backslash or a control character: percent-encode it \
         (a blank is %20)"
    )]
    Character,
    /// Another scheme, or none.
    #[error("the destination must begin with http:// or https://, spelt out")]
    Scheme,
    /// `user:password@`.
    #[error("the destination holds user info (something before an @): leave it out")]
    UserInfo,
    /// Not a host as it has to be written.
    #[error(
        "the destination's host {0:?} can't be used: expected a name such as shop.example or an \
         address, without macros or percent signs (international names in their xn-- form)"
    )]
    Host(String),
    /// Not an address for another reason.
    #[error("the destination is not an address: {0}")]
    Form(String),
}

/// A destination's parts that must be the same before and after its macros were filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Destination {
    /// `http` or `https`.
    pub scheme: String,
    /// The host in lower case.
    pub host: String,
    /// The port, if it is not the scheme's own.
    pub port: Option<u16>,
    /// The whole address, as it may stand in a header: ASCII, nothing left to be read in two ways.
    pub address: String,
}

impl Destination {
    /// The host without `www.`.
    pub fn bare_host(&self) -> &str {
        bare_host(&self.host)
    }

    /// Whether the other leads to the same server.
    pub fn is_same_place(&self, other: &Destination) -> bool {
        (&self.scheme, &self.host, self.port) == (&other.scheme, &other.host, other.port)
    }
}

/// A host without `www.`.
pub fn bare_host(host: &str) -> &str {
    host.strip_prefix("www.").filter(|rest| rest.contains('.')).unwrap_or(host)
}

/// Checks an address. Macros may stand in its path, query and fragment.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn check(text: &str) -> Result<Destination, DestinationError> {
    if text.is_empty() {
        return Err(DestinationError::Empty);
    }
    if text.len() > URL_BYTES_MAX {
        return Err(DestinationError::TooLong(text.len()));
    }
    read(text)
}

/// [`check`] without the limit of length, for an address whose macros were filled in.
///
/// # Errors
/// As [`check`].
pub fn read(text: &str) -> Result<Destination, DestinationError> {
    if text.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return Err(DestinationError::Character);
    }
    let authority = authority(text).ok_or(DestinationError::Scheme)?;
    if authority.contains('@') {
        return Err(DestinationError::UserInfo);
    }
    let refused = || DestinationError::Host(authority[..authority.floor_char_boundary(80)].into());
    let (host, _) = split_port(authority).ok_or_else(refused)?;
    let written = host.to_ascii_lowercase();
    let url = Url::parse(text).map_err(|error| DestinationError::Form(error.to_string()))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(DestinationError::UserInfo);
    }
    // What was written has to be what is meant: 0x7f.1 and 2130706433 are 127.0.0.1 to a browser.
    if url.host_str() != Some(&*written) {
        return Err(refused());
    }
    Ok(Destination {
        scheme: url.scheme().to_owned(),
        host: written,
        port: url.port(),
        address: url.into(),
    })
}

/// Where a click leads when its macros were filled in: the address as it may stand in a header.
/// `None` when `template` can't be a destination, or `filled` would lead to another server.
pub fn filled_in(template: &str, filled: String) -> Option<String> {
    // Most addresses are plain, and a click should not wait for them to be taken apart twice.
    if template.len() <= URL_BYTES_MAX
        && let Some(origin) = plain_origin(&filled)
        && template.starts_with(&filled[..=origin])
    {
        return Some(filled);
    }
    let stored = check(template).ok()?;
    let there = read(&filled).ok()?;
    there.is_same_place(&stored).then_some(there.address)
}

/// The length of scheme and host, when the address is so plain that every program reads it in the
/// same way and the URL standard changes no byte of it: a lower-case host name of letters, without
/// a port, then a path without dots at the beginning of a folder, and nothing to be encoded.
fn plain_origin(text: &str) -> Option<usize> {
    let scheme = if text.starts_with("https://") { 8 } else { 7 };
    let rest = text[..scheme.min(text.len())].ends_with("://").then(|| &text[scheme..])?;
    if scheme == 7 && !text.starts_with("http://") {
        return None;
    }
    let (host, path) = rest.split_at(rest.find('/')?);
    let label = |label: &str| {
        let bytes = label.as_bytes();
        let inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
        (1..=63).contains(&bytes.len())
            && bytes[0].is_ascii_lowercase()
            && bytes[bytes.len() - 1] != b'-'
            && bytes.get(2..4) != Some(b"--")
            && bytes.iter().all(inner)
    };
    let kept = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%!$&()*+,;=:@?".contains(&byte);
    let end = path.find('?').unwrap_or(path.len());
    let folders = &path.as_bytes()[..end];
    let is_plain = host.len() <= 253
        && host.split('.').all(label)
        && path.bytes().all(kept)
        && !folders.windows(2).any(|pair| matches!(pair, b"/." | b"/%"));
    is_plain.then_some(scheme + host.len())
}

/// What stands between the scheme and the path.
fn authority(text: &str) -> Option<&str> {
    let colon = text.find("://")?;
    let (scheme, rest) = (&text[..colon], &text[colon + 3..]);
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return None;
    }
    Some(&rest[..rest.find(['/', '?', '#']).unwrap_or(rest.len())])
}

/// Host and port of an authority; `None` when the host is not plain ASCII or the port no number.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority.find(']')? + 1;
        let (host, rest) = authority.split_at(end);
        let digits = host[1..end - 1].bytes().all(|b| b.is_ascii_hexdigit() || b":.".contains(&b));
        (digits.then_some(host)?, rest.strip_prefix(':').or(rest.is_empty().then_some(""))?)
    } else {
        let (host, port) = authority.split_once(':').unwrap_or((authority, ""));
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        ((!host.is_empty() && host.bytes().all(plain)).then_some(host)?, port)
    };
    match port {
        "" if authority.ends_with(':') => None,
        "" => Some((host, None)),
        digits => Some((host, Some(digits.parse().ok()?))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_may_be_stored() {
        for (text, host, address) in [
            ("https://shop.example/", "shop.example", "https://shop.example/"),
            ("HTTPS://Shop.Example", "shop.example", "https://shop.example/"),
            (
                "http://shop.example:8080/a?b=c#d",
                "shop.example",
                "http://shop.example:8080/a?b=c#d",
            ),
            ("https://shop.example:443/", "shop.example", "https://shop.example/"),
            (
                "https://shop.example/{ad}?k={query}#{x}",
                "shop.example",
                "https://shop.example/%7Bad%7D?k={query}#{x}",
            ),
            ("https://shop.example/größe", "shop.example", "https://shop.example/gr%C3%B6%C3%9Fe"),
            ("https://shop.example/a@b", "shop.example", "https://shop.example/a@b"),
            ("http://127.0.0.1:80/", "127.0.0.1", "http://127.0.0.1/"),
            ("http://[::1]:8080/", "[::1]", "http://[::1]:8080/"),
            (
                "https://xn--bcher-kva.example/",
                "xn--bcher-kva.example",
                "https://xn--bcher-kva.example/",
            ),
            (
                "https://e.example/?u=https://o.example/",
                "e.example",
                "https://e.example/?u=https://o.example/",
            ),
        ] {
            let found = check(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!((&*found.host, &*found.address), (host, address), "{text}");
        }
    }

    #[test]
    fn filled_in_addresses_lead_to_the_same_server_or_nowhere() {
        for (template, filled, expected) in [
            ("https://shop.example/{ad}", "https://shop.example/b", Some("https://shop.example/b")),
            (
                "https://shop.example?a={ad}",
                "https://shop.example?a=b",
                Some("https://shop.example/?a=b"),
            ),
            ("https://Shop.example/", "https://shop.example/", Some("https://shop.example/")),
            ("https://shop.example/", "https://shop.example.evil/", None),
            ("https://shop.example/", "https://shop.examples/", None),
            ("https://shop.example/", "http://shop.example/", None),
            ("https://shop.example:81/", "https://shop.example/", None),
            ("https://user@shop.example/", "https://shop.example/", None),
            ("https://shop.example/", "https://shop.example/\r\n", None),
            ("https://shop.example/", "https://shop.example/\\evil.example", None),
        ] {
            let found = filled_in(template, filled.to_owned());
            assert_eq!(found.as_deref(), expected, "{template} {filled}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(URL_BYTES_MAX));
        assert_eq!(filled_in(&long, "https://shop.example/".into()), None);
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(20_000))]
        /// What is taken for plain is what the long way makes of it.
        #[test]
        fn plain_addresses_stay_as_they_are(
            text in "https?://[a-z0-9x.-]{1,12}[a-z]{0,3}(/[a-zA-Z0-9.%/?&=;:@2eE'{}~!$()*+,_-]{0,16})?"
        ) {
            if let Some(origin) = plain_origin(&text) {
                let read = read(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                proptest::prop_assert_eq!(&read.address, &text);
                proptest::prop_assert_eq!(format!("{}://{}", read.scheme, read.host), &text[..origin]);
                proptest::prop_assert_eq!(read.port, None);
            }
        }
    }

    #[test]
    fn addresses_that_may_not() {
        use DestinationError as E;
        let host = |text: &str| E::Host(text.to_owned());
        for (text, expected) in [
            ("", E::Empty),
            ("shop.example/boots", E::Scheme),
            ("//shop.example/", E::Scheme),
            ("/boots", E::Scheme),
            ("javascript:alert(1)", E::Scheme),
            ("javascript://shop.example/%0aalert(1)", E::Scheme),
            ("data:text/html,x", E::Scheme),
            ("ftp://shop.example/", E::Scheme),
            ("{scheme}://shop.example/", E::Scheme),
            ("https:/shop.example/", E::Scheme),
            ("https:shop.example/", E::Scheme),
            ("https:///shop.example/", host("")),
            ("https://user@shop.example/", E::UserInfo),
            ("https://shop.example@evil.example/", E::UserInfo),
            ("https://shop.example\\@evil.example/", E::Character),
            ("https:\\\\evil.example", E::Character),
            ("https://shop.example/\r\nSet-Cookie: a=b", E::Character),
            ("https://shop.example/a b", E::Character),
            ("https://shop.example/\u{0}", E::Character),
            ("https://sh\top.example/", E::Character),
            ("https://shop.example/\u{2028}", E::Character),
            ("https://{ad}.shop.example/", host("{ad}.shop.example")),
            ("https://shop.example{ad}/", host("shop.example{ad}")),
            ("https://%65vil.example/", host("%65vil.example")),
            ("https://evil%2eexample/", host("evil%2eexample")),
            ("https://ⓔvil.example/", host("ⓔvil.example")),
            ("https://evil。example/", host("evil。example")),
            ("https://bücher.example/", host("bücher.example")),
            ("http://2130706433/", host("2130706433")),
            ("http://0x7f.1/", host("0x7f.1")),
            ("https://shop.example:/", host("shop.example:")),
            ("https://shop.example:99999/", host("shop.example:99999")),
            ("https://shop.example:8{ad}/", host("shop.example:8{ad}")),
            ("https://[::1/", host("[::1")),
        ] {
            assert_eq!(check(text), Err(expected), "{text}");
        }
        let long = format!("https://shop.example/{}", "a".repeat(2_028));
        assert_eq!(check(&long), Err(E::TooLong(2_049)));
        assert!(check(&long[..2_048]).is_ok());
    }
}
