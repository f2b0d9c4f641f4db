//! How good the judging was: recall, false positives, ranking, money, delay; and intervals.

use std::collections::BTreeMap;

use footfall_aggregator::rules::Rules;
use footfall_event::verdict::Tier;
use footfall_event::{Verdict, VerdictReason};

use super::act::Label;
use super::judging::{Day, Judged};
use super::world::Cohort;

/// What a click costs in the simulated market, in cents.
const PRICE: f64 = 42.0;

/// The figures of one day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) honest: usize,
    pub(crate) honest_invalid: usize,
    pub(crate) honest_flagged: usize,
    pub(crate) fraud: usize,
    pub(crate) fraud_invalid: usize,
    pub(crate) fraud_flagged: usize,
    pub(crate) repeats: usize,
    pub(crate) repeats_invalid: usize,
    /// Honest clicks and those judged invalid, by cohort.
    pub(crate) cohorts: BTreeMap<Cohort, (usize, usize)>,
    /// Honest clicks judged invalid, by the first reason and the cohort.
    pub(crate) wrong: BTreeMap<(VerdictReason, Option<Cohort>), usize>,
    /// Recall when so many honest clicks may be invalid: 0.1 % and 1 %.
    pub(crate) recall_at: [f64; 2],
    pub(crate) average_precision: f64,
    /// Delay of the verdicts on fraud, milliseconds: median and 95 %.
    pub(crate) delay: [i64; 2],
}

impl Figures {
    pub(crate) fn of(day: &Day, rules: &Rules) -> Figures {
        let mut figures = Figures::default();
        let mut delays = Vec::new();
        for click in &day.clicks {
            let (invalid, flagged) = (
                usize::from(click.verdict == Verdict::Invalid),
                usize::from(click.verdict == Verdict::Flagged),
            );
            match click.label {
                Label::Honest => {
                    figures.honest += 1;
                    figures.honest_invalid += invalid;
                    figures.honest_flagged += flagged;
                    let first = click.reasons.iter().find(|r| rules.tier(*r) == Tier::Filter);
                    if let Some(reason) = first {
                        *figures.wrong.entry((reason, click.cohort)).or_default() += 1;
                    }
                    if let Some(cohort) = click.cohort {
                        let (all, wrong) = figures.cohorts.entry(cohort).or_default();
                        *all += 1;
                        *wrong += invalid;
                    }
                }
                Label::Repeat => {
                    figures.repeats += 1;
                    figures.repeats_invalid += invalid;
                }
                Label::Fraud => {
                    figures.fraud += 1;
                    figures.fraud_invalid += invalid;
                    figures.fraud_flagged += flagged;
                    if invalid == 1 {
                        delays.push(click.delay);
                    }
                }
            }
        }
        delays.sort_unstable();
        let quantile = |q: f64| {
            delays.get((q * delays.len().saturating_sub(1) as f64) as usize).copied().unwrap_or(0)
        };
        figures.delay = [quantile(0.5), quantile(0.95)];
        figures.rank(day, rules);
        figures
    }

    /// Ranks the clicks by how much speaks against them, and reads recall and precision off.
    fn rank(&mut self, day: &Day, rules: &Rules) {
        let mut by_score: BTreeMap<i64, (f64, f64)> = BTreeMap::new();
        for click in day.clicks.iter().filter(|click| click.label != Label::Repeat) {
            let (honest, fraud) = by_score.entry(-score(click, rules)).or_default();
            if click.label == Label::Fraud {
                *fraud += 1.0;
            } else {
                *honest += 1.0;
            }
        }
        let (honest, fraud) = (self.honest.max(1) as f64, self.fraud.max(1) as f64);
        let (mut false_so_far, mut true_so_far) = (0.0, 0.0);
        for (wrong, right) in by_score.values() {
            // Clicks of one score stand in no order: a part of them can be taken.
            for (limit, recall) in [0.001, 0.01].iter().zip(&mut self.recall_at) {
                let room = limit * honest - false_so_far;
                if room >= 0.0 {
                    let part = if *wrong > room { room / wrong } else { 1.0 };
                    *recall = (true_so_far + part * right) / fraud;
                }
            }
            false_so_far += wrong;
            true_so_far += right;
            self.average_precision += right / fraud * (true_so_far / (true_so_far + false_so_far));
        }
    }

    /// Share of fraud that is invalid at the end.
    pub(crate) fn recall(&self) -> f64 {
        self.fraud_invalid as f64 / self.fraud.max(1) as f64
    }

    /// Share of honest clicks that are invalid at the end.
    pub(crate) fn false_positives(&self) -> f64 {
        self.honest_invalid as f64 / self.honest.max(1) as f64
    }

    /// Share of a cohort's honest clicks that are invalid at the end.
    pub(crate) fn of_cohort(&self, cohort: Cohort) -> f64 {
        let (all, wrong) = self.cohorts.get(&cohort).copied().unwrap_or_default();
        wrong as f64 / all.max(1) as f64
    }

    /// Money in whole units: fraud that is billed, honest clicks that are not.
    pub(crate) fn money(&self) -> [f64; 2] {
        [self.fraud - self.fraud_invalid, self.honest_invalid].map(|n| n as f64 * PRICE / 100.0)
    }
}

/// How much speaks against a click: a filter weighs more than all flags.
fn score(click: &Judged, rules: &Rules) -> i64 {
    click
        .reasons
        .iter()
        .map(|reason| match rules.tier(reason) {
            Tier::Filter => 100,
            Tier::Flag => 1,
            Tier::Off => 0,
        })
        .sum()
}

/// A mean over seeds, and the half width of its 95 % interval (Student's t).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Estimate {
    pub(crate) mean: f64,
    pub(crate) half: f64,
}

impl Estimate {
    pub(crate) fn of(values: &[f64]) -> Estimate {
        /// 97.5 % quantiles for 1 to 9 degrees of freedom.
        const T: [f64; 9] = [12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262];
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count.max(1.0);
        if values.len() < 2 {
            return Estimate { mean, half: f64::NAN };
        }
        let variance = values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let t = T.get(values.len() - 2).copied().unwrap_or(1.96);
        Estimate { mean, half: t * (variance / count).sqrt() }
    }

    /// In percent, with the interval if there is one.
    pub(crate) fn percent(self) -> String {
        let mean = 100.0 * self.mean;
        if self.half.is_nan() {
            format!("{mean:.2} %")
        } else {
            format!("{mean:.2} ± {:.2} %", 100.0 * self.half)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use footfall_aggregator::rules::{Reasons, RuleSet};

    fn click(label: Label, reasons: &[VerdictReason]) -> Judged {
        let reasons: Reasons = reasons.iter().copied().collect();
        let verdict = RuleSet::default().base().verdict(reasons);
        Judged { label, cohort: Some(Cohort::Home), reasons, verdict, time: 0, delay: 7 }
    }

    #[test]
    fn figures_of_a_day_that_can_be_counted_by_hand() {
        let (bot, flag) = (VerdictReason::BotAgent, VerdictReason::FastClick);
        let mut clicks = vec![click(Label::Honest, &[]); 95];
        clicks.extend(vec![click(Label::Honest, &[flag]); 4]);
        clicks.push(click(Label::Honest, &[bot]));
        clicks.extend(vec![click(Label::Fraud, &[bot, flag]); 6]);
        clicks.extend(vec![click(Label::Fraud, &[flag]); 2]);
        clicks.extend(vec![click(Label::Fraud, &[]); 2]);
        clicks.push(click(Label::Repeat, &[bot]));
        let day = Day { clicks, ..Day::default() };
        let figures = Figures::of(&day, RuleSet::default().base());
        assert_eq!((figures.honest, figures.honest_invalid, figures.honest_flagged), (100, 1, 4));
        assert_eq!((figures.fraud, figures.fraud_invalid, figures.fraud_flagged), (10, 6, 2));
        assert_eq!((figures.repeats, figures.repeats_invalid), (1, 1));
        assert_eq!(figures.recall(), 0.6);
        assert_eq!(figures.of_cohort(Cohort::Home), 0.01);
        assert_eq!(figures.delay, [7, 7]);
        // None of a hundred may be wrong: what stands above the first wrong one.
        assert!((figures.recall_at[0] - 0.6).abs() < 1e-9);
        // One may: the two flagged frauds stand among four honest ones.
        assert!((figures.recall_at[1] - 0.6).abs() < 1e-9);
        let by_hand = 0.6 * 1.0 + 0.2 * (8.0 / 13.0) + 0.2 * (10.0 / 110.0);
        assert!((figures.average_precision - by_hand).abs() < 1e-9);
        assert_eq!(figures.money(), [1.68, 0.42]);
    }

    #[test]
    fn intervals() {
        let estimate = Estimate::of(&[0.1, 0.2, 0.3]);
        assert!((estimate.mean - 0.2).abs() < 1e-12);
        assert!((estimate.half - 4.303 * 0.1 / 3f64.sqrt()).abs() < 1e-9);
        assert_eq!(Estimate::of(&[0.5]).percent(), "50.00 %");
    }
}
