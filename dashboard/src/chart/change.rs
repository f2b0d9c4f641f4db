//! How a figure changed against the comparison, and whether that is for the better.

use super::{Kind, text};
use crate::words as w;

/// Which direction is for the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Good {
    More,
    Less,
    /// Neither: spending more is no merit.
    Neither,
}

/// How a figure changed.
pub(crate) struct Change {
    /// `up`, `down` or `same`: whether it is for the better.
    pub(crate) class: &'static str,
    pub(crate) arrow: &'static str,
    pub(crate) spoken: &'static str,
    pub(crate) text: String,
    pub(crate) from: String,
}

/// The change of a value between two periods; `None` where one has none.
pub(crate) fn compare(
    kind: Kind,
    good: Good,
    now: Option<f64>,
    before: Option<f64>,
) -> Option<Change> {
    let (a, b) = (now?, before?);
    let from = w::from(&text(Some(b), kind));
    let difference = match kind {
        kind if kind.is_percent() => a - b,
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
    let class = match (good, rounded > 0.0) {
        _ if rounded == 0.0 => "same",
        (Good::Neither, _) => "same",
        (Good::More, true) | (Good::Less, false) => "up",
        _ => "down",
    };
    let (arrow, spoken) = match rounded {
        0.0 => ("", ""),
        r => (if r > 0.0 { "↑" } else { "↓" }, w::direction(r > 0.0)),
    };
    let text = match kind {
        _ if rounded == 0.0 => w::UNCHANGED.to_owned(),
        kind if kind.is_percent() => w::points(rounded.abs()),
        _ => format!("{:.1}%", rounded.abs()),
    };
    Some(Change { class, arrow, spoken, text, from })
}
