//! The Yahoo streaming benchmark: exact against what was generated, from a file and from Kafka, also
//! when the process is killed in between.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use footfall_tests::{Broker, footfall};
use serde_json::Value;

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

#[test]
fn counts_from_kafka_are_exact_also_after_a_kill() {
    let broker = Broker::shared();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (ads, expected, out) = (path("ads"), path("expected"), path("out"));
    let topic = broker.prefix("ysb").replace('.', "");
    let given = ["--kafka", broker.bootstrap(), "--topic", &topic, "--ads", &ads];
    run(&[&given[..], &["--out", &expected, "--generate", "400000"]].concat());

    let named = [&given[..], &["--out", &out, "--run", "killed"]].concat();
    let mut child = ysb(&named).stdout(Stdio::null()).spawn().unwrap();
    std::thread::sleep(Duration::from_millis(1_500));
    child.kill().unwrap();
    child.wait().unwrap();
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
