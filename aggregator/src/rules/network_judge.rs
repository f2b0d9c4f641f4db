//! Stage 1, by network: every event gets a first judgement at once, and each click two more looks
//! when what belongs to it has come.
//!
//! Both looks depend on what happened, not on the order in which it came (if nothing comes more than
//! two minutes behind the watermark): every signal is asked as of a horizon, the looks happen when the
//! watermark passes fixed moments, and what is forgotten then goes by those moments, too. What comes
//! later than that, up to an hour, changes the looks that are over; only what clicks in one placement
//! have in common is compared in the order in which they came then. What else depends on order is
//! listed on the page that [`super::document`] makes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use footfall_event::record::Via;
use footfall_event::{Activity, VerdictReason};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::click::{Click, Scene, Shown};
use super::excess::Placements;
use super::hosting::{self, Hosting};
use super::late::{SETTLED_MS, Settled};
use super::network::Network;
use super::recent::Recent;
use super::ring::Publishers;
use super::{Facts, Opinion, Reasons, RuleSet, single};

mod early;
mod looks;
mod said;
mod waiting;

use early::{Early, Sign};

pub use said::{Block, Correction, JudgeLimits};
pub(crate) use waiting::Waiting;

/// What may come later than the watermark without changing a final judgement, milliseconds.
pub const LATENESS_MS: i64 = 120_000;
/// Impressions prove clicks for a day, and both may be late.
const IMPRESSIONS_MS: i64 = 26 * 3_600_000;
/// A network's hash lives a UTC day.
const DAY_MS: i64 = 86_400_000;
/// Bad clicks of a network are added up for half a day at least.
const BAD_MS: i64 = DAY_MS / 2;
/// Impressions of one minute come in the course of it, or late.
const SHOWS_MS: i64 = 60_000 + LATENESS_MS;
/// An hour after midnight, the day before still matters.
const AFTER_MIDNIGHT_MS: i64 = 3_600_000;

/// The rules of stage 1 and what they remember.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NetworkJudge {
    #[serde(skip)]
    rules: Arc<RuleSet>,
    networks: Recent<Network>,
    early: Early,
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
            networks: Recent::new(DAY_MS, limits.networks_max),
            early: Early::default(),
            impressions: Recent::new(IMPRESSIONS_MS, limits.impressions_max),
            shows: Recent::new(SHOWS_MS, limits.networks_max / 4),
            waiting: BTreeMap::new(),
            settled: Settled::default(),
            placements: Placements::default(),
            publishers: Publishers::default(),
            clicks_max: limits.clicks_max,
            bad: Recent::new(BAD_MS, limits.networks_max / 4),
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
        let of = self.rules.of(facts.site, facts.campaign);
        let mut own = single::reasons(of, facts);
        let shown_max = of.thresholds.duplicate_impression.per_minute;
        let machine = facts.bot || facts.automated;
        match facts.activity {
            Activity::Click => return self.click(facts, own),
            Activity::Impression => {
                let again = self.impression(facts, machine);
                own.insert_if(again > shown_max, VerdictReason::DuplicateImpression);
            }
            Activity::View => {
                self.advertised(facts.time);
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
        // Asked for once more: to hold on to the rules meanwhile, all shards would count at one place.
        let of = self.rules.of(facts.site, facts.campaign);
        Opinion { reasons: of.active(own), ..Opinion::default() }
    }

    /// Remembers an impression. How often its visitor was shown this ad here within the minute.
    fn impression(&mut self, facts: &Facts<'_>, machine: bool) -> u32 {
        let at = facts.time.min(facts.received_at);
        self.advertised(facts.time);
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

    /// There are ads: signs of life are remembered from then on.
    fn advertised(&mut self, time: i64) {
        for sign in self.early.advertised(time) {
            self.lives(sign);
        }
    }

    fn life(&mut self, facts: &Facts<'_>, machine: bool) {
        if !machine && facts.visitor != 0 && facts.network != 0 {
            let Facts { network, visitor, site, time, .. } = *facts;
            if let Some(sign) = self.early.sign(Sign { network, visitor, site, time }) {
                self.lives(sign);
            }
        }
    }

    fn lives(&mut self, sign: Sign) {
        let network = self.networks.touch(sign.network, || Network::new(sign.time));
        network.seen(sign.time);
        network.lives(sign.visitor, sign.site, sign.time);
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
        let after_midnight = click.time.rem_euclid(DAY_MS) < AFTER_MIDNIGHT_MS;
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

    /// Forgets what is too old to matter, once a minute by the watermark. To be called before each
    /// event, so that batches don't matter.
    pub fn tidy(&mut self, watermark: i64) {
        let minute = watermark.div_euclid(60_000);
        if minute <= self.tidied {
            return;
        }
        self.tidied = minute;
        self.networks.tidy_days(watermark);
        self.impressions.tidy(watermark);
        self.shows.tidy(watermark);
        self.bad.tidy(watermark);
        self.early.tidy(watermark);
    }

    /// Bytes that it holds, nearly.
    pub fn bytes(&self) -> usize {
        self.networks.bytes()
            + self.networks.values().map(Network::bytes).sum::<usize>()
            + self.impressions.bytes()
            + self.shows.bytes()
            + self.early.bytes()
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
