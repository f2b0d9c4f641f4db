//! Click-through by position: net with its interval, gross as a ring; as measured, or as if every
//! position had held the same mix of ads.

use super::lists::ListRow;
use crate::chart::{Kind, Scale, one, percent};
use crate::format;
use crate::words as w;

/// Height of the plot, and where it begins below the top edge.
const HEIGHT: f64 = 202.0;
const TOP: f64 = 18.0;
/// Positions that are drawn; all of them are in the list.
const DRAWN_MAX: usize = 12;

/// Everything the template writes.
pub(crate) struct PositionChart {
    pub(crate) summary: String,
    pub(crate) y: Vec<(String, String)>,
    pub(crate) points: Vec<PositionPoint>,
    pub(crate) hit: String,
}

/// One position.
pub(crate) struct PositionPoint {
    pub(crate) position: String,
    pub(crate) from: String,
    pub(crate) x: String,
    pub(crate) at: String,
    pub(crate) ring: String,
    pub(crate) low: String,
    pub(crate) high: String,
    pub(crate) left: bool,
    pub(crate) net: String,
    pub(crate) interval: String,
    pub(crate) gross: String,
    pub(crate) impressions: String,
}

/// A rate as if the row had had everybody's mix: measured over expected clicks, times the rate of
/// all (indirect standardisation). Counts as for the measured rate; `None` where nothing was to be
/// expected.
pub(crate) fn same_mix(row: &ListRow, all: (i64, i64), gross: bool) -> Option<f64> {
    let (clicks, _) = row.sums.ctr_of(gross);
    (row.expected > 0.0 && all.1 > 0)
        .then(|| clicks as f64 / row.expected * all.0 as f64 / all.1 as f64)
}

/// Rate and interval of a row, from 0 to 1. The interval of a standardised rate is Wilson's, moved
/// by the same factor.
fn rate(row: &ListRow, all: (i64, i64), mixed: bool) -> Option<(f64, f64, f64)> {
    let (clicks, impressions) = row.sums.ctr_of(false);
    let (low, high) = format::wilson_bounds(clicks, impressions)?;
    let measured = clicks as f64 / impressions as f64;
    if !mixed {
        return Some((measured, low, high));
    }
    let moved = same_mix(row, all, false)?;
    let factor = if measured > 0.0 { moved / measured } else { 1.0 };
    Some((moved, low * factor, high * factor))
}

/// Draws the rows that have a position and a rate; `None` when there are fewer than one.
pub(crate) fn draw(rows: &[ListRow], all: (i64, i64), mixed: bool) -> Option<PositionChart> {
    let known = rows.iter().filter(|row| row.name != "0");
    let drawn: Vec<_> =
        known.filter_map(|row| Some((row, rate(row, all, mixed)?))).take(DRAWN_MAX).collect();
    let (first, last) = (drawn.first()?, drawn.last()?);
    let gross = |row: &ListRow| {
        let (clicks, impressions) = row.sums.ctr_of(true);
        if impressions > 0 { clicks as f64 / impressions as f64 } else { 0.0 }
    };
    // Few impressions have wide intervals: they may leave the plot, the points may not.
    let most = drawn.iter().map(|(row, (rate, _, high))| {
        let (_, impressions) = row.sums.ctr_of(false);
        let high = if impressions >= 1_000 { *high } else { *rate };
        high.max(if mixed { 0.0 } else { gross(row) })
    });
    let scale = Scale::of(most.fold(0.0, f64::max) * 100.0, Kind::Rate);
    let y = |rate: f64| one(TOP + HEIGHT * (1.0 - (rate * 100.0 / scale.max).clamp(0.0, 1.0)));
    let share = 100.0 / drawn.len() as f64;
    let point =
        |(at, (row, (rate, low, high))): (usize, &(&ListRow, (f64, f64, f64)))| PositionPoint {
            position: row.name.clone(),
            from: percent(share * at as f64),
            x: percent(share * (at as f64 + 0.5)),
            at: y(*rate),
            ring: if mixed { String::new() } else { y(gross(row)) },
            low: y(*low),
            high: y(*high),
            left: at * 2 >= drawn.len(),
            net: format!("{:.2}%", rate * 100.0),
            interval: format!("{:.2}–{:.2}", low * 100.0, high * 100.0),
            gross: format::rate(row.sums.clicks, row.sums.impressions),
            impressions: format::count(row.sums.net_impressions),
        };
    let text = |rate: f64| format!("{:.2}%", rate * 100.0);
    Some(PositionChart {
        summary: w::positions_summary(
            (&first.0.name, &text(first.1.0)),
            (&last.0.name, &text(last.1.0)),
        ),
        y: scale
            .ticks
            .iter()
            .map(|&tick| (one(TOP + HEIGHT * (1.0 - tick / scale.max)), scale.label(tick)))
            .collect(),
        points: drawn.iter().enumerate().map(point).collect(),
        hit: percent(share),
    })
}

#[cfg(test)]
mod tests {
    use super::super::figures::Sums;
    use super::*;

    fn row(name: &str, impressions: i64, clicks: i64, expected: f64) -> ListRow {
        let sums = Sums {
            impressions,
            net_impressions: impressions,
            clicks,
            net_clicks: clicks,
            ..Sums::default()
        };
        ListRow { name: name.to_owned(), sums, expected, ..ListRow::default() }
    }

    #[test]
    fn standing_first_is_no_merit() {
        // Both ads are clicked as often as everybody's in their position: 2 % first, 1 % second.
        let all = (300, 20_000);
        let (first, second) = (row("a", 10_000, 200, 200.0), row("b", 10_000, 100, 100.0));
        assert_eq!(same_mix(&first, all, false), Some(0.015));
        assert_eq!(same_mix(&second, all, false), Some(0.015));
        assert_eq!(same_mix(&row("c", 0, 0, 0.0), all, false), None);
    }

    #[test]
    fn points_keep_inside_the_plot() {
        let rows = [row("0", 10, 1, 1.0), row("1", 10_000, 200, 200.0), row("2", 3, 2, 0.1)];
        let chart = draw(&rows, (203, 10_013), false).unwrap();
        assert_eq!(chart.points.len(), 2, "without a position nothing is drawn");
        for point in &chart.points {
            for y in [&point.at, &point.low, &point.high, &point.ring] {
                let y: f64 = y.parse().unwrap();
                assert!((TOP..=TOP + HEIGHT).contains(&y), "{y}");
            }
        }
        assert!(draw(&rows[..1], (1, 10), false).is_none());
    }
}
