//! Groups, shards and their commits.

use std::time::{Duration, Instant};

use footfall_topics::{CommitError, Log, Membership, Ownership, Position, RecordBatch, Topic};

use super::{LogUnderTest, PATIENCE, end, fresh, gain_all, open, partition, read_to_end, values};

fn join(log: &dyn Log, group: &str) -> Box<dyn Membership> {
    let mut member = log.join(group).unwrap();
    gain_all(&mut *member, log.partitions(Topic::Shards));
    member
}

fn output(value: &str) -> RecordBatch {
    let mut batch = RecordBatch::new();
    batch.push(Topic::JudgedEvents, 1, b"k", format!("{value}/judged").as_bytes());
    batch.push(Topic::Sessions, 1, b"k", format!("{value}/session").as_bytes());
    batch
}

fn position(offset: u64, metadata: &str) -> Position {
    let partition = partition(Topic::Pageviews, 1);
    Position { partition, offset, metadata: metadata.to_owned() }
}

/// Outputs and positions with metadata are there after a commit, also after a restart.
pub(crate) fn commits_outputs_and_positions(test: &impl LogUnderTest) {
    let log = test.log();
    let places = [partition(Topic::JudgedEvents, 1), partition(Topic::Sessions, 1)];
    let starts = places.map(|place| end(&*log, place));
    let group = fresh("commits");
    let input = [partition(Topic::Pageviews, 1)];
    {
        let member = join(&*log, &group);
        let mut shard = open(&*member, 1);
        shard.commit(&output("one"), &[position(7, "{\"a\":\"ä\"}")]).unwrap();
        shard.commit(&output("two"), &[position(9, "")]).unwrap();
        shard.commit(&RecordBatch::new(), &[position(11, "last")]).unwrap();
        shard.commit(&output("three"), &[]).unwrap();
        assert_eq!(shard.committed(&input).unwrap(), [Some(position(11, "last"))]);
    }
    drop(log);
    test.restart();
    let log = test.log();
    for (place, (start, kind)) in
        places.into_iter().zip(starts.into_iter().zip(["judged", "session"]))
    {
        let expected: Vec<_> = ["one", "two", "three"].map(|name| format!("{name}/{kind}")).into();
        assert_eq!(values(&read_to_end(&*log, place, start)), expected);
    }
    let member = join(&*log, &group);
    let mut shard = open(&*member, 1);
    assert_eq!(shard.committed(&input).unwrap(), [Some(position(11, "last"))]);
}

/// Once a shard is opened again, the owner before can't commit any more.
pub(crate) fn fences_the_owner_before(test: &impl LogUnderTest) {
    let log = test.log();
    let place = partition(Topic::JudgedEvents, 0);
    let start = end(&*log, place);
    let member = join(&*log, &fresh("fences"));
    let mut old = open(&*member, 0);
    let batch = |value: &str| {
        let mut batch = RecordBatch::new();
        batch.push(place.topic, place.number, b"k", value.as_bytes());
        batch
    };
    old.commit(&batch("old"), &[position(1, "old")]).unwrap();
    let mut new = open(&*member, 0);
    match old.commit(&batch("fenced"), &[position(2, "fenced")]) {
        Err(CommitError::Lost(_)) => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(
        new.committed(&[partition(Topic::Pageviews, 1)]).unwrap(),
        [Some(position(1, "old"))]
    );
    new.commit(&batch("new"), &[position(3, "new")]).unwrap();
    assert_eq!(values(&read_to_end(&*log, place, start)), ["old", "new"]);
}

/// When a member leaves, another gets its shards and goes on where it stopped.
pub(crate) fn moves_to_another_member(test: &impl LogUnderTest) {
    let log = test.log();
    let shards = log.partitions(Topic::Shards);
    let group = fresh("moves");
    let mut first = join(&*log, &group);
    let mut shard = open(&*first, 1);
    shard.commit(&output("first"), &[position(5, "first")]).unwrap();

    // Both are polled until everything that the second got was given up by the first.
    let mut second = log.join(&group).unwrap();
    let deadline = Instant::now() + PATIENCE;
    let mut gained = 0;
    while gained == 0 {
        for change in second.poll(Duration::from_millis(100)).unwrap() {
            gained += u32::from(matches!(change, Ownership::Gained(_)));
        }
        first.poll(Duration::from_millis(100)).unwrap();
        assert!(Instant::now() < deadline, "the second member gets shards");
    }
    drop(shard);
    drop(first);
    let mut held = gained;
    while held < shards {
        for change in second.poll(Duration::from_millis(100)).unwrap() {
            match change {
                Ownership::Gained(_) => held += 1,
                Ownership::Revoked(_) | Ownership::Lost(_) => held -= 1,
            }
        }
        assert!(Instant::now() < deadline, "the second member gets all shards");
    }
    let mut shard = open(&*second, 1);
    let committed = shard.committed(&[partition(Topic::Pageviews, 1)]).unwrap();
    assert_eq!(committed, [Some(position(5, "first"))]);
    shard.commit(&output("second"), &[position(6, "second")]).unwrap();
}

/// A position that was never committed is `None`, and groups don't see each other's.
pub(crate) fn unknown_positions_are_none(test: &impl LogUnderTest) {
    let log = test.log();
    let member = join(&*log, &fresh("one"));
    open(&*member, 1).commit(&RecordBatch::new(), &[position(3, "x")]).unwrap();
    let other = join(&*log, &fresh("other"));
    let asked = [partition(Topic::Pageviews, 1), partition(Topic::Clicks, 1)];
    assert_eq!(open(&*other, 1).committed(&asked).unwrap(), [None, None]);
}
