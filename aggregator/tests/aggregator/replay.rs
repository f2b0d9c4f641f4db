//! From any snapshot on, the same batches give the same bytes.

use footfall_aggregator::core::Core;
use footfall_aggregator::shard::{RestoreError, Stage};
use footfall_event::Activity;

use crate::world::{Act, HOUR, MIDNIGHT, MINUTE, World, limits};

/// A few days of traffic with everything in it: sweeps, midnights, late events, repeats, bots.
fn traffic() -> Vec<Vec<Act>> {
    let mut seed = 7u64;
    let mut random = move |below: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % below
    };
    let mut batches = Vec::new();
    let mut now = MIDNIGHT - 20 * HOUR;
    let mut sent: Vec<Act> = Vec::new();
    for _ in 0..400 {
        now += random(20) as i64 * MINUTE;
        let mut batch = Vec::new();
        for _ in 0..random(20) {
            if random(10) == 0 && !sent.is_empty() {
                let again = sent[random(sent.len() as u64) as usize].clone();
                batch.push(Act { received_at: now, ..again });
                continue;
            }
            let age = if random(15) == 0 { random(20 * 60) } else { random(20) };
            let act = Act {
                id: (u128::from(random(u64::MAX)) << 64) | u128::from(random(u64::MAX)),
                person: 1 + random(40),
                activity: [
                    Activity::Pageview,
                    Activity::Engagement,
                    Activity::Search,
                    Activity::Click,
                ][random(4) as usize],
                time: now - age as i64 * MINUTE,
                received_at: now,
                path: random(5) as u8,
                source: random(3) as u8,
                engaged_ms: random(3) as u32 * 500,
                bot: random(9) == 0,
            };
            sent.push(act.clone());
            batch.push(act);
        }
        batches.push(batch);
    }
    batches
}

#[test]
fn every_snapshot_leads_to_the_same_bytes() {
    let batches = traffic();
    let mut world = World::new(limits());
    let mut marks = Vec::new();
    for batch in &batches {
        marks.push((world.core.snapshot(), world.outputs.len()));
        world.batch(batch);
    }
    assert!(world.stats.repeats > 50 && world.stats.late > 50, "{:?}", world.stats);
    assert!(world.stats.dead_letters > 0, "some repeats are older than ids are remembered");
    for start in (0..batches.len()).step_by(23) {
        let mut again = World::new(limits());
        again.core.restore(&marks[start].0).unwrap();
        for batch in &batches[start..] {
            again.batch(batch);
        }
        // The dead letters' offsets count from another start here.
        let outputs = |world: &World, from: usize| -> Vec<_> {
            let letter = footfall_event::Topic::DeadLetters;
            world.outputs[from..].iter().filter(|(topic, _)| *topic != letter).cloned().collect()
        };
        assert!(outputs(&again, 0) == outputs(&world, marks[start].1), "from batch {start}");
    }
}

#[test]
fn a_torn_snapshot_is_refused_and_changes_nothing() {
    let mut world = World::new(limits());
    for batch in traffic().iter().take(50) {
        world.batch(batch);
    }
    let whole = world.core.snapshot();
    let mut core = Core::new(limits());
    for cut in (0..whole.len()).step_by(whole.len() / 300 + 1) {
        assert_eq!(core.restore(&whole[..cut]), Err(RestoreError::Torn), "cut at {cut}");
    }
    let mut newer = whole.clone();
    newer[0] = 200;
    assert!(matches!(core.restore(&newer), Err(RestoreError::Version { found: 200, .. })));
    assert_eq!(core.snapshot(), Core::new(limits()).snapshot());
    core.restore(&whole).unwrap();
}
