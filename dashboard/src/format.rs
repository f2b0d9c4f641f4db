//! Numbers, times and names as people read them. Pure functions; the words are English.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::period::{Range, instant};

/// `51692` → `51,692`; a true minus.
pub(crate) fn count(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3 + 3);
    if value < 0 {
        out.push('−');
    }
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// A ratio of counts in percent, one decimal; `–` when there is nothing to divide by.
pub(crate) fn share(part: i64, whole: i64) -> String {
    percent(part, whole, 1)
}

/// The same with two decimals, for rates.
pub(crate) fn rate(part: i64, whole: i64) -> String {
    percent(part, whole, 2)
}

fn percent(part: i64, whole: i64, decimals: usize) -> String {
    if whole <= 0 {
        return "–".into();
    }
    format!("{:.decimals$}%", part as f64 * 100.0 / whole as f64).replace('-', "−")
}

/// Milliseconds as `0m 38s`, `2m 04s`, `1h 02m`.
pub(crate) fn duration(ms: f64) -> String {
    let seconds = (ms / 1_000.0).round().max(0.0) as u64;
    match seconds {
        0..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h {:02}m", seconds / 3_600, seconds % 3_600 / 60),
    }
}

/// How far something is behind: `0.8 s`, `42 s`, `4 m 5 s`, `3 h 12 m`.
pub(crate) fn behind(ms: i64) -> String {
    let ms = ms.max(0);
    match ms {
        0..10_000 => format!("{}.{} s", ms / 1_000, ms % 1_000 / 100),
        10_000..60_000 => format!("{} s", ms / 1_000),
        60_000..3_600_000 => format!("{} m {} s", ms / 60_000, ms % 60_000 / 1_000),
        _ => format!("{} h {} m", ms / 3_600_000, ms % 3_600_000 / 60_000),
    }
}

/// A span between two moments: `6 ms`, `0.80 s`, `6.13 s`, `2 m 54 s`, `3 h 12 m`, `2 d 4 h`; a true minus.
pub(crate) fn span(ms: i64) -> String {
    let sign = if ms < 0 { "−" } else { "" };
    let ms = ms.saturating_abs();
    let text = match ms {
        1..100 => format!("{ms} ms"),
        0..60_000 => format!("{}.{:02} s", ms / 1_000, ms % 1_000 / 10),
        60_000..3_600_000 => format!("{} m {} s", ms / 60_000, ms % 60_000 / 1_000),
        3_600_000..172_800_000 => format!("{} h {} m", ms / 3_600_000, ms % 3_600_000 / 60_000),
        _ => format!("{} d {} h", ms / 86_400_000, ms % 86_400_000 / 3_600_000),
    };
    format!("{sign}{text}").replace(".00 s", " s").replace(" m 0 s", " m").replace(" h 0 m", " h")
}

/// Labels of an axis: `0`, `500`, `2k`, `2.5k`, `4.5M`.
pub(crate) fn short(value: f64) -> String {
    let (scaled, suffix) = match value {
        v if v >= 1e9 => (v / 1e9, "B"),
        v if v >= 1e6 => (v / 1e6, "M"),
        v if v >= 1e3 => (v / 1e3, "k"),
        v => (v, ""),
    };
    let text = format!("{scaled:.2}");
    format!("{}{suffix}", text.trim_end_matches('0').trim_end_matches('.'))
}

/// Millionths of a currency's unit: `€78,412.60`, `CHF 12.00`.
pub(crate) fn money(micros: i64, currency: &str) -> String {
    let cents = (micros.unsigned_abs() + 5_000) / 10_000;
    let amount = format!("{}.{:02}", count((cents / 100) as i64), cents % 100);
    let sign = if micros < 0 { "−" } else { "" };
    match symbol(currency) {
        Some(symbol) => format!("{sign}{symbol}{amount}"),
        None => format!("{sign}{currency} {amount}"),
    }
}

/// An amount on an axis: `€2.5k`, `CHF 0.5`.
pub(crate) fn money_short(value: f64, currency: &str) -> String {
    let amount = short(value);
    match symbol(currency) {
        Some(symbol) => format!("{symbol}{amount}"),
        None => format!("{currency} {amount}"),
    }
}

fn symbol(currency: &str) -> Option<&'static str> {
    match currency {
        "EUR" => Some("€"),
        "USD" => Some("$"),
        "GBP" => Some("£"),
        _ => None,
    }
}

/// The 95 % Wilson score interval of a rate, from 0 to 1 (Wilson 1927); `None` where `part` can't
/// be a part of `whole`.
pub(crate) fn wilson_bounds(part: i64, whole: i64) -> Option<(f64, f64)> {
    if whole <= 0 || part < 0 || part > whole {
        return None;
    }
    const Z: f64 = 1.959_964;
    let (n, p) = (whole as f64, part as f64 / whole as f64);
    let middle = (p + Z * Z / (2.0 * n)) / (1.0 + Z * Z / n);
    let half = Z / (1.0 + Z * Z / n) * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
    Some(((middle - half).max(0.0), (middle + half).min(1.0)))
}

/// The same in percent: `1.65–1.88`.
pub(crate) fn wilson(part: i64, whole: i64) -> String {
    match wilson_bounds(part, whole) {
        Some((low, high)) => format!("{:.2}–{:.2}", low * 100.0, high * 100.0),
        None => "–".into(),
    }
}

/// Millionths of something that is mostly whole: `1,874`, `12.50`.
pub(crate) fn millionths(value: i64) -> String {
    if value % 1_000_000 == 0 {
        return count(value / 1_000_000);
    }
    let hundredths = (value.unsigned_abs() + 5_000) / 10_000;
    let sign = if value < 0 { "−" } else { "" };
    format!("{sign}{}.{:02}", count((hundredths / 100).cast_signed()), hundredths % 100)
}

/// `15 Dec`, local.
pub(crate) fn day_month(zone: &TimeZone, time_ms: i64) -> String {
    instant(time_ms).to_zoned(zone.clone()).strftime("%-d %b").to_string()
}

/// `15 Dec 2026`, local.
pub(crate) fn day_month_year(zone: &TimeZone, time_ms: i64) -> String {
    instant(time_ms).to_zoned(zone.clone()).strftime("%-d %b %Y").to_string()
}

/// `Sun 25 Oct`.
pub(crate) fn day(date: Date) -> String {
    date.strftime("%a %-d %b").to_string()
}

/// `25 Oct – 21 Nov 2026`; one day is `Sat 21 Nov 2026`; years are named where they differ.
pub(crate) fn days(range: &Range) -> String {
    let (first, last) = (range.first, range.last);
    if first == last {
        return last.strftime("%a %-d %b %Y").to_string();
    }
    let pattern = if first.year() == last.year() { "%-d %b" } else { "%-d %b %Y" };
    format!("{} – {}", first.strftime(pattern), last.strftime("%-d %b %Y"))
}

/// `10:42`, local.
pub(crate) fn clock(zone: &TimeZone, time_ms: i64) -> String {
    instant(time_ms).to_zoned(zone.clone()).strftime("%H:%M").to_string()
}

/// `10:42:07`, local; with the day when it is another one than `now`'s.
pub(crate) fn moment(zone: &TimeZone, time_ms: i64, now: i64) -> String {
    let time = instant(time_ms).to_zoned(zone.clone());
    let same_day = time.date() == instant(now).to_zoned(zone.clone()).date();
    time.strftime(if same_day { "%H:%M:%S" } else { "%-d %b %H:%M:%S" }).to_string()
}

/// `10:42:07.312`, local.
pub(crate) fn exact(zone: &TimeZone, time_ms: i64) -> String {
    instant(time_ms).to_zoned(zone.clone()).strftime("%H:%M:%S.%3f").to_string()
}

/// One segment of an address.
pub(crate) fn path_segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers() {
        let counts = [0, 7, 999, 1_000, 51_692, 1_234_567, -1_234].map(count);
        assert_eq!(counts, ["0", "7", "999", "1,000", "51,692", "1,234,567", "−1,234"]);
        assert_eq!([share(1, 3), share(0, 3), share(3, 0)], ["33.3%", "0.0%", "–"]);
        assert_eq!(rate(912, 51_692), "1.76%");
        assert_eq!(wilson(912, 51_692), "1.65–1.88");
        assert_eq!(wilson(0, 10), "0.00–27.75");
        let durations = [0.0, 38_000.0, 124_400.0, 3_599_600.0, 3_725_000.0].map(duration);
        assert_eq!(durations, ["0m 00s", "0m 38s", "2m 04s", "1h 00m", "1h 02m"]);
        let axis = [0.0, 500.0, 1_000.0, 2_500.0, 4_500_000.0, 0.25].map(short);
        assert_eq!(axis, ["0", "500", "1k", "2.5k", "4.5M", "0.25"]);
        assert_eq!(money(78_412_600_000, "EUR"), "€78,412.60");
        assert_eq!(money(-1_995_000, "CHF"), "−CHF 2.00");
        let conversions = [0, 1_874_000_000, 12_500_000, -333_333].map(millionths);
        assert_eq!(conversions, ["0", "1,874", "12.50", "−0.33"]);
        let spans = [0, 6, 800, 6_130, 60_000, 174_000, 3_600_000, 90_000_000, 187_200_000, -1_310];
        let expected = [
            "0 s",
            "6 ms",
            "0.80 s",
            "6.13 s",
            "1 m",
            "2 m 54 s",
            "1 h",
            "25 h",
            "2 d 4 h",
            "−1.31 s",
        ];
        assert_eq!(spans.map(span), expected);
        assert_eq!([behind(800), behind(42_500), behind(245_000)], ["0.8 s", "42 s", "4 m 5 s"]);
    }
}
