//! Single clicks, and the edges of their rules.

use footfall_aggregator::Settings;
use footfall_event::ads::Proof;
use footfall_event::{Activity, Event, Id, Verdict, VerdictReason};

use super::market::{Arrival, Random, billing, hash, network_id};
use super::pipeline::{Figures, Pipeline};
use crate::world::{HOUR, MIDNIGHT, MINUTE};

pub(crate) const NOON: i64 = MIDNIGHT + 12 * HOUR;
const IMPRESSION: u128 = 77;

/// A click number `id` on ad `a` by somebody in a network.
pub(crate) fn click(id: u128, network: u64, time: i64) -> Event<'static> {
    let mut event = Event::new(Activity::Click, Id::from_u128(id), "news.example", time);
    let day = footfall_event::time::day_of(time);
    event.network = Some(network_id(network, day));
    event.previous_network = Some(network_id(network, day - 1));
    event.visitor = Some(hash(network_id(network, day).0));
    event.previous_visitor = Some(hash(network_id(network, day - 1).0));
    // Which shard it arrives at.
    event.region = network.to_string().into();
    (event.ad, event.campaign, event.billing) = ("a".into(), "c0".into(), billing(0));
    event.proof = Proof::Signed;
    event.impression = Some(Id::from_u128(1_000_000 + id));
    event
}

fn impression(network: u64, time: i64) -> Event<'static> {
    let mut event = click(IMPRESSION, network, time);
    (event.activity, event.proof, event.impression) = (Activity::Impression, Proof::None, None);
    event
}

fn unsigned(id: u128, network: u64, time: i64) -> Event<'static> {
    let event = click(id, network, time);
    Event { proof: Proof::None, impression: Some(Id::from_u128(IMPRESSION)), ..event }
}

/// What comes out when the events arrive in this order, each in a batch of its own.
fn run(events: &[Event<'static>]) -> (Pipeline, Figures) {
    let mut pipeline = Pipeline::new(&Settings::default());
    for event in events {
        let network = event.region.parse().unwrap();
        pipeline.accept(&Arrival { event: event.clone(), network });
        pipeline.finish();
    }
    pipeline.end(events.iter().map(|event| event.time).max().unwrap() + HOUR);
    let figures = pipeline.figures();
    (pipeline, figures)
}

/// In both orders: the reasons of each click, by id.
#[track_caller]
fn reasons(events: &[Event<'static>]) -> Vec<Vec<VerdictReason>> {
    let forth = run(events).1;
    let mut backwards = events.to_vec();
    backwards.reverse();
    assert_eq!(run(&backwards).1, forth, "the order of arrival matters");
    forth.clicks.into_values().map(|(_, reasons)| reasons).collect()
}

#[test]
fn a_visitor_clicks_an_ad_once_an_hour() {
    use VerdictReason::VisitorAdDuplicate;
    for (gap, duplicate) in
        [(1, true), (HOUR - 1, true), (HOUR, true), (HOUR + 1, false), (3 * HOUR, false)]
    {
        let found = reasons(&[click(1, 1, NOON), click(2, 1, NOON + gap)]);
        let expected = if duplicate { vec![VisitorAdDuplicate] } else { vec![] };
        assert_eq!(found, [vec![], expected], "{gap} ms");
    }
    // At the same moment the id decides.
    let found = reasons(&[click(1, 1, NOON), click(2, 1, NOON)]);
    assert_eq!(found, [vec![], vec![VisitorAdDuplicate]]);
    // For all rules the same one: otherwise neither of the two would count.
    let [one, other] = [1 << 64 | 9, 2 << 64 | 1]
        .map(|id| Event { impression: Some(Id::from_u128(5)), ..click(id, 1, NOON) });
    let found = reasons(&[one, other]);
    assert_eq!(found, [vec![], vec![VerdictReason::DuplicateClick, VisitorAdDuplicate]]);
    // Also across midnight, when the visitor's id changes.
    let clicks: Vec<_> = [(1, -10), (2, 20), (3, 70), (4, 131)]
        .map(|(id, minute)| click(id, 1, MIDNIGHT + minute * MINUTE))
        .into();
    let duplicate = vec![VisitorAdDuplicate];
    let found: Vec<_> = run(&clicks).1.clicks.into_values().map(|(_, reasons)| reasons).collect();
    assert_eq!(found, [vec![], duplicate.clone(), duplicate.clone(), vec![]]);
    // What is late by an hour at the most may come in any order.
    assert_eq!(reasons(&clicks[..2]), [vec![], duplicate.clone()]);
    assert_eq!(reasons(&clicks[1..3]), [vec![], duplicate]);
    // Another visitor, or another ad, is no duplicate.
    let other = Event { ad: "b".into(), ..click(3, 1, NOON + 1) };
    assert_eq!(reasons(&[click(1, 1, NOON), click(2, 2, NOON + 1), other]), [[], [], []]);
}

#[test]
fn an_unsigned_click_needs_an_impression_of_its_network() {
    use VerdictReason::ImpressionUnknown;
    let day = 24 * HOUR;
    for (network, shown_at, known) in [
        (1, NOON - 1, true),
        (1, NOON + MINUTE, true),
        (1, NOON - day, true),
        (1, NOON - day - 1, false),
        (4, NOON - 1, false),
    ] {
        let events = [impression(network, shown_at), unsigned(1, 1, NOON)];
        let expected = if known { vec![] } else { vec![ImpressionUnknown] };
        let figures = run(&events).1;
        assert_eq!(figures.clicks[&Id::from_u128(1)].1, expected, "{network} {shown_at}");
    }
    // The beacon may arrive after the click.
    assert_eq!(reasons(&[impression(1, NOON), unsigned(1, 1, NOON + 9)]), [vec![]]);
    let none = Event { impression: None, ..unsigned(1, 1, NOON) };
    assert_eq!(reasons(&[none]), [[VerdictReason::NoImpression]]);
    // An impression of another ad, or of another site, proves nothing.
    let other = Event { ad: "b".into(), ..impression(1, NOON) };
    assert_eq!(reasons(&[other, unsigned(1, 1, NOON)]), [[ImpressionUnknown]]);
    let other = Event { site: "blog.example".into(), ..impression(1, NOON) };
    assert_eq!(reasons(&[other, unsigned(1, 1, NOON)]), [[ImpressionUnknown]]);
}

#[test]
fn every_reason_is_kept_and_the_first_counts() {
    let mut event = click(1, 1, NOON);
    event.bot = "Examplebot".into();
    event.proof = Proof::Expired;
    event.found = vec![VerdictReason::PositionUnknown, VerdictReason::NotRunning];
    let (_, figures) = run(&[event]);
    let (verdict, reasons) = &figures.clicks[&Id::from_u128(1)];
    assert_eq!(*verdict, Verdict::Invalid);
    use VerdictReason::{BotAgent, Expired, NotRunning, PositionUnknown};
    assert_eq!(reasons[..], [BotAgent, NotRunning, Expired, PositionUnknown]);
    let measures = figures.by_ad.values().next().unwrap();
    assert_eq!((measures.clicks, measures.net_clicks, measures.cost_micros), (1, 0, 0));
    assert_eq!(measures.invalid_clicks.iter().collect::<Vec<_>>(), [(&BotAgent, &1)]);
}

#[test]
fn a_bot_does_not_use_an_impression_up() {
    let same = Some(Id::from_u128(5));
    let bot = Event { bot: "Preview".into(), impression: same, ..click(1, 7, NOON) };
    let person = Event { impression: same, ..click(2, 1, NOON + 9) };
    assert_eq!(reasons(&[bot, person]), [vec![VerdictReason::BotAgent], vec![]]);
}

/// A click address that is sent around: whatever networks it is opened from, one click is paid.
#[test]
fn one_signed_click_from_a_thousand_networks_is_one_click() {
    let mut random = Random::new(5);
    let mut clicks: Vec<Arrival> = (0..1_000)
        .map(|n| {
            let time = NOON + random.below(HOUR as u64) as i64;
            let mut event = click(u128::from(n) + 1, n, time);
            event.impression = Some(Id::from_u128(5));
            event.received_at = time + random.below(HOUR as u64) as i64;
            Arrival { event, network: n }
        })
        .collect();
    clicks.sort_by_key(|arrival| arrival.event.received_at);
    let mut pipeline = Pipeline::new(&Settings::default());
    pipeline.run(clicks.iter().cloned(), &mut random, 3);
    let figures = pipeline.figures();
    let valid: Vec<_> =
        figures.clicks.iter().filter(|(_, (verdict, _))| verdict.is_net()).collect();
    let first = clicks.iter().map(|arrival| (arrival.event.time, arrival.event.id)).min().unwrap();
    assert_eq!(valid.len(), 1);
    assert_eq!(*valid[0].0, first.1, "the first by time");
    let sum = |of: fn(&footfall_event::ads::Measures) -> i64| figures.by_ad.values().map(of).sum();
    let (gross, net, cost): (i64, i64, i64) =
        (sum(|m| m.clicks), sum(|m| m.net_clicks), sum(|m| m.cost_micros));
    assert_eq!((gross, net, cost), (1_000, 1, billing(0).unwrap().price.micros));
    assert!(pipeline.stats.corrected > 0);
}

#[test]
fn full_memory_forgets_the_oldest_and_says_so() {
    let settings = Settings {
        clicks_max: 50,
        impressions_max: 50,
        transactions_max: 50,
        performances_max: 5,
        searches_max: 3,
        ..Settings::default()
    };
    let arrivals = super::market::arrivals(3, 4_000);
    let mut pipeline = Pipeline::new(&settings);
    pipeline.run(arrivals.into_iter(), &mut Random::new(3), 20);
    assert!(pipeline.stats.forgotten > 1_000, "{:?}", pipeline.stats);
    assert_eq!(pipeline.judged.len(), 4_000, "nothing is lost");
    let figures = pipeline.figures();
    let gross: i64 = figures.by_ad.values().map(|measures| measures.clicks).sum();
    assert_eq!(gross as usize, figures.clicks.len(), "gross clicks need no memory");
}

#[test]
fn searches_beyond_the_cap_are_other() {
    let settings = Settings { searches_max: 2, ..Settings::default() };
    let mut pipeline = Pipeline::new(&settings);
    for n in 0..5u128 {
        let mut event = click(n + 1, n as u64 * 3, NOON);
        event.query = format!("query {n}").into();
        pipeline.accept(&Arrival { event, network: n as u64 * 3 });
    }
    pipeline.finish();
    let figures = pipeline.figures();
    let mut clicks: Vec<i64> = figures.by_search.values().map(|measures| measures.clicks).collect();
    clicks.sort_unstable();
    assert_eq!(clicks, [1, 1, 3]);
    assert_eq!(pipeline.stats.other_searches, 3);
}
