//! A list about ads, ready to be written: the template only writes it down.

use super::figures::Sums;
use super::names::Tag;
use crate::chart::one;
use crate::{format, words as w};

/// A table.
pub(crate) struct Table {
    pub(crate) caption: String,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<TableRow>,
    pub(crate) total: Option<TableRow>,
    pub(crate) style: Style,
}

/// How dense a table is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Two lines a row, cards on narrow screens.
    Cards,
    /// Two lines a row.
    Roomy,
    /// One line a row.
    One,
    /// One line a row over a bar of its share.
    Barred,
}

impl Style {
    /// The classes of the table.
    pub(crate) const fn class(self) -> &'static str {
        match self {
            Style::Cards => "ruled roomy cards",
            Style::Roomy => "ruled roomy",
            Style::One => "ruled one",
            Style::Barred => "rows",
        }
    }

    /// Whether a row has two lines.
    pub(crate) const fn is_roomy(self) -> bool {
        matches!(self, Style::Cards | Style::Roomy)
    }
}

/// The head of a column.
pub(crate) struct Head {
    pub(crate) text: &'static str,
    pub(crate) class: &'static str,
    /// The column by which rows are ordered.
    pub(crate) sorted: bool,
}

/// A row of a table.
pub(crate) struct TableRow {
    pub(crate) name: String,
    pub(crate) href: Option<String>,
    pub(crate) tag: Option<Tag>,
    pub(crate) small: String,
    /// Width of the bar behind the name, in percent; empty for none.
    pub(crate) bar: String,
    pub(crate) cells: Vec<Cell>,
}

/// What stands in a cell. `label` is its column's name, for cards.
pub(crate) enum Cell {
    /// A figure, and a smaller one below it.
    Number { label: &'static str, class: &'static str, text: String, small: String, low: bool },
    /// From gross to net: figures, and bars in percent of the longest.
    GrossNet {
        label: &'static str,
        gross: String,
        net: String,
        lost: String,
        bars: Option<Bars>,
        bad: bool,
    },
    /// A rate with its interval.
    Rate { label: &'static str, rate: String, interval: String, drawn: Option<Interval> },
    /// Clicks over time: gross, net, and the part of both that is not over.
    Trend { gross: String, net: String, part: String },
    /// How much of a budget is spent.
    Budget { label: &'static str, width: String, tick: Option<String>, text: String },
    /// Nothing.
    None,
}

/// Widths of a gross-to-net bar, in percent.
pub(crate) struct Bars {
    pub(crate) gross: String,
    pub(crate) net: String,
    pub(crate) invalid: String,
}

/// An interval on a track of 112 units.
pub(crate) struct Interval {
    pub(crate) low: String,
    pub(crate) high: String,
    pub(crate) at: String,
    pub(crate) mean: Option<String>,
}

/// Width of the track of intervals.
const TRACK: f64 = 112.0;
/// From this share of invalid clicks on a row is marked.
const LOST_BAD: f64 = 0.3;
/// Below this viewable rate a row is marked.
const VIEWABLE_LOW: f64 = 0.3;
/// Fewer clicks say nothing about shares.
const CLICKS_TELLING: i64 = 30;

/// What the drawings of a list are scaled to.
pub(crate) struct Scales {
    gross: bool,
    /// Most gross clicks of a row.
    clicks: i64,
    /// Largest upper end of an interval, from 0 to 1.
    rate: f64,
    /// The rate of all rows together.
    mean: Option<f64>,
}

impl Scales {
    /// For these rows; `all` are the sums of the whole list, whose rate is marked.
    pub(crate) fn of<'a>(rows: impl Iterator<Item = &'a Sums>, all: &Sums, gross: bool) -> Scales {
        let mut scales = Scales { gross, clicks: 0, rate: 0.0, mean: None };
        for sums in rows {
            scales.clicks = scales.clicks.max(sums.clicks);
            let (clicks, impressions) = sums.ctr_of(gross);
            // A row that was shown twice has an interval as wide as the table: it must not
            // flatten the others.
            if impressions >= 100
                && let Some((_, high)) = format::wilson_bounds(clicks, impressions)
            {
                scales.rate = scales.rate.max(high);
            }
        }
        let (clicks, impressions) = all.ctr_of(gross);
        if impressions > 0 {
            scales.mean = Some(clicks as f64 / impressions as f64);
            scales.rate = scales.rate.max(clicks as f64 / impressions as f64);
        }
        scales
    }

    /// From gross to net clicks, or that there was nothing to click on.
    pub(crate) fn gross_net(&self, sums: &Sums) -> Cell {
        if sums.is_empty() {
            return number_in(w::GROSS_TO_NET, "gnc dim", w::NO_IMPRESSIONS.to_owned());
        }
        let of = |value: i64| {
            format!("{}%", one(value.max(0) as f64 * 100.0 / self.clicks.max(1) as f64))
        };
        let lost = sums.invalid_clicks();
        let share = lost as f64 / sums.clicks.max(1) as f64;
        Cell::GrossNet {
            label: w::GROSS_TO_NET,
            gross: format::count(sums.clicks),
            net: format::count(sums.net_clicks),
            lost: if lost > 0 {
                format!("−{}", format::share(lost, sums.clicks))
            } else {
                String::new()
            },
            bars: (sums.clicks > 0).then(|| Bars {
                gross: of(sums.clicks),
                net: of(sums.net_clicks),
                invalid: of(lost),
            }),
            bad: share >= LOST_BAD && sums.clicks >= CLICKS_TELLING,
        }
    }

    /// The click-through rate.
    pub(crate) fn rate(&self, sums: &Sums) -> Cell {
        let (clicks, impressions) = sums.ctr_of(self.gross);
        let label = if self.gross { w::CTR_GROSS } else { w::CTR_NET };
        if impressions == 0 {
            return number_in(label, "ctr", "–".into());
        }
        let x = |rate: f64| one((rate / self.rate.max(1e-9)).min(1.0) * TRACK);
        let drawn = format::wilson_bounds(clicks, impressions).map(|(low, high)| Interval {
            low: x(low),
            high: x(high),
            at: x(clicks as f64 / impressions as f64),
            mean: self.mean.map(x),
        });
        Cell::Rate {
            label,
            rate: format::rate(clicks, impressions),
            interval: format::wilson(clicks, impressions),
            drawn,
        }
    }

    /// Impressions, and how many of them were viewable.
    pub(crate) fn impressions(&self, sums: &Sums) -> Cell {
        let (_, impressions) = sums.ctr_of(self.gross);
        let share = sums.viewable as f64 / sums.measurable.max(1) as f64;
        let small = match sums.measurable {
            ..=0 => String::new(),
            _ => w::viewable(&format::share(sums.viewable, sums.measurable)),
        };
        Cell::Number {
            label: w::IMPRESSIONS,
            class: "n two",
            text: if impressions == 0 { "–".into() } else { format::count(impressions) },
            low: !small.is_empty() && share < VIEWABLE_LOW && sums.measurable >= 1_000,
            small,
        }
    }
}

/// A plain figure.
pub(crate) fn number(label: &'static str, text: String) -> Cell {
    Cell::Number { label, class: "n", text, small: String::new(), low: false }
}

/// A text in a cell with these classes.
pub(crate) fn number_in(label: &'static str, class: &'static str, text: String) -> Cell {
    Cell::Number { label, class, text, small: String::new(), low: false }
}

/// A figure with another below it.
pub(crate) fn two(label: &'static str, text: String, small: String) -> Cell {
    Cell::Number { label, class: "n two", text, small, low: false }
}

/// A share of clicks without its drawing.
pub(crate) fn plain_rate(label: &'static str, (clicks, impressions): (i64, i64)) -> Cell {
    number(label, format::rate(clicks, impressions))
}

/// Conversions, and how many of the net clicks they are.
pub(crate) fn conversions(sums: &Sums) -> Cell {
    let all = sums.conversions();
    let small = match sums.net_clicks {
        clicks if clicks > 0 && sums.click_conversions != 0 => {
            let rate = sums.click_conversions as f64 / 1e6 * 100.0 / clicks as f64;
            w::cvr(&format!("{rate:.2}%"))
        }
        _ => String::new(),
    };
    two(w::CONVERSIONS, format::millionths(all), small)
}

/// What was spent, and per click and thousand impressions.
pub(crate) fn spend(sums: &Sums, saved: Option<String>) -> Cell {
    let cost = super::money::costs(&sums.purse);
    let small = match saved {
        Some(saved) => w::saved(&saved),
        None => super::money::cost_per(&sums.purse, sums.net_clicks, 1)
            .map_or(String::new(), |each| w::ecpc(&each)),
    };
    two(w::SPEND, cost.unwrap_or("–".into()), small)
}

impl TableRow {
    /// A row that is only a name so far.
    pub(crate) fn named(name: String, cells: Vec<Cell>) -> TableRow {
        TableRow { name, href: None, tag: None, small: String::new(), bar: String::new(), cells }
    }
}

/// The head of a column.
pub(crate) const fn head(text: &'static str, class: &'static str) -> Head {
    Head { text, class, sorted: false }
}

/// Paths of a trend over `points` buckets: 96 × 28 units, as in the stylesheet.
pub(crate) fn trend(values: &[(i64, i64)], unfinished: bool) -> Cell {
    let most = values.iter().map(|(gross, _)| *gross).max().unwrap_or(0).max(1) as f64;
    let step = 96.0 / (values.len().max(2) - 1) as f64;
    let path = |from: usize, to: usize, of: &dyn Fn(&(i64, i64)) -> i64| {
        let mut out = String::new();
        for (at, value) in values.iter().enumerate().take(to).skip(from) {
            let (x, y) = (at as f64 * step, 26.0 - 24.0 * of(value).max(0) as f64 / most);
            out.push_str(&format!("{}{} {}", if at == from { "M" } else { "L" }, one(x), one(y)));
        }
        out
    };
    let solid = if unfinished { values.len().saturating_sub(1) } else { values.len() };
    Cell::Trend {
        gross: path(0, solid, &|value| value.0),
        net: path(0, solid, &|value| value.1),
        part: match unfinished && values.len() > 1 {
            true => path(values.len() - 2, values.len(), &|value| value.1),
            false => String::new(),
        },
    }
}
