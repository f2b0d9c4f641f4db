//! The bars of clicks or impressions over time: net and invalid stand on each other and add up to
//! gross. Geometry as in [`crate::chart`]: x in percent of the plot, y in pixels.

use super::choice::Measure;
use super::figures::{Figures, Sums};
use crate::chart::{Kind, Label, Scale, begun, dated_name, labels, one, percent};
use crate::format;
use crate::period::{Period, Unit};
use crate::words as w;

/// Height of the plot, and where it begins below the top edge.
const HEIGHT: f64 = 178.0;
const TOP: f64 = 18.0;
/// How much of its bucket a bar takes.
const WIDTH: f64 = 0.68;

/// Everything the template writes.
pub(crate) struct BarChart {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) unit: &'static str,
    pub(crate) y: Vec<(String, String)>,
    pub(crate) bars: Vec<Bar>,
    pub(crate) width: String,
    pub(crate) hit: String,
    pub(crate) x: Vec<Label>,
}

/// One bucket.
pub(crate) struct Bar {
    pub(crate) x: String,
    pub(crate) from: String,
    pub(crate) middle: String,
    pub(crate) net_y: String,
    pub(crate) net_height: String,
    pub(crate) invalid_y: String,
    pub(crate) invalid_height: String,
    pub(crate) gross_height: String,
    /// It is not over.
    pub(crate) part: bool,
    /// The tooltip stands left of it.
    pub(crate) left: bool,
    pub(crate) name: String,
    pub(crate) gross: String,
    pub(crate) invalid: String,
    pub(crate) net: String,
}

/// Gross and net of a measure that has both.
fn both(sums: &Sums, measure: Measure) -> (i64, i64) {
    match measure {
        Measure::Impressions => (sums.impressions, sums.net_impressions),
        _ => (sums.clicks, sums.net_clicks),
    }
}

/// Draws clicks or impressions.
pub(crate) fn draw(figures: &Figures, period: &Period, unit: Unit, measure: Measure) -> BarChart {
    let buckets = period.buckets(unit);
    let (shown, unfinished) = begun(&buckets, period.now);
    let none = Sums::default();
    let values: Vec<(i64, i64)> = buckets[..shown]
        .iter()
        .map(|bucket| both(figures.buckets.get(&bucket.from).unwrap_or(&none), measure))
        .collect();
    // A correction may leave a bucket below zero: nothing is drawn below the line.
    let largest = values.iter().map(|(gross, net)| *gross.max(net)).max().unwrap_or(0).max(0);
    let scale = Scale::of(largest as f64, Kind::Count);
    let height = |value: i64| HEIGHT * value.max(0) as f64 / scale.max;
    let share = 100.0 / buckets.len() as f64;
    let bar = |at: usize| {
        let (gross, net) = values[at];
        let (net_height, gross_height) = (height(net), height(gross));
        let last = at + 1 == shown && unfinished;
        Bar {
            x: percent(share * (at as f64 + (1.0 - WIDTH) / 2.0)),
            from: percent(share * at as f64),
            middle: percent(share * (at as f64 + 0.5)),
            net_y: one(TOP + HEIGHT - net_height),
            net_height: one(net_height),
            invalid_y: one(TOP + HEIGHT - gross_height),
            invalid_height: one((gross_height - net_height).max(0.0)),
            gross_height: one(gross_height),
            part: last,
            left: at * 2 >= buckets.len(),
            name: dated_name(&buckets[at], period, unit, last),
            gross: format::count(gross),
            invalid: format::count(net - gross),
            net: format::count(net),
        }
    };
    let (gross, net) = both(&figures.current, measure);
    BarChart {
        title: w::bars_title(measure, unit, &format::days(&period.current)),
        summary: w::bars_summary(measure, &format::count(gross), &format::count(net)),
        unit: w::unit(unit),
        y: scale
            .ticks
            .iter()
            .map(|&tick| (one(TOP + HEIGHT * (1.0 - tick / scale.max)), scale.label(tick)))
            .collect(),
        bars: (0..shown).map(bar).collect(),
        width: percent(share * WIDTH),
        hit: percent(share),
        x: labels(&buckets, period, unit),
    }
}
