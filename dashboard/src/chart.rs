//! The chart over time: geometry of an inline SVG. x is in percent of the plot, y in pixels, so
//! text never scales and no script measures anything. The template only writes it down.

mod change;
mod scale;

use crate::figures::{Figures, Metric};
use crate::format;
use crate::period::{Bucket, Period, Unit, date_of};
use crate::words as w;

pub(crate) use change::{Change, compare};
use scale::Scale;

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

/// Draws one metric of the figures.
pub(crate) fn draw(figures: &Figures, period: &Period, unit: Unit, metric: Metric) -> Chart {
    let buckets = period.buckets(unit);
    let shown = buckets.iter().take_while(|bucket| bucket.from <= period.now).count().max(1);
    let counts = |at: i64| figures.buckets.get(&at).copied().unwrap_or_default();
    let now: Vec<Option<f64>> =
        buckets.iter().take(shown).map(|bucket| metric.of(&counts(bucket.from))).collect();
    let before: Vec<Option<f64>> = buckets
        .iter()
        .take(shown)
        .map(|bucket| bucket.previous.and_then(|at| metric.of(&counts(at))))
        .collect();
    let largest = now.iter().chain(&before).flatten().fold(0.0, |a: f64, &b| a.max(b));
    let scale = Scale::of(largest, metric);
    let unfinished = buckets[shown - 1].to > period.now;
    let drawing = Drawing { scale: &scale, step: WIDTH / buckets.len() as f64 };
    let solid = if unfinished { shown - 1 } else { shown };
    let part_from = shown.saturating_sub(2);
    let name = |bucket: &Bucket| bucket_name(bucket, period, unit);
    Chart {
        title: title(period, unit, metric),
        summary: summary(&buckets[..shown], &now, metric, name),
        metric: w::metric(metric),
        compared: period.previous.as_ref().map(format::days),
        unfinished: unfinished
            .then(|| w::unfinished(unit, &format::clock(&period.zone, period.now))),
        unit: w::unit(unit),
        y: scale.ticks.iter().map(|&tick| (drawing.pixel(tick), scale.label(tick))).collect(),
        area: drawing.area(&now),
        line: drawing.line(&now[..solid], 0),
        part: if unfinished { drawing.line(&now[part_from..], part_from) } else { String::new() },
        previous: drawing.line(&before, 0),
        x: labels(&buckets, period, unit),
        points: (0..shown)
            .map(|at| {
                let bucket = &buckets[at];
                let share = 100.0 / buckets.len() as f64;
                Point {
                    from: percent(share * at as f64),
                    middle: percent(share * (at as f64 + 0.5)),
                    cy: now[at].map(|value| one(TOP + drawing.y(value))),
                    name: match at + 1 == shown && unfinished {
                        true => w::until(&name(bucket), &format::clock(&period.zone, period.now)),
                        false => name(bucket),
                    },
                    value: text(now[at], metric),
                    previous: bucket.previous.map(|from| {
                        let then = Bucket { from, to: from, previous: None };
                        (name(&then), text(before[at], metric))
                    }),
                    change: change(now[at], before[at]),
                    left: at * 2 >= buckets.len(),
                }
            })
            .collect(),
        point_width: percent(100.0 / buckets.len() as f64),
    }
}

/// A value of a metric as text.
pub(crate) fn text(value: Option<f64>, metric: Metric) -> String {
    let Some(value) = value else { return "–".into() };
    match metric {
        Metric::Visitors | Metric::Visits | Metric::Pageviews => format::count(value as i64),
        Metric::ViewsPerVisit => format!("{value:.2}"),
        Metric::BounceRate => format!("{value:.1}%"),
        Metric::Duration => format::duration(value),
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

fn one(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

fn percent(value: f64) -> String {
    format!("{value:.2}%")
}

/// The name of a bucket: `Sun 25 Oct`, `14:00`, `Tue 3 Nov, 14:00`, `2 Nov`, `Nov 2026`.
fn bucket_name(bucket: &Bucket, period: &Period, unit: Unit) -> String {
    let date = bucket.date(&period.zone);
    match unit {
        Unit::Hour if period.days() == 1 => bucket.clock(&period.zone),
        Unit::Hour => format!("{}, {}", format::day(date), bucket.clock(&period.zone)),
        Unit::Day => format::day(date),
        Unit::Week => date.strftime("%-d %b").to_string(),
        Unit::Month => date.strftime("%b %Y").to_string(),
    }
}

fn title(period: &Period, unit: Unit, metric: Metric) -> String {
    w::chart_title(metric, unit, &format::days(&period.current))
}

fn summary(
    buckets: &[Bucket],
    values: &[Option<f64>],
    metric: Metric,
    name: impl Fn(&Bucket) -> String,
) -> String {
    let known = || values.iter().zip(buckets).filter_map(|(v, bucket)| Some(((*v)?, bucket)));
    let largest = known().reduce(|a, b| if b.0 > a.0 { b } else { a });
    let least = known().map(|(value, _)| value).reduce(f64::min);
    match (least, largest) {
        (Some(least), Some((most, bucket))) => {
            w::chart_summary(&text(Some(least), metric), &text(Some(most), metric), &name(bucket))
        }
        _ => w::CHART_NOTHING.into(),
    }
}

/// Labels under the plot: few enough to stand beside each other.
fn labels(buckets: &[Bucket], period: &Period, unit: Unit) -> Vec<Label> {
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
