//! A simulated day through the aggregator's own two stages: records go in, batch by batch, and the
//! verdicts come out of the records that the stages write, corrections with hindsight included.
//!
//! One shard of each stage, since a day fits into one. Nothing but the log between them is left out.

use std::sync::Arc;

use footfall_aggregator::Settings;
use footfall_aggregator::ads::Ads;
use footfall_aggregator::core::Core;
use footfall_aggregator::rules::RuleSet;
use footfall_aggregator::shard::{Input, Stage};
use footfall_event::ads::{Proof, Revision, Touch, name_hash};
use footfall_event::record::Via;
use footfall_event::{Activity, Event, Hex64, Id, Judgement, Topic, Verdict, VerdictReason};
use footfall_topics::RecordBatch;

use super::act::{Act, Agent, Deed};
use super::adversary::{ALL_PLACEMENTS, campaign_of};
use super::judging::{Day, Judged, click_id, visitor};
use super::world::{ADS, CAMPAIGNS, PLACEMENTS, World};

/// A batch holds so many milliseconds: less than the rules wait for.
const BATCH_MS: i64 = 30_000;
/// After the last act, time goes on for so long, so that every verdict is final.
const REST_MS: i64 = 3_600_000;

/// Names as they stand in records.
struct Texts {
    sites: Vec<String>,
    placements: Vec<String>,
    campaigns: Vec<String>,
    ads: Vec<String>,
}

impl Texts {
    fn new() -> Texts {
        let of = |kind: &str, count: usize| (0..count).map(|i| format!("{kind}-{i}")).collect();
        Texts {
            sites: of("site", ALL_PLACEMENTS.div_ceil(PLACEMENTS)),
            placements: of("placement", ALL_PLACEMENTS),
            campaigns: of("campaign", CAMPAIGNS),
            ads: of("ad", CAMPAIGNS * ADS),
        }
    }

    /// What a conversion's click id says.
    fn touch<'t>(
        &'t self,
        act: &Act,
        site: &'t str,
        campaign: &'t str,
        after_ms: i64,
    ) -> Touch<'t> {
        Touch {
            click: Id::from_u128(3 << 120 | u128::from(act.impression)),
            at: act.time - after_ms,
            site: site.into(),
            campaign: campaign.into(),
            ad: (&*self.ads[usize::from(act.ad)]).into(),
            placement: (&*self.placements[usize::from(act.placement)]).into(),
            position: act.position,
            ..Touch::default()
        }
    }
}

struct Stages<'a> {
    world: &'a World,
    texts: Texts,
    one: Core,
    two: Ads,
    /// What stage 2 says to itself, for its next batch.
    own: Vec<(Topic, Vec<u8>)>,
    offset: u64,
    /// The time of the batch.
    now: i64,
    day: Day,
}

/// Judges a world. Its acts are put into the order of time.
pub(crate) fn judge(world: &mut World, rules: &Arc<RuleSet>) -> Day {
    world.acts.sort_by_key(|act| act.time);
    let settings =
        Settings { impressions_max: 4_000_000, clicks_max: 500_000, ..Settings::default() };
    let (mut one, mut two) = (Core::new(settings.core_limits()), Ads::new(settings.ad_limits()));
    one.set_rules(Arc::clone(rules));
    two.set_rules(Arc::clone(rules));
    let (texts, own, day) = (Texts::new(), Vec::new(), Day::default());
    let mut stages = Stages { world, texts, one, two, own, offset: 0, now: 0, day };
    let mut number = 0;
    for acts in stages.world.acts.chunk_by(|a, b| a.time / BATCH_MS == b.time / BATCH_MS) {
        let mut records = Vec::with_capacity(acts.len());
        for act in acts {
            number += 1;
            records.push(stages.record(act, number));
        }
        stages.batch(&records, acts.last().map_or(0, |act| act.time));
    }
    let end = stages.now + REST_MS;
    let last = Event::new(Activity::Pageview, Id::from_u128(1), "site-0", end);
    stages.batch(&[(Topic::Pageviews, last.to_json())], end);
    stages.rest(end);
    stages.day
}

impl Stages<'_> {
    /// The record of an act, as ingest writes it. A click is counted.
    fn record(&mut self, act: &Act, number: u128) -> (Topic, Vec<u8>) {
        let person = &self.world.people[act.person as usize];
        let placement = usize::from(act.placement);
        let site = &*self.texts.sites[placement / PLACEMENTS];
        let (activity, id) = match act.deed {
            Deed::Impression => (Activity::Impression, u128::from(act.impression)),
            Deed::View => (Activity::View, 2 << 120 | number),
            Deed::Engagement => (Activity::Engagement, 2 << 120 | number),
            Deed::Conversion(_) => (Activity::Conversion, 2 << 120 | number),
            Deed::Click => (Activity::Click, click_id(self.day.clicks.len())),
        };
        let mut event = Event::new(activity, Id::from_u128(id), site, act.time);
        event.network = Some(Hex64(person.network));
        event.visitor = Some(Hex64(visitor(name_hash(site), person)));
        (event.asn, event.country) = (person.asn, person.country.into());
        event.automated = person.kind == Agent::Automated;
        if person.kind == Agent::Declared {
            event.bot = "Examplebot".into();
        }
        let ad = usize::from(act.ad);
        let campaign = &*self.texts.campaigns[campaign_of(act.ad)];
        if matches!(activity, Activity::Impression | Activity::View | Activity::Click) {
            (event.ad, event.campaign) = ((&*self.texts.ads[ad]).into(), campaign.into());
            event.placement = (&*self.texts.placements[placement]).into();
            event.position = act.position;
        }
        match act.deed {
            Deed::Impression => event.measurable = true,
            Deed::View => event.impression = Some(Id::from_u128(act.impression.into())),
            Deed::Engagement => event.engaged_ms = 5_000,
            Deed::Conversion(after_ms) => {
                event.touches = vec![self.texts.touch(act, site, campaign, after_ms)];
            }
            Deed::Click => {
                event.via = Via::Redirect;
                event.impression =
                    (act.impression != 0).then(|| Id::from_u128(act.impression.into()));
                if act.signed {
                    (event.proof, event.impression_at) = (Proof::Signed, act.shown);
                }
                self.day.clicks.push(Judged::new(act, person));
            }
        }
        // A redirect doesn't see the browser's time zone.
        if activity != Activity::Click {
            event.timezone = person.timezone.into();
        }
        self.day.impressions += usize::from(activity == Activity::Impression);
        (activity.topic(), event.to_json())
    }

    /// One batch through both stages.
    fn batch(&mut self, records: &[(Topic, Vec<u8>)], now: i64) {
        self.now = now;
        let mut said = RecordBatch::new();
        self.one.process(&inputs(records, self.offset), 0, &mut said);
        self.offset += records.len() as u64;
        let between =
            |topic| matches!(topic, Topic::AdClicks | Topic::AdDeltas | Topic::AdConversions);
        let said = said.iter().filter(|(to, ..)| between(to.topic));
        let mut notes = std::mem::take(&mut self.own);
        notes.extend(said.map(|(to, _, value)| (to.topic, value.to_vec())));
        self.second(&notes);
    }

    /// Time goes on without anything happening, for stage 2 as well.
    fn rest(&mut self, end: i64) {
        let minute = end.div_euclid(60_000) * 60_000;
        let delta = format!("{{\"v\":1,\"minute\":{minute},\"site\":\"site-0\",\"ad\":\"\"}}");
        let mut notes = std::mem::take(&mut self.own);
        notes.push((Topic::AdDeltas, delta.into_bytes()));
        self.second(&notes);
    }

    fn second(&mut self, records: &[(Topic, Vec<u8>)]) {
        let mut out = RecordBatch::new();
        self.two.process(&inputs(records, self.offset), 0, &mut out);
        self.offset += records.len() as u64;
        for (to, _, value) in out.iter() {
            match to.topic {
                Topic::AdClicks | Topic::AdDeltas => self.own.push((to.topic, value.to_vec())),
                Topic::JudgedEvents => {
                    let event = Event::from_json(value).expect("a stage writes events");
                    let judged = event.judged.filter(|_| event.activity == Activity::Click);
                    if let Some(Judgement { verdict, reasons, .. }) = judged {
                        self.judged(event.id, verdict, reasons, event.time);
                    }
                }
                Topic::Verdicts => {
                    let revision: Revision<'_> =
                        serde_json::from_slice(value).expect("a stage writes revisions");
                    let Revision { id, verdict, reasons, .. } = revision;
                    self.judged(id, verdict, reasons, self.now);
                }
                _ => {}
            }
        }
    }

    fn judged(&mut self, id: Id, verdict: Verdict, reasons: Vec<VerdictReason>, at: i64) {
        let click = &mut self.day.clicks[(id.as_u128() & u128::from(u64::MAX)) as usize];
        click.say(reasons.into_iter().collect(), verdict, at);
    }
}

fn inputs(records: &[(Topic, Vec<u8>)], first: u64) -> Vec<Input<'_>> {
    let records = (first..).zip(records);
    let input = |(offset, record)| -> Input<'_> {
        let (topic, value): &(Topic, Vec<u8>) = record;
        Input { topic: *topic, offset, key: b"", value }
    };
    records.map(input).collect()
}
