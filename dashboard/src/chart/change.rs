//! How a figure changed against the comparison, and whether that is for the better.

use super::text;
use crate::figures::{Counts, Metric};
use crate::words as w;

/// How a figure changed.
pub(crate) struct Change {
    /// `up`, `down` or `same`: whether it is for the better.
    pub(crate) class: &'static str,
    pub(crate) arrow: &'static str,
    pub(crate) spoken: &'static str,
    pub(crate) text: String,
    pub(crate) from: String,
}

/// The change of a metric between two periods; `None` where one has no value.
pub(crate) fn compare(metric: Metric, now: &Counts, before: &Counts) -> Option<Change> {
    let (a, b) = (metric.of(now)?, metric.of(before)?);
    let from = w::from(&text(Some(b), metric));
    let difference = match metric {
        Metric::BounceRate => a - b,
        _ if b == 0.0 && a == 0.0 => 0.0,
        // Nothing to compare with: a share of nothing does not exist.
        _ if b == 0.0 => {
            return Some(Change {
                class: "same",
                arrow: "",
                spoken: "",
                text: String::new(),
                from,
            });
        }
        _ => (a / b - 1.0) * 100.0,
    };
    let rounded = (difference * 10.0).round() / 10.0;
    let better_when_less = metric == Metric::BounceRate;
    let (class, arrow, spoken) = match rounded {
        0.0 => ("same", "", ""),
        r if (r > 0.0) == better_when_less => {
            ("down", if r > 0.0 { "↑" } else { "↓" }, w::direction(r > 0.0))
        }
        r => ("up", if r > 0.0 { "↑" } else { "↓" }, w::direction(r > 0.0)),
    };
    let text = match metric {
        _ if rounded == 0.0 => w::UNCHANGED.to_owned(),
        Metric::BounceRate => w::points(rounded.abs()),
        _ => format!("{:.1}%", rounded.abs()),
    };
    Some(Change { class, arrow, spoken, text, from })
}
