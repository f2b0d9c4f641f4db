//! The y axis: from zero to a round number, in three to five steps of 1, 2, 2.5 or 5 × 10ⁿ (of
//! durations: of round seconds and minutes).

use super::Kind;
use crate::format;

/// An axis from zero.
pub(crate) struct Scale {
    pub(crate) max: f64,
    pub(crate) ticks: Vec<f64>,
    kind: Kind,
}

const SECONDS: [f64; 14] =
    [1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1_800.0, 3_600.0, 7_200.0];

impl Scale {
    /// The axis for values up to `largest`.
    pub(crate) fn of(largest: f64, kind: Kind) -> Scale {
        let step = match kind {
            Kind::Duration => {
                let least = (largest / 1_000.0 / 4.0).max(1.0);
                SECONDS.into_iter().find(|step| *step >= least).unwrap_or(least) * 1_000.0
            }
            Kind::Count => round_step(largest).max(1.0),
            _ => round_step(largest),
        };
        let steps = (largest / step - 1e-9).ceil().max(1.0);
        // Three to five labels also where the values are few.
        let steps = if steps < 2.0 { 2.0 } else { steps };
        let ticks = (0..=steps as u32).map(|n| step * f64::from(n)).collect();
        Scale { max: step * steps, ticks, kind }
    }

    /// The text beside a tick.
    pub(crate) fn label(&self, tick: f64) -> String {
        match self.kind {
            Kind::Share | Kind::Rate => format!("{}%", format::short(tick)),
            Kind::Duration if tick == 0.0 => "0".into(),
            Kind::Duration if self.max < 120_000.0 => format!("{}s", tick / 1_000.0),
            Kind::Duration => format!("{}m", format::short(tick / 60_000.0)),
            Kind::Money(code) => {
                let code = std::str::from_utf8(&code).unwrap_or("");
                format::money_short(tick / 1e6, code)
            }
            _ => format::short(tick),
        }
    }
}

/// The smallest 1, 2, 2.5 or 5 × 10ⁿ of which four reach `largest`.
fn round_step(largest: f64) -> f64 {
    if largest <= 0.0 {
        return 1.0;
    }
    let least = largest / 4.0;
    let power = 10f64.powf(least.log10().floor());
    let factor = [1.0, 2.0, 2.5, 5.0, 10.0].into_iter().find(|f| f * power >= least - 1e-9);
    factor.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        for (largest, kind, expected) in [
            (0.0, Kind::Count, "0 1 2"),
            (1.0, Kind::Count, "0 1 2"),
            (7.0, Kind::Count, "0 2 4 6 8"),
            (3_048.0, Kind::Count, "0 1k 2k 3k 4k"),
            (9_999.0, Kind::Count, "0 2.5k 5k 7.5k 10k"),
            (4_200_000.0, Kind::Count, "0 2M 4M 6M"),
            (2.96, Kind::Ratio, "0 1 2 3"),
            (43.7, Kind::Share, "0% 20% 40% 60%"),
            (100.0, Kind::Share, "0% 25% 50% 75% 100%"),
            (166_000.0, Kind::Duration, "0 1m 2m 3m"),
            (31_000.0, Kind::Duration, "0 10s 20s 30s 40s"),
        ] {
            let scale = Scale::of(largest, kind);
            let labels: Vec<_> = scale.ticks.iter().map(|&tick| scale.label(tick)).collect();
            assert_eq!(labels.join(" "), expected, "{largest}");
            assert!(scale.max >= largest);
        }
    }
}
