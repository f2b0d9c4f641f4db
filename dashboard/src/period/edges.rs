//! The buckets of a chart: where each begins, in both the period and its comparison.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

use super::{Period, Range, date_of, days_between, instant, start_of};

/// How long a bucket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unit {
    Hour,
    Day,
    Week,
    Month,
}

/// One bucket of the chart. Times are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) from: i64,
    /// Not included.
    pub(crate) to: i64,
    /// The counterpart's beginning in the comparison, if it has one.
    pub(crate) previous: Option<i64>,
}

/// Most points of a chart: more can't be told apart and make the page heavy.
const BUCKETS_MAX: i32 = 170;

impl Unit {
    pub(crate) const ALL: [Unit; 4] = [Unit::Hour, Unit::Day, Unit::Week, Unit::Month];

    /// The word in the address.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Unit::Hour => "hour",
            Unit::Day => "day",
            Unit::Week => "week",
            Unit::Month => "month",
        }
    }

    /// The unit of a word.
    pub(crate) fn parse(word: &str) -> Option<Unit> {
        Unit::ALL.into_iter().find(|unit| unit.as_str() == word)
    }

    /// Whether a period of so many days can be shown in it.
    pub(crate) fn fits(self, days: i32) -> bool {
        match self {
            Unit::Hour => days * 24 < BUCKETS_MAX,
            Unit::Day => (2..=BUCKETS_MAX).contains(&days),
            Unit::Week => days > 13 && days / 7 <= BUCKETS_MAX,
            Unit::Month => days > 60,
        }
    }

    /// The unit for a period of so many days when none was chosen.
    pub(crate) fn usual(days: i32) -> Unit {
        match days {
            ..=2 => Unit::Hour,
            3..=100 => Unit::Day,
            101..=200 => Unit::Week,
            _ => Unit::Month,
        }
    }
}

impl Period {
    /// The buckets, in order. Never empty.
    pub(crate) fn buckets(&self, unit: Unit) -> Vec<Bucket> {
        let current = edges(&self.zone, &self.current, unit, self.current.first);
        let previous = match &self.previous {
            Some(range) => edges(&self.zone, range, unit, self.current.first),
            None => Vec::new(),
        };
        let ends = current.iter().copied().skip(1).chain([self.current.to]);
        let previous = previous.into_iter().map(Some).chain(std::iter::repeat(None));
        current
            .iter()
            .zip(ends)
            .zip(previous)
            .map(|((&from, to), previous)| Bucket { from, to, previous })
            .collect()
    }

    /// Every edge of both periods, sorted: an event belongs to the last one not after it.
    pub(crate) fn edges(&self, unit: Unit) -> Vec<i64> {
        let mut all = edges(&self.zone, &self.current, unit, self.current.first);
        if let Some(range) = &self.previous {
            all.extend(edges(&self.zone, range, unit, self.current.first));
            // So that a gap between the two never counts into the earlier one's last bucket.
            all.push(range.to);
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// Where the buckets of a range begin. Weeks of a comparison are cut like those of the period
/// (`pattern` is its first day), so that bucket *n* has the same length in both.
fn edges(zone: &TimeZone, range: &Range, unit: Unit, pattern: Date) -> Vec<i64> {
    if unit == Unit::Hour {
        return hours(zone, range);
    }
    let mut out = Vec::new();
    let mut day = range.first;
    while day <= range.last {
        out.push(start_of(zone, day));
        let next: Span = match unit {
            Unit::Hour | Unit::Day => 1.day(),
            Unit::Week if day == range.first => days_to_monday(pattern).days(),
            Unit::Week => 7.days(),
            Unit::Month => 1.month(),
        };
        let base = if unit == Unit::Month { day.first_of_month() } else { day };
        let after = base.saturating_add(next);
        if after <= day {
            break;
        }
        day = after;
    }
    out
}

/// Whole hours of elapsed time from each midnight: a day with a clock change has 23 or 25.
fn hours(zone: &TimeZone, range: &Range) -> Vec<i64> {
    const HOUR_MS: i64 = 3_600_000;
    let end = start_of(zone, range.last.saturating_add(1.day()));
    let mut out = Vec::new();
    for day in 0..=days_between(range.first, range.last) {
        let day = range.first.saturating_add(day.days());
        let next = start_of(zone, day.saturating_add(1.day())).min(end);
        let mut at = start_of(zone, day);
        while at < next {
            out.push(at);
            at += HOUR_MS;
        }
    }
    out
}

fn days_to_monday(date: Date) -> i32 {
    7 - i32::from(date.weekday().since(Weekday::Monday))
}

impl Bucket {
    /// The day on which it begins.
    pub(crate) fn date(&self, zone: &TimeZone) -> Date {
        date_of(zone, self.from)
    }

    /// The local hour and minute at which it begins.
    pub(crate) fn clock(&self, zone: &TimeZone) -> String {
        instant(self.from).to_zoned(zone.clone()).strftime("%H:%M").to_string()
    }
}
