//! Full memory, broken records, old events: nothing stops, everything is accounted for.

use footfall_aggregator::core::CoreLimits;
use footfall_event::{Activity, Topic};
use serde_json::Value;

use crate::world::{Act, HOUR, MIDNIGHT, MINUTE, World, limits};

fn view(id: u128, person: u64, time: i64, received_at: i64) -> Act {
    Act { received_at, ..Act::new(id, person, Activity::Pageview, time) }
}

#[test]
fn a_broken_record_is_set_aside_and_the_rest_goes_on() {
    let good = view(1, 1, MIDNIGHT, MIDNIGHT).event().to_json();
    let mut world = World::new(limits());
    let cut = good[..good.len() / 2].to_vec();
    let version = String::from_utf8(good.clone()).unwrap().replace("\"v\":1", "\"v\":9");
    let mut bytes = good.clone();
    bytes[40] = 0xff;
    let broken = [b"".to_vec(), b"{}".to_vec(), cut, version.into_bytes(), bytes, vec![0; 300]];
    let mut records: Vec<_> = broken.iter().map(|b| (Topic::Pageviews, b.clone())).collect();
    records.insert(3, (Topic::Pageviews, good));
    let stats = world.records(&records);
    assert_eq!((stats.stored, stats.dead_letters), (1, broken.len() as u64));
    for letter in world.of(Topic::DeadLetters) {
        let letter: Value = serde_json::from_slice(letter).unwrap();
        assert_eq!(letter["reason"], "unreadable");
        assert_eq!(letter["topic"], "pageviews");
        assert_eq!(letter["partition"], 3);
        assert!(!letter["detail"].as_str().unwrap().is_empty());
    }
}

#[test]
fn an_event_behind_the_window_is_set_aside_not_doubled() {
    let mut world = World::new(limits());
    let old = view(1, 1, MIDNIGHT, MIDNIGHT);
    world.batch(std::slice::from_ref(&old));
    let later = MIDNIGHT + 26 * HOUR;
    world.batch(&[view(2, 2, later, later)]);
    world.batch(&[Act { received_at: later, ..old }]);
    assert_eq!((world.stats.stored, world.stats.dead_letters), (2, 1));
    let letter = world.of(Topic::DeadLetters).next().unwrap();
    assert_eq!(serde_json::from_slice::<Value>(letter).unwrap()["reason"], "too_old");
}

#[test]
fn memory_stays_within_its_limits_and_no_event_is_counted_twice() {
    let limits = CoreLimits { ids_max: 2_000, visitors_max: 500, ..limits() };
    let mut world = World::new(limits);
    let mut sent = Vec::new();
    for n in 0..20_000u64 {
        let time = MIDNIGHT + n as i64 * MINUTE / 20;
        sent.push(view(u128::from(n) + 1, n, time, time));
    }
    let mut forgotten = 0;
    for batch in sent.chunks(100) {
        let stats = world.batch(batch);
        forgotten += stats.visitors_forgotten;
        assert!(stats.ids <= 2_100, "{stats:?}");
        assert!(stats.visitors <= 600, "{stats:?}");
        assert!(stats.timelines <= stats.visitors, "{stats:?}");
    }
    assert!(forgotten > 15_000, "{forgotten}");
    let now = sent.last().unwrap().received_at;
    for batch in sent.chunks(1_000) {
        let again: Vec<_> = batch.iter().map(|a| Act { received_at: now, ..a.clone() }).collect();
        world.batch(&again);
    }
    assert_eq!(world.stats.stored, 20_000);
    assert_eq!(world.stats.repeats + world.stats.dead_letters, 20_000);
    assert!(world.stats.repeats >= 1_500, "{:?}", world.stats);
}

#[test]
fn idle_state_goes_away() {
    let mut world = World::new(limits());
    for n in 0..2_000u64 {
        world.batch(&[view(u128::from(n) + 1, n, MIDNIGHT, MIDNIGHT)]);
    }
    let mut stats = world.stats;
    for hours in (0..80).step_by(2) {
        let time = MIDNIGHT + hours * HOUR;
        stats = world.batch(&[view(100_000 + hours as u128, 5_000, time, time)]);
    }
    assert!(stats.visitors <= 5 && stats.timelines <= 2 && stats.ids < 40, "{stats:?}");
}
