//! Publishers who share their clickers.
//!
//! Two things are asked. Is it unusual, at this publisher, how many of the clicking households have
//! clicked at several others that day? And if it is: at which other publishers where it is unusual
//! too has this household clicked? Only a click with an answer to the second question is found out.
//! So one publisher alone never colludes, whatever its readers are like, and two sister sites with
//! the same readers don't either: these click at both, but not at several others.
//!
//! A shard sees some of the networks, and all that they do: a fair sample for both questions.

use std::collections::BTreeSet;

use footfall_event::VerdictReason;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::click::{Click, half};
use super::excess::{Excess, Odds, Tally};
use super::network::Network;
use super::{Marks, Rules};

/// Publishers that are compared; clicks at others are judged without.
const SITES_MAX: usize = 65_536;

/// Clicks after which what was before counts half: in the course of a day more and more people have
/// clicked elsewhere.
const MEMORY: u32 = 2_000;

/// All publishers of a shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Publishers {
    all: HashMap<u64, Excess>,
    tally: Tally,
    /// Half of the hash of each site whose test is alarmed.
    alarmed: BTreeSet<u32>,
}

impl Publishers {
    /// Whether the click's household has clicked before, at another publisher or on another visit,
    /// where unusually many clickers are shared with others, as they are here.
    pub(crate) fn shared(
        &self,
        click: &Click,
        marks: Marks,
        network: &Network,
        rules: &Rules,
    ) -> bool {
        let site = half(click.site);
        if !marks.has(Marks::HOUSEHOLD) || !self.alarmed.contains(&site) {
            return false;
        }
        let apart = rules.thresholds.concentration.apart_s * 1_000;
        network.before(click.time, click.id).iter().any(|other| {
            self.alarmed.contains(&other.site)
                && (other.site != site || click.time - other.time >= apart)
        })
    }

    /// A net click, in the order of time. Returns the clicks of wandering households that make the
    /// alarm: they are found out if [`Publishers::shared`] holds for them.
    pub(crate) fn click(
        &mut self,
        site: u64,
        at: (i64, u128),
        marks: Marks,
        rules: &Rules,
    ) -> Vec<(i64, u128)> {
        let full = self.all.len() >= SITES_MAX && !self.all.contains_key(&site);
        // What a shared address does means nothing, and one visit is one witness.
        if full || !marks.has(Marks::HOUSEHOLD) || marks.has(Marks::AGAIN) {
            return Vec::new();
        }
        let marked = marks.has(Marks::ROAMING);
        if self.tally.clicks >= MEMORY {
            self.tally.halve();
            self.all.values_mut().for_each(|test| test.own.halve());
        }
        let test = self.all.entry(site).or_default();
        let odds = Odds::of(&rules.thresholds, VerdictReason::Collusion);
        let odds = odds.scaled(test.usual(self.tally, odds));
        self.tally.add(marked);
        let run = test.click(at, marked, self.tally, odds);
        if test.is_alarmed() {
            self.alarmed.insert(half(site));
        } else {
            self.alarmed.remove(&half(site));
        }
        run
    }
}

#[cfg(test)]
#[path = "ring_tests.rs"]
mod tests;
