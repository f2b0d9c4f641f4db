//! A day of bursts in many networks and placements, made so that nearly every rule stands at its edge:
//! whatever the order of arrival within two minutes, the repeats and the batches, and if a shard is far
//! behind the others, each click ends with the same verdict for the same reasons, and all sums are the
//! same.

use std::collections::BTreeSet;

use footfall_aggregator::Settings;
use footfall_aggregator::rules::RuleSet;
use footfall_event::ads::Proof;
use footfall_event::time::day_of;
use footfall_event::{Activity, Event, Id, VerdictReason};

use super::market::{Arrival, Random, billing, hash, network_id, touch};
use super::pipeline::{CAMPAIGN_SHARDS, Figures, NETWORK_SHARDS, Pipeline};
use crate::world::{HOUR, MIDNIGHT, MINUTE};

const SECOND: i64 = 1_000;
/// What the rules wait for, nearly.
const LATE_MS: u64 = 118_000;
/// The busy times, in minutes after midnight: about turns of hours and days, and half a day after the beginning.
const BURSTS: [i64; 7] = [-1_440, -1_380, HALF_DAY, -60, 0, 180, 360];
const HALF_DAY: i64 = -720 - BURST_MS / MINUTE;
const BURST_MS: i64 = 16 * MINUTE;
const SITES: [&str; 3] = ["news.example", "blog.example", "shop.example"];
/// How many in a hundred look at an ad in each placement.
const PLACEMENTS: [(&str, u64); 6] =
    [("top", 95), ("side", 80), ("foot", 60), ("left", 40), ("right", 20), ("hidden", 2)];

pub(crate) struct Bursts {
    random: Random,
    events: Vec<Arrival>,
    clicks: Vec<Event<'static>>,
}

impl Bursts {
    fn event(&mut self, what: Activity, (network, agent): (u64, u64), time: i64) -> Event<'static> {
        let id = Id::from_u64_pair(self.random.below(u64::MAX), self.random.below(u64::MAX));
        let site = SITES[(agent % 3) as usize];
        let mut event = Event::new(what, id, site, time);
        let day = day_of(time);
        let visitor = |day| hash(network_id(network, day).0 ^ agent);
        event.network = Some(network_id(network, day));
        event.previous_network = Some(network_id(network, day - 1));
        (event.visitor, event.previous_visitor) = (Some(visitor(day)), Some(visitor(day - 1)));
        event.user_agent = format!("Agent/{agent}").into();
        event
    }

    fn push(&mut self, network: u64, event: Event<'static>) {
        self.events.push(Arrival { event, network });
    }

    /// Something that somebody does with an ad.
    fn advertised(
        &mut self,
        what: Activity,
        who: (u64, u64),
        time: i64,
        ad: u64,
    ) -> Event<'static> {
        const ADS: [&str; 9] = ["a", "b", "c", "d", "e", "f", "g", "h", "i"];
        let mut event = self.event(what, who, time);
        let campaign = ad % 2;
        (event.ad, event.billing) = (ADS[ad as usize].into(), billing(campaign));
        event.campaign = ["c0", "c1"][campaign as usize].into();
        event.placement = PLACEMENTS[(who.1 % 6) as usize].0.into();
        event.position = 1;
        event
    }

    /// One impression and what comes of it.
    fn visit(&mut self, who: (u64, u64), time: i64, clicks_in: u64) {
        let ad = self.random.below(9);
        let mut shown = self.advertised(Activity::Impression, who, time, ad);
        shown.measurable = true;
        let impression = Some(shown.id);
        self.push(who.0, shown);
        if self.random.below(100) < PLACEMENTS[(who.1 % 6) as usize].1 {
            let mut view = self.advertised(Activity::View, who, time + 1_100, ad);
            view.impression = impression;
            self.push(who.0, view);
            let mut read = self.event(Activity::Engagement, who, time + 9 * SECOND);
            read.engaged_ms = 8_000;
            self.push(who.0, read);
        }
        if !self.random.one_in(clicks_in) {
            return;
        }
        let at = time + 300 + self.random.below(90_000) as i64;
        let mut click = self.advertised(Activity::Click, who, at, ad);
        match self.random.below(8) {
            0 => {}
            1 => (click.proof, click.impression_at) = (Proof::Signed, time),
            _ => click.impression = impression,
        }
        self.clicks.push(click.clone());
        self.push(who.0, click);
    }

    fn conversion(&mut self, who: (u64, u64), time: i64) {
        let earlier: Vec<_> = self.clicks.iter().filter(|click| click.time < time).collect();
        if earlier.is_empty() {
            return;
        }
        let click = earlier[self.random.below(earlier.len() as u64) as usize].clone();
        let mut event = self.event(Activity::Conversion, who, time);
        event.goal = "order".into();
        event.touches.push(touch(&click, 0));
        self.push(who.0, event);
    }

    /// Somebody is shown much and clicks on all of it, and is shown as much again a little later.
    fn greedy(&mut self, network: u64, time: i64) {
        let who = (network, network * 6 + 5);
        for ad in 0..8 {
            for at in [time + ad as i64 * 500, time + MINUTE + self.random.below(150_000) as i64] {
                let mut shown = self.advertised(Activity::Impression, who, at, ad);
                shown.measurable = true;
                let impression = Some(shown.id);
                self.push(network, shown);
                if at < time + MINUTE && ad < 6 {
                    let mut click = self.advertised(Activity::Click, who, at + 3 * SECOND, ad);
                    click.impression = impression;
                    self.push(network, click);
                }
            }
        }
    }

    /// Somebody reads, before anything is shown.
    fn read(&mut self, who: (u64, u64), time: i64) {
        let mut read = self.event(Activity::Engagement, who, time);
        read.engaged_ms = 5_000;
        self.push(who.0, read);
    }

    pub(crate) fn of(seed: u64) -> Vec<Arrival> {
        let mut all = Bursts { random: Random::new(seed), events: Vec::new(), clicks: Vec::new() };
        for minutes in BURSTS {
            let begin = MIDNIGHT + minutes * MINUTE - BURST_MS / 2;
            let moment = |random: &mut Random| {
                begin + 2 * MINUTE + random.below(BURST_MS as u64 - 120_000) as i64
            };
            for n in 0..80 {
                let network = n % 26;
                let who = (network, network * 6 + all.random.below(4));
                all.read(who, begin + n as i64 * 1_500);
            }
            // Households, of which some click a lot; and an office.
            for n in 0..260 {
                let (at, network) = (moment(&mut all.random), n % 26);
                let agent = network * 6 + all.random.below(4);
                all.visit((network, agent), at, 1 + network % 5);
            }
            for _ in 0..60 {
                let (at, agent) = (moment(&mut all.random), all.random.below(24));
                all.visit((90, agent), at, 6);
            }
            for n in 0..12 {
                all.greedy(200 + n, begin + (2 + n as i64 % 3 * 5) * MINUTE);
            }
            for _ in 0..30 {
                let at = moment(&mut all.random);
                let network = all.random.below(26);
                all.conversion((network, 1), at);
            }
        }
        // Households that come twice in a day, with half a day in between.
        for n in 0..60 {
            let who = (300 + n, n * 6 + 3);
            let early = MIDNIGHT + HALF_DAY * MINUTE - MINUTE + all.random.below(120_000) as i64;
            all.visit(who, early, 1);
            all.visit(who, MIDNIGHT - 6 * MINUTE + n as i64 * SECOND, 1);
        }
        all.events.sort_by_key(|arrival| (arrival.event.time, arrival.event.id));
        all.events
    }
}

/// The events with other delays, some of them several times: when each arrives.
pub(crate) fn arrivals(events: &[Arrival], order: u64) -> Vec<(i64, Arrival)> {
    let mut random = Random::new(order * 7 + 1);
    let mut arrivals: Vec<(i64, Arrival)> = Vec::new();
    for arrival in events {
        let mut arrival = arrival.clone();
        let delay = if order == 0 { 0 } else { random.below(LATE_MS) as i64 };
        let at = arrival.event.time + delay;
        arrival.event.received_at = at;
        if order > 0 && random.one_in(4) {
            arrivals.push((at + random.below(HOUR as u64) as i64, arrival.clone()));
        }
        arrivals.push((at, arrival));
    }
    // Elsewhere things go on, so that no shard stands still while others don't.
    for minutes in BURSTS {
        let begin = MIDNIGHT + minutes * MINUTE - BURST_MS;
        for second in (0..3 * BURST_MS).step_by(4_000) {
            for network in 0..NETWORK_SHARDS {
                let at = begin + second;
                let id = Id::from_u64_pair(at as u64, network);
                let event = Event::new(Activity::Pageview, id, "news.example", at);
                arrivals.push((at, Arrival { event, network }));
            }
        }
    }
    arrivals.sort_by_key(|(at, arrival)| (*at, arrival.event.id));
    arrivals
}

/// The shard of stage 1 that lags comes back so often, for a minute: after less than the hour for which
/// it is waited for.
const AWAY_MS: i64 = 40 * MINUTE;

/// What both stages make of them, in batches of a few seconds. A shard of stage 1 may lag.
pub(crate) fn run(events: &[Arrival], order: u64, lagging: Option<usize>) -> (Pipeline, Figures) {
    let (arrivals, mut random) = (arrivals(events, order), Random::new(order));
    let mut pipeline = Pipeline::with(&Settings::default(), RuleSet::default());
    let (mut due, mut came_at) = (i64::MIN, i64::MIN);
    for (at, arrival) in &arrivals {
        if *at >= due {
            due = at + random.below(6_000) as i64;
            if *at > came_at.saturating_add(AWAY_MS) {
                came_at = *at;
            }
            let away = lagging.filter(|_| *at > came_at + MINUTE);
            let here = (0..NETWORK_SHARDS as usize).filter(|shard| Some(*shard) != away);
            here.for_each(|shard| pipeline.step_core(shard, false));
            (0..CAMPAIGN_SHARDS as usize).for_each(|shard| pipeline.step_ads(shard, false));
        }
        pipeline.accept(arrival);
    }
    pipeline.finish();
    pipeline.end(MIDNIGHT + 16 * HOUR);
    let figures = pipeline.figures();
    (pipeline, figures)
}

#[test]
fn neither_order_nor_repetition_changes_a_verdict_or_a_sum() {
    let mut found = BTreeSet::new();
    for seed in 1..=2 {
        let events = Bursts::of(seed);
        let (undisturbed, expected) = run(&events, 0, None);
        for (order, lagging) in [(1, None), (2, None), (3, None), (4, Some(0)), (5, Some(2))] {
            let (pipeline, figures) = run(&events, order, lagging);
            let clicks = expected.clicks.iter().zip(&figures.clicks);
            let other: Vec<_> = clicks.filter(|(a, b)| a != b).collect();
            assert!(
                other.is_empty(),
                "seed {seed}, order {order}: {} of {} clicks, such as {:?}",
                other.len(),
                expected.clicks.len(),
                other[0]
            );
            assert_eq!(figures, expected, "seed {seed}, order {order}");
            assert_eq!(pipeline.blocked, undisturbed.blocked, "seed {seed}, order {order}");
            assert!(pipeline.judged.values().all(|times| *times == 1), "each event once");
        }
        found.extend(expected.clicks.values().flat_map(|(_, reasons)| reasons.iter().copied()));
    }
    for reason in [
        VerdictReason::VisitorAdDuplicate,
        VerdictReason::CampaignRate,
        VerdictReason::ClicksEverything,
        VerdictReason::HiddenAd,
        VerdictReason::Concentration,
        VerdictReason::Collusion,
        VerdictReason::Lifeless,
    ] {
        assert!(found.contains(&reason), "{reason} was not found: {found:?}");
    }
}
