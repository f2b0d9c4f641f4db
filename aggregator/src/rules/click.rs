//! One click against what its network did: the signals of stage 1.
//!
//! Each signal is a function of the click, the network's memory and a horizon: what happened later
//! than the horizon is not looked at, so that the order of arrival can't change the result.

use footfall_event::VerdictReason;
use footfall_event::ads::Proof;
use serde::{Deserialize, Serialize};

use super::network::{Network, Note, distinct, distinct_of};
use super::ruleset::Rules;
use super::{Marks, Reasons, timing};

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 86_400_000;
/// An ad that was shown for less time can't have been measured as viewed.
const VIEWABLE_AFTER_MS: i64 = 1_500;

/// An impression, as it is remembered.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Shown {
    /// The earlier of its own time and its receipt; `i64::MAX` while only its view is known.
    pub(crate) at: i64,
    /// When its view came; `i64::MAX` for never.
    pub(crate) viewed_at: i64,
    pub(crate) measurable: bool,
}

/// A click that is not final yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Click {
    pub(crate) id: u128,
    pub(crate) time: i64,
    pub(crate) site: u64,
    pub(crate) campaign: u64,
    pub(crate) ad: u64,
    pub(crate) placement: u64,
    pub(crate) network: u64,
    pub(crate) previous_network: u64,
    pub(crate) visitor: u64,
    pub(crate) previous_visitor: u64,
    pub(crate) impression: u128,
    pub(crate) impression_at: i64,
    pub(crate) proof: Proof,
    /// It comes from a network where servers and people are mixed.
    pub(crate) shared_hosting: bool,
    /// What it says about itself.
    pub(crate) own: Reasons,
}

/// What is thought of a click.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinion {
    /// The reasons that hold by the rules (those switched off are left out).
    pub reasons: Reasons,
    /// What stage 2 compares.
    pub marks: Marks,
}

/// What a click is judged by.
pub(crate) struct Scene<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) shown: Option<&'a Shown>,
    pub(crate) network: Option<&'a Network>,
    pub(crate) previous: Option<&'a Network>,
    /// What is later is not looked at.
    pub(crate) horizon: i64,
}

/// Half of a hash, as it is remembered.
pub(crate) const fn half(hash: u64) -> u32 {
    (hash >> 32) as u32
}

impl Click {
    pub(crate) fn note(&self) -> Note {
        Note {
            time: self.time,
            id: self.id,
            visitor: half(self.visitor),
            ad: half(self.ad),
            site: half(self.site),
            campaign: half(self.campaign),
            placement: half(self.placement),
            impression: (self.impression >> 64) as u32 ^ self.impression as u32,
        }
    }

    /// The click judged as of the scene's horizon.
    pub(crate) fn judge(&self, scene: &Scene<'_>) -> Opinion {
        let mut opinion = Opinion { reasons: self.own, marks: Marks::default() };
        self.impression(scene, &mut opinion);
        if let Some(network) = scene.network {
            self.repeats(scene, network, &mut opinion);
            self.rates(scene, network, &mut opinion);
            self.company(scene, network, &mut opinion);
        }
        opinion.reasons = scene.rules.active(opinion.reasons);
        opinion
    }

    /// Was there an impression, was it seen, how long before?
    fn impression(&self, scene: &Scene<'_>, opinion: &mut Opinion) {
        let signed = self.proof != Proof::None;
        let shown = scene.shown.filter(|shown| {
            shown.at <= scene.horizon && self.time.saturating_sub(shown.at) <= DAY_MS
        });
        if !signed && shown.is_none() {
            let reason = if self.impression == 0 {
                VerdictReason::NoImpression
            } else {
                VerdictReason::ImpressionUnknown
            };
            opinion.reasons.insert(reason);
            opinion.marks.insert_if(true, Marks::UNPROVEN);
        }
        let at = if signed { Some(self.impression_at) } else { shown.map(|shown| shown.at) };
        if let Some(at) = at.filter(|at| *at > 0) {
            let after = self.time - at;
            // A clock that is ahead makes the click earlier than its impression: no matter.
            let fast = (0..scene.rules.thresholds.fast_click.sooner_ms).contains(&after);
            opinion.reasons.insert_if(fast, VerdictReason::FastClick);
            opinion.marks.insert_if(fast, Marks::FAST);
        }
        if let Some(shown) = shown {
            let hidden = shown.measurable
                && shown.viewed_at > scene.horizon
                && self.time - shown.at >= VIEWABLE_AFTER_MS;
            opinion.marks.insert_if(hidden, Marks::UNVIEWED);
        }
    }

    /// The same visitor and ad before.
    fn repeats(&self, scene: &Scene<'_>, network: &Network, opinion: &mut Opinion) {
        let rules = &scene.rules.thresholds;
        let within = rules.visitor_ad_duplicate.within_s * 1_000;
        let double = rules.double_click.within_ms;
        let reach = within.max(double);
        let note = self.note();
        // Behind a shared address, people with the same browser are one visitor: a click that has an
        // impression of its own is another person's.
        let own = note.impression != 0
            && !opinion.marks.has(Marks::UNPROVEN)
            && self.is_shared(scene, network);
        let since = |earlier: &[Note], visitor: u32| {
            let near = earlier.iter().rev().take_while(|other| self.time - other.time <= reach);
            let mut same = near
                .filter(|other| other.visitor == visitor && other.ad == note.ad)
                .filter(|other| !own || other.impression == note.impression);
            same.next().map(|other| self.time - other.time)
        };
        let before = network.before(self.time, note.id);
        let gap = since(before, note.visitor).or_else(|| {
            // Just after midnight: the day before had other hashes.
            let previous = scene.previous?.clicks(self.time - reach - 1, self.time);
            since(previous, half(self.previous_visitor))
        });
        if let Some(gap) = gap {
            opinion.reasons.insert_if(gap <= double, VerdictReason::DoubleClick);
            opinion.reasons.insert_if(gap <= within, VerdictReason::VisitorAdDuplicate);
        }
    }

    /// Too many, too regular.
    fn rates(&self, scene: &Scene<'_>, network: &Network, opinion: &mut Opinion) {
        let rules = &scene.rules.thresholds;
        let live = network.live(scene.horizon);
        let shown = network.impressions(self.time);
        let household = rules.shared_address.household;
        let scaled =
            |limit: u32| u64::from(limit) * u64::from(live.max(household)) / u64::from(household);
        // Whether the click is one of too many: any window that holds it, as far as is known.
        let crowded = |span: i64, ahead: i64, limit: u32| {
            let until = (self.time + ahead - 1).min(scene.horizon);
            let windows = network.clicks(self.time - 1, until);
            let limit = scaled(limit);
            let of = |note: &Note| network.clicks(note.time - span, note.time).len() as u64;
            windows.iter().any(|note| of(note) > limit)
        };
        let rate = &rules.network_rate;
        let too_many = crowded(MINUTE_MS, MINUTE_MS, rate.per_minute)
            || crowded(HOUR_MS, 5 * MINUTE_MS, rate.per_hour)
            || crowded(DAY_MS, 5 * MINUTE_MS, rate.per_day);
        opinion.reasons.insert_if(too_many, VerdictReason::NetworkRate);

        let by_impressions = f64::from(shown) * rules.campaign_rate.ratio;
        let limit = scaled(rules.campaign_rate.per_day).max(by_impressions as u64);
        let within = rules.visitor_ad_duplicate.within_s * 1_000;
        let over = self.campaign != 0 && self.on_campaign(network, within, limit) > limit;
        opinion.reasons.insert_if(over, VerdictReason::CampaignRate);

        let own = half(self.visitor);
        let day = network.clicks(self.time - DAY_MS, scene.horizon);
        if day.len() > rules.regular_timing.gaps as usize {
            let whole = live <= household;
            let times = day.iter().filter(|note| whole || note.visitor == own);
            let regular = timing::is_regular(
                times.map(|note| note.time),
                rules.double_click.within_ms,
                &rules.regular_timing,
            );
            opinion.reasons.insert_if(regular, VerdictReason::RegularTiming);
        }
        if live <= household {
            let ads = distinct(day, rules.clicks_everything.ads as usize, |note| note.ad);
            // Where the script doesn't run, nobody knows what was shown.
            let ratio = if shown == 0 { 0.0 } else { day.len() as f64 / f64::from(shown) };
            opinion.reasons.insert_if(
                ads >= rules.clicks_everything.ads as usize
                    && ratio >= rules.clicks_everything.ratio,
                VerdictReason::ClicksEverything,
            );
        }
    }

    /// Whether so many people share the address that its repetitions mean nothing.
    fn is_shared(&self, scene: &Scene<'_>, network: &Network) -> bool {
        let rules = &scene.rules.thresholds.shared_address;
        let by_impressions = network.impressions(self.time) / rules.impressions;
        network.live(scene.horizon).max(by_impressions) >= rules.shared
    }

    /// Clicks of the network on this click's campaign within a day, itself included and repetitions
    /// left out; counted no further than just beyond `limit`.
    fn on_campaign(&self, network: &Network, within: i64, limit: u64) -> u64 {
        let note = self.note();
        let before = network.before(self.time, note.id);
        let mut count = 1;
        for (at, other) in before.iter().enumerate().rev() {
            if count > limit || self.time - other.time > DAY_MS {
                break;
            }
            if other.campaign == note.campaign {
                let same =
                    |earlier: &Note| earlier.visitor == other.visitor && earlier.ad == other.ad;
                let mut near =
                    before[..at].iter().rev().take_while(|e| other.time - e.time <= within);
                count += u64::from(!near.any(same));
            }
        }
        count
    }

    /// Who else clicks there, and where else.
    fn company(&self, scene: &Scene<'_>, network: &Network, opinion: &mut Opinion) {
        let rules = &scene.rules.thresholds;
        let horizon = scene.horizon;
        let is_live = network.is_live(self.visitor, self.site, horizon);
        let live = network.live(horizon);
        opinion.marks.insert_if(!is_live, Marks::LIFELESS);
        opinion.marks.insert_if(network.is_new(self.time), Marks::NEW);
        opinion
            .reasons
            .insert_if(self.shared_hosting && live == 0, VerdictReason::DatacentreNetwork);
        let note = self.note();
        // Several clicks on one visit are one interest; coming back for more is another thing.
        let apart = rules.concentration.apart_s * 1_000;
        let household = !self.is_shared(scene, network);
        let visit = network.before(self.time, note.id).iter().rev();
        let mut visit = visit.take_while(|other| self.time - other.time < apart);
        let again = visit.any(|other| {
            other.placement == note.placement && (household || other.visitor == note.visitor)
        });
        opinion.marks.insert_if(again, Marks::AGAIN);
        if household {
            opinion.marks.insert_if(true, Marks::HOUSEHOLD);
            let before = network.clicks(i64::MIN, self.time - apart.max(1));
            let here = before.iter().any(|other| other.placement == note.placement);
            opinion.marks.insert_if(here && self.placement != 0, Marks::REPEATED);
            let publishers = rules.collusion.publishers as usize;
            let others = before.iter().filter(|other| other.site != note.site);
            let others = distinct_of(others, publishers, |other| other.site);
            opinion.marks.insert_if(others >= publishers, Marks::ROAMING);
        }
        let hour = network.clicks(self.time - HOUR_MS, (self.time + 5 * MINUTE_MS).min(horizon));
        let needed = rules.churn.visitors as usize;
        if !is_live && hour.len() >= needed {
            let all = distinct(hour, usize::MAX, |note| note.visitor);
            let alive = |note: &&Note| {
                let (visitor, site) = (u64::from(note.visitor) << 32, u64::from(note.site) << 32);
                network.is_live(visitor, site, horizon)
            };
            let lifeless =
                distinct_of(hour.iter().filter(|note| !alive(note)), usize::MAX, |n| n.visitor);
            let share = lifeless as f64 / all as f64;
            opinion
                .reasons
                .insert_if(lifeless >= needed && share >= rules.churn.share, VerdictReason::Churn);
        }
    }
}
