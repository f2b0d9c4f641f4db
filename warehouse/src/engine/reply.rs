//! Answers in ClickHouse's form: status, headers, and results that come in pieces.

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};

/// The error code in ClickHouse's text; 1002 (unknown exception) without one.
pub(crate) fn code_of(text: &str) -> u32 {
    let digits = text.strip_prefix("Error: ").unwrap_or(text).strip_prefix("Code: ").unwrap_or("");
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(1002)
}

/// The status of an error code, as ClickHouse's server has it; 403 also for what is not allowed.
pub(crate) fn status_of(code: u32) -> StatusCode {
    match code {
        194 => StatusCode::UNAUTHORIZED,
        164 | 192 | 193 | 452 | 497 | 516 => StatusCode::FORBIDDEN,
        6 | 26 | 27 | 32 | 33 | 36 | 38 | 41 | 43 | 44 | 53 | 62 | 69 | 70 | 72 | 117 | 427
        | 456 | 457 => StatusCode::BAD_REQUEST,
        16 | 46 | 47 | 50 | 56 | 60 | 63 | 73 | 78 | 81 | 115 | 339 => StatusCode::NOT_FOUND,
        48 => StatusCode::NOT_IMPLEMENTED,
        159 => StatusCode::REQUEST_TIMEOUT,
        307 => StatusCode::PAYLOAD_TOO_LARGE,
        202 | 209 | 210 => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// The answer to a statement that failed.
pub(crate) fn error(text: &str) -> Response<Body> {
    let code = code_of(text);
    let mut response = Response::new(Body::from(format!("{text}\n")));
    *response.status_mut() = status_of(code);
    let headers = response.headers_mut();
    headers.insert("x-clickhouse-exception-code", HeaderValue::from(code));
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=UTF-8"));
    if code == 194 {
        let basic = HeaderValue::from_static("Basic realm=\"ClickHouse\"");
        headers.insert(header::WWW_AUTHENTICATE, basic);
    }
    if code == 202 {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// The content type of a format.
pub(crate) fn content_type(format: &str) -> &'static str {
    match format {
        "JSON" | "JSONCompact" | "JSONStrings" | "JSONColumns" | "JSONColumnsWithMetadata" => {
            "application/json; charset=UTF-8"
        }
        name if name.starts_with("JSON") && name.contains("EachRow") => {
            "application/x-ndjson; charset=UTF-8"
        }
        "TabSeparated"
        | "TSV"
        | "TabSeparatedWithNames"
        | "TSVWithNames"
        | "TabSeparatedWithNamesAndTypes"
        | "TSVWithNamesAndTypes" => "text/tab-separated-values; charset=UTF-8",
        "CSV" => "text/csv; charset=UTF-8; header=absent",
        "CSVWithNames" | "CSVWithNamesAndTypes" => "text/csv; charset=UTF-8; header=present",
        "XML" => "application/xml; charset=UTF-8",
        name if name.starts_with("Pretty")
            || name.starts_with("Vertical")
            || name == "Markdown" =>
        {
            "text/plain; charset=UTF-8"
        }
        _ => "application/octet-stream",
    }
}

/// How a format's results can be sent while they are made. The library formats each piece as a
/// document of its own, so pieces can be put together only if nothing stands between rows, and
/// what stands before the rows must be cut off all pieces but the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pieces {
    /// Pieces simply follow each other.
    Plain,
    /// Each begins with so many lines of names (and types).
    Lines(u8),
    /// Each begins with names and types in binary form.
    Binary,
    /// The result can only be sent as a whole.
    Whole,
}

impl Pieces {
    pub(crate) fn of(format: &str) -> Pieces {
        match format {
            "RowBinary"
            | "Native"
            | "TabSeparated"
            | "TSV"
            | "TabSeparatedRaw"
            | "TSVRaw"
            | "CSV"
            | "JSONEachRow"
            | "JSONLines"
            | "NDJSON"
            | "JSONCompactEachRow"
            | "JSONStringsEachRow"
            | "JSONCompactStringsEachRow"
            | "LineAsString" => Pieces::Plain,
            "TabSeparatedWithNames" | "TSVWithNames" | "CSVWithNames" => Pieces::Lines(1),
            "TabSeparatedWithNamesAndTypes" | "TSVWithNamesAndTypes" | "CSVWithNamesAndTypes" => {
                Pieces::Lines(2)
            }
            "RowBinaryWithNamesAndTypes" => Pieces::Binary,
            _ => Pieces::Whole,
        }
    }

    /// Bytes before the rows of a piece.
    pub(crate) fn head_length(self, piece: &[u8]) -> usize {
        match self {
            Pieces::Plain | Pieces::Whole => 0,
            Pieces::Lines(lines) => lines_length(piece, lines),
            Pieces::Binary => binary_head_length(piece).unwrap_or(0),
        }
    }
}

/// Length of the first lines; a line break inside double quotes does not end a line.
fn lines_length(piece: &[u8], lines: u8) -> usize {
    let mut left = lines;
    let mut quoted = false;
    for (place, byte) in piece.iter().enumerate() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => {
                left -= 1;
                if left == 0 {
                    return place + 1;
                }
            }
            _ => {}
        }
    }
    piece.len()
}

/// Length of the number of columns, their names and their types.
fn binary_head_length(piece: &[u8]) -> Option<usize> {
    let mut at = 0;
    let columns = length(piece, &mut at)?;
    for _ in 0..columns.checked_mul(2)? {
        let text = length(piece, &mut at)?;
        at = at.checked_add(text).filter(|&end| end <= piece.len())?;
    }
    Some(at)
}

fn length(piece: &[u8], at: &mut usize) -> Option<usize> {
    let mut value = 0usize;
    for shift in (0..usize::BITS).step_by(7) {
        let byte = *piece.get(*at)?;
        *at += 1;
        value |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

/// What ends a result that broke off: the client finds the error by the tag, which it was told in
/// a header.
pub(crate) fn broken_off(text: &str, tag: &str) -> String {
    let message = format!("{text}\n");
    format!("\r\n__exception__\r\n{tag}\r\n{message}{} {tag}\r\n__exception__\r\n", message.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses() {
        for (text, code, status) in [
            ("Code: 60. DB::Exception: x", 60, 404),
            ("Error: Code: 62. DB::Exception: x", 62, 400),
            ("Code: 164. DB::Exception: x", 164, 403),
            ("Code: 194. DB::Exception: x", 194, 401),
            ("Code: 241. DB::Exception: x", 241, 500),
            ("something else", 1002, 500),
        ] {
            assert_eq!(
                (code_of(text), status_of(code_of(text)).as_u16()),
                (code, status),
                "{text}"
            );
        }
    }

    #[test]
    fn heads_are_found() {
        let binary = b"\x02\x01a\x02bc\x06UInt64\x06String\x01\x02";
        assert_eq!(Pieces::Binary.head_length(binary), 20);
        assert_eq!(Pieces::Lines(1).head_length(b"\"a\n\"\"\",b\n1,2\n"), 9);
        assert_eq!(Pieces::Lines(2).head_length(b"a\tb\nx\ty\n1\t2\n"), 8);
        assert_eq!(Pieces::Plain.head_length(b"1\n"), 0);
    }
}
