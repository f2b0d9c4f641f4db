//! How much a position alone matters.
//!
//! Position-based model (Craswell, Zoeter, Taylor, Ramsey, "An experimental comparison of click
//! position-bias models", WSDM 2008; Chuklin, Markov, de Rijke, "Click Models for Web Search", 2015,
//! section 3.3): an ad is clicked when it is examined and it attracts, and the two are independent:
//!
//! ```text
//! P(click on ad a at position k) = examination(k) · attraction(a)
//! ```
//!
//! Both are estimated from the counts alone, without experiments, because the same ads stand at
//! several positions. Clicks are rare, so counts are nearly Poisson, and the maximum of the
//! likelihood is found by turning from one to the other:
//!
//! ```text
//! attraction(a)  = (Σk clicks(a,k) + m·μ) / (Σk impressions(a,k)·examination(k) + m)
//! examination(k) = (Σa clicks(a,k) + s·d(k)) / (Σa impressions(a,k)·attraction(a) + s)
//! ```
//!
//! Textbook expectation-maximisation has the same fixed point, but with rare clicks nearly all that
//! it needs is hidden, and it takes thousands of steps where this takes some ten. `m`, `μ` and `s`,
//! `d` shrink what little data would leave to chance: towards the mean rate, and towards the discount
//! `d(k) = 1/log2(k+1)` (Järvelin, Kekäläinen, "Cumulated gain-based evaluation of IR techniques",
//! ACM TOIS 2002). Position 1 is the measure: its examination is 1.

use std::collections::BTreeMap;

use super::evidence::Cell;

/// Weight of the mean rate in an ad's attraction, impressions.
const MEAN_WEIGHT: f64 = 20.0;
/// Weight of the usual discount in a position's examination, expected clicks.
const DISCOUNT_WEIGHT: f64 = 10.0;
const STEPS_MAX: usize = 50;
/// Smaller changes of an examination end the search.
const PRECISION: f64 = 1e-4;
/// No position is worth less, or more than so many times the first.
const BOUNDS: (f64, f64) = (0.01, 4.0);

/// How often an ad is looked at, by its position, relative to position 1.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Examination {
    by_position: BTreeMap<u16, f64>,
}

impl Examination {
    /// Of a position; the usual discount where nothing is known. Position 0 stands for unknown.
    pub fn of(&self, position: u16) -> f64 {
        self.by_position.get(&position).copied().unwrap_or_else(|| discount(position))
    }

    /// The positions that were seen.
    pub fn iter(&self) -> impl Iterator<Item = (u16, f64)> {
        self.by_position.iter().map(|(position, value)| (*position, *value))
    }

    /// What counts would have been at position 1: expected impressions, and clicks.
    pub fn normalised(&self, cells: &[Cell]) -> (f64, f64) {
        cells.iter().fold((0.0, 0.0), |(shown, clicks), cell| {
            (shown + cell.impressions * self.of(cell.position), clicks + cell.clicks)
        })
    }

    /// Estimates it. Each item is what one ad saw while its attraction was the same.
    pub fn estimate(items: &[Vec<Cell>]) -> Examination {
        let cells = || items.iter().flatten();
        let mut examination = cells()
            .map(|cell| (cell.position, discount(cell.position)))
            .collect::<BTreeMap<_, _>>();
        examination.entry(1).or_insert(1.0);
        let (shown, clicks) =
            cells().fold((0.0, 0.0), |sum, cell| (sum.0 + cell.impressions, sum.1 + cell.clicks));
        let mean = (clicks + 1.0) / (shown + 100.0);
        for _ in 0..STEPS_MAX {
            let mut sums: BTreeMap<u16, (f64, f64)> = BTreeMap::new();
            for item in items {
                let (mut clicks, mut expected) = (MEAN_WEIGHT * mean, MEAN_WEIGHT);
                for cell in item {
                    clicks += cell.clicks;
                    expected += cell.impressions * examination[&cell.position];
                }
                for cell in item {
                    let sum = sums.entry(cell.position).or_default();
                    sum.0 += cell.clicks;
                    sum.1 += cell.impressions * clicks / expected;
                }
            }
            let next = |position: u16| {
                let (clicks, expected) = sums.get(&position).copied().unwrap_or_default();
                let shrunk = DISCOUNT_WEIGHT * discount(position);
                (clicks + shrunk) / (expected + DISCOUNT_WEIGHT)
            };
            let first = next(1);
            let mut moved: f64 = 0.0;
            for (position, value) in &mut examination {
                let better = (next(*position) / first).clamp(BOUNDS.0, BOUNDS.1);
                moved = moved.max((better - *value).abs());
                *value = better;
            }
            if moved < PRECISION {
                break;
            }
        }
        Examination { by_position: examination }
    }
}

/// What a position is usually worth.
fn discount(position: u16) -> f64 {
    if position == 0 { 1.0 } else { 1.0 / (f64::from(position) + 1.0).log2() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Counts exactly as the model says, with ads that were mostly shown where they do best.
    fn items(truth: &[f64], scale: f64) -> Vec<Vec<Cell>> {
        (0..12)
            .map(|ad| {
                let attraction = 0.01 * 1.3f64.powi(ad);
                let cell = |(at, examination): (usize, &f64)| {
                    let impressions =
                        scale * if (at as i32 - ad / 3).abs() < 1 { 10.0 } else { 1.0 };
                    let clicks = impressions * examination * attraction;
                    Cell { position: at as u16 + 1, impressions, clicks }
                };
                truth.iter().enumerate().map(cell).collect()
            })
            .collect()
    }

    #[test]
    fn it_finds_the_positions_worth_whatever_stood_there() {
        let truth = [1.0, 0.5, 0.8, 0.1];
        let found = Examination::estimate(&items(&truth, 10_000.0));
        for (at, expected) in truth.iter().enumerate() {
            let value = found.of(at as u16 + 1);
            assert!((value / expected - 1.0).abs() < 0.03, "{}: {value}", at + 1);
        }
    }

    #[test]
    fn without_data_it_keeps_to_the_usual() {
        let none = Examination::estimate(&[]);
        assert_eq!((none.of(1), none.of(3), none.of(0)), (1.0, 0.5, 1.0));
        let hardly = Examination::estimate(&items(&[1.0, 0.1], 0.5));
        assert!(hardly.of(2) > 0.5, "{}", hardly.of(2));
        let cells = [Cell { position: 3, impressions: 100.0, clicks: 2.0 }];
        assert_eq!(none.normalised(&cells), (50.0, 2.0));
    }
}
