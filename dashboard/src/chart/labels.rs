//! Names of buckets, and which of them stand under the plot.

use super::{Label, percent};
use crate::format;
use crate::period::{Bucket, Period, Unit, date_of};
use crate::words as w;

/// The name of a bucket: `Sun 25 Oct`, `14:00`, `Tue 3 Nov, 14:00`, `2 Nov`, `Nov 2026`.
pub(super) fn bucket_name(bucket: &Bucket, period: &Period, unit: Unit) -> String {
    let date = bucket.date(&period.zone);
    match unit {
        Unit::Hour if period.days() == 1 => bucket.clock(&period.zone),
        Unit::Hour => format!("{}, {}", format::day(date), bucket.clock(&period.zone)),
        Unit::Day => format::day(date),
        Unit::Week => date.strftime("%-d %b").to_string(),
        Unit::Month => date.strftime("%b %Y").to_string(),
    }
}

/// The name of a bucket, which says until when it goes if it is not over.
pub(crate) fn dated_name(bucket: &Bucket, period: &Period, unit: Unit, unfinished: bool) -> String {
    let name = bucket_name(bucket, period, unit);
    match unfinished {
        true => w::until(&name, &format::clock(&period.zone, period.now)),
        false => name,
    }
}

/// Labels under the plot: few enough to stand beside each other.
pub(crate) fn labels(buckets: &[Bucket], period: &Period, unit: Unit) -> Vec<Label> {
    use jiff::civil::Weekday;
    let days = period.days();
    let wanted = |at: usize, bucket: &Bucket| -> bool {
        let date = bucket.date(&period.zone);
        let midnight = at == 0 || date_of(&period.zone, bucket.from - 1) != date;
        match unit {
            Unit::Hour if days == 1 => {
                let clock = bucket.clock(&period.zone);
                clock[..2].parse::<u32>().is_ok_and(|hour| hour.is_multiple_of(3))
            }
            Unit::Hour => midnight,
            Unit::Day if days <= 10 => true,
            Unit::Day if days <= 45 => date.weekday() == Weekday::Monday,
            Unit::Day => date.weekday() == Weekday::Monday && (date.day() - 1) / 7 % 2 == 0,
            Unit::Week | Unit::Month => at.is_multiple_of(buckets.len().div_ceil(10)),
        }
    };
    let share = 100.0 / buckets.len() as f64;
    let mut out: Vec<Label> = Vec::new();
    for (at, bucket) in buckets.iter().enumerate().filter(|(at, bucket)| wanted(*at, bucket)) {
        let x = share * (at as f64 + 0.5);
        if buckets.len() > 12 && !(1.5..=97.5).contains(&x) {
            continue;
        }
        let date = bucket.date(&period.zone);
        let text = match unit {
            Unit::Hour if days == 1 => bucket.clock(&period.zone),
            Unit::Week => date.strftime("%-d %b").to_string(),
            Unit::Month if days > 400 => date.strftime("%b %Y").to_string(),
            Unit::Month => date.strftime("%b").to_string(),
            Unit::Hour | Unit::Day => format::day(date),
        };
        let minor = out.len() % 2 == 1 && buckets.len() > 4;
        out.push(Label { x: percent(x), text, minor });
    }
    out
}
