//! How alike two publishers' clicking networks are (MinHash), without comparing all of them.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// Hash functions: the standard error of an estimate is 1 / √128 at the most, 0.09.
const HASHES: usize = 128;
/// Networks of which it is known exactly whether they clicked.
const EXACT_MAX: usize = 8_192;

/// The networks that clicked at one publisher.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Clickers {
    lowest: Vec<u32>,
    exact: std::collections::BTreeSet<u32>,
}

impl Default for Clickers {
    fn default() -> Clickers {
        Clickers { lowest: vec![u32::MAX; HASHES], exact: Default::default() }
    }
}

impl Clickers {
    /// Adds a network.
    pub(crate) fn add(&mut self, network: u32) {
        if self.exact.len() >= EXACT_MAX || !self.exact.insert(network) {
            return;
        }
        for (pair, lowest) in self.lowest.chunks_exact_mut(2).enumerate() {
            let hash = xxh3_64_with_seed(&network.to_le_bytes(), pair as u64);
            lowest[0] = lowest[0].min(hash as u32);
            lowest[1] = lowest[1].min((hash >> 32) as u32);
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.exact.len()
    }

    /// Whether a network is one of them.
    pub(crate) fn has(&self, network: u32) -> bool {
        self.exact.contains(&network)
    }

    /// The estimated Jaccard similarity: common by all.
    pub(crate) fn similarity(&self, other: &Clickers) -> f64 {
        let same = self.lowest.iter().zip(&other.lowest).filter(|(a, b)| a == b).count();
        same as f64 / HASHES as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(range: std::ops::Range<u32>) -> Clickers {
        let mut clickers = Clickers::default();
        for network in range {
            clickers.add(network.wrapping_mul(2_654_435_769));
        }
        clickers
    }

    #[test]
    fn estimates_agree_with_the_exact_answer() {
        for (a, b) in
            [(0..1_000u32, 500..1_500u32), (0..100, 0..100), (0..100, 100..200), (0..300, 200..320)]
        {
            let common = f64::from(a.end.min(b.end).saturating_sub(a.start.max(b.start)));
            let exact = common / (f64::from(a.len() as u32 + b.len() as u32) - common);
            let estimate = of(a).similarity(&of(b));
            // Three standard errors.
            assert!(
                (estimate - exact).abs() < 0.27 * (exact * (1.0 - exact)).sqrt() * 2.0 + 0.02,
                "{estimate} for {exact}"
            );
        }
    }

    #[test]
    fn repetitions_and_order_change_nothing() {
        let mut backwards = Clickers::default();
        for network in (0..200u32).rev().chain(0..200) {
            backwards.add(network.wrapping_mul(2_654_435_769));
        }
        assert_eq!(backwards.lowest, of(0..200).lowest);
        assert_eq!(backwards.len(), 200);
        assert!(backwards.has(0) && !backwards.has(1));
    }
}
