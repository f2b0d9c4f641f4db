//! The aggregator from embedded log to judged events, and the loader from there into ClickHouse.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footfall_aggregator::{RuleLibrary, run_aggregator, run_loader};
use footfall_event::Topic;
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::{Log, Partition, RecordBatch};

use tokio_util::sync::CancellationToken;

use super::{Row, cpu_seconds, grouped, traffic};
use crate::config::Config;
use crate::roles::{self, Engine};

/// Events of the visits that begin in a second: a busy day's peak. The fewer, the more of a visit's
/// events meet in one batch, which makes them cheaper.
const PER_SECOND: f64 = 20_000.0;

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
    let shards = u64::from(log.partitions(Topic::Pageviews));
    let start = crate::commands::now_ms() - 3_600_000;
    for steps in traffic::steps(events, PER_SECOND, start).chunks(10_000) {
        let mut batch = RecordBatch::with_capacity(16 << 20);
        for step in steps {
            let partition = (step.visitor % shards) as u32;
            batch.push(step.activity.topic(), partition, b"", &step.event().to_json());
        }
        footfall_topics::append_blocking(log, batch)?;
    }
    Ok(())
}

/// Records in all partitions of a topic.
fn records(log: &dyn Log, topic: Topic) -> Result<u64> {
    (0..log.partitions(topic)).map(|number| Ok(log.offsets(Partition { topic, number })?.end)).sum()
}

fn aggregate(config: &Config, log: &Arc<dyn Log>, events: usize) -> Result<(Duration, f64)> {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    let stop = CancellationToken::new();
    let rules = Arc::new(RuleLibrary::built_in());
    let running = run_aggregator(log.clone(), rules, config.aggregate.clone(), stop.clone())?;
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
    let number = |sql: &str| {
        runtime.block_on(warehouse.number(sql)).with_context(|| format!("asking {sql}"))
    };
    let expected =
        records(log.as_ref(), Topic::JudgedEvents)? + records(log.as_ref(), Topic::Sessions)?;
    // A record that moves an exit page makes two rows; the one that takes back is left out here.
    let loaded = || -> Result<u64> {
        // This question costs nothing; the next one reads rows, which would be measured, too.
        let rows = number("SELECT count() FROM events")? + number("SELECT count() FROM sessions")?;
        if rows < expected {
            return Ok(rows);
        }
        let sessions = "SELECT countIf(exits >= 0 OR visits < 0) FROM sessions";
        Ok(number("SELECT count() FROM events")? + number(sessions)?)
    };
    let start = Instant::now();
    let stop = CancellationToken::new();
    let running =
        run_loader(log.clone(), warehouse.clone(), config.aggregate.clone(), stop.clone())?;
    while loaded()? < expected {
        std::thread::sleep(Duration::from_millis(20));
        ensure!(start.elapsed() < Duration::from_secs(600), "the loader is stuck");
    }
    let wall = start.elapsed();
    let rows = number("SELECT count() FROM events")? + number("SELECT count() FROM sessions")?;
    stop.cancel();
    drop(running.join());
    runtime.block_on(engine.stop());
    Ok((rows, wall))
}
