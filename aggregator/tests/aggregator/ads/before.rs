//! A state of stage 2 that an earlier version stored is read: its totals, budgets and transactions
//! reach further back than the log does.
//!
//! `before/records` is what a shard of stage 2 took of 240 random ad events (topic, tab, record), in two
//! parts. `before/state-2` is the state that version 2 of the snapshots had after the first part,
//! `before/state-3` that of version 3: made by the last commits that wrote them, and not to be made again.

use std::sync::Arc;

use footfall_aggregator::Settings;
use footfall_aggregator::ads::Ads;
use footfall_aggregator::rules::RuleSet;
use footfall_aggregator::shard::Stage;
use footfall_event::Topic;
use footfall_topics::RecordBatch;

use super::pipeline::{CAMPAIGN_SHARDS, Record, inputs};

const SHARD: u32 = 2;

fn part(lines: &str) -> Vec<Record> {
    let record = |line: &str| {
        let (topic, record) = line.split_once('\t').unwrap();
        (Topic::parse(topic).unwrap(), record.as_bytes().to_vec())
    };
    lines.lines().map(record).collect()
}

/// What a shard writes of some records.
fn written(ads: &mut Ads, records: &[Record], first: u64) -> RecordBatch {
    let mut out = RecordBatch::new();
    let stats = ads.process(&inputs(records, first), SHARD, &mut out);
    assert_eq!(stats.dead_letters, 0);
    out
}

#[test]
fn a_state_of_the_version_before_goes_on() {
    let (first, second) = include_str!("before/records").split_once("\n\n").unwrap();
    let (first, second) = (part(first), part(second));
    let fresh = || {
        let mut ads = Ads::new(Settings::default().ad_limits()).among(CAMPAIGN_SHARDS);
        ads.set_rules(Arc::new(RuleSet::default()));
        ads
    };
    let mut always = fresh();
    assert!(!written(&mut always, &first, 0).is_empty());
    let expected = written(&mut always, &second, first.len() as u64);
    assert!(expected.len() > 50, "{} records", expected.len());
    let states: [&[u8]; 2] = [include_bytes!("before/state-2"), include_bytes!("before/state-3")];
    for state in states {
        let mut restored = fresh();
        restored.restore(state).unwrap();
        let found = written(&mut restored, &second, first.len() as u64);
        assert!(found.iter().eq(expected.iter()), "the same bytes as if it had run on");
    }
    let mut without = fresh();
    let other = written(&mut without, &second, first.len() as u64);
    assert!(!other.iter().eq(expected.iter()), "the state makes a difference");
}
