//! Stage 2, by campaign: every click on a campaign's ads, whatever network it came from.
//!
//! A click gets its judgement at once: what stage 1 said, one click per impression, and what its
//! placement is under suspicion for. Five minutes later, when stage 1 has had its second look, it is
//! taken into the comparisons, in the order of time: so these depend on what happened and not on the
//! order in which it came. Until ten minutes after the click its verdict may change; later than that
//! only when an earlier click on its impression comes, or something else that is late.

use std::collections::BTreeMap;
use std::sync::Arc;

use footfall_event::{Verdict, VerdictReason};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::network_judge::Correction;
use super::recent::Recent;
use super::travel::{self, Country};
use super::{Reasons, RuleSet};

mod before;
mod campaign;
mod held;
mod inputs;

pub(crate) use before::JudgeBefore;
use campaign::{Campaign, place_key};
use held::Held;
pub use inputs::{Candidate, Change, Delta, Outcome};

const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// Clicked impressions are remembered until their tokens expire, and what is late has come. So are
/// clicks: an earlier one on the same impression makes them duplicates.
const IMPRESSIONS_MS: i64 = DAY_MS + 2 * HOUR_MS;
/// Clicked impressions per shard (some 50 bytes each).
const IMPRESSIONS_MAX: usize = 8_000_000;
/// Accounts per shard.
const ACCOUNTS_MAX: usize = 1_000_000;
/// Clicks that may still change, per shard (some 250 bytes each), unless a limit is given.
const HELD_MAX: usize = 1_000_000;
/// Placements of one campaign that are compared; clicks in others are judged without.
const PLACES_MAX: usize = 4_096;
/// Publishers of one campaign whose networks are compared.
const SITES_MAX: usize = 256;

/// The rules of stage 2 and what they remember.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CampaignJudge {
    #[serde(skip)]
    rules: Arc<RuleSet>,
    campaigns: HashMap<u64, Campaign>,
    clicked: Recent<(i64, u128)>,
    accounts: Recent<(i64, Country)>,
    held: BTreeMap<(i64, u128), Held>,
    held_max: usize,
    /// Clicks up to here have been compared.
    compared: (i64, u128),
    /// The minute in which old things were last forgotten.
    tidied: i64,
}

/// Reasons that are known of a click alone, for ever: with one of them it doesn't use an impression
/// up. A declared bot, say, follows every link in a message.
const WORTHLESS: [VerdictReason; 6] = [
    VerdictReason::BotAgent,
    VerdictReason::Blocklisted,
    VerdictReason::Automated,
    VerdictReason::NotRunning,
    VerdictReason::Expired,
    VerdictReason::PlacementSize,
];

impl CampaignJudge {
    /// A judge that has seen nothing.
    pub fn new(rules: Arc<RuleSet>) -> CampaignJudge {
        CampaignJudge {
            rules,
            campaigns: HashMap::new(),
            clicked: Recent::new(IMPRESSIONS_MS, IMPRESSIONS_MAX),
            accounts: Recent::new(DAY_MS, ACCOUNTS_MAX),
            held: BTreeMap::new(),
            held_max: HELD_MAX,
            compared: (i64::MIN, 0),
            tidied: i64::MIN,
        }
    }

    /// The same with other rules, holding so many clicks at the most.
    #[must_use]
    pub fn with(self, rules: Arc<RuleSet>, held_max: usize) -> CampaignJudge {
        CampaignJudge { rules, held_max, ..self }
    }

    /// The rules in force.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Judges by these rules from now on.
    pub fn set_rules(&mut self, rules: Arc<RuleSet>) {
        self.rules = rules;
    }

    /// A click comes: its reasons, and the clicks that it changes.
    pub fn observe(&mut self, click: &Candidate) -> (Reasons, Vec<Change>) {
        let mut changes = Vec::new();
        let mut found = Reasons::NONE;
        let of = self.rules.of(click.site, click.campaign);
        let worthless = click.opinion.reasons.intersection(Reasons::from_iter(WORTHLESS));
        let competes = of.verdict(worthless) != Verdict::Invalid;
        if click.impression != 0 && competes {
            // Not by site: a link may be used from anywhere.
            let key = xxh3_64(&click.impression.to_le_bytes()) ^ click.ad;
            let at = (click.time, click.id);
            let first = self.clicked.touch(key, || at);
            if at < *first {
                // An earlier click came later: it is the one that counts.
                let later = std::mem::replace(first, at);
                self.add(later, VerdictReason::DuplicateClick, &mut changes);
            } else if at > *first {
                found.insert(VerdictReason::DuplicateClick);
            }
        }
        let suspected = self.suspected(click);
        let rules = self.rules.of(click.site, click.campaign);
        let said = rules.active(click.opinion.reasons.union(found).union(suspected));
        let now = click.opinion;
        let held = Held { click: *click, now, found, suspected, said, compared: false };
        // Another site's click of the same moment and id can't push this one out.
        self.held.entry((click.time, click.id)).or_insert(held);
        (said, changes)
    }

    /// What the click's placement makes of it at this moment.
    fn suspected(&self, click: &Candidate) -> Reasons {
        let Some(campaign) = self.campaigns.get(&click.campaign) else { return Reasons::NONE };
        let flags = campaign
            .places
            .get(&place_key(click.site, click.placement))
            .map_or(Reasons::NONE, |p| p.flags);
        flags.union(campaign.tests.suspects(click.site, click.placement, click.opinion.marks))
    }

    /// Stage 1 has changed its mind about a click. What it finds out later than with its first look is
    /// not compared: that may be here in time or not.
    pub fn correct(&mut self, correction: &Correction) -> Option<Change> {
        let settle_ms = self.rules.base().thresholds.hindsight.settle_s * 1_000;
        let held = self.held.get_mut(&(correction.time, correction.id))?;
        if held.click.site != correction.site {
            return None;
        }
        if correction.at <= correction.time.saturating_add(settle_ms) {
            held.click.opinion = correction.opinion;
        }
        held.now = correction.opinion;
        let rules = self.rules.of(held.click.site, held.click.campaign);
        held.say(rules.active(held.all()))
    }

    /// Impressions come.
    pub fn count(&mut self, delta: &Delta) {
        let campaign = self.campaigns.entry(delta.campaign).or_default();
        campaign.tests.shown(delta.site, delta.placement, delta.minute);
        let (hour, open) = (delta.minute.div_euclid(HOUR_MS), campaign.hour);
        if let Some(place) = campaign.place(delta.site, delta.placement) {
            place.shown(delta.position, delta.net_impressions, hour, open);
        }
    }

    /// A conversion comes.
    pub fn convert(&mut self, outcome: &Outcome) {
        let campaign = self.campaigns.entry(outcome.campaign).or_default();
        let (hour, open) = (outcome.at.div_euclid(HOUR_MS), campaign.hour);
        if let Some(place) = campaign.place(outcome.site, outcome.placement) {
            place.converted(outcome.after_ms, hour, open);
        }
    }

    /// Adds a reason to a click that may still change.
    fn add(&mut self, at: (i64, u128), reason: VerdictReason, changes: &mut Vec<Change>) {
        let Some(held) = self.held.get_mut(&at) else { return };
        held.found.insert(reason);
        let rules = self.rules.of(held.click.site, held.click.campaign);
        changes.extend(held.say(rules.active(held.all())));
    }

    /// The next moment at which [`CampaignJudge::close`] has something to compare.
    pub fn due(&self) -> i64 {
        let wait_ms = self.rules.base().thresholds.hindsight.compare_s * 1_000;
        let next = self.held.range(self.compared..).find(|(_, held)| !held.compared);
        next.map_or(i64::MAX, |((time, _), _)| time.saturating_add(wait_ms))
    }

    /// Takes the clicks that the watermark has passed into the comparisons. To be called before
    /// anything whose time moves the watermark beyond [`CampaignJudge::due`], so that batches don't
    /// matter.
    pub fn close(&mut self, watermark: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        let hindsight = self.rules.base().thresholds.hindsight.clone();
        let until = watermark.saturating_sub(hindsight.compare_s * 1_000);
        let due: Vec<_> = self
            .held
            .range(self.compared..)
            .take_while(|((time, _), _)| *time <= until)
            .filter(|(_, held)| !held.compared)
            .map(|(at, held)| (*at, held.click))
            .collect();
        for (at, click) in due {
            self.compared = at;
            // As if the watermark had stopped here.
            self.tidy(at.0.saturating_add(hindsight.compare_s * 1_000));
            self.compare(at, &click, &mut changes);
        }
        self.bound(watermark.saturating_sub(IMPRESSIONS_MS));
        changes
    }

    /// Lets go of clicks from before a time, and of the first when there are too many.
    fn bound(&mut self, before: i64) {
        while let Some((&(time, _), _)) = self.held.first_key_value() {
            if time > before && self.held.len() <= self.held_max {
                break;
            }
            self.held.pop_first();
        }
    }

    fn compare(&mut self, at: (i64, u128), click: &Candidate, changes: &mut Vec<Change>) {
        let rules = self.rules.clone();
        let of = rules.of(click.site, click.campaign);
        let Some(held) = self.held.get_mut(&at) else { return };
        held.compared = true;
        let stage_one = of.active(click.opinion.reasons.union(held.found));
        // What is invalid anyhow says nothing about a placement: somebody attacks it.
        let is_net = of.verdict(stage_one) != Verdict::Invalid;
        let mut found = Reasons::NONE;
        let mut run = Vec::new();
        if is_net {
            let campaign = self.campaigns.entry(click.campaign).or_default();
            campaign.turn(click.time, of);
            run = campaign.test(at, click, of);
            if campaign.colludes(click, of) {
                found.insert(VerdictReason::Collusion);
            }
            if self.travels(click, of) {
                found.insert(VerdictReason::ImpossibleTravel);
            }
            found = found.union(self.suspected(click));
        }
        if let Some(held) = self.held.get_mut(&at) {
            held.found = held.found.union(found);
            // A suspicion of the first moment that the comparison does not share is dropped.
            held.suspected = Reasons::NONE;
            changes.extend(held.say(of.active(held.all())));
        }
        // By the clicks' own times, not by who happens to be held still.
        let hindsight = &rules.base().thresholds.hindsight;
        let reach = (hindsight.final_s - hindsight.compare_s) * 1_000;
        for (earlier, reason) in run {
            if earlier.0 > click.time - reach {
                self.add(earlier, reason, changes);
            }
        }
    }

    fn travels(&mut self, click: &Candidate, of: &super::Rules) -> bool {
        let Some(country) = click.country.filter(|_| click.account != 0) else { return false };
        let key = click.account ^ click.campaign.rotate_left(9);
        let known = self.accounts.touch(key, || (click.time, country));
        let before = std::mem::replace(known, (click.time, country));
        travel::is_impossible(before, (click.time, country), &of.thresholds.impossible_travel)
    }

    /// Forgets what is too old to matter, once a minute by the watermark. To be called before each
    /// click, so that batches don't matter.
    pub fn tidy(&mut self, watermark: i64) {
        let minute = watermark.div_euclid(60_000);
        if minute <= self.tidied {
            return;
        }
        self.tidied = minute;
        self.bound(watermark.saturating_sub(IMPRESSIONS_MS));
        self.clicked.tidy(watermark);
        self.accounts.tidy(watermark);
        let day = watermark.div_euclid(DAY_MS);
        self.campaigns.retain(|_, campaign| campaign.day == 0 || day - campaign.day <= 14);
    }

    /// Clicks that may still change, campaigns and clicked impressions.
    pub fn remembered(&self) -> [usize; 3] {
        [self.held.len(), self.campaigns.len(), self.clicked.len()]
    }
}

#[cfg(test)]
#[path = "campaign_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "campaign_turn_tests.rs"]
mod turn_tests;
