//! Ownership, fencing and transactions.

use std::time::Duration;

use footfall_tests::Broker;
use footfall_topics::kafka::KafkaLog;
use footfall_topics::{CommitError, Log, Ownership, Position, RecordBatch, Topic};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use crate::support::{
    PARTITIONS, append, collect, gain, open, partition, read_all, settings, values,
};

fn outputs(number: u32, values: &[&str]) -> RecordBatch {
    let mut batch = RecordBatch::new();
    for value in values {
        batch.push(Topic::JudgedEvents, number, b"key", value.as_bytes());
    }
    batch
}

fn position(number: u32, offset: u64, metadata: &str) -> Position {
    Position { partition: partition(Topic::Clicks, number), offset, metadata: metadata.to_owned() }
}

#[test]
fn outputs_and_positions_are_committed_together_with_metadata() {
    let log = open("commit");
    let mut member = log.join("judge").expect("joined");
    assert_eq!(gain(member.as_mut(), PARTITIONS as usize), [0, 1, 2]);
    let mut shard = member.opener().open(1).expect("opened");
    let inputs = [partition(Topic::Clicks, 1), partition(Topic::Views, 1)];
    assert_eq!(shard.committed(&inputs).expect("known"), [None, None]);
    for round in 1..=3 {
        let value = format!("round {round}");
        let note = format!("{{\"block\":{round}}}");
        shard.commit(&outputs(1, &[&value]), &[position(1, round, &note)]).expect("committed");
    }
    shard.commit(&RecordBatch::new(), &[position(1, 4, "only a position")]).expect("committed");
    shard.commit(&outputs(1, &["only an output"]), &[]).expect("committed");
    let committed = shard.committed(&inputs).expect("known");
    assert_eq!(committed, [Some(position(1, 4, "only a position")), None]);
    let found = read_all(&*log, partition(Topic::JudgedEvents, 1), 0);
    assert_eq!(values(&found), ["round 1", "round 2", "round 3", "only an output"]);
    assert!(found[3].0 > 3, "transaction markers take offsets");

    let long = "x".repeat(4_096);
    shard.commit(&RecordBatch::new(), &[position(1, 5, &long)]).expect("the most there can be");
    let error = shard.commit(&RecordBatch::new(), &[position(1, 6, &(long + "x"))]);
    assert!(matches!(error, Err(CommitError::Failed(_))), "{error:?}");
    shard.commit(&outputs(1, &["goes on"]), &[position(1, 6, "")]).expect("committed");
    // Another group on the same topics has its own positions.
    let mut other = log.join("loader").expect("joined");
    gain(other.as_mut(), PARTITIONS as usize);
    let mut theirs = other.opener().open(1).expect("opened");
    assert_eq!(theirs.committed(&inputs).expect("known"), [None, None]);
    theirs.commit(&RecordBatch::new(), &[position(1, 9, "theirs")]).expect("committed");
    shard.commit(&RecordBatch::new(), &[position(1, 7, "ours")]).expect("not fenced");
}

#[test]
fn a_second_opener_fences_the_first() {
    let log = open("fence");
    let mut member = log.join("judge").expect("joined");
    gain(member.as_mut(), PARTITIONS as usize);
    let opener = member.opener();
    let mut first = opener.open(0).expect("opened");
    first.commit(&outputs(0, &["first"]), &[position(0, 1, "1")]).expect("committed");
    let mut second = opener.open(0).expect("opened again");
    let lost = first.commit(&outputs(0, &["zombie"]), &[position(0, 99, "zombie")]);
    assert!(matches!(lost, Err(CommitError::Lost(_))), "{lost:?}");
    let lost = first.commit(&outputs(0, &["zombie"]), &[position(0, 99, "zombie")]);
    assert!(lost.is_err(), "and stays so");
    second.commit(&outputs(0, &["second"]), &[position(0, 2, "2")]).expect("committed");
    let committed = second.committed(&[partition(Topic::Clicks, 0)]).expect("known");
    assert_eq!(committed, [Some(position(0, 2, "2"))]);
    let found = read_all(&*log, partition(Topic::JudgedEvents, 0), 0);
    assert_eq!(values(&found), ["first", "second"]);
    let refused = opener.open(PARTITIONS).map(drop);
    assert!(matches!(refused, Err(CommitError::Lost(_))), "not ours: {refused:?}");
}

#[test]
fn a_dead_owners_open_transaction_is_never_seen() {
    let broker = Broker::shared();
    let prefix = broker.prefix("dead");
    let log = KafkaLog::open(settings(broker, &prefix)).expect("opens");
    // What an owner leaves behind that was killed in the middle of a transaction.
    let dead: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", broker.bootstrap())
        .set("transactional.id", format!("{prefix}judge-shard-2"))
        .create()
        .expect("a producer");
    dead.init_transactions(Duration::from_secs(20)).expect("initialised");
    dead.begin_transaction().expect("begun");
    let topic = format!("{prefix}judged-events");
    dead.send(BaseRecord::<str, str>::to(&topic).partition(2).payload("half")).expect("sent");
    dead.flush(Duration::from_secs(10)).expect("stored, not committed");

    let mut reader = log.reader().expect("a reader");
    reader.assign(partition(Topic::JudgedEvents, 2), 0).expect("assigned");
    let before = reader.poll(1 << 20, Duration::from_secs(1)).expect("readable");
    assert!(before.iter().all(|chunk| chunk.is_empty()), "{before:?}");
    let mut member = log.join("judge").expect("joined");
    gain(member.as_mut(), PARTITIONS as usize);
    let mut shard = member.opener().open(2).expect("opened");
    shard.commit(&outputs(2, &["whole"]), &[]).expect("committed");
    let found = collect(reader.as_mut(), 1);
    assert_eq!(found, [b"whole".to_vec()]);
    assert!(dead.commit_transaction(Duration::from_secs(5)).is_err(), "it is fenced");
}

#[test]
fn a_shard_moves_when_a_member_joins_and_back_when_it_leaves() {
    let log = open("move");
    let mut one = log.join("judge").expect("joined");
    gain(one.as_mut(), PARTITIONS as usize);
    let opener = one.opener();
    let mut shards: Vec<_> =
        (0..PARTITIONS).map(|shard| Some(opener.open(shard).expect("opened"))).collect();
    let mut two = log.join("judge").expect("joined");
    let mut moved = None;
    let mut gained = None;
    for _ in 0..300 {
        for event in one.poll(Duration::from_millis(50)).expect("a member") {
            // The last work of a shard that is being given away still gets through.
            let Ownership::Revoked(shard) = event else { panic!("not revoked: {event:?}") };
            let mut last = shards[shard as usize].take().expect("it was ours");
            last.commit(&outputs(shard, &["last work"]), &[position(shard, 7, "last")])
                .expect("the shard is ours until the next poll");
            assert!(moved.replace((shard, last)).is_none(), "only one of three moves");
        }
        gained = two.poll(Duration::from_millis(50)).expect("a member").pop().or(gained);
        if gained.is_some() {
            break;
        }
    }
    let (shard, mut last) = moved.expect("one was given away");
    assert_eq!(gained, Some(Ownership::Gained(shard)));
    let late = last.commit(&outputs(shard, &["too late"]), &[]);
    assert!(matches!(late, Err(CommitError::Lost(_))), "{late:?}");
    let mut theirs = two.opener().open(shard).expect("opened");
    let committed = theirs.committed(&[partition(Topic::Clicks, shard)]).expect("known");
    assert_eq!(committed, [Some(position(shard, 7, "last"))]);
    // The survivor was not disturbed: its other shards commit on.
    for (number, shard) in (0..).zip(&mut shards) {
        if let Some(shard) = shard {
            shard.commit(&outputs(number, &["undisturbed"]), &[]).expect("committed");
        }
    }
    drop(two);
    assert_eq!(gain(one.as_mut(), 1), [shard]);
    let after = theirs.commit(&outputs(shard, &["after leaving"]), &[]);
    assert!(matches!(after, Err(CommitError::Lost(_))), "{after:?}");
    opener.open(shard).expect("opened again").commit(&outputs(shard, &["back"]), &[]).expect("ok");
    let found = read_all(&*log, partition(Topic::JudgedEvents, shard), 0);
    assert_eq!(values(&found), ["last work", "back"]);
    append(&*log, Topic::Clicks, 0, &["appends never cared"]);
}
