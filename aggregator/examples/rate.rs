//! Measures the aggregator: events per CPU-second from the embedded log to judged events.
//!
//! ```text
//! cargo run --release -p footfall-aggregator --example rate -- [EVENTS] [PARTITIONS]
//! ```
//!
//! It fills a log in a temporary folder with events as the ingest writes them (visits of a few pages
//! with engagement reports, thousands at the same time), then runs the aggregator over it and counts
//! the CPU time of all threads: reading, the core, commits, and the log's own threads. The filling is
//! not measured. First the core alone is measured, on batches in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_aggregator::core::Core;
use footfall_aggregator::shard::{Input, Stage};
use footfall_aggregator::{Settings, run_aggregator};
use footfall_event::record::Device;
use footfall_event::{Activity, Event, Hex64, Id, Topic};
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::{Log, Partition, RecordBatch, append_blocking};
use tokio_util::sync::CancellationToken;

/// Visits going on at the same time.
const VISITORS: u64 = 20_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let events: u64 = arguments.next().unwrap_or(2_000_000);
    let partitions = arguments.next().unwrap_or(4) as u32;
    core_alone(events.min(1_000_000));
    let dir = tempfile::tempdir().expect("a temporary folder");
    let settings = embedded::Settings { partitions, ..embedded::Settings::new(dir.path()) };
    let log = EmbeddedLog::open(settings).expect("the log opens");
    fill(log.as_ref(), events);
    whole(log, events);
}

/// What the n-th event of the world is.
fn event(n: u64, start: i64) -> Event<'static> {
    let visitor = n.wrapping_mul(0x9e37_79b9_7f4a_7c15) % VISITORS + n / (VISITORS * 12) * VISITORS;
    let page = visitor.wrapping_add(n).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 54;
    let activity = match n % 8 {
        0..=3 => Activity::Pageview,
        4..=6 => Activity::Engagement,
        _ => Activity::Search,
    };
    let id = Id::from_u128(u128::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835));
    let mut event = Event::new(activity, id, "shop.example.com", start + n as i64 / 20);
    event.received_at = event.time + 40;
    let hash = |salt: u64| Hex64((visitor ^ salt).wrapping_mul(0xc4ce_b9fe_1a85_ec53));
    event.network = Some(hash(1));
    event.visitor = Some(hash(2));
    event.previous_network = Some(hash(3));
    event.previous_visitor = Some(hash(4));
    event.url = format!("https://shop.example.com/products/{page}?ref=list").into();
    event.host = "shop.example.com".into();
    event.path = format!("/products/{page}").into();
    event.title = "A product with a fairly long name – Example shop".into();
    event.referrer = "https://www.google.com/".into();
    event.source = ["Google", "", "Bing", "Newsletter"][(visitor % 4) as usize].into();
    event.channel =
        ["Organic Search", "Direct", "Organic Search", "Email"][(visitor % 4) as usize].into();
    event.referrer_host = "google.com".into();
    event.user_agent = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36".into();
    event.browser = "Chrome".into();
    event.browser_version = "128".into();
    event.os = "Windows".into();
    event.os_version = "10".into();
    event.device = Device::Desktop;
    event.country = "AT".into();
    event.region = "Vienna".into();
    event.city = "Vienna".into();
    event.asn = 8447;
    event.as_organization = "A1 Telekom Austria AG".into();
    event.language = "de-at".into();
    event.screen = "xl".into();
    event.timezone = "Europe/Vienna".into();
    if activity == Activity::Engagement {
        event.engaged_ms = 5_000;
        event.scroll_pct = Some(70);
    }
    if activity == Activity::Search {
        event.query = "red shoes".into();
        event.results = Some(12);
    }
    event
}

fn start() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64 - 3_600_000
}

fn core_alone(events: u64) {
    let start = start();
    let records: Vec<(Topic, Vec<u8>)> = (0..events)
        .map(|n| event(n, start))
        .map(|event| (event.activity.topic(), event.to_json()))
        .collect();
    let bytes: usize = records.iter().map(|(_, value)| value.len()).sum();
    let mut core = Core::new(Settings::default().core_limits());
    let mut out = RecordBatch::new();
    let (began, mut written, mut deltas) = (Instant::now(), 0, 0);
    for (number, batch) in records.chunks(50_000).enumerate() {
        let inputs: Vec<Input<'_>> = batch
            .iter()
            .enumerate()
            .map(|(index, (topic, value))| Input {
                topic: *topic,
                offset: (number * 50_000 + index) as u64,
                key: b"",
                value,
            })
            .collect();
        core.process(&inputs, 0, &mut out);
        written += out.bytes();
        deltas += out.len() - batch.len();
        out.clear();
    }
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "core alone: {:.0} events/s ({} bytes an event in, {} out, {:.2} differences of visits an event)",
        events as f64 / seconds,
        bytes / events as usize,
        written / events as usize,
        deltas as f64 / events as f64,
    );
}

fn fill(log: &dyn Log, events: u64) {
    let partitions = u64::from(log.partitions(Topic::Pageviews));
    let start = start();
    let mut batch = RecordBatch::new();
    for n in 0..events {
        let event = event(n, start);
        let visitor = event.visitor.expect("set above").0;
        batch.push(event.activity.topic(), (visitor % partitions) as u32, b"", &event.to_json());
        if batch.len() == 5_000 || n + 1 == events {
            append_blocking(log, std::mem::take(&mut batch)).expect("the log takes it");
        }
    }
}

/// CPU seconds by name of thread.
fn cpu_seconds() -> BTreeMap<String, f64> {
    let mut seconds = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        let name = name.split_once('(').map_or("", |(_, name)| name);
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok());
        // utime and stime, in hundredths of a second.
        let used = (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0;
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        *seconds.entry(name.to_owned()).or_insert(0.0) += used;
    }
    seconds
}

fn whole(log: Arc<EmbeddedLog>, events: u64) {
    let partitions = log.partitions(Topic::JudgedEvents);
    let judged = || -> u64 {
        let end = |number| {
            let partition = Partition { topic: Topic::JudgedEvents, number };
            log.offsets(partition).map_or(0, |offsets| offsets.end)
        };
        (0..partitions).map(end).sum()
    };
    let before = cpu_seconds();
    let began = Instant::now();
    let stop = CancellationToken::new();
    let handle = run_aggregator(log.clone(), Settings::default(), stop.clone()).expect("it starts");
    while judged() < events {
        std::thread::sleep(Duration::from_millis(20));
    }
    let elapsed = began.elapsed().as_secs_f64();
    let after = cpu_seconds();
    let used: BTreeMap<&String, f64> = after
        .iter()
        .map(|(name, seconds)| (name, seconds - before.get(name).unwrap_or(&0.0)))
        .filter(|(_, seconds)| *seconds > 0.0)
        .collect();
    let total: f64 = used.values().sum();
    println!(
        "embedded log to judged events: {events} events, {:.0} events/s, {:.0} events per CPU-second",
        events as f64 / elapsed,
        events as f64 / total
    );
    println!("CPU seconds by thread: {used:.2?}");
    stop.cancel();
    drop(handle.join());
    log.close(Duration::from_secs(10));
}
