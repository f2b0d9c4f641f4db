//! Judging history again: stored ad events, from the embedded log through both stages.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use footfall_aggregator::replay::{ReplayProgress, replay};
use footfall_aggregator::rules::RuleSet;
use footfall_event::record::Device;
use footfall_event::{Activity, Event, Hex64, Id};
use footfall_topics::embedded::EmbeddedLog;
use footfall_topics::{Log, RecordBatch};

use super::{Row, cpu_seconds, grouped};
use crate::config::Config;
use crate::roles;

/// Somebody sees an ad this often, milliseconds.
const EVERY_MS: i64 = 20;
/// Every so many impressions are clicked.
const CLICKED: u64 = 20;
/// Visitors of the day; each comes back some ten times.
const VISITORS: u64 = 50_000;
const TARGET: f64 = 300_000.0;

/// Some `events` impressions, views and clicks, judged again by the built-in rules.
pub(super) fn measure(events: usize) -> Result<Row> {
    let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
    let config = Config { data: folder.path().to_owned(), ..Config::default() };
    let log: Arc<dyn Log> = EmbeddedLog::open(roles::embedded_settings(&config))?;
    let clicks = fill(log.as_ref(), events)?;
    let progress = ReplayProgress::default();
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let rules = Arc::new(RuleSet::default());
    let judged = replay(log.as_ref(), &rules, &config.aggregate, i64::MIN / 2, &progress)?;
    let (wall_s, cpu_s) = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
    log.close(Duration::from_secs(30));
    ensure!(judged.len() == clicks, "{} of {clicks} clicks were judged again", judged.len());
    let done = progress.done.load(Ordering::Relaxed) as f64;
    let per_core = done / cpu_s;
    Ok(Row {
        figure: "replay, ad events judged again per CPU-second",
        ours: grouped(per_core),
        baseline: format!("{} events at {} a second", grouped(done), grouped(done / wall_s)),
        target: "≥ 300,000",
        holds: per_core >= TARGET,
    })
}

/// Fills the log as ingest would have; how many of the events are clicks.
fn fill(log: &dyn Log, events: usize) -> Result<usize> {
    let shards = u64::from(log.partitions(footfall_event::Topic::Clicks));
    let start = crate::commands::now_ms() - 3 * 3_600_000;
    let (mut written, mut clicks, mut number) = (0, 0, 0);
    while written < events {
        let mut batch = RecordBatch::with_capacity(8 << 20);
        for _ in 0..4_000 {
            number += 1;
            let visitor = (number * 7_919) % VISITORS;
            let time = start + number as i64 * EVERY_MS;
            let mut add = |activity: Activity, after: i64| {
                let event = event(activity, (number, visitor), time + after);
                let partition = (visitor % shards) as u32;
                batch.push(activity.topic(), partition, b"", &event.to_json());
                written += 1;
            };
            add(Activity::Impression, 0);
            add(Activity::View, 1_500);
            if number.is_multiple_of(CLICKED) {
                add(Activity::Click, 4_000 + (number % 997) as i64 * 20);
                clicks += 1;
            }
        }
        footfall_topics::append_blocking(log, batch)?;
    }
    Ok(clicks)
}

fn event(activity: Activity, (number, visitor): (u64, u64), time: i64) -> Event<'static> {
    let id = |activity: Activity| Id::from_u64_pair(number + 1, activity as u64 + 1);
    let mut event = Event::new(activity, id(activity), "news.example", time);
    event.received_at = time + 40;
    let hash = |salt: u64| Some(Hex64((visitor + salt).wrapping_mul(0xc4ce_b9fe_1a85_ec53)));
    (event.network, event.visitor) = (hash(1), hash(VISITORS + 1));
    event.host = "news.example".into();
    event.path = format!("/articles/{}", number % 300).into();
    event.user_agent = super::ingest::AGENT.into();
    (event.browser, event.os) = ("Chrome".into(), "Windows".into());
    event.device = Device::Desktop;
    (event.country, event.asn, event.timezone) = ("AT".into(), 8447, "Europe/Vienna".into());
    event.campaign = format!("campaign-{}", number % 40).into();
    event.ad = format!("ad-{}", number % 200).into();
    event.placement = format!("placement-{}", number % 25).into();
    event.position = (number % 4) as u16 + 1;
    if activity != Activity::Impression {
        event.impression = Some(id(Activity::Impression));
    }
    event
}
