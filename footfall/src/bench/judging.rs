//! What judging costs: time for each event of a simulated day with ads, and memory when ten million
//! visitors come.

use std::sync::Arc;

use footfall_aggregator::rules::{Facts, JudgeLimits, NetworkJudge, RuleSet};
use footfall_event::Activity;

use super::{Row, grouped};
use crate::evaluate;

const VISITORS: u64 = 10_000_000;
/// A shard's memory for judging must stay below this, bytes.
const BYTES_MAX: f64 = 1e9;

/// Both figures.
pub(crate) fn measure() -> Vec<Row> {
    let (events, seconds) = evaluate::cost();
    let each = seconds * 1e6 / events as f64;
    let time = Row {
        figure: "judging, both stages, µs of processor time per event",
        ours: format!("{each:.2}"),
        baseline: format!("{} events of a simulated day", grouped(events as f64)),
        target: "≤ 1.5",
        holds: each <= 1.5,
    };
    let (bytes, [networks, impressions, _]) = crowd();
    let memory = Row {
        figure: "judging, memory of a shard after 10 million visitors",
        ours: format!("{:.0} MB", bytes / 1e6),
        baseline: format!(
            "{} networks and {} impressions remembered",
            grouped(networks as f64),
            grouped(impressions as f64)
        ),
        target: "≤ 1,000 MB",
        holds: bytes <= BYTES_MAX,
    };
    vec![time, memory]
}

/// Ten million visitors within a day, each at an address of its own: an impression, its view, and
/// from every fiftieth a click.
fn crowd() -> (f64, [usize; 3]) {
    let mut judge = NetworkJudge::new(Arc::new(RuleSet::default()), JudgeLimits::default());
    let mut most = 0;
    for visitor in 0..VISITORS {
        let time = 1_772_409_600_000 + (visitor as i64) * 86_400_000 / VISITORS as i64;
        let hash = (visitor + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let shown = Facts {
            network: hash,
            visitor: hash.rotate_left(32),
            site: 1,
            ad: 2,
            placement: 3,
            measurable: true,
            ..Facts::new(Activity::Impression, u128::from(visitor), time)
        };
        judge.observe(&shown);
        let impression = u128::from(visitor);
        judge.observe(&Facts { activity: Activity::View, id: 0, impression, ..shown });
        if visitor.is_multiple_of(50) {
            let id = 1 << 100 | impression;
            judge.observe(&Facts { activity: Activity::Click, id, impression, ..shown });
        }
        if visitor.is_multiple_of(1_000) {
            judge.close(time);
            judge.tidy(time);
        }
        if visitor.is_multiple_of(500_000) {
            most = most.max(judge.bytes());
        }
    }
    (most.max(judge.bytes()) as f64, judge.remembered())
}
