//! Time: milliseconds since 1970, UTC, everywhere.

/// Milliseconds of a day.
pub const DAY_MS: i64 = 24 * 3_600 * 1_000;

/// The UTC day of a time, in days since 1970-01-01.
pub const fn day_of(time_ms: i64) -> i64 {
    time_ms.div_euclid(DAY_MS)
}

/// Milliseconds since 1970 of an RFC 3339 text with a zone; `None` for anything else (a time
/// without a zone among them: it could mean any of 38 instants).
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>().ok().map(|timestamp| timestamp.as_millisecond())
}

/// The RFC 3339 text of a time, in UTC with milliseconds.
pub fn format_rfc3339(time_ms: i64) -> String {
    match jiff::Timestamp::from_millisecond(time_ms) {
        Ok(timestamp) => format!("{timestamp:.3}"),
        Err(_) => format!("{time_ms} ms"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_needs_a_zone() {
        for (text, expected) in [
            ("1970-01-01T00:00:01Z", Some(1_000)),
            ("1970-01-01T01:00:00+01:00", Some(0)),
            ("2026-11-21T10:00:00.123Z", Some(1_795_255_200_123)),
            ("2026-11-21T10:00:00", None),
            ("2026-11-21", None),
            ("yesterday", None),
        ] {
            assert_eq!(parse_rfc3339(text), expected, "{text}");
        }
        assert_eq!(format_rfc3339(1_795_255_200_123), "2026-11-21T10:00:00.123Z");
    }

    #[test]
    fn days_before_1970_round_down() {
        assert_eq!(day_of(-1), -1);
        assert_eq!(day_of(0), 0);
        assert_eq!(day_of(DAY_MS - 1), 0);
    }
}
