//! Stage 1, by network: every event gets a first judgement at once, and each click two more looks
//! when what belongs to it has come.
//!
//! The final look depends on what happened, not on the order in which it came (if nothing comes
//! more than two minutes behind the watermark): every signal is asked as of a horizon, and the
//! looks happen when the watermark passes fixed moments. What comes later than that, up to an hour,
//! changes the looks that are over; only what clicks in one placement have in common is compared in
//! the order in which they came then.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use footfall_event::record::Via;
use footfall_event::{Activity, Verdict, VerdictReason};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::click::{Click, Scene, Shown};
use super::excess::Placements;
use super::hosting::{self, Hosting};
use super::late::{SETTLED_MS, Settled};
use super::network::Network;
use super::recent::Recent;
use super::ring::Publishers;
use super::{Facts, Marks, Opinion, Reasons, RuleSet, single};

/// What may come later than the watermark without changing a final judgement, milliseconds.
pub const LATENESS_MS: i64 = 120_000;
/// Impressions prove clicks for a day, and both may be late.
const IMPRESSIONS_MS: i64 = 26 * 3_600_000;
/// Clicks of one network that one late event can change.
const RECONSIDERED_MAX: usize = 128;
/// A network's hash lives a day.
const NETWORKS_MS: i64 = 43_200_000;
/// An hour after midnight, the day before still matters.
const AFTER_MIDNIGHT_MS: i64 = 3_600_000;

/// How much a judge may remember.
#[derive(Clone, Copy, Debug)]
pub struct JudgeLimits {
    /// Networks with ads (some 130 bytes each).
    pub networks_max: usize,
    /// Impressions (some 50 bytes each).
    pub impressions_max: usize,
    /// Clicks that are not final yet (some 300 bytes each).
    pub clicks_max: usize,
}

impl Default for JudgeLimits {
    fn default() -> JudgeLimits {
        JudgeLimits { networks_max: 2_000_000, impressions_max: 4_000_000, clicks_max: 500_000 }
    }
}

/// A click's judgement that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The click.
    pub id: u128,
    /// When it happened.
    pub time: i64,
    /// Hash of its site: ids are unique within it only.
    pub site: u64,
    /// Hash of its campaign, or of its ad when it has none: where to send the correction.
    pub campaign: u64,
    /// The moment of this look, by the time of events: when it was due, however long nothing
    /// happened after it. Stage 2 puts it in before what it compares later than that.
    pub at: i64,
    /// What is thought of it now.
    pub opinion: Opinion,
}

/// A network that is to be blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Keyed hash of the address.
    pub network: u64,
    /// Why.
    pub reason: VerdictReason,
    /// The click that was one too many.
    pub at: i64,
    /// Until when, milliseconds since 1970.
    pub until: i64,
}

/// Reasons that are about a network, and not about one click.
const OF_NETWORKS: [VerdictReason; 5] = [
    VerdictReason::NetworkRate,
    VerdictReason::CampaignRate,
    VerdictReason::Churn,
    VerdictReason::RegularTiming,
    VerdictReason::ClicksEverything,
];

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) click: Click,
    said: Opinion,
    /// What its placement made of it.
    found: Reasons,
    /// The first look is over.
    last: bool,
}

impl Waiting {
    /// Says something else, if it is something else, at a moment.
    fn say(&mut self, now: Opinion, at: i64) -> Option<Correction> {
        let Click { id, time, site, campaign, ad, .. } = self.click;
        let campaign = if campaign == 0 { ad } else { campaign };
        let before = std::mem::replace(&mut self.said, now);
        (before != now).then_some(Correction { id, time, site, campaign, at, opinion: now })
    }
}

/// The rules of stage 1 and what they remember.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkJudge {
    #[serde(skip)]
    rules: Arc<RuleSet>,
    networks: Recent<Network>,
    impressions: Recent<Shown>,
    shows: Recent<u32>,
    waiting: BTreeMap<(i64, u128), Waiting>,
    settled: Settled,
    placements: Placements,
    publishers: Publishers,
    clicks_max: usize,
    /// Clicks of networks that were invalid for what the network did.
    bad: Recent<u32>,
    #[serde(skip)]
    to_block: Vec<Block>,
    /// The minute in which old things were last forgotten.
    tidied: i64,
}

impl NetworkJudge {
    /// A judge that has seen nothing.
    pub fn new(rules: Arc<RuleSet>, limits: JudgeLimits) -> NetworkJudge {
        NetworkJudge {
            rules,
            networks: Recent::new(NETWORKS_MS, limits.networks_max),
            impressions: Recent::new(IMPRESSIONS_MS, limits.impressions_max),
            shows: Recent::new(LATENESS_MS, limits.networks_max / 4),
            waiting: BTreeMap::new(),
            settled: Settled::default(),
            placements: Placements::default(),
            publishers: Publishers::default(),
            clicks_max: limits.clicks_max,
            bad: Recent::new(NETWORKS_MS, limits.networks_max / 4),
            to_block: Vec::new(),
            tidied: i64::MIN,
        }
    }

    /// The same, as it was stored, with rules and limits that are not stored.
    pub(crate) fn with(mut self, rules: &Arc<RuleSet>, limits: JudgeLimits) -> NetworkJudge {
        self.rules = Arc::clone(rules);
        self.networks.set_max(limits.networks_max);
        self.impressions.set_max(limits.impressions_max);
        self.shows.set_max(limits.networks_max / 4);
        self.bad.set_max(limits.networks_max / 4);
        self.clicks_max = limits.clicks_max;
        self
    }

    /// Judges by these rules from now on.
    pub fn set_rules(&mut self, rules: Arc<RuleSet>) {
        self.rules = rules;
    }

    /// The rules in force.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// What is thought of an event when it comes. A repeat changes nothing, but a click that is not
    /// final yet must not be given twice.
    pub fn observe(&mut self, facts: &Facts<'_>) -> Opinion {
        let rules = self.rules.clone();
        let of = rules.of(facts.site, facts.campaign);
        let mut own = single::reasons(of, facts);
        let machine = facts.bot || facts.automated;
        match facts.activity {
            Activity::Click => return self.click(facts, own),
            Activity::Impression => {
                let again = self.impression(facts, machine);
                own.insert_if(
                    again > of.thresholds.duplicate_impression.per_minute,
                    VerdictReason::DuplicateImpression,
                );
            }
            Activity::View => {
                let shown = self.shown(facts);
                shown.viewed_at = shown.viewed_at.min(facts.time);
                self.life(facts, machine);
            }
            Activity::Engagement if facts.engaged_ms >= 1_000 => self.life(facts, machine),
            Activity::Search | Activity::Action if facts.via == Via::Script => {
                self.life(facts, machine);
            }
            _ => {}
        }
        Opinion { reasons: of.active(own), ..Opinion::default() }
    }

    /// Remembers an impression. How often its visitor was shown this ad here within the minute.
    fn impression(&mut self, facts: &Facts<'_>, machine: bool) -> u32 {
        let at = facts.time.min(facts.received_at);
        let shown = self.shown(facts);
        let new = shown.at == i64::MAX;
        shown.at = shown.at.min(at);
        shown.measurable |= facts.measurable;
        if !new || machine || facts.network == 0 {
            return 0;
        }
        self.placements.shown(facts.site, facts.placement, facts.time);
        let network = self.networks.touch(facts.network, || Network::new(facts.time));
        network.seen(facts.time);
        network.shown(facts.time);
        if facts.visitor == 0 {
            return 0;
        }
        // A count for each minute: the order within it doesn't matter.
        let minute = facts.time.div_euclid(60_000) as u64;
        let key = facts.visitor ^ facts.ad.rotate_left(21) ^ facts.placement.rotate_left(42);
        let shows = self.shows.touch(key ^ minute.wrapping_mul(0x9e37_79b9_7f4a_7c15), || 0);
        *shows += 1;
        *shows
    }

    fn shown(&mut self, facts: &Facts<'_>) -> &mut Shown {
        let id = if facts.activity == Activity::Impression { facts.id } else { facts.impression };
        let new = || Shown { at: i64::MAX, viewed_at: i64::MAX, measurable: false };
        self.impressions.touch(fingerprint(facts.site, facts.ad, facts.network, id), new)
    }

    fn life(&mut self, facts: &Facts<'_>, machine: bool) {
        // Where there are no ads, nobody needs to be remembered.
        if !machine && facts.visitor != 0 && facts.network != 0 && self.impressions.len() > 0 {
            let network = self.networks.touch(facts.network, || Network::new(facts.time));
            network.seen(facts.time);
            network.lives(facts.visitor, facts.site, facts.time);
        }
    }

    fn click(&mut self, facts: &Facts<'_>, own: Reasons) -> Opinion {
        let of = self.rules.of(facts.site, facts.campaign);
        let click = Click {
            id: facts.id,
            time: facts.time,
            site: facts.site,
            campaign: facts.campaign,
            ad: facts.ad,
            placement: facts.placement,
            network: facts.network,
            previous_network: facts.previous_network,
            visitor: facts.visitor,
            previous_visitor: facts.previous_visitor,
            impression: facts.impression,
            impression_at: facts.impression_at,
            proof: facts.proof,
            shared_hosting: hosting::of(of, facts.asn) == Hosting::Shared,
            own,
        };
        if facts.network != 0 {
            let network = self.networks.touch(facts.network, || Network::new(facts.time));
            network.seen(facts.time);
            network.click(click.note());
        }
        let mut said = self.judge(&click, i64::MAX - 1);
        let mut suspected = self.placements.suspects(click.site, click.placement, said.marks);
        suspected.insert_if(self.colludes(&click, said.marks), VerdictReason::Collusion);
        said.reasons = of.active(said.reasons.union(suspected));
        let due = facts.time + of.thresholds.hindsight.settle_s * 1_000;
        // Another site's click of the same moment and id can't push this one out.
        if let Entry::Vacant(entry) = self.waiting.entry((due, facts.id)) {
            let waiting = Waiting { click, said, found: Reasons::NONE, last: false };
            self.settled.link(&waiting);
            entry.insert(waiting);
        }
        said
    }

    fn judge(&self, click: &Click, horizon: i64) -> Opinion {
        let after_midnight = click.time.rem_euclid(86_400_000) < AFTER_MIDNIGHT_MS;
        let previous = Some(click.previous_network).filter(|hash| *hash != 0 && after_midnight);
        let shown = |network| {
            let key = fingerprint(click.site, click.ad, network, click.impression);
            self.impressions.get(key).filter(|shown| shown.at != i64::MAX)
        };
        click.judge(&Scene {
            rules: self.rules.of(click.site, click.campaign),
            shown: shown(click.network).or_else(|| shown(click.previous_network)),
            network: self.networks.get(click.network),
            previous: previous.and_then(|hash| self.networks.get(hash)),
            horizon,
        })
    }

    /// The next moment at which [`NetworkJudge::close`] has something to do.
    pub fn due(&self) -> i64 {
        if self.waiting.len() > self.clicks_max {
            // The first has to be let go, whatever the time.
            return i64::MIN;
        }
        self.waiting.first_key_value().map_or(i64::MAX, |((due, _), _)| *due)
    }

    /// Looks again at what the watermark has passed. To be called before each event whose time moves
    /// the watermark beyond [`NetworkJudge::due`], so that batches don't matter.
    pub fn close(&mut self, watermark: i64) -> Vec<Correction> {
        let mut corrections = Vec::new();
        while self.due() <= watermark {
            let Some(((due, id), mut waiting)) = self.waiting.pop_first() else { break };
            // One that had to be let go early is looked at now.
            let at = due.min(watermark);
            let mut now = self.judge(&waiting.click, due - LATENESS_MS);
            if !waiting.last {
                waiting.found = self.compare(&waiting.click, now, at, &mut corrections);
            }
            let Click { site, campaign, time, .. } = waiting.click;
            let of = self.rules.of(site, campaign);
            now.reasons = of.active(now.reasons.union(waiting.found));
            corrections.extend(waiting.say(now, at));
            if waiting.last {
                self.settled.add((due, id), waiting);
            } else {
                let due = time + of.thresholds.hindsight.final_s * 1_000;
                self.count_bad(&waiting.click, now);
                waiting.last = true;
                self.waiting.insert((due, id), waiting);
            }
        }
        let room = self.clicks_max.saturating_sub(self.waiting.len());
        self.settled.forget(watermark.saturating_sub(SETTLED_MS), room);
        corrections
    }

    /// Looks again at the clicks that an event changes which came later than it should. To be called
    /// after [`NetworkJudge::observe`]; what is in time changes nothing.
    pub fn reconsider(&mut self, facts: &Facts<'_>, watermark: i64) -> Vec<Correction> {
        let mut corrections = Vec::new();
        let matters = !matches!(facts.activity, Activity::Pageview | Activity::Conversion);
        let late = facts.time <= watermark.saturating_sub(LATENESS_MS);
        if !(matters && late) || facts.network == 0 {
            return corrections;
        }
        let rules = self.rules.clone();
        let hindsight = &rules.base().thresholds.hindsight;
        let (settle_ms, final_ms) = (hindsight.settle_s * 1_000, hindsight.final_s * 1_000);
        let from = facts.time - (final_ms - LATENESS_MS);
        for (time, id) in self.settled.of(facts.network, from, RECONSIDERED_MAX) {
            let due = (time + final_ms, id);
            // One whose first look is still to come stands elsewhere.
            let settled = self.settled.get_mut(&due);
            let look_ms = if settled.is_some() { final_ms } else { settle_ms };
            let Some(waiting) = settled.or(self.waiting.get_mut(&due)) else { continue };
            let (click, found) = (waiting.click.clone(), waiting.found);
            let mut now = self.judge(&click, time + look_ms - LATENESS_MS);
            now.reasons = rules.of(click.site, click.campaign).active(now.reasons.union(found));
            let waiting = self.settled.get_mut(&due).or(self.waiting.get_mut(&due));
            corrections.extend(waiting.and_then(|waiting| waiting.say(now, watermark)));
        }
        corrections
    }

    /// Counts a click that is invalid for what its network did; one too many puts the network on the
    /// blocklist. Where many share an address, nobody is to suffer for another.
    fn count_bad(&mut self, click: &Click, now: Opinion) {
        let of = self.rules.of(click.site, click.campaign);
        let limit = &of.thresholds.blocking;
        let by_network = now.reasons.intersection(Reasons::from_iter(OF_NETWORKS));
        let Some(reason) = of.first_invalid(by_network) else { return };
        if limit.clicks == 0 || click.network == 0 || !now.marks.has(Marks::HOUSEHOLD) {
            return;
        }
        let (at, hours, clicks) = (click.time, limit.hours, limit.clicks);
        let count = self.bad.touch(click.network, || 0);
        *count += 1;
        if *count == clicks {
            let until = at.saturating_add(hours * 3_600_000);
            self.to_block.push(Block { network: click.network, reason, at, until });
        }
    }

    /// The networks that are to be blocked, since the last time.
    pub fn take_blocks(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.to_block)
    }

    /// Compares the click with others in its placement, whatever their campaign. Returns what that
    /// makes of it; what it makes of earlier clicks is corrected.
    fn compare(
        &mut self,
        click: &Click,
        now: Opinion,
        looked_at: i64,
        corrections: &mut Vec<Correction>,
    ) -> Reasons {
        let rules = self.rules.clone();
        let of = rules.of(click.site, click.campaign);
        // What is invalid anyhow says nothing about a placement: somebody attacks it.
        if of.verdict(now.reasons) == Verdict::Invalid {
            return Reasons::NONE;
        }
        let at = (click.time, click.id);
        let mut run = self.placements.click(click.site, click.placement, at, now.marks, of);
        for earlier in self.publishers.click(click.site, at, now.marks, of) {
            let due = earlier.0 + of.thresholds.hindsight.final_s * 1_000;
            let waiting = self.waiting.get(&(due, earlier.1));
            if waiting.is_some_and(|w| self.colludes(&w.click, w.said.marks)) {
                run.push((earlier, VerdictReason::Collusion));
            }
        }
        let mut found = Reasons::NONE;
        found.insert_if(self.colludes(click, now.marks), VerdictReason::Collusion);
        let hindsight = &of.thresholds.hindsight;
        // By the clicks' own times, not by who happens to wait still.
        let reach = (hindsight.final_s - hindsight.settle_s) * 1_000;
        for ((time, id), reason) in run {
            if (time, id) == at {
                found.insert(reason);
            } else if time > click.time - reach
                && let Some(earlier) = self.waiting.get_mut(&(time + hindsight.final_s * 1_000, id))
            {
                earlier.found.insert(reason);
                let of = rules.of(earlier.click.site, earlier.click.campaign);
                let reasons = of.active(earlier.said.reasons.union(earlier.found));
                let now = Opinion { reasons, ..earlier.said };
                corrections.extend(earlier.say(now, looked_at));
            }
        }
        found
    }

    /// Whether the click belongs to publishers who share their clickers, as far as is known.
    fn colludes(&self, click: &Click, marks: Marks) -> bool {
        let of = self.rules.of(click.site, click.campaign);
        let network = self.networks.get(click.network);
        network.is_some_and(|network| self.publishers.shared(click, marks, network, of))
    }

    /// Forgets what is too old to matter, once a minute by the watermark. To be called before each
    /// event, so that batches don't matter.
    pub fn tidy(&mut self, watermark: i64) {
        let minute = watermark.div_euclid(60_000);
        if minute <= self.tidied {
            return;
        }
        self.tidied = minute;
        self.networks.tidy(watermark);
        self.impressions.tidy(watermark);
        self.shows.tidy(watermark);
        self.bad.tidy(watermark);
    }

    /// Bytes that it holds, nearly.
    pub fn bytes(&self) -> usize {
        self.networks.bytes()
            + self.networks.values().map(Network::bytes).sum::<usize>()
            + self.impressions.bytes()
            + self.shows.bytes()
            + (self.waiting.len() + self.settled.len()) * (size_of::<Waiting>() + 80)
    }

    /// Networks, impressions and clicks remembered.
    pub fn remembered(&self) -> [usize; 3] {
        let clicks = self.waiting.len() + self.settled.len();
        [self.networks.len(), self.impressions.len(), clicks]
    }
}

/// A key for an impression of an ad in a network.
fn fingerprint(site: u64, ad: u64, network: u64, id: u128) -> u64 {
    xxh3_64(&id.to_le_bytes()) ^ site ^ ad.rotate_left(13) ^ network
}

#[cfg(test)]
#[path = "network_tests.rs"]
mod tests;
