//! One HTTP request in ClickHouse's form, taken apart.

use axum::http::{HeaderMap, Uri};
use base64::Engine as _;

use super::pool::Wanted;
use super::secrets::{Role, Secrets};

/// What a request asks for, without its body.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) role: Role,
    /// The statement, or its beginning; the body may hold the rest.
    pub(crate) query: Option<String>,
    /// Format of results that name none.
    pub(crate) format: Option<String>,
    pub(crate) wanted: Wanted,
    /// Values of `{name:Type}` in the statement.
    pub(crate) params: Vec<(String, String)>,
    pub(crate) query_id: Option<String>,
}

/// Parameters that ClickHouse's clients send and that are no settings, or that this interface
/// does by itself (compression by `Accept-Encoding`, waiting for the end).
const IGNORED: [&str; 13] = [
    "user",
    "password",
    "quota_key",
    "compress",
    "decompress",
    "client_protocol_version",
    "enable_http_compression",
    "http_zlib_compression_level",
    "wait_end_of_query",
    "buffer_size",
    "send_progress_in_http_headers",
    "http_headers_progress_interval_ms",
    "http_response_buffer_size",
];

/// Parameters that can't be kept here.
const REFUSED: [(&str, &str); 4] = [
    ("session_id", "sessions over several requests are not kept"),
    ("session_timeout", "sessions over several requests are not kept"),
    ("session_check", "sessions over several requests are not kept"),
    ("role", "there are no roles"),
];

/// Takes a request's address and headers apart.
///
/// # Errors
/// A text in ClickHouse's form when the user is unknown or a parameter can't be right.
pub(crate) fn parse(uri: &Uri, headers: &HeaderMap, secrets: &Secrets) -> Result<Asked, String> {
    let pairs: Vec<(String, String)> = form_pairs(uri.query().unwrap_or_default().as_bytes());
    let (user, password) = credentials(&pairs, headers)?;
    let role = secrets.role(&user, &password).ok_or_else(|| {
        format!("Code: 516. DB::Exception: {user}: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)")
    })?;
    let header =
        |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let mut asked = Asked {
        role,
        query: None,
        format: header("x-clickhouse-format"),
        wanted: Wanted {
            database: header("x-clickhouse-database").unwrap_or_else(|| "default".to_owned()),
            ..Wanted::default()
        },
        params: Vec::new(),
        query_id: None,
    };
    for (name, value) in pairs {
        asked.add(name, value)?;
    }
    Ok(asked)
}

impl Asked {
    /// Adds one parameter, from the address or from a form.
    pub(crate) fn add(&mut self, name: String, value: String) -> Result<(), String> {
        match name.as_str() {
            "query" => self.query = Some(value),
            "database" if !value.is_empty() => self.wanted.database = value,
            "default_format" => {
                self.format.get_or_insert(value);
            }
            "query_id" => self.query_id = Some(value),
            // A client that asks for a read-only query means the lighter form: settings stay free.
            "readonly" if value == "0" => {}
            "readonly" => drop(self.wanted.settings.insert(name, "2".to_owned())),
            "database" => {}
            other if IGNORED.contains(&other) => {}
            other => {
                if let Some((_, why)) = REFUSED.iter().find(|(refused, _)| *refused == other) {
                    return Err(format!(
                        "Code: 48. DB::Exception: {other}: {why}. (NOT_IMPLEMENTED)"
                    ));
                }
                if let Some(param) = other.strip_prefix("param_") {
                    self.params.push((param.to_owned(), value));
                } else if other.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
                    self.wanted.settings.insert(name, value);
                } else {
                    return Err(format!(
                        "Code: 115. DB::Exception: Unknown setting '{}'. (UNKNOWN_SETTING)",
                        other.escape_default()
                    ));
                }
            }
        }
        Ok(())
    }
}

/// User and password: headers first, then Basic, then the address.
fn credentials(
    pairs: &[(String, String)],
    headers: &HeaderMap,
) -> Result<(String, String), String> {
    let header = |name: &str| {
        headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let param =
        |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    if let Some(user) = header("x-clickhouse-user") {
        return Ok((user, header("x-clickhouse-key").unwrap_or_default()));
    }
    if let Some(basic) =
        header("authorization").as_deref().and_then(|text| text.strip_prefix("Basic "))
    {
        return base64::engine::general_purpose::STANDARD
            .decode(basic.trim())
            .ok()
            .and_then(|bytes| String::from_utf8(bytes).ok())
            .and_then(|text| {
                text.split_once(':').map(|(user, key)| (user.to_owned(), key.to_owned()))
            })
            .ok_or_else(|| "Code: 516. DB::Exception: Invalid authentication: the Basic header can't be read. (AUTHENTICATION_FAILED)".to_owned());
    }
    if let Some(user) = param("user") {
        return Ok((user, param("password").unwrap_or_default()));
    }
    Err("Code: 194. DB::Exception: A user and a password are needed: the passwords of footfall and reader are in the data folder under secrets. (REQUIRED_PASSWORD)".to_owned())
}

/// Pairs of an address's query or a form, `+` and `%xx` decoded.
fn form_pairs(text: &[u8]) -> Vec<(String, String)> {
    text.split(|&b| b == b'&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (name, value) = match part.iter().position(|&b| b == b'=') {
                Some(place) => (&part[..place], &part[place + 1..]),
                None => (part, &b""[..]),
            };
            (decoded(name), decoded(value))
        })
        .collect()
}

fn decoded(text: &[u8]) -> String {
    let digit = |byte: Option<&u8>| byte.and_then(|&b| (b as char).to_digit(16)).map(|d| d as u8);
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match (text[at], digit(text.get(at + 1)), digit(text.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            (byte, ..) => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Boundary of a form (`multipart/form-data`), if the body is one.
pub(crate) fn form_boundary(headers: &HeaderMap) -> Option<String> {
    let text = headers.get("content-type")?.to_str().ok()?;
    let rest = text.strip_prefix("multipart/form-data")?;
    let (_, boundary) = rest.split_once("boundary=")?;
    Some(boundary.split(';').next().unwrap_or_default().trim_matches('"').to_owned())
}

/// Fields of a form; the part of a file is not supported.
///
/// # Errors
/// A text in ClickHouse's form when the body is not such a form.
pub(crate) fn form_fields(body: &[u8], boundary: &str) -> Result<Vec<(String, String)>, String> {
    let malformed =
        || "Code: 36. DB::Exception: The form can't be read. (BAD_ARGUMENTS)".to_owned();
    let text = std::str::from_utf8(body).map_err(|_| malformed())?;
    let mut rest = text.strip_prefix(&format!("--{boundary}\r\n")).ok_or_else(malformed)?;
    let marker = format!("\r\n--{boundary}");
    let mut fields = Vec::new();
    loop {
        let (head, tail) = rest.split_once("\r\n\r\n").ok_or_else(malformed)?;
        let (_, name) = head.split_once("name=\"").ok_or_else(malformed)?;
        let (name, _) = name.split_once('"').ok_or_else(malformed)?;
        let (value, tail) = tail.split_once(&marker).ok_or_else(malformed)?;
        fields.push((name.to_owned(), value.to_owned()));
        match tail.strip_prefix("\r\n") {
            Some(next) => rest = next,
            None => return Ok(fields),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_forms_are_decoded() {
        assert_eq!(
            form_pairs(b"query=SELECT+1%3B&param_x=%C3%A4&flag&bad=%zz"),
            [("query", "SELECT 1;"), ("param_x", "ä"), ("flag", ""), ("bad", "%zz")]
                .map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        let body = "--b\r\nContent-Disposition: form-data; name=\"query\"\r\n\r\nSELECT\r\n1\r\n--b\r\nContent-Disposition: form-data; name=\"param_x\"\r\n\r\n\r\n--b--\r\n";
        assert_eq!(
            form_fields(body.as_bytes(), "b").unwrap(),
            [("query", "SELECT\r\n1"), ("param_x", "")].map(|(a, b)| (a.to_owned(), b.to_owned()))
        );
        for bad in ["", "--b\r\n", "--b\r\nx\r\n\r\ny", "--c\r\n"] {
            assert!(form_fields(bad.as_bytes(), "b").is_err(), "{bad}");
        }
    }
}
