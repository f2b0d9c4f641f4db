//! One request out of a web server's log, whatever format the line had, and whether it was a page.

use std::net::IpAddr;

use footfall_event::catalog::Site;

/// A request as a log line tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    /// The client; `None` when the log holds a name or nothing in its place.
    pub(crate) client: Option<IpAddr>,
    /// Method and target; `None` when the client sent no HTTP request line.
    pub(crate) request: Option<Request>,
    /// Status of the answer.
    pub(crate) status: u16,
    /// The host it was sent to; empty when the line doesn't say.
    pub(crate) host: String,
    /// Whether it came over plain HTTP, as far as the line says.
    pub(crate) plain_http: bool,
    /// `Referer`; empty when there was none.
    pub(crate) referrer: String,
    /// `User-Agent`; empty when there was none.
    pub(crate) user_agent: String,
}

/// A request line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// Such as `GET`.
    pub(crate) method: String,
    /// Path and query, or a whole address.
    pub(crate) target: String,
}

/// Why a line does not tell a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Unparsable {
    /// Longer than a line may be.
    TooLong,
    /// Neither a known text format nor JSON.
    Form,
    /// The time can't be read.
    Time,
    /// The status is not one.
    Status,
    /// Begins like JSON and is not.
    Json,
    /// JSON without what is needed.
    MissingField,
    /// The last line of a file, not ended: the server may still be writing it.
    Unterminated,
}

impl Unparsable {
    /// The word in summaries.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Unparsable::TooLong => "too_long",
            Unparsable::Form => "unknown_format",
            Unparsable::Time => "invalid_time",
            Unparsable::Status => "invalid_status",
            Unparsable::Json => "malformed_json",
            Unparsable::MissingField => "missing_field",
            Unparsable::Unterminated => "unterminated",
        }
    }

    /// What would be right.
    pub(crate) const fn expected(self) -> &'static str {
        match self {
            Unparsable::TooLong => "a line may have 64 KiB",
            Unparsable::Form => {
                "expected: client ident user [time] \"request\" status bytes, or one JSON object"
            }
            Unparsable::Time => {
                "expected a time with its zone, such as 21/Nov/2026:10:00:00 +0100 or RFC 3339"
            }
            Unparsable::Status => "expected a status from 100 to 599 behind the request",
            Unparsable::Json => {
                "the line begins with { but is not JSON (nginx needs log_format … escape=json)"
            }
            Unparsable::MissingField => {
                "expected a time, a status, and a request or method and uri"
            }
            Unparsable::Unterminated => {
                "the file ends within this line: it is taken by the next import, once it is complete"
            }
        }
    }
}

/// Why a request is not a page view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum NotPage {
    /// The client sent no HTTP request (a port scan, a TLS hello on a plain port, a time-out).
    NoRequest,
    /// Not a GET.
    Method,
    /// Not answered with a page: a redirect or an error.
    Status,
    /// A style sheet, script, picture, font, feed, download, or a file for machines.
    Asset,
    /// For a host that does not belong to the site.
    OtherHost,
}

impl NotPage {
    /// The word in summaries.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            NotPage::NoRequest => "no_request",
            NotPage::Method => "method",
            NotPage::Status => "status",
            NotPage::Asset => "asset",
            NotPage::OtherHost => "other_host",
        }
    }
}

/// Endings of paths that are not pages, in lower case.
#[rustfmt::skip]
const ASSETS: &[&str] = &[
    "7z", "aac", "apk", "atom", "avi", "avif", "bin", "bmp", "br", "bz2", "cjs", "css", "csv",
    "cur", "deb", "dmg", "doc", "docx", "eot", "epub", "exe", "flac", "gif", "gz", "heic",
    "ico", "ics", "iso", "jar", "jpeg", "jpg", "js", "json", "jxl", "less", "m3u8", "m4a",
    "m4v", "map", "md5", "mjs", "mov", "mp3", "mp4", "mpd", "mpeg", "mpg", "msi", "odt", "ogg",
    "ogv", "opus", "otf", "pdf", "pkg", "png", "ppt", "pptx", "ps1", "rar", "rpm", "rss",
    "scss", "sh", "sig", "svg", "swf", "tar", "tgz", "tif", "tiff", "ts", "ttf", "txt", "vtt",
    "wasm", "wav", "webm", "webmanifest", "webp", "woff", "woff2", "xls", "xlsx", "xml", "xsl",
    "xz", "yaml", "yml", "zip", "zst",
];

/// The address of the page that a request showed on a site.
///
/// # Errors
/// Why it showed none.
pub(crate) fn page_url(hit: &Hit, site: &Site) -> Result<String, NotPage> {
    let Some(request) = &hit.request else { return Err(NotPage::NoRequest) };
    if request.method != "GET" {
        return Err(NotPage::Method);
    }
    if !(matches!(hit.status, 200..=299) || hit.status == 304) {
        return Err(NotPage::Status);
    }
    let (absolute_host, target) = split_target(&request.target);
    let path = target.split(['?', '#']).next().unwrap_or("");
    if !path.starts_with('/') || path.starts_with("/.well-known/") || has_asset_ending(path) {
        return Err(NotPage::Asset);
    }
    let host = match absolute_host {
        Some(host) => host,
        None => hit.host.as_str(),
    };
    let host = host_without_port(host);
    let host = if host.is_empty() { site.domain.as_str() } else { host };
    if !site.owns_host(&host.to_ascii_lowercase()) {
        return Err(NotPage::OtherHost);
    }
    let scheme = if hit.plain_http { "http" } else { "https" };
    Ok(format!("{scheme}://{host}{target}"))
}

/// Host (when the target is a whole address) and path with query.
fn split_target(target: &str) -> (Option<&str>, &str) {
    let rest = ["http://", "https://"].into_iter().find_map(|scheme| {
        let head = target.get(..scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then(|| &target[scheme.len()..])
    });
    match rest {
        None => (None, target),
        Some(rest) => match rest.find(['/', '?']) {
            Some(at) if rest[at..].starts_with('/') => (Some(&rest[..at]), &rest[at..]),
            _ => (Some(rest), "/"),
        },
    }
}

fn has_asset_ending(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or("");
    let Some((_, ending)) = name.rsplit_once('.') else { return false };
    if ending.len() > 11 || !ending.is_ascii() {
        return false;
    }
    let ending = ending.to_ascii_lowercase();
    ASSETS.binary_search(&ending.as_str()).is_ok()
}

/// The host without its port. Placeholders for "any host" become empty.
fn host_without_port(host: &str) -> &str {
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    if matches!(host, "-" | "_" | "*") { "" } else { host }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &str, target: &str, status: u16, host: &str) -> Result<String, NotPage> {
        let site = Site {
            domain: "example.com".into(),
            aliases: vec!["alias.test".into()],
            ..Site::default()
        };
        let request = Some(Request { method: method.into(), target: target.into() });
        page_url(&Hit { request, status, host: host.into(), ..Hit::default() }, &site)
    }

    #[test]
    fn only_pages_count() {
        let page = |path: &str| Ok(format!("https://example.com{path}"));
        for (target, expected) in [
            ("/", page("/")),
            ("/a/b?q=x.css", page("/a/b?q=x.css")),
            ("/v1.2/notes", page("/v1.2/notes")),
            ("/index.php?id=1", page("/index.php?id=1")),
            ("/page.html", page("/page.html")),
            ("/price-9.99", page("/price-9.99")),
            ("/style.css?v=3", Err(NotPage::Asset)),
            ("/LOGO.PNG", Err(NotPage::Asset)),
            ("/robots.txt", Err(NotPage::Asset)),
            ("/.well-known/acme-challenge/x", Err(NotPage::Asset)),
            ("*", Err(NotPage::Asset)),
            ("https://www.example.com/x?y", Ok("https://www.example.com/x?y".into())),
            ("http://example.com", page("/")),
            ("http://other.test/", Err(NotPage::OtherHost)),
        ] {
            assert_eq!(check("GET", target, 200, ""), expected, "{target}");
        }
        for (method, status, expected) in [
            ("HEAD", 200, Err(NotPage::Method)),
            ("POST", 200, Err(NotPage::Method)),
            ("GET", 204, page("/")),
            ("GET", 304, page("/")),
            ("GET", 301, Err(NotPage::Status)),
            ("GET", 404, Err(NotPage::Status)),
            ("GET", 500, Err(NotPage::Status)),
        ] {
            assert_eq!(check(method, "/", status, ""), expected, "{method} {status}");
        }
    }

    #[test]
    fn hosts_of_other_sites_are_left_out() {
        for (host, expected) in [
            ("example.com:8080", Ok("https://example.com/".to_owned())),
            ("WWW.Example.com", Ok("https://WWW.Example.com/".to_owned())),
            ("alias.test", Ok("https://alias.test/".to_owned())),
            ("_", Ok("https://example.com/".to_owned())),
            ("notexample.com", Err(NotPage::OtherHost)),
            ("example.com.evil.test", Err(NotPage::OtherHost)),
        ] {
            assert_eq!(check("GET", "/", 200, host), expected, "{host}");
        }
    }

    #[test]
    fn endings_are_in_lower_case_and_sorted() {
        assert!(ASSETS.iter().all(|ending| *ending == ending.to_ascii_lowercase()));
        assert!(ASSETS.is_sorted());
    }
}
