//! Kills: of a member's process, and of the broker.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use footfall_tests::Broker;
use footfall_topics::kafka::{KafkaLog, Settings};
use footfall_topics::{
    CommitError, Log, Ownership, Position, Reader, RecordBatch, ShardLog, Topic, append_blocking,
};

use crate::support::{PATIENCE, append, gain, partition, read_all, settings, values};

const INPUTS: usize = 3_000;
const SHARDS: u32 = 2;
const MEMBER: &str = "FOOTFALL_TEST_MEMBER_OF";

/// Copies what arrives in `clicks` of one shard to `judged-events`, a few records per commit.
struct Copier {
    shard: u32,
    log: Box<dyn ShardLog>,
    reader: Box<dyn Reader>,
    next: u64,
}

impl Copier {
    fn open(log: &KafkaLog, shard: u32, mut hold: Box<dyn ShardLog>) -> Copier {
        let input = partition(Topic::Clicks, shard);
        let committed = hold.committed(&[input]).expect("known").remove(0);
        let next = committed.map_or(0, |position| position.offset);
        let mut reader = log.reader().expect("a reader");
        reader.assign(input, next).expect("assigned");
        Copier { shard, log: hold, reader, next }
    }

    /// Copies what one poll brings. What a failed commit leaves behind is read again.
    fn step(&mut self) -> Result<(), CommitError> {
        for chunk in self.reader.poll(2_000, Duration::from_millis(20)).expect("readable") {
            if chunk.is_empty() {
                continue;
            }
            let mut outputs = RecordBatch::new();
            for record in chunk.iter() {
                outputs.push(Topic::JudgedEvents, self.shard, record.key, record.value);
            }
            let position = Position {
                partition: chunk.partition,
                offset: chunk.next_offset,
                metadata: format!("after {}", self.next),
            };
            loop {
                match self.log.commit(&outputs, std::slice::from_ref(&position)) {
                    Ok(()) => break,
                    Err(CommitError::Failed(reason)) => eprintln!("again: {reason}"),
                    Err(other) => return Err(other),
                }
            }
            self.next = chunk.next_offset;
        }
        Ok(())
    }
}

/// A member that copies the shards it owns until `finished` says so.
fn copy(log: &KafkaLog, mut finished: impl FnMut() -> bool) {
    let mut member = log.join("copy").expect("joined");
    let opener = member.opener();
    let mut wanted: Vec<u32> = Vec::new();
    let mut copiers: Vec<Copier> = Vec::new();
    while !finished() {
        for event in member.poll(Duration::from_millis(5)).expect("a member") {
            match event {
                Ownership::Gained(shard) => wanted.push(shard),
                Ownership::Revoked(shard) | Ownership::Lost(shard) => {
                    wanted.retain(|other| *other != shard);
                    copiers.retain(|copier| copier.shard != shard);
                }
            }
        }
        wanted.retain(|shard| match opener.open(*shard) {
            Ok(hold) => {
                copiers.push(Copier::open(log, *shard, hold));
                false
            }
            Err(error) => {
                eprintln!("shard {shard} can't be opened yet: {error}");
                !matches!(error, CommitError::Lost(_))
            }
        });
        copiers.retain_mut(|copier| match copier.step() {
            Ok(()) => true,
            Err(error) => {
                eprintln!("shard {} is opened again: {error}", copier.shard);
                wanted.push(copier.shard);
                false
            }
        });
    }
}

/// Not a test of its own: the process that the next one kills.
#[test]
fn member_process() {
    let Ok(prefix) = std::env::var(MEMBER) else { return };
    let broker = Broker::shared();
    let log = KafkaLog::open(Settings { partitions: SHARDS, ..settings(broker, &prefix) });
    copy(&log.expect("opens"), || false);
}

fn start_member(broker: &Broker, prefix: &str) -> Child {
    Command::new(std::env::current_exe().expect("this binary"))
        .args(["--exact", "faults::member_process", "--nocapture"])
        .env(MEMBER, prefix)
        .env("FOOTFALL_TEST_KAFKA", broker.bootstrap())
        .stdout(Stdio::null())
        .spawn()
        .expect("a second process")
}

fn outputs_so_far(log: &KafkaLog) -> u64 {
    (0..SHARDS)
        .map(|shard| log.offsets(partition(Topic::JudgedEvents, shard)).expect("known").end)
        .sum()
}

fn assert_copied_once(log: &KafkaLog, inputs: &[Vec<String>]) {
    for (shard, inputs) in (0..).zip(inputs) {
        let found = read_all(log, partition(Topic::JudgedEvents, shard), 0);
        assert!(values(&found) == *inputs, "shard {shard}: {} of {}", found.len(), inputs.len());
    }
}

#[test]
fn shards_of_a_killed_process_go_on_elsewhere_exactly_once() {
    let broker = Broker::shared();
    let prefix = broker.prefix("takeover");
    let log = KafkaLog::open(Settings { partitions: SHARDS, ..settings(broker, &prefix) });
    let log = log.expect("opens");
    let mut inputs = vec![Vec::new(); SHARDS as usize];
    for (shard, inputs) in (0..).zip(&mut inputs) {
        inputs.extend((0..INPUTS).map(|number| format!("input {shard}/{number}")));
        let all: Vec<&str> = inputs.iter().map(String::as_str).collect();
        append(&*log, Topic::Clicks, shard, &all);
    }
    let mut victim = start_member(broker, &prefix);
    let deadline = Instant::now() + PATIENCE;
    while outputs_so_far(&log) < 100 {
        assert!(Instant::now() < deadline, "the first process copies nothing");
        std::thread::sleep(Duration::from_millis(5));
    }
    victim.kill().expect("killed");
    victim.wait().expect("dead");
    let before = outputs_so_far(&log);
    assert!(before < (SHARDS as usize * INPUTS) as u64, "killed in the middle of its work");
    let total = (SHARDS as usize * INPUTS) as u64;
    let deadline = Instant::now() + PATIENCE;
    copy(&log, || {
        assert!(Instant::now() < deadline, "{} of {total} copied", outputs_so_far(&log));
        // Offsets count markers too, so this is only a hint that it is worth looking.
        outputs_so_far(&log) >= total && copied(&log) == total
    });
    assert_copied_once(&log, &inputs);
}

fn copied(log: &KafkaLog) -> u64 {
    (0..SHARDS)
        .map(|shard| read_all(log, partition(Topic::JudgedEvents, shard), 0).len() as u64)
        .sum()
}

#[test]
fn a_broker_that_is_killed_and_comes_back_costs_nothing_acknowledged() {
    let Some(mut broker) = Broker::own().expect("a broker") else { return };
    let prefix = broker.prefix("outage");
    let settings = Settings {
        partitions: SHARDS,
        append_timeout_ms: 1_000,
        commit_timeout_ms: 2_000,
        session_timeout_ms: 6_000,
        ..settings(&broker, &prefix)
    };
    let log = KafkaLog::open(settings).expect("opens");
    append(&*log, Topic::Clicks, 0, &["before"]);
    let mut member = log.join("judge").expect("joined");
    gain(member.as_mut(), SHARDS as usize);
    let mut shard = member.opener().open(0).expect("opened");
    let mut reader = log.reader().expect("a reader");
    reader.assign(partition(Topic::Clicks, 0), 0).expect("assigned");
    let output = |text: &str| {
        let mut batch = RecordBatch::new();
        batch.push(Topic::JudgedEvents, 0, b"", text.as_bytes());
        batch
    };
    let position = |offset| Position {
        partition: partition(Topic::Clicks, 0),
        offset,
        metadata: String::new(),
    };
    shard.commit(&output("one"), &[position(1)]).expect("committed");

    // A single broker (Kafka 4.3.0) that is killed in the few milliseconds between a commit and its
    // markers forgets the markers when it starts: the transaction hangs for every client, which
    // no client can mend. So let it finish.
    std::thread::sleep(Duration::from_millis(500));
    broker.stop();
    let mut batch = RecordBatch::new();
    batch.push(Topic::Clicks, 0, b"", b"during");
    let started = Instant::now();
    append_blocking(&*log, batch).expect_err("nobody is there");
    assert!(started.elapsed() < Duration::from_secs(10), "took {:?}", started.elapsed());
    log.writable().expect_err("and it is known");
    let outcome = shard.commit(&output("two"), &[position(2)]).expect_err("nobody is there");
    assert!(!matches!(outcome, CommitError::Lost(_)), "{outcome:?}");
    broker.start_again().expect("back");

    let deadline = Instant::now() + PATIENCE;
    while log.writable().is_err() {
        assert!(Instant::now() < deadline, "{:?}", log.writable());
        std::thread::sleep(Duration::from_millis(50));
    }
    append(&*log, Topic::Clicks, 0, &["after"]);
    // What the caller does: open again, and compare.
    drop(shard);
    let opener = member.opener();
    let (mut shard, committed) = loop {
        member.poll(Duration::from_millis(50)).expect("a member");
        let reopened = opener.open(0).and_then(|mut shard| {
            let committed = shard.committed(&[partition(Topic::Clicks, 0)])?.remove(0);
            Ok((shard, committed))
        });
        match reopened {
            Ok(reopened) => break reopened,
            Err(error) => assert!(Instant::now() < deadline, "can't be opened again: {error}"),
        }
    };
    if committed.expect("the first").offset == 1 {
        shard.commit(&output("two"), &[position(2)]).expect("committed");
    }
    let found = read_all(&*log, partition(Topic::JudgedEvents, 0), 0);
    assert_eq!(values(&found), ["one", "two"]);
    // The reader of before the outage goes on by itself.
    let mut clicks = Vec::new();
    while clicks.last().is_none_or(|last| last != b"after") {
        for chunk in reader.poll(1 << 20, Duration::from_millis(500)).expect("readable") {
            clicks.extend(chunk.iter().map(|record| record.value.to_vec()));
        }
        assert!(Instant::now() < deadline, "read only {clicks:?}");
    }
    assert_eq!(clicks[0], b"before");
}
