//! The few formulas that the comparisons need.

/// Counts of one place: how often something happened in how many trials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Counts {
    pub(crate) hits: f64,
    pub(crate) trials: f64,
}

/// A Beta distribution of the places' rates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Prior {
    pub(crate) a: f64,
    pub(crate) b: f64,
}

/// The logarithm of the gamma function (Lanczos, g = 7, nine terms), for positive arguments.
pub(crate) fn ln_gamma(x: f64) -> f64 {
    const C: [f64; 9] = [
        0.999_999_999_999_809_9,
        676.520_368_121_885_1,
        -1_259.139_216_722_402_8,
        771.323_428_777_653_1,
        -176.615_029_162_140_6,
        12.507_343_278_686_905,
        -0.138_571_095_265_720_12,
        9.984_369_578_019_572e-6,
        1.505_632_735_149_311_6e-7,
    ];
    let x = x - 1.0;
    let sum = (1..9).fold(C[0], |sum, i| sum + C[i] / (x + i as f64));
    let t = x + 7.5;
    0.5 * (2.0 * std::f64::consts::PI).ln() + (x + 0.5) * t.ln() - t + sum.ln()
}

fn ln_beta(a: f64, b: f64) -> f64 {
    ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b)
}

impl Prior {
    /// The prior by the method of moments over comparable places (empirical Bayes). `None` when
    /// nothing ever happened.
    pub(crate) fn of(places: &[Counts]) -> Option<Prior> {
        let hits: f64 = places.iter().map(|place| place.hits).sum();
        let trials: f64 = places.iter().map(|place| place.trials).sum();
        if hits <= 0.0 || hits >= trials {
            return None;
        }
        let mean = hits / trials;
        let spread =
            |place: &Counts| place.trials * (place.hits / place.trials.max(1.0) - mean).powi(2);
        let observed = places.iter().map(spread).sum::<f64>() / trials;
        let by_chance = mean * (1.0 - mean) * places.len() as f64 / trials;
        // Places differ by a tenth of the mean at least: nothing is that alike.
        let between = (observed - by_chance).max((0.1 * mean).powi(2));
        let weight = (mean * (1.0 - mean) / between - 1.0).clamp(5.0, 1e6);
        Some(Prior { a: mean * weight, b: (1.0 - mean) * weight })
    }

    fn ln_mass(self, hits: f64, trials: f64) -> f64 {
        let choose = ln_gamma(trials + 1.0) - ln_gamma(hits + 1.0) - ln_gamma(trials - hits + 1.0);
        choose + ln_beta(hits + self.a, trials - hits + self.b) - ln_beta(self.a, self.b)
    }

    /// The probability of so many hits or more (Beta-Binomial).
    pub(crate) fn upper_tail(self, counts: Counts) -> f64 {
        let Counts { hits, trials } = counts;
        if hits <= trials * self.a / (self.a + self.b) {
            return 1.0;
        }
        // Above the mean terms fall; what is left out is far below what matters.
        self.sum(hits, trials, 1.0, |next| next <= trials)
    }

    /// The probability of so many hits or fewer.
    pub(crate) fn lower_tail(self, counts: Counts) -> f64 {
        let Counts { hits, trials } = counts;
        if hits >= trials * self.a / (self.a + self.b) {
            return 1.0;
        }
        self.sum(hits, trials, -1.0, |next| next >= 0.0)
    }

    fn sum(self, from: f64, trials: f64, step: f64, inside: impl Fn(f64) -> bool) -> f64 {
        const TERMS_MAX: usize = 20_000;
        let (mut sum, mut at) = (0.0, from);
        for _ in 0..TERMS_MAX {
            if !inside(at) {
                break;
            }
            let term = self.ln_mass(at, trials).exp();
            sum += term;
            if term < sum * 1e-12 {
                break;
            }
            at += step;
        }
        f64::min(sum, 1.0)
    }
}

/// Which of these probabilities are discoveries when the share of false ones may be `rate`
/// (Benjamini–Hochberg): the greatest probability that is accepted, 0 for none.
pub(crate) fn discovered(probabilities: &[f64], rate: f64) -> f64 {
    let mut sorted = probabilities.to_vec();
    sorted.sort_by(f64::total_cmp);
    let count = sorted.len() as f64;
    let accepted = |(i, p): &(usize, &f64)| **p <= rate * (*i as f64 + 1.0) / count;
    sorted.iter().enumerate().filter(accepted).map(|(_, p)| *p).fold(0.0, f64::max)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: f64, right: f64) {
        assert!((found - right).abs() <= 1e-9 * right.abs().max(1e-9), "{found} is not {right}");
    }

    #[test]
    fn the_gamma_function() {
        for (x, factorial) in [(1.0, 1.0f64), (2.0, 1.0), (5.0, 24.0), (11.0, 3_628_800.0)] {
            assert!((ln_gamma(x) - factorial.ln()).abs() < 1e-10);
        }
        assert!((ln_gamma(0.5) - std::f64::consts::PI.sqrt().ln()).abs() < 1e-10);
    }

    #[test]
    fn tails_of_the_beta_binomial() {
        // With a = b = 1 every count from 0 to n is as likely as another.
        let even = Prior { a: 1.0, b: 1.0 };
        let of = |hits| Counts { hits, trials: 9.0 };
        close(even.upper_tail(of(8.0)), 0.2);
        close(even.lower_tail(of(1.0)), 0.2);
        close(even.upper_tail(of(9.0)), 0.1);
        assert_eq!(even.upper_tail(of(4.0)), 1.0);
        assert_eq!(even.lower_tail(of(5.0)), 1.0);
        // A sharp prior is nearly the binomial: P(X ≥ 8 | 10, ½) = 56 / 1024.
        let sharp = Prior { a: 1e7, b: 1e7 };
        let tail = sharp.upper_tail(Counts { hits: 8.0, trials: 10.0 });
        assert!((tail - 56.0 / 1024.0).abs() < 1e-4, "{tail}");
    }

    #[test]
    fn the_prior_of_like_and_of_unlike_places() {
        let places = |hits: [f64; 3]| hits.map(|hits| Counts { hits, trials: 10_000.0 });
        let like = Prior::of(&places([100.0, 101.0, 99.0])).unwrap();
        let unlike = Prior::of(&places([20.0, 250.0, 30.0])).unwrap();
        close(like.a / (like.a + like.b), 0.01);
        assert!(like.a + like.b > 10.0 * (unlike.a + unlike.b));
        assert_eq!(Prior::of(&places([0.0; 3])), None);
        assert_eq!(Prior::of(&[]), None);
    }

    #[test]
    fn discoveries() {
        // The classic example: with a rate of 0.05 and ten tests, the limits are 0.005, 0.010 …
        let p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205, 0.212, 0.216];
        assert_eq!(discovered(&p, 0.05), 0.008);
        assert_eq!(discovered(&[0.9, 0.8], 0.05), 0.0);
        assert_eq!(discovered(&[], 0.05), 0.0);
    }
}
