//! Every window equals the naive computation, to the unit, whatever the order, the repeats, the late
//! events and the batches. `FOOTFALL_AD_EVENTS=10000000` makes the large run larger.

use std::collections::BTreeMap;

use footfall_aggregator::Settings;
use footfall_event::ads::{Measures, Performance};

use super::market::{Arrival, Market, Random, arrivals};
use super::oracle::expected;
use super::pipeline::{Figures, Pipeline};

#[track_caller]
fn compare(found: &Figures, expected: &Figures, what: &str) {
    let differences = |a: &BTreeMap<_, Measures>, b: &BTreeMap<_, Measures>| {
        let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).cloned().collect();
        let differ = keys.into_iter().filter(|key| a.get(key) != b.get(key));
        let shown: Vec<String> = differ
            .map(|key| format!("{key:?}:\n  found {:?}\n  expected {:?}", a.get(&key), b.get(&key)))
            .collect();
        shown
    };
    for (id, verdict) in &expected.clicks {
        assert_eq!(found.clicks.get(id), Some(verdict), "{what}: click {id}");
    }
    assert_eq!(found.clicks.len(), expected.clicks.len(), "{what}");
    for (name, a, b) in [
        ("by ad", &found.by_ad, &expected.by_ad),
        ("by search", &found.by_search, &expected.by_search),
    ] {
        let differences = differences(a, b);
        let first: Vec<_> = differences.iter().take(5).collect();
        assert!(differences.is_empty(), "{what}: {} {name} differ: {first:#?}", differences.len());
    }
}

/// What `ad-performance` says is the sum of the windows, without money.
fn check_performance(pipeline: &Pipeline, figures: &Figures) {
    let mut sums: BTreeMap<_, Measures> = BTreeMap::new();
    for ((_, site, campaign, ad, placement, ..), measures) in &figures.by_ad {
        let key = format!("ad/{campaign}/{ad}/{placement}/{site}");
        let free = Measures {
            revenue_micros: 0,
            cost_micros: 0,
            cost_per_mille_micros: 0,
            ..measures.clone()
        };
        sums.entry(key).or_default().add(&free, 1);
    }
    let mut ads = 0;
    for (key, value) in &pipeline.performance {
        let Performance::Ad(state) = serde_json::from_slice(value).unwrap() else { continue };
        let key = std::str::from_utf8(key).unwrap();
        let sum = sums.get(key).cloned().unwrap_or_default();
        assert_eq!(state.total, sum, "{key}");
        let by_position: i64 = state.positions.iter().map(|state| state.net_clicks).sum();
        assert_eq!(by_position, sum.net_clicks, "{key}");
        ads += 1;
    }
    assert!(ads >= sums.values().filter(|sum| !sum.is_empty()).count());
}

fn check(seed: u64, count: usize, pace: u64) -> Pipeline {
    let arrivals = arrivals(seed, count);
    let expected = expected(arrivals.iter().map(|arrival| &arrival.event));
    let mut pipeline = Pipeline::new(&Settings::default());
    pipeline.run(arrivals.into_iter(), &mut Random::new(seed), pace);
    let figures = pipeline.figures();
    let what = format!("seed {seed}, {count} events, pace {pace}");
    compare(&figures, &expected, &what);
    check_performance(&pipeline, &figures);
    assert_eq!(pipeline.dead_letters, 0, "{what}");
    assert!(pipeline.judged.values().all(|times| *times == 1), "{what}: each event once");
    assert_eq!(pipeline.judged.len(), count, "{what}");
    pipeline
}

#[test]
fn every_window_is_that_of_the_definitions() {
    let mut corrected = 0;
    for seed in 1..=60 {
        let pace = [1, 3, 20, 100][seed as usize % 4];
        corrected += check(seed, 500, pace).stats.corrected;
    }
    assert!(corrected > 30, "only {corrected} verdicts were corrected: too tame a world");
}

/// In worlds of a million at the most: the naive computation keeps all events in memory.
#[test]
fn and_so_it_is_with_many_events() {
    const WORLD_MAX: usize = 1_000_000;
    let mut left = std::env::var("FOOTFALL_AD_EVENTS").map_or(20_000, |text| text.parse().unwrap());
    let mut seed = 7;
    while left > 0 {
        let events = left.min(WORLD_MAX);
        let pipeline = check(seed, events, 1_000);
        println!("seed {seed}, {events} events: {:?}", pipeline.stats);
        assert_eq!((pipeline.stats.forgotten, pipeline.stats.corrections_lost), (0, 0));
        left -= events;
        seed += 1;
    }
}

/// The same events in any order within the lateness give the same figures.
#[test]
fn the_order_of_arrival_does_not_matter() {
    for seed in 100..110 {
        let count = 400;
        let mut arrivals: Vec<Arrival> = Market::new(seed, count).take(count).collect();
        let mut all = Vec::new();
        for order in 0..3 {
            let mut random = Random::new(seed * 10 + order);
            for arrival in &mut arrivals {
                let delay = random.below(crate::world::HOUR as u64) as i64;
                arrival.event.received_at = arrival.event.time + delay;
            }
            arrivals.sort_by_key(|arrival| arrival.event.received_at);
            let mut pipeline = Pipeline::new(&Settings::default());
            pipeline.run(arrivals.iter().cloned(), &mut random, 5 + order * 20);
            all.push(pipeline.figures());
        }
        let (first, rest) = all.split_first().unwrap();
        for other in rest {
            compare(other, first, &format!("seed {seed}"));
        }
    }
}
