//! A simulated day, judged by the rules alone: first opinions, stage 1's second looks, stage 2's
//! comparisons, without the records around them. What judging itself costs is measured by it, and
//! it is what `stages` is compared with.

use std::sync::Arc;

use footfall_aggregator::rules::{
    CampaignJudge, Candidate, Delta, Facts, JudgeLimits, NetworkJudge, Outcome, Reasons, RuleSet,
};
use footfall_event::ads::Proof;
use footfall_event::record::Via;
use footfall_event::{Activity, Verdict};
use xxhash_rust::xxh3::xxh3_64;

use super::act::{Act, Agent, Deed, Label, Person};
use super::adversary::{ALL_PLACEMENTS, campaign_of};
use super::world::{Cohort, Names, PLACEMENTS, World};

/// A click and what became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Judged {
    pub(crate) label: Label,
    pub(crate) cohort: Option<Cohort>,
    pub(crate) reasons: Reasons,
    pub(crate) verdict: Verdict,
    /// When it happened.
    pub(crate) time: i64,
    /// How long after the click the verdict in force came, milliseconds.
    pub(crate) delay: i64,
}

/// The result of a day.
#[derive(Clone, Debug, Default)]
pub(crate) struct Day {
    pub(crate) clicks: Vec<Judged>,
    pub(crate) impressions: usize,
}

impl Judged {
    /// A click about which nothing has been said.
    pub(crate) fn new(act: &Act, person: &Person) -> Judged {
        let (label, cohort, time) = (act.label, person.cohort, act.time);
        let (reasons, verdict) = (Reasons::NONE, Verdict::Valid);
        Judged { label, cohort, reasons, verdict, time, delay: 0 }
    }

    /// What is said of it from a moment on.
    pub(crate) fn say(&mut self, reasons: Reasons, verdict: Verdict, at: i64) {
        if verdict != self.verdict {
            self.delay = at - self.time;
        }
        (self.reasons, self.verdict) = (reasons, verdict);
    }
}

/// The visitor that a person is at a site (its hash).
pub(crate) fn visitor(site: u64, person: &Person) -> u64 {
    let mut bytes = [0; 24];
    let parts = [site, person.network, person.agent];
    for (to, part) in bytes.chunks_exact_mut(8).zip(parts) {
        to.copy_from_slice(&part.to_le_bytes());
    }
    xxh3_64(&bytes)
}

/// A number that stands for the click with this index.
pub(crate) fn click_id(index: usize) -> u128 {
    1u128 << 120 | index as u128
}

struct Stand<'a> {
    world: &'a World,
    names: Names,
    one: NetworkJudge,
    two: CampaignJudge,
    rules: Arc<RuleSet>,
    day: Day,
}

/// Judges a world. Its acts are put into the order of time.
pub(crate) fn judge(world: &mut World, rules: &Arc<RuleSet>) -> Day {
    world.acts.sort_by_key(|act| act.time);
    let limits = JudgeLimits::default();
    let mut stand = Stand {
        world,
        names: Names::new(ALL_PLACEMENTS),
        one: NetworkJudge::new(rules.clone(), limits),
        two: CampaignJudge::new(rules.clone()),
        rules: rules.clone(),
        day: Day::default(),
    };
    let mut minute = 0;
    for act in &stand.world.acts {
        if act.time >= stand.one.due() {
            stand.look_again(act.time);
        }
        if act.time / 60_000 != minute {
            minute = act.time / 60_000;
            stand.compare(act.time);
            stand.one.tidy(act.time);
            stand.two.tidy(act.time);
        }
        stand.act(act);
    }
    let end = stand.world.acts.last().map_or(0, |act| act.time) + 3_600_000;
    stand.look_again(end);
    stand.compare(end);
    stand.day
}

impl Stand<'_> {
    fn facts(&self, act: &Act, id: u128) -> Facts<'static> {
        let person = &self.world.people[act.person as usize];
        let placement = usize::from(act.placement);
        let site = self.names.sites[placement / PLACEMENTS];
        let activity = match act.deed {
            Deed::Impression => Activity::Impression,
            Deed::View => Activity::View,
            Deed::Engagement => Activity::Engagement,
            Deed::Click | Deed::Conversion(_) => Activity::Click,
        };
        let click = activity == Activity::Click;
        let has_ad = activity != Activity::Engagement;
        let campaign = self.names.campaigns[campaign_of(act.ad)];
        Facts {
            site,
            campaign: if has_ad { campaign } else { 0 },
            ad: if has_ad { self.names.ads[usize::from(act.ad)] } else { 0 },
            placement: if has_ad { self.names.placements[placement] } else { 0 },
            via: if click { Via::Redirect } else { Via::Script },
            network: person.network,
            visitor: visitor(site, person),
            impression: u128::from(act.impression),
            impression_at: if click && act.signed { act.shown } else { 0 },
            proof: if click && act.signed { Proof::Signed } else { Proof::None },
            measurable: true,
            engaged_ms: 5_000,
            bot: person.kind == Agent::Declared,
            automated: person.kind == Agent::Automated,
            asn: person.asn,
            country: person.country,
            // A redirect doesn't see the browser's time zone.
            timezone: if click { "" } else { person.timezone },
            ..Facts::new(activity, id, act.time)
        }
    }

    fn act(&mut self, act: &Act) {
        match act.deed {
            Deed::Impression => {
                let facts = self.facts(act, u128::from(act.impression));
                let opinion = self.one.observe(&facts);
                self.day.impressions += 1;
                let of = self.rules.of(facts.site, facts.campaign);
                if of.verdict(opinion.reasons) == Verdict::Invalid {
                    return;
                }
                self.two.count(&Delta {
                    campaign: facts.campaign,
                    site: facts.site,
                    placement: facts.placement,
                    position: act.position,
                    minute: act.time - act.time.rem_euclid(60_000),
                    net_impressions: 1,
                });
            }
            Deed::View | Deed::Engagement => {
                let facts = self.facts(act, 0);
                self.one.observe(&facts);
            }
            Deed::Click => self.click(act),
            Deed::Conversion(after_ms) => {
                let facts = self.facts(act, 0);
                self.two.convert(&Outcome {
                    campaign: facts.campaign,
                    site: facts.site,
                    placement: facts.placement,
                    at: act.time,
                    after_ms,
                });
            }
        }
    }

    fn click(&mut self, act: &Act) {
        let index = self.day.clicks.len();
        let facts = self.facts(act, click_id(index));
        let opinion = self.one.observe(&facts);
        let candidate = Candidate::new(&facts, act.position, 0, opinion);
        let (reasons, changes) = self.two.observe(&candidate);
        let of = self.rules.of(facts.site, facts.campaign);
        let mut judged = Judged::new(act, &self.world.people[act.person as usize]);
        judged.say(reasons, of.verdict(reasons), act.time);
        self.day.clicks.push(judged);
        for change in changes {
            self.change(change.id, change.after, act.time);
        }
    }

    fn change(&mut self, id: u128, reasons: Reasons, now: i64) {
        let click = &mut self.day.clicks[(id & u128::from(u64::MAX)) as usize];
        click.say(reasons, self.rules.base().verdict(reasons), now);
    }

    fn look_again(&mut self, now: i64) {
        for correction in self.one.close(now) {
            if let Some(change) = self.two.correct(&correction) {
                self.change(change.id, change.after, now);
            }
        }
    }

    fn compare(&mut self, now: i64) {
        for change in self.two.close(now) {
            self.change(change.id, change.after, now);
        }
    }
}
