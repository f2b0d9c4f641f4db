//! What is compared once an hour: rates, strangers, addresses, conversions. Each finding is a flag
//! on the placement's clicks of the next hour: worth a look, never a reason not to pay.

use std::collections::BTreeMap;

use footfall_event::{VerdictReason, shift};
use serde::{Deserialize, Serialize};

use super::Reasons;
use super::settings::{RateShift, Thresholds};
use super::statistics::{Counts, Prior, discovered};

mod before;
mod conversions;

pub(crate) use before::HistoryBefore;
pub(crate) use conversions::Conversions;

/// Positions that are told apart.
pub(crate) const POSITIONS: usize = 16;
/// Networks of an hour whose clicks are counted apart.
const NETWORKS_MAX: usize = 1_024;
/// Hours that may have begun before a click opens the first of them: clicks are compared an hour behind
/// the newest event at the most, and some minutes.
const COMING_MAX: usize = 3;
/// Places needed to compare at all.
const PEERS_MIN: usize = 3;

/// One hour of one placement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Hour {
    pub(crate) impressions: [u32; POSITIONS],
    pub(crate) clicks: [u32; POSITIONS],
    pub(crate) new: u32,
    networks: BTreeMap<u32, u32>,
    /// Those that came in it.
    conversions: Conversions,
}

/// What is remembered of one placement from hour to hour.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct History {
    pub(crate) hour: Hour,
    /// Hours that have begun before this one is closed, in their order: no more than [`COMING_MAX`].
    coming: Vec<(i64, Hour)>,
    pub(crate) conversions: Conversions,
    shift: shift::Hours,
    new_share: f64,
    new_clicks: f64,
    /// What its clicks are flagged with.
    pub(crate) flags: Reasons,
}

impl Hour {
    pub(crate) fn click(&mut self, position: u16, network: u32, new: bool) {
        self.clicks[slot(position)] += 1;
        self.new += u32::from(new);
        if network != 0
            && (self.networks.len() < NETWORKS_MAX || self.networks.contains_key(&network))
        {
            *self.networks.entry(network).or_default() += 1;
        }
    }

    fn total(&self) -> u32 {
        self.clicks.iter().sum()
    }

    /// Entropy of its networks by the greatest possible one.
    fn evenness(&self) -> f64 {
        let all: f64 = self.networks.values().map(|count| f64::from(*count)).sum();
        if all < 2.0 {
            return 1.0;
        }
        let part = |count: &u32| f64::from(*count) / all;
        let entropy: f64 =
            self.networks.values().map(|count| -part(count) * part(count).ln()).sum();
        entropy / all.ln()
    }
}

/// Where a position is counted.
pub(crate) fn slot(position: u16) -> usize {
    usize::from(position).min(POSITIONS - 1)
}

/// Closes an hour for all placements of a campaign: compares and flags. `hour` counts hours since 1970;
/// the week begins on a Monday.
pub(crate) fn close(places: &mut [&mut History], hour: i64, rules: &Thresholds) {
    let ctr = outliers(places, rules);
    let evenness = evenness(places, rules);
    for place in places.iter_mut() {
        place.conversions.take_in(std::mem::take(&mut place.hour.conversions));
    }
    let conversions = conversion_rates(places, rules);
    for (at, place) in places.iter_mut().enumerate() {
        let mut flags = Reasons::NONE;
        flags.insert_if(ctr[at], VerdictReason::PlacementCtr);
        flags.insert_if(evenness[at], VerdictReason::AddressEntropy);
        flags.insert_if(conversions[at], VerdictReason::ConversionRate);
        flags.insert_if(place.shifted(hour, rules), VerdictReason::RateShift);
        flags.insert_if(place.burst(rules), VerdictReason::NewVisitorBurst);
        flags.insert_if(place.conversions.claimed(rules), VerdictReason::ConversionTiming);
        place.flags = flags;
        place.hour = Hour::default();
        place.conversions.fade();
    }
}

/// Click-through rates above those of the other placements at the same position.
fn outliers(places: &[&mut History], rules: &Thresholds) -> Vec<bool> {
    let mut found = vec![false; places.len()];
    let mut tests = Vec::new();
    for position in 0..POSITIONS {
        let counts: Vec<_> = places
            .iter()
            .map(|place| Counts {
                hits: f64::from(place.hour.clicks[position]),
                trials: f64::from(
                    place.hour.impressions[position].max(place.hour.clicks[position]),
                ),
            })
            .collect();
        for (at, counts_here) in counts.iter().enumerate() {
            if counts_here.hits < f64::from(rules.placement_ctr.clicks) {
                continue;
            }
            let others: Vec<_> = counts
                .iter()
                .enumerate()
                .filter(|(other, counts)| *other != at && counts.trials > 0.0)
                .map(|(_, counts)| *counts)
                .collect();
            if others.len() >= PEERS_MIN
                && let Some(prior) = Prior::of(&others)
            {
                tests.push((at, prior.upper_tail(*counts_here)));
            }
        }
    }
    let probabilities: Vec<_> = tests.iter().map(|(_, probability)| *probability).collect();
    let limit = discovered(&probabilities, rules.placement_ctr.false_discovery)
        .min(rules.placement_ctr.probability);
    for (at, probability) in tests {
        found[at] |= probability <= limit;
    }
    found
}

/// Addresses far less even than in the other placements.
fn evenness(places: &[&mut History], rules: &Thresholds) -> Vec<bool> {
    let enough = |place: &History| place.hour.total() >= rules.address_entropy.clicks;
    let values: Vec<_> =
        places.iter().map(|place| enough(place).then(|| place.hour.evenness())).collect();
    let deviates = |at: usize| {
        let own = values[at]?;
        let others: Vec<f64> =
            values.iter().enumerate().filter(|(i, _)| *i != at).filter_map(|(_, v)| *v).collect();
        if others.len() < PEERS_MIN {
            return None;
        }
        let count = others.len() as f64;
        let mean = others.iter().sum::<f64>() / count;
        let variance = others.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / count;
        // No placement is more alike to another than a hundredth.
        Some((own - mean) / variance.sqrt().max(0.01) < -rules.address_entropy.deviations)
    };
    (0..places.len()).map(|at| deviates(at).unwrap_or(false)).collect()
}

/// Conversions far fewer than the other placements' clicks bring.
fn conversion_rates(places: &[&mut History], rules: &Thresholds) -> Vec<bool> {
    let counts: Vec<_> = places
        .iter()
        .map(|place| Counts {
            hits: place.conversions.all.min(place.conversions.clicks).floor(),
            trials: place.conversions.clicks.floor(),
        })
        .collect();
    let all: f64 = counts.iter().map(|counts| counts.hits).sum();
    let limit = &rules.conversion_rate;
    let deviates = |at: usize| {
        let own = counts[at];
        if own.trials < f64::from(limit.clicks) || all < f64::from(limit.conversions) {
            return false;
        }
        let others = counts.iter().enumerate().filter(|(i, c)| *i != at && c.trials > 0.0);
        let others: Vec<_> = others.map(|(_, counts)| *counts).collect();
        let prior = Prior::of(&others).filter(|_| others.len() >= PEERS_MIN);
        prior.is_some_and(|prior| prior.lower_tail(own) < limit.probability)
    };
    (0..places.len()).map(deviates).collect()
}

impl History {
    /// An hour, while another one is open. What comes too late for its hour counts in the open one.
    fn hour(&mut self, hour: i64, open: i64) -> &mut Hour {
        if hour <= open {
            return &mut self.hour;
        }
        let found = self.coming.binary_search_by_key(&hour, |(hour, _)| *hour);
        let mut at = found.unwrap_or_else(|at| {
            self.coming.insert(at, (hour, Hour::default()));
            at
        });
        if self.coming.len() > COMING_MAX {
            // A click that opens the first of them can't come any more.
            let (_, first) = self.coming.remove(0);
            self.coming[0].1.conversions.take_in(first.conversions);
            at = at.saturating_sub(1);
        }
        &mut self.coming[at].1
    }

    /// Impressions in an hour.
    pub(crate) fn shown(&mut self, position: u16, count: u32, hour: i64, open: i64) {
        let shown = &mut self.hour(hour, open).impressions[slot(position)];
        *shown = shown.saturating_add(count);
    }

    /// A conversion in an hour, so many milliseconds after its click.
    pub(crate) fn converted(&mut self, after_ms: i64, hour: i64, open: i64) {
        self.hour(hour, open).conversions.add(after_ms);
    }

    /// Opens an hour.
    pub(crate) fn open(&mut self, hour: i64) {
        while self.coming.first().is_some_and(|(coming, _)| *coming <= hour) {
            let (coming, begun) = self.coming.remove(0);
            let before = std::mem::take(&mut self.hour.conversions);
            if coming == hour {
                self.hour = begun;
            } else {
                self.hour.conversions.take_in(begun.conversions);
            }
            self.hour.conversions.take_in(before);
        }
    }

    /// The hour's clicks against what is usual at this hour of the week.
    fn shifted(&mut self, hour: i64, rules: &Thresholds) -> bool {
        let RateShift { slack, alarm, hours, .. } = rules.rate_shift;
        self.shift.close(hour, self.hour.total(), shift::Limits { slack, alarm, hours }).is_shift
    }

    /// Far more strangers than usual.
    fn burst(&mut self, rules: &Thresholds) -> bool {
        let clicks = f64::from(self.hour.total());
        let share = f64::from(self.hour.new) / clicks.max(1.0);
        let usual = self.new_share;
        let enough =
            clicks >= f64::from(rules.new_visitor_burst.clicks) && self.new_clicks >= clicks;
        let noise = (usual * (1.0 - usual) / clicks.max(1.0)).sqrt().max(0.02);
        let alarmed = enough && (share - usual) / noise > rules.new_visitor_burst.deviations;
        if !alarmed && clicks > 0.0 {
            let weight = clicks / (self.new_clicks + clicks);
            self.new_share += weight * (share - self.new_share);
            self.new_clicks = (self.new_clicks + clicks).min(1_000.0);
        }
        alarmed
    }
}

#[cfg(test)]
#[path = "hourly_tests.rs"]
mod tests;
