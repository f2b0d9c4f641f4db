//! Compaction of the embedded log, and the cleaning of its files, against a model.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{collections::BTreeMap, time::Duration};

use footfall_topics::{
    Log, Position, RecordBatch, ShardLog, Topic, append_blocking,
    embedded::{EmbeddedLog, Settings},
};
use proptest::prelude::*;

#[path = "contract/mod.rs"]
#[allow(dead_code, unused_macros)]
mod contract;

use contract::{end, gain_all, open, partition, read_to_end};

#[derive(Clone, Debug)]
enum Step {
    /// Appends values (empty: a removal) for keys.
    Put(Vec<(u8, u16)>),
    /// Commits a position.
    Commit(u64),
    Compact,
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let records = prop::collection::vec((0u8..12, 0u16..400), 1..40);
    prop_oneof![
        6 => records.prop_map(Step::Put),
        2 => any::<u64>().prop_map(Step::Commit),
        3 => Just(Step::Compact),
        1 => Just(Step::Restart),
    ]
}

fn check_compacted(log: &EmbeddedLog, model: &[(u8, Vec<u8>)]) -> Result<(), TestCaseError> {
    let place = partition(Topic::Blocklist, 0);
    let stored = read_to_end(log, place, 0);
    prop_assert_eq!(end(log, place), model.len() as u64);
    let mut last = BTreeMap::new();
    for (offset, (key, _)) in model.iter().enumerate() {
        last.insert(*key, offset as u64);
    }
    // Whatever is stored is what was appended at this offset.
    for (offset, key, value) in &stored {
        let (expected_key, expected) = &model[*offset as usize];
        prop_assert_eq!((&key[..], value), (&[*expected_key][..], expected));
    }
    // The last record of each key is stored.
    for offset in last.values() {
        prop_assert!(stored.iter().any(|record| record.0 == *offset), "offset {} is gone", offset);
    }
    for from in [model.len() / 3, model.len() / 2, model.len().saturating_sub(1)] {
        let mut expected = stored.clone();
        expected.retain(|record| record.0 >= from as u64);
        prop_assert_eq!(read_to_end(log, place, from as u64), expected);
    }
    Ok(())
}

fn shard_of(log: &dyn Log) -> Box<dyn ShardLog> {
    let mut member = log.join("group").unwrap();
    gain_all(&mut *member, 4);
    open(&*member, 0)
}

/// Memory is faster than a disk where it is not about the disk.
fn fast_folder() -> tempfile::TempDir {
    let memory = std::path::Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn compaction_agrees_with_a_model(steps in prop::collection::vec(step(), 1..20)) {
        let folder = fast_folder();
        // Files that are small enough to be rewritten again and again.
        let settings = Settings { max_bytes: 16 << 20, ..Settings::new(folder.path()) };
        let reopen = || EmbeddedLog::open(settings.clone()).unwrap();
        let mut position = None;
        let mut log = reopen();
        let mut model: Vec<(u8, Vec<u8>)> = Vec::new();
        for step in steps {
            match step {
                Step::Put(records) => {
                    let mut batch = RecordBatch::new();
                    for (key, length) in records {
                        // Long values, so that blocks are large enough to be left alone.
                        let value = vec![key; usize::from(length) * 20];
                        batch.push(Topic::Blocklist, 0, &[key], &value);
                        model.push((key, value));
                    }
                    append_blocking(&*log, batch).unwrap();
                }
                Step::Commit(offset) => {
                    let metadata = format!("metadata of {offset}");
                    let next = Position { partition: partition(Topic::Clicks, 0), offset, metadata };
                    shard_of(&*log).commit(&RecordBatch::new(), std::slice::from_ref(&next)).unwrap();
                    position = Some(next);
                }
                Step::Compact => {
                    log.tidy().unwrap();
                    let stored = read_to_end(&*log, partition(Topic::Blocklist, 0), 0);
                    let mut keys: Vec<_> = stored.iter().map(|record| &record.1).collect();
                    keys.sort();
                    let count = keys.len();
                    keys.dedup();
                    prop_assert_eq!(keys.len(), count, "each key once after compaction");
                }
                Step::Restart => {
                    log.close(Duration::from_secs(10));
                    drop(log);
                    log = reopen();
                }
            }
            check_compacted(&log, &model)?;
            let committed = shard_of(&*log).committed(&[partition(Topic::Clicks, 0)]).unwrap();
            prop_assert_eq!(&committed, &[position.clone()]);
        }
    }
}
