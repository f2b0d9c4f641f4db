//! The chart over time: geometry of an inline SVG. x is in percent of the plot, y in pixels, so
//! text never scales and no script measures anything. The template only writes it down.

mod change;
mod labels;
mod scale;

use crate::figures::{Figures, Metric};
use crate::format;
use crate::period::{Bucket, Period, Unit};
use crate::words as w;

pub(crate) use change::{Change, Good, compare};
use labels::bucket_name;
pub(crate) use labels::{dated_name, labels};
pub(crate) use scale::Scale;

/// Height of the plot, and where it begins below the top edge.
const HEIGHT: f64 = 194.0;
const TOP: f64 = 18.0;
/// Width of the coordinate system of lines; they are stretched to the plot.
const WIDTH: f64 = 1_000.0;

/// Everything the template writes.
pub(crate) struct Chart {
    pub(crate) title: String,
    pub(crate) summary: String,
    pub(crate) metric: &'static str,
    /// Name of the comparison, `None` without one.
    pub(crate) compared: Option<String>,
    /// Name of the bucket that is not over.
    pub(crate) unfinished: Option<String>,
    pub(crate) unit: &'static str,
    pub(crate) y: Vec<(String, String)>,
    pub(crate) area: String,
    pub(crate) line: String,
    pub(crate) part: String,
    pub(crate) previous: String,
    pub(crate) x: Vec<Label>,
    pub(crate) points: Vec<Point>,
    pub(crate) point_width: String,
}

/// A label under the plot.
pub(crate) struct Label {
    pub(crate) x: String,
    pub(crate) text: String,
    /// Left out on phones.
    pub(crate) minor: bool,
}

/// One bucket: its tooltip and its row in the table.
pub(crate) struct Point {
    pub(crate) from: String,
    pub(crate) middle: String,
    pub(crate) cy: Option<String>,
    pub(crate) name: String,
    pub(crate) value: String,
    pub(crate) previous: Option<(String, String)>,
    pub(crate) change: String,
    /// The tooltip stands left of its point in the right half.
    pub(crate) left: bool,
}

/// What kind of number is drawn: how it is written, and how the axis is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Count,
    /// Two decimals.
    Ratio,
    /// Percent, one decimal.
    Share,
    /// Percent, two decimals.
    Rate,
    /// Milliseconds.
    Duration,
    /// Millionths of the unit of the currency with this code.
    Money([u8; 3]),
}

impl Kind {
    /// Whether it differs by points rather than by parts of itself.
    const fn is_percent(self) -> bool {
        matches!(self, Kind::Share | Kind::Rate)
    }
}

/// What a line chart shows: a value per bucket, `None` where it does not exist.
pub(crate) struct Series {
    pub(crate) kind: Kind,
    pub(crate) label: &'static str,
    pub(crate) title: String,
    pub(crate) now: Vec<Option<f64>>,
    pub(crate) before: Vec<Option<f64>>,
}

/// Draws one metric of the figures.
pub(crate) fn draw(figures: &Figures, period: &Period, unit: Unit, metric: Metric) -> Chart {
    let buckets = period.buckets(unit);
    let counts = |at: i64| figures.buckets.get(&at).copied().unwrap_or_default();
    let before = |bucket: &Bucket| bucket.previous.and_then(|at| metric.of(&counts(at)));
    let series = Series {
        kind: metric.kind(),
        label: w::metric(metric),
        title: w::chart_title(w::metric(metric), unit, &format::days(&period.current)),
        now: buckets.iter().map(|bucket| metric.of(&counts(bucket.from))).collect(),
        before: buckets.iter().map(before).collect(),
    };
    line_chart(period, unit, &series)
}

/// How many buckets have begun, and whether the last of them is not over.
pub(crate) fn begun(buckets: &[Bucket], now: i64) -> (usize, bool) {
    let shown = buckets.iter().take_while(|bucket| bucket.from <= now).count().max(1);
    (shown, buckets[shown - 1].to > now)
}

/// Draws a line.
pub(crate) fn line_chart(period: &Period, unit: Unit, series: &Series) -> Chart {
    let buckets = period.buckets(unit);
    let (shown, unfinished) = begun(&buckets, period.now);
    let (now, before) = (&series.now[..shown], &series.before[..shown]);
    let kind = series.kind;
    let largest = now.iter().chain(before).flatten().fold(0.0, |a: f64, &b| a.max(b));
    let scale = Scale::of(largest, kind);
    let drawing = Drawing { scale: &scale, step: WIDTH / buckets.len() as f64 };
    let solid = if unfinished { shown - 1 } else { shown };
    let part_from = shown.saturating_sub(2);
    let name = |bucket: &Bucket| bucket_name(bucket, period, unit);
    Chart {
        title: series.title.clone(),
        summary: summary(&buckets[..shown], now, kind, name),
        metric: series.label,
        compared: period.previous.as_ref().map(format::days),
        unfinished: unfinished
            .then(|| w::unfinished(unit, &format::clock(&period.zone, period.now))),
        unit: w::unit(unit),
        y: scale.ticks.iter().map(|&tick| (drawing.pixel(tick), scale.label(tick))).collect(),
        area: drawing.area(now),
        line: drawing.line(&now[..solid], 0),
        part: if unfinished { drawing.line(&now[part_from..], part_from) } else { String::new() },
        previous: drawing.line(before, 0),
        x: labels(&buckets, period, unit),
        points: points(period, unit, &buckets, series, &drawing),
        point_width: percent(100.0 / buckets.len() as f64),
    }
}

fn points(
    period: &Period,
    unit: Unit,
    buckets: &[Bucket],
    series: &Series,
    drawing: &Drawing<'_>,
) -> Vec<Point> {
    let (shown, unfinished) = begun(buckets, period.now);
    let share = 100.0 / buckets.len() as f64;
    let point = |at: usize| {
        let (bucket, now, before) = (&buckets[at], series.now[at], series.before[at]);
        let last = at + 1 == shown && unfinished;
        Point {
            from: percent(share * at as f64),
            middle: percent(share * (at as f64 + 0.5)),
            cy: now.map(|value| one(TOP + drawing.y(value))),
            name: dated_name(bucket, period, unit, last),
            value: text(now, series.kind),
            previous: bucket.previous.map(|from| {
                let then = Bucket { from, to: from, previous: None };
                (bucket_name(&then, period, unit), text(before, series.kind))
            }),
            change: change(now, before),
            left: at * 2 >= buckets.len(),
        }
    };
    (0..shown).map(point).collect()
}

/// A value as text.
pub(crate) fn text(value: Option<f64>, kind: Kind) -> String {
    let Some(value) = value else { return "–".into() };
    match kind {
        Kind::Count => format::count(value.round() as i64),
        Kind::Ratio => format!("{value:.2}"),
        Kind::Share => format!("{value:.1}%"),
        Kind::Rate => format!("{value:.2}%"),
        Kind::Duration => format::duration(value),
        Kind::Money(code) => format::money(value as i64, std::str::from_utf8(&code).unwrap_or("")),
    }
}

/// The relative change, for tooltips.
fn change(now: Option<f64>, before: Option<f64>) -> String {
    match (now, before) {
        (Some(now), Some(before)) if before > 0.0 => {
            format!("{:+.1}%", (now / before - 1.0) * 100.0).replace('-', "−")
        }
        _ => "–".into(),
    }
}

struct Drawing<'a> {
    scale: &'a Scale,
    step: f64,
}

impl Drawing<'_> {
    fn y(&self, value: f64) -> f64 {
        HEIGHT * (1.0 - value / self.scale.max)
    }

    fn pixel(&self, value: f64) -> String {
        one(TOP + self.y(value))
    }

    fn x(&self, at: usize) -> f64 {
        self.step * (at as f64 + 0.5)
    }

    /// Straight lines between values; what does not exist is a gap, a lone value a dot.
    fn line(&self, values: &[Option<f64>], first: usize) -> String {
        let mut out = String::new();
        let mut pen_down = false;
        for (at, value) in values.iter().enumerate() {
            let Some(value) = value else {
                pen_down = false;
                continue;
            };
            let (x, y) = (self.x(first + at).round(), one(self.y(*value)));
            if pen_down {
                out.push_str(&format!("L{x} {y}"));
            } else {
                let alone = values.get(at + 1).is_none_or(Option::is_none);
                out.push_str(&format!("M{x} {y}{}", if alone { "h0" } else { "" }));
            }
            pen_down = true;
        }
        out
    }

    /// The surface between the line and zero, one piece per run of values.
    fn area(&self, values: &[Option<f64>]) -> String {
        let mut out = String::new();
        let mut at = 0;
        while at < values.len() {
            let run = values[at..].iter().take_while(|value| value.is_some()).count();
            if run > 1 {
                let line = self.line(&values[at..at + run], at);
                let (from, to) = (self.x(at).round(), self.x(at + run - 1).round());
                out.push_str(&format!("{line}L{to} {HEIGHT}L{from} {HEIGHT}Z"));
            }
            at += run.max(1);
        }
        out
    }
}

pub(crate) fn one(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

pub(crate) fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

fn summary(
    buckets: &[Bucket],
    values: &[Option<f64>],
    kind: Kind,
    name: impl Fn(&Bucket) -> String,
) -> String {
    let known = || values.iter().zip(buckets).filter_map(|(v, bucket)| Some(((*v)?, bucket)));
    let largest = known().reduce(|a, b| if b.0 > a.0 { b } else { a });
    let least = known().map(|(value, _)| value).reduce(f64::min);
    match (least, largest) {
        (Some(least), Some((most, bucket))) => {
            w::chart_summary(&text(Some(least), kind), &text(Some(most), kind), &name(bucket))
        }
        _ => w::CHART_NOTHING.into(),
    }
}
