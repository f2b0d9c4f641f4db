//! Both stages with several shards, and sums of what they write.

use std::collections::BTreeMap;
use std::sync::Arc;

use footfall_aggregator::Settings;
use footfall_aggregator::ads::Ads;
use footfall_aggregator::core::Core;
use footfall_aggregator::rules::RuleSet;
use footfall_aggregator::shard::{AdStats, Input, Stage};
use footfall_event::ads::{AdDelta, Measures, Revision};
use footfall_event::blocklist::BlockEntry;
use footfall_event::{Activity, Event, Id, Topic, Verdict, VerdictReason};
use footfall_topics::RecordBatch;

use super::market::{Arrival, Random};
use crate::world::HOUR;

/// Shards of stage 1; stage 2 has one more, so that no accident of numbers hides a mistake.
pub(crate) const NETWORK_SHARDS: u64 = 3;
pub(crate) const CAMPAIGN_SHARDS: u32 = 4;

/// Minute, site, campaign, ad, placement, position, search (hash), currency.
pub(crate) type Window = (i64, String, String, String, String, u16, u64, String);

/// What was written, added up.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Figures {
    pub(crate) by_ad: BTreeMap<Window, Measures>,
    pub(crate) by_search: BTreeMap<Window, Measures>,
    /// The verdict in force on each click.
    pub(crate) clicks: BTreeMap<Id, (Verdict, Vec<VerdictReason>)>,
}

impl Figures {
    pub(crate) fn add(windows: &mut BTreeMap<Window, Measures>, delta: &AdDelta<'_>) {
        let currency =
            delta.currency.map_or(String::new(), |currency| currency.as_str().to_owned());
        let window = (
            delta.minute,
            delta.site.to_string(),
            delta.campaign.to_string(),
            delta.ad.to_string(),
            delta.placement.to_string(),
            delta.position,
            delta.query_hash.0,
            currency,
        );
        windows.entry(window).or_default().add(&delta.measures, 1);
    }

    pub(crate) fn without_zeros(mut self) -> Figures {
        self.by_ad.retain(|_, measures| !measures.is_empty());
        self.by_search.retain(|_, measures| !measures.is_empty());
        self
    }
}

/// Topic and value.
pub(crate) type Record = (Topic, Vec<u8>);

#[derive(Default)]
struct Queue {
    waiting: Vec<Record>,
    offset: u64,
}

pub(crate) struct Pipeline {
    cores: Vec<Core>,
    ads: Vec<Ads>,
    to_cores: Vec<Queue>,
    to_ads: Vec<Queue>,
    figures: Figures,
    decided: BTreeMap<Id, i64>,
    newest: i64,
    /// Events that came out, of any kind.
    pub(crate) judged: BTreeMap<Id, u32>,
    /// Why impressions do not count.
    pub(crate) impressions: BTreeMap<Id, Vec<VerdictReason>>,
    pub(crate) stats: AdStats,
    pub(crate) dead_letters: u64,
    pub(crate) blocked: BTreeMap<Vec<u8>, BlockEntry>,
    pub(crate) alerts: Vec<Vec<u8>>,
    pub(crate) performance: BTreeMap<Vec<u8>, Vec<u8>>,
}

impl Pipeline {
    /// By the rules that the oracle knows, all others being switched off.
    pub(crate) fn new(settings: &Settings) -> Pipeline {
        const KNOWN: [VerdictReason; 9] = [
            VerdictReason::BotAgent,
            VerdictReason::NotRunning,
            VerdictReason::Expired,
            VerdictReason::DuplicateClick,
            VerdictReason::VisitorAdDuplicate,
            VerdictReason::ImpressionUnknown,
            VerdictReason::NoImpression,
            VerdictReason::PlacementUnknown,
            VerdictReason::PositionUnknown,
        ];
        let unknown = VerdictReason::ALL.iter().filter(|reason| !KNOWN.contains(reason));
        let rules = unknown.fold(RuleSet::default(), |rules, reason| rules.without(*reason));
        Pipeline::with(settings, rules)
    }

    /// By these rules.
    pub(crate) fn with(settings: &Settings, rules: RuleSet) -> Pipeline {
        let rules = Arc::new(rules);
        let core = |_| {
            let mut core = Core::new(settings.core_limits()).among(CAMPAIGN_SHARDS);
            core.set_rules(Arc::clone(&rules));
            core
        };
        let ads = |_| {
            let mut ads = Ads::new(settings.ad_limits()).among(CAMPAIGN_SHARDS);
            ads.set_rules(Arc::clone(&rules));
            ads
        };
        Pipeline {
            cores: (0..NETWORK_SHARDS).map(core).collect(),
            ads: (0..CAMPAIGN_SHARDS).map(ads).collect(),
            to_cores: (0..NETWORK_SHARDS).map(|_| Queue::default()).collect(),
            to_ads: (0..CAMPAIGN_SHARDS).map(|_| Queue::default()).collect(),
            figures: Figures::default(),
            decided: BTreeMap::new(),
            newest: 0,
            judged: BTreeMap::new(),
            impressions: BTreeMap::new(),
            stats: AdStats::default(),
            dead_letters: 0,
            blocked: BTreeMap::new(),
            alerts: Vec::new(),
            performance: BTreeMap::new(),
        }
    }

    /// An event arrives.
    pub(crate) fn accept(&mut self, arrival: &Arrival) {
        let shard = (arrival.network % NETWORK_SHARDS) as usize;
        let topic = arrival.event.activity.topic();
        self.newest = self.newest.max(arrival.event.time);
        self.to_cores[shard].waiting.push((topic, arrival.event.to_json()));
    }

    /// A record arrives at a shard of stage 2.
    pub(crate) fn put(&mut self, topic: Topic, shard: u32, record: Vec<u8>) {
        self.to_ads[shard as usize].waiting.push((topic, record));
    }

    /// One batch of a shard of stage 1. The state goes through a snapshot now and then.
    pub(crate) fn step_core(&mut self, shard: usize, through_snapshot: bool) {
        let records = std::mem::take(&mut self.to_cores[shard].waiting);
        let first = self.to_cores[shard].offset;
        self.to_cores[shard].offset += records.len() as u64;
        let mut out = RecordBatch::new();
        if through_snapshot {
            let snapshot = self.cores[shard].snapshot();
            self.cores[shard].restore(&snapshot).unwrap();
        }
        let stats = self.cores[shard].process(&inputs(&records, first), shard as u32, &mut out);
        self.note(stats.ads, stats.dead_letters);
        self.route(&out);
    }

    /// One batch of a shard of stage 2. The state goes through a snapshot now and then.
    pub(crate) fn step_ads(&mut self, shard: usize, through_snapshot: bool) {
        let records = std::mem::take(&mut self.to_ads[shard].waiting);
        let first = self.to_ads[shard].offset;
        self.to_ads[shard].offset += records.len() as u64;
        let (mut out, mut again) = (RecordBatch::new(), RecordBatch::new());
        let inputs = inputs(&records, first);
        if through_snapshot {
            let mut restored = self.ads[shard].clone();
            restored.restore(&self.ads[shard].snapshot()).unwrap();
            restored.process(&inputs, shard as u32, &mut again);
        }
        let stats = self.ads[shard].process(&inputs, shard as u32, &mut out);
        if through_snapshot {
            assert!(out.iter().eq(again.iter()), "a restored state writes the same bytes");
        }
        self.note(stats.ads, stats.dead_letters);
        self.route(&out);
    }

    fn note(&mut self, stats: AdStats, dead_letters: u64) {
        self.dead_letters += dead_letters;
        self.stats.corrected += stats.corrected;
        self.stats.corrections_lost += stats.corrections_lost;
        self.stats.forgotten += stats.forgotten;
        self.stats.other_searches += stats.other_searches;
    }

    fn route(&mut self, out: &RecordBatch) {
        for (partition, key, value) in out.iter() {
            match partition.topic {
                topic @ (Topic::AdDeltas | Topic::AdClicks | Topic::AdConversions) => {
                    self.put(topic, partition.number, value.to_vec());
                }
                Topic::JudgedEvents => self.judged(&Event::from_json(value).unwrap()),
                Topic::Verdicts => self.revised(&serde_json::from_slice(value).unwrap()),
                Topic::AdWindows => {
                    let delta: AdDelta<'_> = serde_json::from_slice(value).unwrap();
                    assert!(delta.query.is_empty() && delta.query_hash.0 == 0);
                    Figures::add(&mut self.figures.by_ad, &delta);
                }
                Topic::SearchWindows => {
                    let delta: AdDelta<'_> = serde_json::from_slice(value).unwrap();
                    assert!(delta.placement.is_empty() && delta.position == 0);
                    Figures::add(&mut self.figures.by_search, &delta);
                }
                Topic::AdPerformance => {
                    self.performance.insert(key.to_vec(), value.to_vec());
                }
                Topic::Alerts => self.alerts.push(value.to_vec()),
                Topic::Sessions => {}
                Topic::Blocklist => {
                    let entry = serde_json::from_slice(value).unwrap();
                    assert!(self.blocked.insert(key.to_vec(), entry).is_none(), "once");
                }
                other => panic!("{}: {}", other.name(), String::from_utf8_lossy(value)),
            }
        }
    }

    fn judged(&mut self, event: &Event<'_>) {
        if event.activity == Activity::Pageview {
            return;
        }
        *self.judged.entry(event.id).or_default() += 1;
        if event.activity == Activity::Impression {
            let judged = event.judged.clone().unwrap();
            self.impressions.insert(event.id, judged.reasons);
        }
        if event.activity == Activity::Click && !self.decided.contains_key(&event.id) {
            let judged = event.judged.clone().unwrap();
            self.figures.clicks.insert(event.id, (judged.verdict, judged.reasons));
        }
    }

    fn revised(&mut self, revision: &Revision<'_>) {
        let before = self.decided.insert(revision.id, revision.decided_at);
        assert!(before.is_none_or(|before| before < revision.decided_at), "times grow");
        let verdict = (revision.verdict, revision.reasons.clone());
        self.figures.clicks.insert(revision.id, verdict);
    }

    /// Everything arrives; batches of both stages are taken whenever chance says so.
    pub(crate) fn run(
        &mut self,
        arrivals: impl Iterator<Item = Arrival>,
        random: &mut Random,
        pace: u64,
    ) {
        for arrival in arrivals {
            self.accept(&arrival);
            if random.one_in(pace) {
                let shard = random.below(NETWORK_SHARDS) as usize;
                self.step_core(shard, random.one_in(50));
            }
            if random.one_in(pace) {
                let shard = random.below(u64::from(CAMPAIGN_SHARDS)) as usize;
                self.step_ads(shard, random.one_in(50));
            }
        }
        self.finish();
        self.end(self.newest + 2 * HOUR);
    }

    /// Works off what waits.
    pub(crate) fn finish(&mut self) {
        for shard in 0..self.cores.len() {
            self.step_core(shard, false);
        }
        while let Some(shard) = self.to_ads.iter().position(|queue| !queue.waiting.is_empty()) {
            self.step_ads(shard, false);
        }
    }

    /// Time goes on, so that every verdict is final: somebody reads a page, an ad is shown.
    pub(crate) fn end(&mut self, at: i64) {
        for shard in 0..self.cores.len() {
            let id = Id::from_u64_pair(at as u64, shard as u64);
            let event = Event::new(Activity::Pageview, id, "news.example", at);
            self.accept(&Arrival { event, network: shard as u64 });
        }
        self.finish();
        for shard in 0..self.ads.len() {
            let delta =
                format!("{{\"v\":1,\"minute\":{at},\"site\":\"news.example\",\"ad\":\"\"}}");
            self.put(Topic::AdDeltas, shard as u32, delta.into_bytes());
        }
        self.finish();
    }

    pub(crate) fn figures(&mut self) -> Figures {
        std::mem::take(&mut self.figures).without_zeros()
    }
}

/// As a shard gets them.
pub(crate) fn inputs(records: &[Record], first: u64) -> Vec<Input<'_>> {
    let input = |((topic, value), offset)| -> Input<'_> {
        let (topic, value): (&Topic, &Vec<u8>) = (topic, value);
        Input { topic: *topic, offset, key: b"k", value }
    };
    records.iter().map(|(topic, value)| (topic, value)).zip(first..).map(input).collect()
}
