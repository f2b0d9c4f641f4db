//! The period that a page is about: its days in the site's time zone, the period before it, and
//! the buckets of the chart.
//!
//! Days are calendar days of the zone (23 to 25 hours long), so every edge is computed here and
//! the warehouse only sees instants. It does not know what is counted.

mod edges;
#[cfg(test)]
mod tests;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan};

pub(crate) use edges::{Bucket, Unit};

/// How a period is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Preset {
    Today,
    Yesterday,
    /// The last so many days, today included.
    Days(i16),
    Month,
    LastMonth,
    Year,
    Months12,
    All,
    /// From and to, both included.
    Custom(Date, Date),
}

/// What a period is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(crate) enum Compare {
    #[default]
    Previous,
    YearBefore,
    Off,
}

/// Calendar days of a zone, and the instants at which they begin and end.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Range {
    pub(crate) first: Date,
    /// Included.
    pub(crate) last: Date,
    /// Milliseconds since 1970.
    pub(crate) from: i64,
    /// Not included. The end of the last day, or earlier: a comparison counts up to the same minute.
    pub(crate) to: i64,
}

/// The period of a page, resolved at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Period {
    pub(crate) preset: Preset,
    pub(crate) zone: TimeZone,
    /// Milliseconds since 1970.
    pub(crate) now: i64,
    pub(crate) current: Range,
    pub(crate) previous: Option<Range>,
}

/// Longest period, in days: bounds the buckets of a chart and the work of a query.
pub(crate) const DAYS_MAX: i32 = 366 * 25;

impl Preset {
    /// The word in the address.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Preset::Today => "today",
            Preset::Yesterday => "yesterday",
            Preset::Days(7) => "7d",
            Preset::Days(28) => "28d",
            Preset::Days(30) => "30d",
            Preset::Days(_) => "91d",
            Preset::Month => "month",
            Preset::LastMonth => "last_month",
            Preset::Year => "year",
            Preset::Months12 => "12mo",
            Preset::All => "all",
            Preset::Custom(..) => "custom",
        }
    }

    /// The preset of a word, `custom` apart: that one needs its dates.
    pub(crate) fn parse(word: &str) -> Option<Preset> {
        Some(match word {
            "today" | "day" => Preset::Today,
            "yesterday" => Preset::Yesterday,
            "7d" => Preset::Days(7),
            "28d" => Preset::Days(28),
            "30d" => Preset::Days(30),
            "91d" => Preset::Days(91),
            "month" => Preset::Month,
            "last_month" => Preset::LastMonth,
            "year" => Preset::Year,
            "12mo" => Preset::Months12,
            "all" => Preset::All,
            _ => return None,
        })
    }
}

impl Period {
    /// Resolves a period at `now`. `oldest` is the day of the first event, for [`Preset::All`].
    pub(crate) fn resolve(
        preset: Preset,
        compare: Compare,
        zone: &TimeZone,
        now: i64,
        oldest: Option<Date>,
    ) -> Period {
        let today = date_of(zone, now);
        let (first, last) = days(preset, today, oldest);
        let current = Range::of(zone, first, last);
        let previous = match compare {
            Compare::Off => None,
            Compare::YearBefore => Some((years_before(first), years_before(last))),
            Compare::Previous => before(preset, first, last),
        };
        let previous = previous.map(|(first, last)| {
            let mut range = Range::of(zone, first, last);
            if current.to > now && current.from <= now {
                range.to = same_time(zone, now, shifted(&current, &range, today)).min(range.to);
            }
            range
        });
        Period { preset, zone: zone.clone(), now, current, previous }
    }

    /// Whether the period has not ended, so that its figures still grow.
    pub(crate) fn is_live(&self) -> bool {
        self.current.from <= self.now && self.now < self.current.to
    }

    /// How many days it has.
    pub(crate) fn days(&self) -> i32 {
        days_between(self.current.first, self.current.last) + 1
    }

    /// The period of the same kind before (`-1`) or after (`1`) it; `None` when that lies wholly in
    /// the future or nothing can be before it.
    pub(crate) fn step(&self, direction: i32) -> Option<Preset> {
        let Range { first, last, .. } = self.current;
        let (from, to) = match self.preset {
            Preset::All => return None,
            Preset::Month | Preset::LastMonth => {
                let first = first.first_of_month().saturating_add(direction.months());
                (first, first.last_of_month())
            }
            Preset::Year => {
                let first = first.first_of_year().saturating_add(direction.years());
                (first, first.last_of_year())
            }
            _ => {
                let days = (self.days() * direction).days();
                (first.saturating_add(days), last.saturating_add(days))
            }
        };
        let today = date_of(&self.zone, self.now);
        (from <= today).then(|| Preset::Custom(from, to.min(today.max(from))))
    }
}

impl Range {
    fn of(zone: &TimeZone, first: Date, last: Date) -> Range {
        let to = start_of(zone, last.saturating_add(1.day()));
        Range { first, last, from: start_of(zone, first), to }
    }
}

/// First and last day of a preset.
fn days(preset: Preset, today: Date, oldest: Option<Date>) -> (Date, Date) {
    match preset {
        Preset::Today => (today, today),
        Preset::Yesterday => {
            let day = today.saturating_sub(1.day());
            (day, day)
        }
        Preset::Days(days) => (today.saturating_sub((days - 1).days()), today),
        Preset::Month => (today.first_of_month(), today),
        Preset::LastMonth => {
            let last = today.first_of_month().saturating_sub(1.day());
            (last.first_of_month(), last)
        }
        Preset::Year => (today.first_of_year(), today),
        Preset::Months12 => (today.first_of_month().saturating_sub(11.months()), today),
        Preset::All => {
            let oldest = oldest.unwrap_or(today).min(today);
            (oldest.max(today.saturating_sub(DAYS_MAX.days())), today)
        }
        Preset::Custom(first, last) => (first, last.max(first)),
    }
}

/// The days before: as many of them, or the same part of the month or year before.
fn before(preset: Preset, first: Date, last: Date) -> Option<(Date, Date)> {
    let back = |span: Span| (first.saturating_sub(span), last.saturating_sub(span));
    match preset {
        Preset::All => None,
        // 31 March has no counterpart in February: jiff takes its last day.
        Preset::Month => Some(back(1.month())),
        Preset::LastMonth => {
            let last = first.saturating_sub(1.day());
            Some((last.first_of_month(), last))
        }
        Preset::Year | Preset::Months12 => Some((years_before(first), years_before(last))),
        _ => Some(back((days_between(first, last) + 1).days())),
    }
}

/// The day of the comparison that corresponds to today.
fn shifted(current: &Range, previous: &Range, today: Date) -> Date {
    if today >= current.last {
        previous.last
    } else {
        previous.first.saturating_add(days_between(current.first, today).days())
    }
}

/// The instant of `day` with the local time that it is now. A time that the day skips (or has
/// twice) is resolved as calendars do: later (or the first).
fn same_time(zone: &TimeZone, now: i64, day: Date) -> i64 {
    let time = instant(now).to_zoned(zone.clone()).time();
    match zone.to_zoned(day.to_datetime(time)) {
        Ok(zoned) => zoned.timestamp().as_millisecond(),
        Err(_) => start_of(zone, day.saturating_add(1.day())),
    }
}

fn years_before(date: Date) -> Date {
    date.saturating_sub(1.year())
}

/// Days from one date to another.
pub(crate) fn days_between(from: Date, to: Date) -> i32 {
    (to - from).get_days()
}

/// The first instant of a day, milliseconds since 1970. Where midnight is skipped, the day begins
/// later.
pub(crate) fn start_of(zone: &TimeZone, date: Date) -> i64 {
    match date.to_zoned(zone.clone()).and_then(|zoned| zoned.start_of_day()) {
        Ok(zoned) => zoned.timestamp().as_millisecond(),
        // Only at the ends of the calendar (years -9999 and 9999).
        Err(_) => i64::from(days_between(Date::constant(1970, 1, 1), date)) * 86_400_000,
    }
}

/// The calendar day of an instant.
pub(crate) fn date_of(zone: &TimeZone, time_ms: i64) -> Date {
    instant(time_ms).to_zoned(zone.clone()).date()
}

/// A timestamp; out of the calendar's range: its nearest end.
pub(crate) fn instant(time_ms: i64) -> Timestamp {
    Timestamp::from_millisecond(time_ms).unwrap_or(if time_ms < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}

/// The time zone of a name; UTC for an empty or unknown one.
pub(crate) fn zone(name: &str) -> TimeZone {
    if name.is_empty() { TimeZone::UTC } else { TimeZone::get(name).unwrap_or(TimeZone::UTC) }
}
