//! Yahoo's streaming benchmark beside what others reached: `footfall bench ysb` as a process of its
//! own over generated events, its counts compared with the expected ones.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{Row, grouped};
use crate::config::Config;

/// Events per second of processor time over `events` generated events: from a file, and from Kafka
/// if the configuration names a cluster.
pub(super) fn measure(config: &Config, events: u64) -> Result<Vec<Row>> {
    let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
    let file = folder.path().join("events").display().to_string();
    let per_second = count(folder.path(), &["--file", &file], events)?;
    std::fs::remove_file(&file)?;
    let mut rows = vec![Row {
        figure: "Yahoo benchmark from a file, events per CPU-second",
        ours: grouped(per_second),
        baseline: "DuckDB 2.9 M, chDB 2.5 M, Flink 2.1 M elsewhere".to_owned(),
        target: "≥ 3,500,000",
        holds: per_second >= 3_500_000.0,
    }];
    if config.uses_kafka() {
        let topic = format!("ysb-{}", uuid::Uuid::now_v7());
        let from = ["--kafka", &config.kafka.brokers, "--topic", &topic];
        let per_second = count(folder.path(), &from, events)?;
        rows.push(Row {
            figure: "the same from Kafka, exactly once",
            ours: grouped(per_second),
            baseline: "Flink 1.5 M, Kafka Streams 0.5 M elsewhere".to_owned(),
            target: "≥ 2,000,000",
            holds: per_second >= 2_000_000.0,
        });
    }
    Ok(rows)
}

fn count(folder: &Path, from: &[&str], events: u64) -> Result<f64> {
    let [ads, expected, counted] =
        ["ads", "expected", "counted"].map(|name| folder.join(name).display().to_string());
    let number = events.to_string();
    ysb(from, &["--ads", &ads, "--out", &expected, "--generate", &number])?;
    let said = ysb(from, &["--ads", &ads, "--out", &counted])?;
    let lines = |path: &str| -> Result<BTreeSet<String>> {
        Ok(std::fs::read_to_string(path)?.lines().map(str::to_owned).collect())
    };
    ensure!(lines(&expected)? == lines(&counted)?, "the counts are wrong");
    ensure!(said["events"] == events, "{said}: expected {events} events");
    said["events_per_cpu_second"].as_f64().context("no figure")
}

fn ysb(from: &[&str], rest: &[&str]) -> Result<Value> {
    let output = Command::new(std::env::current_exe()?)
        .args(["bench", "ysb"])
        .args(from)
        .args(rest)
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}
