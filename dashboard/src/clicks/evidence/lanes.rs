//! The clicks around one, drawn on three lines: of its visitor, of its network, on its ad.

use footfall_event::Verdict;

use super::case::Case;
use super::load::NEAR_MS;
use super::rows::Near;
use crate::chart::percent;
use crate::format;
use crate::words as w;

/// Heights of the three lines.
const LANES: [i64; 3] = [26, 64, 102];

/// The drawing.
pub(super) struct Lanes {
    pub(super) labels: [(&'static str, i64); 3],
    pub(super) summary: String,
    pub(super) points: Vec<Point>,
    /// Place and text of the marks of time.
    pub(super) ticks: Vec<(String, String, bool)>,
}

/// A click.
pub(super) struct Point {
    pub(super) x: String,
    pub(super) y: i64,
    pub(super) verdict: Verdict,
    pub(super) is_this: bool,
}

/// Draws them; `None` where the network's clicks are not known.
pub(super) fn draw(case: &Case, site: &str) -> Option<Lanes> {
    let network = case.around.network.as_ref().ok()?;
    let on_ad = case.around.on_ad.as_deref().unwrap_or_default();
    let at = case.click.at_ms;
    let is_this = |near: &Near| near.click_id == case.click.click_id && near.of_site == site;
    let near = |all: &[Near], keep: &dyn Fn(&Near) -> bool, lane: usize| -> Vec<Point> {
        let drawn = all.iter().filter(|near| (near.at_ms - at).abs() <= NEAR_MS && keep(near));
        let point = |near: &Near| Point {
            x: percent((near.at_ms - at + NEAR_MS) as f64 * 100.0 / (2 * NEAR_MS) as f64),
            y: LANES[lane],
            verdict: Verdict::parse(&near.in_force).unwrap_or(Verdict::Valid),
            is_this: is_this(near) && lane == 0,
        };
        drawn.map(point).collect()
    };
    let visitor = case.click.of_visitor;
    let own = |near: &Near| near.of_visitor == visitor && near.of_site == site;
    let lanes = [near(network, &own, 0), near(network, &|_| true, 1), near(on_ad, &|_| true, 2)];
    let summary = w::lanes_summary(lanes[0].len(), lanes[1].len(), lanes[2].len());
    let tick = |minutes: i64| {
        let text = match minutes {
            0 => format::moment(&case.names.zone, at, at),
            minutes => w::minutes_off(minutes),
        };
        (percent(50.0 + minutes as f64 * 10.0), text, minutes.abs() == 2)
    };
    Some(Lanes {
        labels: [
            (w::THIS_VISITOR, LANES[0] + 4),
            (w::SAME_NETWORK, LANES[1] + 4),
            (w::SAME_AD, LANES[2] + 4),
        ],
        summary,
        points: lanes.into_iter().flatten().collect(),
        ticks: [-4, -2, 0, 2, 4].map(tick).into(),
    })
}
