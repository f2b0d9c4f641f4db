//! What can go wrong between Footfall and ClickHouse, sorted by what the caller should do.

/// Why a call to the warehouse failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// ClickHouse did not answer, or the connection broke: the outcome is unknown. An insert may
    /// have been stored; repeating it with the same token is safe.
    #[error("the warehouse does not answer: {0}")]
    Unreachable(String),
    /// No answer within the configured time; the outcome is unknown, as above.
    #[error("the warehouse did not answer within {0:?}")]
    Timeout(std::time::Duration),
    /// ClickHouse answered with an error, in its own words.
    #[error("{text}")]
    Server {
        /// ClickHouse's error code; 0 when it gave none.
        code: u32,
        /// Its text.
        text: String,
    },
    /// What came back is not what was asked for: the schema differs from this program's.
    #[error("unexpected answer from the warehouse: {0}")]
    Unexpected(String),
    /// A record that can't be stored.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The schema in the database was made by a newer program.
    #[error(
        "the warehouse has schema version {found}, this program knows {known}: run a newer Footfall"
    )]
    NewerSchema {
        /// Version in the database.
        found: u32,
        /// Newest version in this program.
        known: u32,
    },
}

/// Why the bytes of a record can't become a row.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Not the JSON of the record.
    #[error("not a record: {0}")]
    Json(#[from] serde_json::Error),
    /// Not a record of this version.
    #[error(transparent)]
    Event(#[from] footfall_event::record::RecordError),
    /// An event that nobody judged.
    #[error("an event without its judgement")]
    NotJudged,
    /// The block holds as many rows as one insert may carry.
    #[error("the block is full: {max} rows")]
    Full {
        /// Rows a block may hold.
        max: usize,
    },
}

/// ClickHouse's codes of errors that pass: memory, too many parts or queries, timeouts, the
/// keeper, shutting down, disk full.
const PASSING_CODES: [u32; 14] =
    [159, 160, 202, 209, 210, 225, 236, 241, 242, 243, 252, 279, 394, 999];

impl Error {
    /// Whether the same call may succeed later. Inserts are repeated with the same token and the
    /// same rows.
    pub fn is_retriable(&self) -> bool {
        match self {
            Error::Unreachable(_) | Error::Timeout(_) => true,
            Error::Server { code, .. } => PASSING_CODES.contains(code),
            Error::Unexpected(_) | Error::Record(_) | Error::NewerSchema { .. } => false,
        }
    }
}

impl From<clickhouse::error::Error> for Error {
    fn from(error: clickhouse::error::Error) -> Error {
        use clickhouse::error::Error as C;
        match error {
            C::BadResponse(text) => match code_of(&text) {
                0 if is_gateway(&text) => Error::Unreachable(text),
                code => Error::Server { code, text },
            },
            C::Network(source) => Error::Unreachable(chain(&*source)),
            C::TimedOut => Error::Unreachable("timed out".to_owned()),
            other => Error::Unexpected(chain(&other)),
        }
    }
}

/// The number in `Code: 60. DB::Exception: …`.
fn code_of(text: &str) -> u32 {
    let Some(start) = text.find("Code: ") else { return 0 };
    let digits = &text[start + 6..];
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(0)
}

/// An answer of something between us and ClickHouse (`503 Service Unavailable`).
fn is_gateway(text: &str) -> bool {
    ["502", "503", "504"].iter().any(|code| text.starts_with(code))
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let next = error.to_string();
        if !text.contains(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_decide_what_is_retried() {
        for (text, code, retriable) in [
            ("Code: 241. DB::Exception: (total) memory limit exceeded", 241, true),
            ("Code: 252. DB::Exception: Too many parts", 252, true),
            ("Code: 60. DB::Exception: Unknown table", 60, false),
            ("Code: 16. DB::Exception: No such column", 16, false),
        ] {
            let error = Error::from(clickhouse::error::Error::BadResponse(text.to_owned()));
            assert!(matches!(error, Error::Server { code: c, .. } if c == code), "{text}");
            assert_eq!(error.is_retriable(), retriable, "{text}");
        }
        let gateway = clickhouse::error::Error::BadResponse("503 Service Unavailable".to_owned());
        assert!(Error::from(gateway).is_retriable());
    }
}
