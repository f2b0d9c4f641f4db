//! Appending.

use footfall_topics::{AppendError, RecordBatch, Topic, append_blocking};

use super::{LogUnderTest, end, partition, put, read_to_end, values};

/// Records of a partition come back in the order of the appends, whatever lies between them.
pub(crate) fn keeps_order(test: &impl LogUnderTest) {
    let log = test.log();
    let places = [partition(Topic::Pageviews, 0), partition(Topic::Pageviews, 1)];
    let starts = places.map(|place| end(&*log, place));
    for round in 0..50 {
        let mut batch = RecordBatch::new();
        for i in 0..10 {
            for place in &places {
                let value = format!("{}/{round}/{i}", place.number);
                batch.push(place.topic, place.number, b"k", value.as_bytes());
            }
        }
        append_blocking(&*log, batch).unwrap();
    }
    for (place, start) in places.into_iter().zip(starts) {
        let expected: Vec<_> = (0..50)
            .flat_map(|round| (0..10).map(move |i| format!("{}/{round}/{i}", place.number)))
            .collect();
        assert_eq!(values(&read_to_end(&*log, place, start)), expected);
    }
}

/// Many threads at once: nothing is lost or doubled, each thread's order is kept.
pub(crate) fn many_appenders(test: &impl LogUnderTest) {
    const THREADS: usize = 16;
    const APPENDS: usize = 100;
    let log = test.log();
    let place = partition(Topic::Actions, 1);
    let start = end(&*log, place);
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let log = &*log;
            scope.spawn(move || {
                for i in 0..APPENDS {
                    let values = [format!("{thread}/{i}/a"), format!("{thread}/{i}/b")];
                    put(log, place, b"k", &[values[0].as_bytes(), values[1].as_bytes()]);
                }
            });
        }
    });
    let all = values(&read_to_end(&*log, place, start));
    assert_eq!(all.len(), THREADS * APPENDS * 2);
    for thread in 0..THREADS {
        let prefix = format!("{thread}/");
        let own: Vec<_> = all.iter().filter(|value| value.starts_with(&prefix)).collect();
        let expected: Vec<_> = (0..APPENDS)
            .flat_map(|i| [format!("{thread}/{i}/a"), format!("{thread}/{i}/b")])
            .collect();
        assert_eq!(own, expected.iter().collect::<Vec<_>>());
    }
}

/// A batch that is larger than any block or message set.
pub(crate) fn large_batch(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::Views, 0);
    let start = end(&*log, place);
    let value = |i: usize| format!("{i:0>width$}", width = 10 + i % 4_000);
    let mut batch = RecordBatch::new();
    for i in 0..5_000 {
        batch.push(place.topic, place.number, b"", value(i).as_bytes());
    }
    append_blocking(&*log, batch).unwrap();
    let all = values(&read_to_end(&*log, place, start));
    assert_eq!(all.len(), 5_000);
    assert!(all.iter().enumerate().all(|(i, found)| *found == value(i)));
}

/// Keys and values are any bytes, also none.
pub(crate) fn any_bytes(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::Clicks, 0);
    let start = end(&*log, place);
    let every: Vec<u8> = (0..=255).collect();
    let pairs: [(&[u8], &[u8]); 4] =
        [(&every, b"v"), (b"k", &every), (b"", b"x"), (b"\0", b"\0\0")];
    let mut batch = RecordBatch::new();
    for (key, value) in pairs {
        batch.push(place.topic, place.number, key, value);
    }
    append_blocking(&*log, batch).unwrap();
    let all = read_to_end(&*log, place, start);
    let found: Vec<_> = all.iter().map(|(_, key, value)| (&key[..], &value[..])).collect();
    assert_eq!(found, pairs);
}

/// A record beyond all limits is refused by name, and the log goes on.
pub(crate) fn refuses_too_large(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::Searches, 0);
    let start = end(&*log, place);
    let mut batch = RecordBatch::new();
    batch.push(place.topic, place.number, b"k", &vec![b'x'; 32 << 20]);
    match append_blocking(&*log, batch) {
        Err(AppendError::TooLarge(bytes)) => assert!(bytes >= 32 << 20),
        other => panic!("{other:?}"),
    }
    put(&*log, place, b"k", &[b"small"]);
    assert_eq!(values(&read_to_end(&*log, place, start)), ["small"]);
}

/// A partition that does not exist is refused.
pub(crate) fn refuses_unknown_partitions(test: &impl LogUnderTest) {
    let log = test.log();
    let mut batch = RecordBatch::new();
    batch.push(Topic::Catalog, 100_000, b"k", b"v");
    assert!(append_blocking(&*log, batch).is_err());
    assert!(log.offsets(partition(Topic::Catalog, 100_000)).is_err());
}

/// An empty batch is done at once.
pub(crate) fn empty_batch(test: &impl LogUnderTest) {
    append_blocking(&*test.log(), RecordBatch::new()).unwrap();
    let (sender, receiver) = std::sync::mpsc::channel();
    test.log().append(RecordBatch::new(), Box::new(move |result| sender.send(result).unwrap()));
    receiver.recv_timeout(super::PATIENCE).unwrap().unwrap();
}
