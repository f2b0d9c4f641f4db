//! The aggregator from embedded log to judged events, and the loader from there into ClickHouse.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footfall_aggregator::{run_aggregator, run_loader};
use footfall_event::record::Device;
use footfall_event::{Activity, Event, Hex64, Id, Topic};
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::{Log, Partition, RecordBatch};

use tokio_util::sync::CancellationToken;

use super::{Row, grouped};
use crate::config::Config;
use crate::roles::{self, Engine};

const PATHS: [&str; 8] = [
    "/",
    "/guides/choosing-hiking-boots",
    "/search",
    "/boots/steinbock-hochkar-gtx",
    "/guides/layering-for-late-autumn",
    "/tents",
    "/basket",
    "/forum/which-stove",
];

/// Both figures over the same `events` events.
pub(crate) fn measure(events: usize) -> Result<Vec<Row>> {
    let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
    let mut config = Config {
        data: folder.path().to_owned(),
        engine_listen: ([127, 0, 0, 1], roles::free_port()?).into(),
        ..Config::default()
    };
    let log: Arc<dyn Log> = EmbeddedLog::open(embedded::Settings {
        partitions: 2,
        ..roles::embedded_settings(&config)
    })?;
    fill(log.as_ref(), events)?;

    let (wall, cpu_s) = aggregate(&config, &log, events)?;
    let per_core = events as f64 / cpu_s;
    let aggregator = Row {
        figure: "aggregator, log to judged events, events per CPU-second",
        ours: grouped(per_core),
        baseline: format!("{} events/s on the clock", grouped(events as f64 / wall.as_secs_f64())),
        target: "≥ 500,000",
        holds: per_core >= 500_000.0,
    };
    let (rows, wall) = load(&mut config, &log)?;
    let rate = rows as f64 / wall.as_secs_f64();
    let loader = Row {
        figure: "loader, log to ClickHouse, rows per second",
        ours: grouped(rate),
        baseline: format!("{} rows", grouped(rows as f64)),
        target: "≥ 500,000",
        holds: rate >= 500_000.0,
    };
    log.close(Duration::from_secs(30));
    Ok(vec![aggregator, loader])
}

/// Fills the log with visits of some pages each, as ingest would have written them.
fn fill(log: &dyn Log, events: usize) -> Result<()> {
    let shards = log.partitions(Topic::Pageviews);
    let now = crate::commands::now_ms();
    let mut batch = RecordBatch::with_capacity(8 << 20);
    let (mut random, start) = (0x9e37_79b9_7f4a_7c15_u64, now - 20 * 60_000);
    for i in 0..events {
        // xorshift64*: the same input in every run.
        random ^= random >> 12;
        random ^= random << 25;
        random ^= random >> 27;
        let draw = random.wrapping_mul(0x2545_f491_4f6c_dd1d);
        let visitor = draw % (events as u64 / 5).max(1);
        let time = start + (i as u64 * 20 * 60_000 / events as u64) as i64;
        let path = PATHS[(draw >> 32) as usize % PATHS.len()];
        let activity = match (draw >> 48) % 20 {
            0 => Activity::Search,
            1 => Activity::Action,
            2..7 => Activity::Engagement,
            _ => Activity::Pageview,
        };
        let event = event(activity, visitor, time, path, draw);
        let partition = (visitor % u64::from(shards)) as u32;
        batch.push(activity.topic(), partition, b"", &event.to_json());
        if batch.len() == 10_000 || i + 1 == events {
            footfall_topics::append_blocking(log, std::mem::take(&mut batch))?;
        }
    }
    Ok(())
}

fn event(
    activity: Activity,
    visitor: u64,
    time: i64,
    path: &'static str,
    draw: u64,
) -> Event<'static> {
    let id = Id::from_u64_pair(draw, visitor.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ time as u64);
    let mut event = Event::new(activity, id, "bench.example", time);
    event.received_at = time + 40;
    event.network = Some(Hex64(visitor / 2));
    event.visitor = Some(Hex64(visitor.wrapping_mul(0xd1b5_4a32_d192_ed03)));
    event.url = format!("https://bench.example{path}").into();
    event.host = "bench.example".into();
    event.path = path.into();
    event.title = "Choosing hiking boots".into();
    event.source = if visitor.is_multiple_of(3) { "Google".into() } else { "".into() };
    event.channel =
        if visitor.is_multiple_of(3) { "Organic Search".into() } else { "Direct".into() };
    event.browser = "Chrome".into();
    event.browser_version = "141".into();
    event.os = "Linux".into();
    event.device = Device::Desktop;
    event.country = "AT".into();
    event.region = "Vienna".into();
    event.city = "Vienna".into();
    event.asn = 8447;
    event.language = "de-at".into();
    event.screen = "xl".into();
    event.timezone = "Europe/Vienna".into();
    match activity {
        Activity::Engagement => event.engaged_ms = 12_000,
        Activity::Search => event.query = "hiking boots".into(),
        Activity::Action => event.name = "add_to_basket".into(),
        _ => {}
    }
    event
}

/// Records in all partitions of a topic.
fn records(log: &dyn Log, topic: Topic) -> Result<u64> {
    (0..log.partitions(topic)).map(|number| Ok(log.offsets(Partition { topic, number })?.end)).sum()
}

/// Seconds of processor time that this process has used.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn aggregate(config: &Config, log: &Arc<dyn Log>, events: usize) -> Result<(Duration, f64)> {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let stop = CancellationToken::new();
    let running = run_aggregator(log.clone(), config.aggregate.clone(), stop.clone())?;
    let mut done = 0;
    while done < events as u64 {
        std::thread::sleep(Duration::from_millis(20));
        done = records(log.as_ref(), Topic::JudgedEvents)?;
        ensure!(start.elapsed() < Duration::from_secs(600), "stuck at {done} of {events} events");
    }
    let measured = (start.elapsed(), cpu_seconds() - cpu);
    stop.cancel();
    drop(running.join());
    Ok(measured)
}

fn load(config: &mut Config, log: &Arc<dyn Log>) -> Result<(u64, Duration)> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let engine = {
        let _context = runtime.enter();
        Engine::start(config)?
    };
    let warehouse = roles::warehouse_client(config)?;
    runtime.block_on(roles::migrate(&warehouse))?;
    let rows =
        records(log.as_ref(), Topic::JudgedEvents)? + records(log.as_ref(), Topic::Sessions)?;
    let stored = |table: &str| {
        let sql = format!("SELECT count() FROM {table}");
        runtime.block_on(warehouse.number(&sql)).with_context(|| format!("counting {table}"))
    };
    let start = Instant::now();
    let stop = CancellationToken::new();
    let running =
        run_loader(log.clone(), warehouse.clone(), config.aggregate.clone(), stop.clone())?;
    while stored("events")? + stored("sessions")? < rows {
        std::thread::sleep(Duration::from_millis(20));
        ensure!(start.elapsed() < Duration::from_secs(600), "the loader is stuck");
    }
    let wall = start.elapsed();
    stop.cancel();
    drop(running.join());
    runtime.block_on(engine.stop());
    Ok((rows, wall))
}
