//! Log lines that are JSON objects: nginx with `escape=json`, Apache, Caddy, Traefik, and the
//! Elastic Common Schema, by the key names that these use.
//!
//! Nested objects are read as dotted names (`request.headers.User-Agent`), and of an array the
//! first element.

use serde_json::{Map, Value};

use super::hit::{Hit, Request, Unparsable};
use super::text_line::{parse_client, parse_request, parse_status, parse_time};

/// Names by meaning; the first that is there and not empty counts.
const TIME: &[&str] = &[
    "time_iso8601",
    "msec",
    "time_local",
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "StartUTC",
    "datetime",
    "date",
];
const CLIENT: &[&str] = &[
    "remote_addr",
    "client_ip",
    "remote_ip",
    "clientip",
    "clientIp",
    "remoteAddr",
    "ClientHost",
    "request.client_ip",
    "request.remote_ip",
    "source.ip",
    "client.ip",
    "client.address",
    "client",
    "ip",
    "remote_host",
    "ClientAddr",
];
const REQUEST: &[&str] = &["request", "request_line", "requestLine"];
const METHOD: &[&str] = &[
    "request_method",
    "method",
    "verb",
    "requestMethod",
    "RequestMethod",
    "request.method",
    "http.request.method",
];
const TARGET: &[&str] = &[
    "request_uri",
    "requestUri",
    "uri",
    "RequestPath",
    "request.uri",
    "url.original",
    "url.path",
    "request_path",
    "path",
    "url",
];
const QUERY: &[&str] = &["query_string", "args", "url.query"];
const STATUS: &[&str] = &[
    "status",
    "status_code",
    "statusCode",
    "response",
    "DownstreamStatus",
    "http.response.status_code",
    "code",
];
const HOST: &[&str] = &[
    "http_host",
    "host",
    "vhost",
    "virtual_host",
    "RequestHost",
    "request.host",
    "url.domain",
    "server_name",
    "hostname",
];
const SCHEME: &[&str] = &["scheme", "request_scheme", "RequestScheme", "url.scheme"];
const REFERRER: &[&str] = &[
    "http_referer",
    "http_referrer",
    "referer",
    "referrer",
    "request_Referer",
    "request.headers.Referer",
    "http.request.referrer",
];
const AGENT: &[&str] = &[
    "http_user_agent",
    "user_agent",
    "userAgent",
    "agent",
    "useragent",
    "request_User-Agent",
    "request.headers.User-Agent",
    "user_agent.original",
];

/// The request that a line tells.
///
/// # Errors
/// Why it can't be read.
pub(crate) fn parse(line: &[u8]) -> Result<Hit, Unparsable> {
    let object: Map<String, Value> = match serde_json::from_slice(line) {
        Ok(object) => object,
        // Some servers write raw bytes into their strings.
        Err(_) => {
            serde_json::from_str(&String::from_utf8_lossy(line)).map_err(|_| Unparsable::Json)?
        }
    };
    let text = |names: &[&str]| find(&object, names);
    let time = text(TIME).ok_or(Unparsable::MissingField)?;
    let time = time_ms(&time).ok_or(Unparsable::Time)?;
    let status = text(STATUS).ok_or(Unparsable::MissingField)?;
    let status = parse_status(status.as_bytes()).ok_or(Unparsable::Status)?;
    Ok(Hit {
        time,
        client: text(CLIENT).and_then(|client| parse_client(client.as_bytes())),
        request: request(&object)?,
        status,
        host: text(HOST).unwrap_or_default(),
        plain_http: text(SCHEME).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http")),
        referrer: text(REFERRER).unwrap_or_default(),
        user_agent: text(AGENT).unwrap_or_default(),
    })
}

/// By request line, else by method and target. `None` when the client sent no HTTP request.
fn request(object: &Map<String, Value>) -> Result<Option<Request>, Unparsable> {
    if let Some(line) = REQUEST.iter().find_map(|name| object.get(*name).and_then(Value::as_str)) {
        return Ok(parse_request(line.as_bytes()));
    }
    let method = find(object, METHOD);
    let target = find(object, TARGET);
    match (method, target) {
        (None, None) if METHOD.iter().chain(TARGET).any(|name| object.contains_key(*name)) => {
            Ok(None)
        }
        (Some(method), Some(mut target)) => {
            if !target.contains('?')
                && let Some(query) = find(object, QUERY)
            {
                target.push('?');
                target.push_str(query.trim_start_matches('?'));
            }
            Ok(parse_request(format!("{method} {target} HTTP/1.1").as_bytes()))
        }
        _ => Err(Unparsable::MissingField),
    }
}

/// The first of the names that has a text or number; `-` counts as empty.
fn find(object: &Map<String, Value>, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match lookup(object, name)? {
        Value::String(text) if text.is_empty() || text == "-" => None,
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// A member by its name or, with dots, by its way through nested objects.
fn lookup<'a>(object: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    let value = match object.get(name) {
        Some(value) => value,
        None => {
            let (head, rest) = name.split_once('.')?;
            return lookup(object.get(head)?.as_object()?, rest);
        }
    };
    match value {
        Value::Array(values) => values.first(),
        value => Some(value),
    }
}

/// A time as text (RFC 3339 or the text formats' own), or as seconds or milliseconds since 1970.
fn time_ms(text: &str) -> Option<i64> {
    if let Some(time) = parse_time(text.as_bytes()) {
        return Some(time);
    }
    let number: f64 =
        text.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0)?;
    // 1e11 is the year 5138 in seconds and 1973 in milliseconds.
    let ms = if number < 1e11 { number * 1_000.0 } else { number };
    (ms < 1e14).then_some(ms.round() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: i64 = 1_795_255_200_000;

    fn check(line: &str) -> Hit {
        parse(line.as_bytes()).unwrap_or_else(|error| panic!("{line}: {error:?}"))
    }

    #[test]
    fn the_servers_own_names() {
        let expected = Hit {
            time: AT,
            client: Some("192.0.2.7".parse().unwrap()),
            request: Some(Request { method: "GET".into(), target: "/a?b=c".into() }),
            status: 200,
            host: "example.com".into(),
            plain_http: false,
            referrer: "https://t.test/".into(),
            user_agent: "UA \"1\"".into(),
        };
        for line in [
            // nginx, escape=json
            r#"{"time_iso8601":"2026-11-21T10:00:00+00:00","remote_addr":"192.0.2.7","request":"GET /a?b=c HTTP/2.0","status":"200","http_referer":"https://t.test/","http_user_agent":"UA \"1\"","host":"example.com"}"#,
            r#"{"msec":"1795255200.000","remote_addr":"192.0.2.7","request_method":"GET","request_uri":"/a?b=c","status":200,"http_referer":"https://t.test/","http_user_agent":"UA \"1\"","http_host":"example.com","server_name":"_"}"#,
            // Caddy
            r#"{"level":"info","ts":1795255200.0,"request":{"remote_ip":"192.0.2.7","method":"GET","host":"example.com","uri":"/a?b=c","headers":{"User-Agent":["UA \"1\""],"Referer":["https://t.test/"]}},"status":200}"#,
            // Traefik
            r#"{"ClientHost":"192.0.2.7","DownstreamStatus":200,"RequestHost":"example.com","RequestMethod":"GET","RequestPath":"/a?b=c","StartUTC":"2026-11-21T10:00:00Z","request_Referer":"https://t.test/","request_User-Agent":"UA \"1\"","time":"2026-11-21T10:00:00Z"}"#,
            // Elastic Common Schema
            r#"{"@timestamp":"2026-11-21T10:00:00Z","source":{"ip":"192.0.2.7"},"http":{"request":{"method":"GET","referrer":"https://t.test/"},"response":{"status_code":200}},"url":{"path":"/a","query":"b=c","domain":"example.com"},"user_agent":{"original":"UA \"1\""}}"#,
        ] {
            assert_eq!(check(line), expected, "{line}");
        }
    }

    #[test]
    fn times() {
        for (time, expected) in [
            ("1795255200", Some(AT)),
            ("1795255200.5", Some(AT + 500)),
            ("1795255200000", Some(AT)),
            ("21/Nov/2026:10:00:00 +0000", Some(AT)),
            ("2026-11-21T10:00:00", None),
            ("NaN", None),
            ("1e300", None),
            ("-5", None),
        ] {
            assert_eq!(time_ms(time), expected, "{time}");
        }
    }

    #[test]
    fn what_is_missing_or_wrong() {
        for (line, expected) in [
            ("{", Unparsable::Json),
            ("{\"a\\x22\":1}", Unparsable::Json),
            ("{}", Unparsable::MissingField),
            (r#"{"time":"2026-11-21T10:00:00Z","status":200}"#, Unparsable::MissingField),
            (r#"{"time":"yesterday","status":200,"request":"GET / HTTP/1.1"}"#, Unparsable::Time),
            (r#"{"time":1795255200,"request":"GET / HTTP/1.1"}"#, Unparsable::MissingField),
            (r#"{"time":1795255200,"status":"ok","request":"GET / HTTP/1.1"}"#, Unparsable::Status),
        ] {
            assert_eq!(parse(line.as_bytes()), Err(expected), "{line}");
        }
        let broken = check(r#"{"time":1795255200,"status":400,"request":"\u0016\u0003"}"#);
        assert_eq!(broken.request, None);
        let empty = check(r#"{"time":1795255200,"status":400,"method":"","uri":""}"#);
        assert_eq!(empty.request, None);
    }
}
