//! Sequential tests: is something that happens now and then to any click the rule in this
//! placement?
//!
//! For each click the logarithm of the odds moves: up when the click has the mark (by how much more
//! likely that is in a dishonest placement than usually), down when it has not, and never below
//! zero (a CUSUM of a Bernoulli variable). At the alarm, clicks *with the mark* are invalid until
//! the sum is back at zero; clicks without it never are. So a false alarm costs the few clicks that
//! look like it, and an honest visitor of a dishonest placement is still counted.

use std::collections::VecDeque;

use footfall_event::VerdictReason;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};

use super::settings::Thresholds;
use super::{Marks, Reasons, Rules};

/// The tests of a placement: the mark, and the reason that it becomes.
pub(crate) const TESTS: [(Marks, VerdictReason); 5] = [
    (Marks::UNVIEWED, VerdictReason::HiddenAd),
    (Marks::UNPROVEN, VerdictReason::ClickFlooding),
    (Marks::FAST, VerdictReason::FastClicks),
    (Marks::REPEATED, VerdictReason::Concentration),
    (Marks::LIFELESS, VerdictReason::Lifeless),
];

/// Clicks that weigh as much as what is usual by the rules.
const WEIGHT: f64 = 50.0;
/// Clicks with the mark that are remembered until the alarm.
const RUN_MAX: usize = 64;

/// What is usual, what is strange, and how much evidence is needed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Odds {
    pub(crate) usual: f64,
    pub(crate) strange: f64,
    pub(crate) alarm: f64,
}

impl Odds {
    /// The thresholds of a reason of [`TESTS`].
    pub(crate) fn of(thresholds: &Thresholds, reason: VerdictReason) -> Odds {
        macro_rules! odds {
            ($section:ident) => {{
                let section = &thresholds.$section;
                Odds { usual: section.usual, strange: section.strange, alarm: section.alarm }
            }};
        }
        match reason {
            VerdictReason::HiddenAd => odds!(hidden_ad),
            VerdictReason::ClickFlooding => odds!(click_flooding),
            VerdictReason::FastClicks => odds!(fast_clicks),
            VerdictReason::Concentration => odds!(concentration),
            VerdictReason::Collusion => odds!(collusion),
            _ => odds!(lifeless),
        }
    }
}

impl Odds {
    /// The same where something else is usual: what is strange keeps its odds by what is usual. So a
    /// share that hardly anybody has in the morning and many have at night is tested all day.
    pub(crate) fn scaled(self, usual: f64) -> Odds {
        let odds = |share: f64| share / (1.0 - share);
        let strange = odds(self.strange) / odds(self.usual) * odds(usual);
        Odds { strange: strange / (1.0 + strange), ..self }
    }
}

/// Clicks and how many of them had the mark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) clicks: u32,
    pub(crate) marked: u32,
}

impl Tally {
    pub(crate) fn add(&mut self, marked: bool) {
        // Old clicks fade: what is usual may change.
        if self.clicks >= 100_000 {
            self.halve();
        }
        self.clicks += 1;
        self.marked += u32::from(marked);
    }

    /// Lets what was count half.
    pub(crate) fn halve(&mut self) {
        self.clicks /= 2;
        self.marked /= 2;
    }
}

/// One test in one placement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Excess {
    sum: f64,
    alarmed: bool,
    /// Clicks with the mark since the sum was zero.
    run: VecDeque<(i64, u128)>,
    pub(crate) own: Tally,
}

impl Excess {
    /// Whether clicks with the mark are invalid at the moment.
    pub(crate) fn is_alarmed(&self) -> bool {
        self.alarmed
    }

    /// One more click. `all` is the campaign's tally, this placement included. Returns the clicks
    /// that are found out by this one.
    pub(crate) fn click(
        &mut self,
        at: (i64, u128),
        marked: bool,
        all: Tally,
        odds: Odds,
    ) -> Vec<(i64, u128)> {
        self.own.add(marked);
        let usual = self.usual(all, odds);
        let (strange, honest) =
            if marked { (odds.strange, usual) } else { (1.0 - odds.strange, 1.0 - usual) };
        // Twice the alarm at the most: whoever stops is forgiven in a finite time.
        self.sum = (self.sum + (strange / honest).ln()).clamp(0.0, 2.0 * odds.alarm);
        if self.sum <= 0.0 {
            self.alarmed = false;
            self.run.clear();
        } else if self.sum >= odds.alarm {
            self.alarmed = true;
        }
        self.repeat(at, marked && self.sum > 0.0)
    }

    /// A click that is no evidence. Returns the clicks that are found out: while the test is alarmed
    /// the marked ones.
    fn repeat(&mut self, at: (i64, u128), marked: bool) -> Vec<(i64, u128)> {
        if marked && (self.alarmed || self.sum > 0.0) {
            self.run.push_back(at);
            if self.run.len() > RUN_MAX {
                self.run.pop_front();
            }
        }
        if self.alarmed { self.run.drain(..).collect() } else { Vec::new() }
    }

    /// The share of clicks with the mark in the campaign's other placements.
    pub(crate) fn usual(&self, all: Tally, odds: Odds) -> f64 {
        let clicks = f64::from(all.clicks.saturating_sub(self.own.clicks));
        let marked = f64::from(all.marked.saturating_sub(self.own.marked));
        let share = (WEIGHT * odds.usual + marked) / (WEIGHT + clicks);
        // Whoever makes up most of a campaign's clicks must not become what is usual.
        share.clamp(odds.usual / 2.0, (odds.strange * 0.6).max(odds.usual))
    }
}

/// Placements that are compared; clicks in others are judged without.
const PLACEMENTS_MAX: usize = 65_536;

/// The tests of all placements of a shard or a campaign.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Placements {
    all: HashMap<u64, Placement>,
    tallies: [Tally; TESTS.len()],
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Placement {
    tests: [Excess; TESTS.len()],
    /// Since then impressions are counted here: clicks without them mean something.
    measured_since: Option<i64>,
}

/// A key for a placement of a site.
fn key(site: u64, placement: u64) -> u64 {
    site ^ placement.rotate_left(17)
}

impl Placements {
    fn of(&mut self, site: u64, placement: u64) -> Option<&mut Placement> {
        let full = self.all.len() >= PLACEMENTS_MAX;
        match self.all.entry(key(site, placement)) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(entry) => {
                (!full && placement != 0).then(|| entry.insert(Placement::default()))
            }
        }
    }

    /// An impression was counted there.
    pub(crate) fn shown(&mut self, site: u64, placement: u64, time: i64) {
        if let Some(placement) = self.of(site, placement) {
            let since = placement.measured_since.map_or(time, |since| since.min(time));
            placement.measured_since = Some(since);
        }
    }

    /// What a click with these marks is suspected of at this moment.
    pub(crate) fn suspects(&self, site: u64, placement: u64, marks: Marks) -> Reasons {
        let Some(placement) = self.all.get(&key(site, placement)) else { return Reasons::NONE };
        let tests = TESTS.iter().zip(&placement.tests);
        let found = tests.filter(|((mark, _), test)| marks.has(*mark) && test.is_alarmed());
        found.map(|((_, reason), _)| *reason).collect()
    }

    /// A net click, in the order of time. Returns the clicks that are found out, itself perhaps among
    /// them. A second click of one visit is no second witness: it proves nothing, but is found out
    /// with the others.
    pub(crate) fn click(
        &mut self,
        site: u64,
        placement: u64,
        at: (i64, u128),
        marks: Marks,
        rules: &Rules,
    ) -> Vec<((i64, u128), VerdictReason)> {
        let mut tallies = self.tallies;
        let mut found = Vec::new();
        let Some(placement) = self.of(site, placement) else { return found };
        for (index, (mark, reason)) in TESTS.iter().enumerate() {
            // Where nothing is measured, nothing can be missing.
            let measured = placement.measured_since.is_some_and(|since| since <= at.0);
            if *reason == VerdictReason::ClickFlooding && !measured {
                continue;
            }
            let marked = marks.has(*mark);
            let test = &mut placement.tests[index];
            let run = if marks.has(Marks::AGAIN) {
                test.repeat(at, marked)
            } else {
                tallies[index].add(marked);
                test.click(at, marked, tallies[index], Odds::of(&rules.thresholds, *reason))
            };
            found.extend(run.into_iter().map(|at| (at, *reason)));
        }
        self.tallies = tallies;
        found
    }
}

#[cfg(test)]
#[path = "excess_tests.rs"]
mod tests;
