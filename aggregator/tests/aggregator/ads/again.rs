//! History judged again by the rules that judged it says the same of every click, to the last one.

use std::collections::BTreeMap;
use std::sync::Arc;

use footfall_aggregator::Settings;
use footfall_aggregator::replay::{ReplayProgress, replay};
use footfall_aggregator::rules::RuleSet;
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::{Log, RecordBatch, append_blocking};

use super::arrival::{Bursts, arrivals, run};
use super::pipeline::NETWORK_SHARDS;

#[test]
fn the_same_rules_say_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    for (seed, order) in [(1, 0), (2, 0), (1, 1), (2, 1)] {
        let events = Bursts::of(seed);
        let (_, expected) = run(&events, order, None);
        let dir = folder.path().join(format!("{seed}-{order}"));
        let partitions = NETWORK_SHARDS as u32;
        let settings = embedded::Settings { partitions, ..embedded::Settings::new(dir) };
        let log = EmbeddedLog::open(settings).unwrap();
        for some in arrivals(&events, order).chunks(500) {
            let mut batch = RecordBatch::new();
            for (_, arrival) in some {
                let (topic, shard) = (arrival.event.activity.topic(), arrival.network);
                let shard = (shard % NETWORK_SHARDS) as u32;
                batch.push(topic, shard, b"", &arrival.event.to_json());
            }
            append_blocking(log.as_ref(), batch).unwrap();
        }
        let (rules, progress) = (Arc::new(RuleSet::default()), ReplayProgress::default());
        let from = i64::MIN / 2;
        let again = replay(log.as_ref(), &rules, &Settings::default(), from, &progress).unwrap();
        log.close(std::time::Duration::from_secs(10));
        let again: BTreeMap<_, _> =
            again.into_iter().map(|click| (click.id, (click.verdict, click.reasons))).collect();
        let differ: Vec<_> = expected
            .clicks
            .iter()
            .filter(|(id, said)| again.get(id) != Some(said))
            .map(|(id, said)| (id, said, again.get(id)))
            .collect();
        assert!(
            differ.is_empty() && again.len() == expected.clicks.len(),
            "seed {seed}, order {order}: {} of {} clicks differ ({} again): {:?}",
            differ.len(),
            expected.clicks.len(),
            again.len(),
            &differ[..differ.len().min(3)]
        );
    }
}
