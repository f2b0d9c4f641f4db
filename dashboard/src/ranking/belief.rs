//! What may be believed about a rate after some clicks.
//!
//! Beliefs are Beta distributions: with the prior `Beta(a, b)`, `c` clicks on `e` expected
//! impressions leave `Beta(a + c, b + e - c)`.

use rand::Rng;
use rand_distr::{Beta, Distribution};

/// The prior is worth so many clicks at the least and at the most: less would follow chance, more
/// would keep new ads and new likes waiting.
const PRIOR_CLICKS: (f64, f64) = (0.5, 4.0);
/// Two stretches of time tell of different rates when these many standard errors lie between. Each
/// look compares a few pairs, and a false alarm only forgets what would have faded anyway.
const CHANGE_Z: f64 = 4.0;
/// With fewer clicks in both together nothing can be told.
const CHANGE_CLICKS: f64 = 12.0;

/// A belief about a rate.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Belief {
    /// Weight of clicks.
    pub clicks: f64,
    /// Weight of impressions without one.
    pub misses: f64,
}

impl Belief {
    /// The expected rate.
    pub fn mean(&self) -> f64 {
        self.clicks / (self.clicks + self.misses)
    }

    /// The belief after more clicks on so many expected impressions.
    #[must_use]
    pub fn after(&self, expected: f64, clicks: f64) -> Belief {
        let misses = (expected - clicks).max(0.0);
        Belief { clicks: self.clicks + clicks, misses: self.misses + misses }
    }

    /// The same expected rate, but worth no more than a prior.
    #[must_use]
    pub fn as_prior(&self) -> Belief {
        let factor = (PRIOR_CLICKS.1 / self.clicks).min(1.0);
        Belief { clicks: self.clicks * factor, misses: self.misses * factor }
    }

    /// A rate at random, as likely as it is believed.
    pub fn draw(&self, random: &mut impl Rng) -> f64 {
        match Beta::new(self.clicks, self.misses) {
            Ok(beta) => beta.sample(random),
            // Weights are positive and finite; if ever not, the expected rate is no bad choice.
            Err(_) => self.mean(),
        }
    }

    /// Where the rate lies with 95 % certainty: Wilson's interval (Wilson, "Probable inference", JASA
    /// 1927) with the belief's weights as counts.
    pub fn interval(&self) -> (f64, f64) {
        const Z: f64 = 1.959_964;
        let n = self.clicks + self.misses;
        let p = self.mean();
        let middle = p + Z * Z / (2.0 * n);
        let half = Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt();
        let whole = 1.0 + Z * Z / n;
        (((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0))
    }
}

/// What to believe about an ad of which nothing is known, from the others beside it (expected
/// impressions, clicks): empirical Bayes by the moments of a beta-binomial (Kleinman, "Proportions
/// with extraneous variance", JASA 1973). The more alike they are, the more the prior weighs.
pub fn prior(others: &[(f64, f64)]) -> Belief {
    let shown: f64 = others.iter().map(|(shown, _)| shown).sum();
    let clicks: f64 = others.iter().map(|(_, clicks)| clicks).sum();
    // One click in a hundred impressions, where there is nothing else to go by.
    let mean = ((clicks + 1.0) / (shown + 100.0)).clamp(1e-6, 0.5);
    let squares: f64 = others.iter().map(|(shown, _)| shown * shown).sum();
    let spread: f64 = others
        .iter()
        .filter(|(shown, _)| *shown > 0.0)
        .map(|(shown, clicks)| shown * (clicks / shown - mean).powi(2))
        .sum();
    let chance = mean * (1.0 - mean);
    let count = others.iter().filter(|(shown, _)| *shown > 0.0).count() as f64;
    let room = shown - squares / shown.max(1e-9);
    let variance = (spread - chance * (count - 1.0).max(0.0)) / room.max(1e-9);
    let weight = if count > 1.0 && variance > 0.0 { chance / variance - 1.0 } else { f64::MAX };
    let weight = weight.clamp(PRIOR_CLICKS.0 / mean, PRIOR_CLICKS.1 / mean);
    Belief { clicks: mean * weight, misses: (1.0 - mean) * weight }
}

/// The index of the first of these stretches of time (expected impressions, clicks; oldest first)
/// that still tells of the present: behind the last place where the rates before and after differ by
/// more than chance. After Bifet and Gavaldà, "Learning from time-changing data with adaptive
/// windowing", SDM 2007.
pub fn since_change(stretches: &[(f64, f64)]) -> usize {
    let mut from = 0;
    loop {
        let (mut later_shown, mut later_clicks) = (0.0, 0.0);
        let sum = |of: fn(&(f64, f64)) -> f64| stretches[from..].iter().map(of).sum::<f64>();
        let (shown, clicks) = (sum(|it| it.0), sum(|it| it.1));
        if clicks < CHANGE_CLICKS {
            return from;
        }
        let rate = (clicks / shown).min(1.0);
        let mut best = (CHANGE_Z, from);
        for cut in (from + 1..stretches.len()).rev() {
            later_shown += stretches[cut].0;
            later_clicks += stretches[cut].1;
            let earlier_shown = shown - later_shown;
            if later_shown <= 0.0 || earlier_shown <= 0.0 {
                continue;
            }
            let difference = later_clicks / later_shown - (clicks - later_clicks) / earlier_shown;
            let error = rate * (1.0 - rate) * (1.0 / later_shown + 1.0 / earlier_shown);
            let z = difference.abs() / error.sqrt().max(1e-12);
            if z > best.0 {
                best = (z, cut);
            }
        }
        if best.1 == from {
            return from;
        }
        from = best.1;
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    use super::*;

    #[test]
    fn draws_follow_the_belief() {
        let belief = Belief { clicks: 20.0, misses: 180.0 };
        let mut random = SmallRng::seed_from_u64(1);
        let draws: Vec<f64> = (0..20_000).map(|_| belief.draw(&mut random)).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        assert!((mean - 0.1).abs() < 0.001, "{mean}");
        let (low, high) = belief.interval();
        let outside = draws.iter().filter(|draw| !(low..high).contains(*draw)).count();
        assert!((0.03..0.07).contains(&(outside as f64 / 20_000.0)), "{outside}");
    }

    #[test]
    fn the_prior_weighs_more_the_more_alike_ads_are() {
        let nothing = prior(&[]);
        assert!((nothing.mean() - 0.01).abs() < 1e-9);
        let alike: Vec<(f64, f64)> =
            (0..20).map(|at| (5_000.0, 100.0 + f64::from(at % 3))).collect();
        let mixed: Vec<(f64, f64)> = (0..20).map(|at| (5_000.0, f64::from(at) * 10.0)).collect();
        let (alike, mixed) = (prior(&alike), prior(&mixed));
        assert!((alike.mean() - 0.02).abs() < 0.001 && (mixed.mean() - 0.019).abs() < 0.001);
        assert_eq!(alike.clicks, PRIOR_CLICKS.1);
        assert!(mixed.clicks < 3.0, "{mixed:?}");
        let one = prior(&[(1e9, 5e6)]);
        assert!((PRIOR_CLICKS.0..=PRIOR_CLICKS.1).contains(&one.clicks), "{one:?}");
    }

    #[test]
    fn a_change_is_seen_and_chance_is_not() {
        assert_eq!(since_change(&[]), 0);
        assert_eq!(since_change(&[(1_000.0, 20.0), (1_000.0, 26.0), (900.0, 15.0)]), 0);
        assert_eq!(since_change(&[(2_000.0, 200.0), (2_000.0, 190.0), (800.0, 8.0)]), 2);
        assert_eq!(since_change(&[(9_000.0, 90.0), (300.0, 30.0), (300.0, 28.0)]), 1);
        assert_eq!(since_change(&[(9_000.0, 900.0), (900.0, 9.0), (300.0, 30.0)]), 2);
        assert_eq!(since_change(&[(0.0, 0.0), (10.0, 20.0)]), 0, "impossible, but no panic");
    }
}
