//! All rules at work on people and on several kinds of machines: the same verdicts and the same sums
//! whatever the order of arrival (within what the rules wait for), the repeats, the batches and the
//! restarts.

use footfall_aggregator::Settings;
use footfall_aggregator::rules::RuleSet;
use footfall_event::ads::Proof;
use footfall_event::{Activity, Event, Id, Verdict, VerdictReason};

use super::market::{Arrival, Random, billing, hash, network_id};
use super::pipeline::{CAMPAIGN_SHARDS, Figures, NETWORK_SHARDS, Pipeline};
use crate::world::{HOUR, MIDNIGHT, MINUTE};

/// When the day's most interesting moment comes: hashes change.
const BEGIN: i64 = MIDNIGHT - HOUR;
const END: i64 = MIDNIGHT + HOUR;
const SECOND: i64 = 1_000;

struct Crowd {
    random: Random,
    events: Vec<Arrival>,
}

impl Crowd {
    fn event(&mut self, what: Activity, who: (u64, u64), time: i64) -> Event<'static> {
        let id = Id::from_u64_pair(self.random.below(u64::MAX), self.random.below(u64::MAX));
        let mut event = Event::new(what, id, "news.example", time);
        let day = footfall_event::time::day_of(time);
        let (network, agent) = who;
        let visitor = |day| hash(network_id(network, day).0 ^ agent);
        event.network = Some(network_id(network, day));
        event.previous_network = Some(network_id(network, day - 1));
        (event.visitor, event.previous_visitor) = (Some(visitor(day)), Some(visitor(day - 1)));
        event.user_agent = format!("Agent/{agent}").into();
        event
    }

    fn advertise(&mut self, event: &mut Event<'static>, placement: &'static str) {
        (event.ad, event.campaign, event.billing) = ("a".into(), "c0".into(), billing(0));
        (event.placement, event.position) = (placement.into(), 1);
    }

    fn push(&mut self, network: u64, event: Event<'static>) {
        self.events.push(Arrival { event, network });
    }

    /// Sees an ad, perhaps looks at it and reads on, perhaps clicks.
    fn visit(
        &mut self,
        who: (u64, u64),
        time: i64,
        placement: &'static str,
        (life, clicks): (bool, u64),
    ) {
        let network = who.0;
        let mut shown = self.event(Activity::Impression, who, time);
        self.advertise(&mut shown, placement);
        shown.measurable = true;
        let impression = Some(shown.id);
        self.push(network, shown);
        if life {
            let mut view = self.event(Activity::View, who, time + 1_200);
            self.advertise(&mut view, placement);
            view.impression = impression;
            self.push(network, view);
            let mut read = self.event(Activity::Engagement, who, time + 9 * SECOND);
            read.engaged_ms = 8_000;
            self.push(network, read);
        }
        let mut at = time + 2 * SECOND;
        for _ in 0..clicks {
            at += self.random.below(4_000) as i64;
            let mut click = self.event(Activity::Click, who, at);
            self.advertise(&mut click, placement);
            click.impression = impression;
            self.push(network, click);
        }
    }

    /// Two hours of people, and of machines among them.
    fn of(seed: u64) -> Vec<Arrival> {
        let mut crowd = Crowd { random: Random::new(seed), events: Vec::new() };
        for n in 0..900 {
            let time = BEGIN + crowd.random.below((END - BEGIN) as u64) as i64;
            let who = (1_000 + n / 2, n % 2);
            let clicks = [0, 0, 0, 1, 1, 2][crowd.random.below(6) as usize];
            let placement = ["top", "side"][crowd.random.below(2) as usize];
            let life = !crowd.random.one_in(12);
            crowd.visit(who, time, placement, (life, clicks));
        }
        // A timer.
        for n in 0..12 {
            crowd.visit((1, 0), BEGIN + 40 * MINUTE + n * MINUTE, "top", (true, 1));
        }
        // One address, many agents, no life.
        for n in 0..45 {
            crowd.visit((2, n), MIDNIGHT + n as i64 * 40 * SECOND, "side", (false, 1));
        }
        // A placement that hides its ads: everybody at another address.
        for n in 0..40 {
            crowd.visit((100 + n, 0), BEGIN + n as i64 * 170 * SECOND, "hidden", (false, 1));
        }
        // A link that is sent around, and clicks that nobody was shown anything for.
        for n in 0..40u64 {
            let time = BEGIN + n as i64 * 150 * SECOND;
            let mut click = crowd.event(Activity::Click, (200 + n, 0), time);
            crowd.advertise(&mut click, "top");
            (click.proof, click.impression) = (Proof::Signed, Some(Id::from_u128(99)));
            click.impression_at = BEGIN;
            crowd.push(200 + n, click);
            let mut click = crowd.event(Activity::Click, (300 + n, 0), time);
            crowd.advertise(&mut click, "side");
            crowd.push(300 + n, click);
        }
        crowd.events.sort_by_key(|arrival| (arrival.event.time, arrival.event.id));
        crowd.events
    }
}

/// The same events with other delays, in other batches, some twice, through restarts.
fn run(events: &[Arrival], order: u64) -> (Pipeline, Figures) {
    let mut random = Random::new(order * 7 + 1);
    let delay = [1, 20, 75][order as usize % 3] * SECOND as u64;
    let mut arrivals: Vec<Arrival> = events.to_vec();
    for arrival in &mut arrivals {
        arrival.event.received_at = arrival.event.time + random.below(delay) as i64;
    }
    let again: Vec<_> =
        arrivals.iter().filter(|_| order > 0 && random.one_in(9)).cloned().collect();
    arrivals.extend(again);
    arrivals.sort_by_key(|arrival| (arrival.event.received_at, arrival.event.id));
    let mut pipeline = Pipeline::with(&Settings::default(), RuleSet::default());
    let mut due = 0;
    for arrival in &arrivals {
        pipeline.accept(arrival);
        // Each shard has a batch of its own every half a minute at least.
        if arrival.event.received_at >= due {
            due = arrival.event.received_at + random.below(30_000) as i64;
            for shard in 0..NETWORK_SHARDS as usize {
                pipeline.step_core(shard, random.one_in(100));
            }
            for shard in 0..CAMPAIGN_SHARDS as usize {
                pipeline.step_ads(shard, random.one_in(100));
            }
        }
    }
    pipeline.finish();
    pipeline.end(END + 2 * HOUR);
    let figures = pipeline.figures();
    (pipeline, figures)
}

#[test]
fn verdicts_depend_on_what_happened_and_on_nothing_else() {
    let mut found = std::collections::BTreeSet::new();
    for seed in 1..=2 {
        let events = Crowd::of(seed);
        let (undisturbed, expected) = run(&events, 0);
        let churned: Vec<_> = undisturbed.blocked.values().collect();
        assert_eq!(churned.len(), 1, "{churned:?}");
        let network = network_id(2, footfall_event::time::day_of(MIDNIGHT));
        assert_eq!(churned[0].value, network.to_string());
        assert!(
            churned[0].by.starts_with("rule ") && churned[0].until > Some(MIDNIGHT + 12 * HOUR)
        );
        for order in 1..=3 {
            let (pipeline, figures) = run(&events, order);
            for (id, verdict) in &expected.clicks {
                assert_eq!(
                    figures.clicks.get(id),
                    Some(verdict),
                    "seed {seed}, order {order}: {id}"
                );
            }
            assert_eq!(figures, expected, "seed {seed}, order {order}");
            assert_eq!(pipeline.blocked, undisturbed.blocked, "seed {seed}, order {order}");
            assert!(pipeline.stats.corrected > 20, "{:?}", pipeline.stats);
            assert!(pipeline.judged.values().all(|times| *times == 1), "each event once");
        }
        let invalid = expected.clicks.values().filter(|(verdict, _)| *verdict == Verdict::Invalid);
        found.extend(invalid.flat_map(|(_, reasons)| reasons.iter().copied()));
        let net = expected.clicks.values().filter(|(verdict, _)| verdict.is_net()).count();
        assert!(net > 300, "{net} of {} clicks count", expected.clicks.len());
    }
    for reason in [
        VerdictReason::DoubleClick,
        VerdictReason::DuplicateClick,
        VerdictReason::VisitorAdDuplicate,
        VerdictReason::Churn,
        VerdictReason::RegularTiming,
        VerdictReason::HiddenAd,
    ] {
        assert!(found.contains(&reason), "{reason} was not found: {found:?}");
    }
}
