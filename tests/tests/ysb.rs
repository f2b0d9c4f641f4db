//! The Yahoo streaming benchmark: exact against what was generated, from a file and from Kafka, also
//! when the process is killed in between and the topic holds what was rolled back.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use footfall_tests::{Broker, footfall};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(30);

fn ysb(arguments: &[&str]) -> Command {
    let mut command = Command::new(footfall::binary());
    command.args(["bench", "ysb"]).args(arguments);
    command
}

fn run(arguments: &[&str]) -> Value {
    let output = ysb(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text}");
    serde_json::from_str(&text).unwrap()
}

fn counts(path: &Path) -> BTreeMap<String, u64> {
    let text = std::fs::read_to_string(path).unwrap();
    let line = |line: &str| {
        let (window, count) = line.rsplit_once(',').unwrap();
        (window.to_owned(), count.parse().unwrap())
    };
    text.lines().map(line).collect()
}

#[test]
fn counts_from_a_file_are_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (file, ads, expected, out) = (path("events"), path("ads"), path("expected"), path("out"));
    let given = ["--file", &file, "--ads", &ads];
    run(&[&given[..], &["--out", &expected, "--generate", "150000", "--seed", "7"]].concat());
    let first: String = std::fs::read_to_string(&file).unwrap().lines().take(1).collect();
    assert!((230..270).contains(&first.len()), "{first}");
    // Without a line end at the end, after lines that are no events.
    let mut events = std::fs::OpenOptions::new().append(true).open(&file).unwrap();
    events.write_all(b"\n{\"ad_id\": \"\nnonsense\r\n{}").unwrap();
    drop(events);
    let said = run(&[&given[..], &["--out", &out]].concat());
    assert_eq!((&said["events"], &said["malformed"]), (&150_003.into(), &3.into()), "{said}");
    assert!(said["seconds"].as_f64() > Some(0.0) && said["cpu_seconds"].as_f64() > Some(0.0));
    let found = counts(Path::new(&out));
    assert_eq!(found, counts(Path::new(&expected)));
    assert_eq!(found.values().sum::<u64>(), said["counted"].as_u64().unwrap());
    assert_eq!(said["windows"], found.len());

    // The same seed makes the same events, another one others.
    let again = path("again");
    run(&["--file", &again, "--ads", &ads, "--out", &out, "--generate", "10", "--seed", "7"]);
    assert!(std::fs::read_to_string(&again).unwrap().starts_with(&first));
    run(&["--file", &again, "--ads", &ads, "--out", &out, "--generate", "10", "--seed", "8"]);
    assert!(!std::fs::read_to_string(&again).unwrap().starts_with(&first));
}

#[test]
fn wrong_use_is_explained() {
    for (arguments, text) in [
        (&["--topic", "t", "--ads", "a", "--out", "o"][..], "--kafka HOST:PORT"),
        (&["--ads", "a", "--out", "o"], "--topic"),
        (
            &["--file", "/nowhere/e", "--ads", "/nowhere/a", "--out", "o"],
            "/nowhere/a can't be read",
        ),
    ] {
        let output = ysb(arguments).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(text), "{said}");
    }
}

/// Writes events of an ad that would count, and rolls them back.
fn roll_back(broker: &Broker, topic: &str, ad: &str) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap()).set("transactional.id", topic);
    let producer: BaseProducer = config.create().unwrap();
    producer.init_transactions(PATIENCE).unwrap();
    producer.begin_transaction().unwrap();
    let event =
        format!(r#"{{"ad_id": "{ad}", "event_type": "view", "event_time": "1700000000000"}}"#);
    for partition in 0..2 {
        for _ in 0..100 {
            let record = BaseRecord::<(), _>::to(topic).partition(partition).payload(&event);
            producer.send(record).map_err(|(error, _)| error).unwrap();
        }
    }
    producer.flush(PATIENCE).unwrap();
    producer.abort_transaction(PATIENCE).unwrap();
}

/// Kills a run as soon as it has committed something more.
fn kill_after_a_commit(broker: &Broker, topic: &str, run: &str, mut child: Child) {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker.bootstrap()).set("group.id", format!("footfall.{run}"));
    let consumer: BaseConsumer = config.create().unwrap();
    let committed = || {
        let mut list = TopicPartitionList::new();
        list.add_partition(topic, 0);
        list.add_partition(topic, 1);
        let found = consumer.committed_offsets(list, PATIENCE).unwrap();
        let offset = |at: Offset| if let Offset::Offset(offset) = at { offset } else { 0 };
        found.elements().iter().map(|part| offset(part.offset())).sum::<i64>()
    };
    let (before, deadline) = (committed(), Instant::now() + PATIENCE);
    while committed() == before && child.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "nothing is committed");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn counts_from_kafka_are_exact_also_after_a_kill() {
    let broker = Broker::shared();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (ads, expected, out) = (path("ads"), path("expected"), path("out"));
    let topic = broker.prefix("ysb").replace('.', "");
    let given = ["--kafka", broker.bootstrap(), "--topic", &topic, "--ads", &ads];
    run(&[&given[..], &["--out", &expected, "--generate", "400000"]].concat());
    let ad = std::fs::read_to_string(&ads).unwrap();
    roll_back(broker, &topic, ad.split_once(',').unwrap().0);

    let named = [&given[..], &["--out", &out, "--run", "killed"]].concat();
    let child = ysb(&named).stdout(Stdio::null()).spawn().unwrap();
    kill_after_a_commit(broker, &topic, "killed", child);
    let said = run(&named);
    assert_eq!(counts(Path::new(&out)), counts(Path::new(&expected)), "{said}");
    // Nothing is left to count, and what was counted stays.
    assert_eq!(run(&named)["events"], 0);
    assert_eq!(counts(Path::new(&out)), counts(Path::new(&expected)));

    // A run of its own begins at the beginning.
    let said = run(&[&given[..], &["--out", &out]].concat());
    assert_eq!(said["events"], 400_000);
    assert_eq!(counts(Path::new(&out)), counts(Path::new(&expected)));
}
