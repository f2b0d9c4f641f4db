//! What is kept: over a restart, and in compacted topics.

use std::collections::BTreeMap;

use footfall_topics::{Log, Partition, RecordBatch, Topic, append_blocking};

use super::{LogUnderTest, Record, end, fresh, partition, put, read_to_end, values};

/// What was acknowledged is there after a restart, and offsets go on.
pub(crate) fn survives_a_restart(test: &impl LogUnderTest) {
    let place = partition(Topic::Impressions, 1);
    let start = end(&*test.log(), place);
    for round in 0..3 {
        let log = test.log();
        for i in 0..20 {
            put(&*log, place, b"k", &[format!("{round}/{i}").as_bytes()]);
        }
        drop(log);
        test.restart();
    }
    let log = test.log();
    let all = read_to_end(&*log, place, start);
    let expected: Vec<_> =
        (0..3).flat_map(|round| (0..20).map(move |i| format!("{round}/{i}"))).collect();
    assert_eq!(values(&all), expected);
    put(&*log, place, b"k", &[b"last"]);
    let tail = read_to_end(&*log, place, all[59].0 + 1);
    assert_eq!(values(&tail), ["last"]);
    assert!(tail[0].0 > all[59].0);
}

/// Three rounds over a hundred keys, some of them removed in the end.
fn fill(log: &dyn Log, place: Partition, prefix: &str) -> BTreeMap<String, String> {
    let mut expected = BTreeMap::new();
    for round in 0..3 {
        let mut batch = RecordBatch::new();
        for i in 0..100 {
            let key = format!("{prefix}/{i}");
            let value =
                if round == 2 && i % 10 == 0 { String::new() } else { format!("{round}/{i}") };
            batch.push(place.topic, place.number, key.as_bytes(), value.as_bytes());
            expected.insert(key, value);
        }
        append_blocking(log, batch).unwrap();
    }
    expected
}

fn fold(records: &[Record]) -> BTreeMap<String, String> {
    let text = |bytes: &Vec<u8>| String::from_utf8(bytes.clone()).unwrap();
    records.iter().map(|(_, key, value)| (text(key), text(value))).collect()
}

/// Whoever folds a compacted topic gets the same before and after it was compacted, and the
/// superseded records are gone.
pub(crate) fn compaction_keeps_the_last(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::AdPerformance, 1);
    let start = end(&*log, place);
    let expected = fill(&*log, place, &fresh("key"));
    assert_eq!(fold(&read_to_end(&*log, place, start)), expected);
    if !test.compact() {
        return;
    }
    let after = read_to_end(&*log, place, start);
    assert_eq!(after.len(), 100);
    assert_eq!(fold(&after), expected);
    drop(log);
    test.restart();
    assert_eq!(read_to_end(&*test.log(), place, start), after);
}

/// Offsets don't change by compaction: a reader that was in the middle goes on at the right place.
pub(crate) fn offsets_go_on_after_compaction(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::Blocklist, 0);
    let start = end(&*log, place);
    fill(&*log, place, &fresh("key"));
    let before = read_to_end(&*log, place, start);
    let end_before = end(&*log, place);
    if !test.compact() {
        return;
    }
    assert_eq!(end(&*log, place), end_before);
    for skipped in (0..before.len()).step_by(7) {
        let from = before[skipped].0;
        let expected: Vec<_> =
            before[skipped.max(200)..].iter().filter(|record| record.0 >= from).collect();
        let found = read_to_end(&*log, place, from);
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{skipped}");
    }
    put(&*log, place, b"another", &[b"value"]);
    assert_eq!(values(&read_to_end(&*log, place, end_before)), ["value"]);
}
