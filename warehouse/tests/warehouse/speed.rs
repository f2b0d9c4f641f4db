//! Measurements, not tests: how fast rows go in, and what the dashboard's questions cost over
//! many events. `docs/decisions/warehouse-roll-ups.md` tells what they showed.
//!
//! ```text
//! cargo test --release -p footfall-warehouse --test warehouse -- --ignored --exact speed::load_and_ask --nocapture
//! ```

use std::time::{Duration, Instant};

use footfall_event::{Event, SessionDelta};
use footfall_warehouse::{EventBlock, SessionBlock, Warehouse};

use crate::child::Engine;
use crate::sample::{DAY, NOON, event, visit};

const BLOCK: u64 = 100_000;
const DAYS: i64 = 28;
const PATHS: f64 = 100_000.0;

/// Small, fast and the same at every run.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> f64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
    /// A rank from 1 to `n`; rank r comes with a probability of about 1/r.
    fn zipf(&mut self, n: f64) -> u64 {
        n.powf(self.next()) as u64
    }
}

fn events(block: u64, total: u64, dice: &mut Dice) -> Vec<Event<'static>> {
    let start = NOON - DAYS * DAY;
    (0..BLOCK)
        .map(|i| {
            let n = block * BLOCK + i;
            let time = start + (n as f64 / total as f64 * (DAYS * DAY) as f64) as i64;
            let mut event = event(n, time);
            let path = dice.zipf(PATHS);
            event.path = format!("/section-{}/article-{path}", path % 40).into();
            event.url = format!("https://example.com{}", event.path).into();
            event.user_agent =
                format!("Mozilla/5.0 (X11; Linux) test/{}", dice.zipf(3_000.0)).into();
            event.city = format!("City {}", dice.zipf(2_000.0)).into();
            event.region = format!("Region {}", dice.zipf(200.0)).into();
            event.query = if event.query.is_empty() {
                "".into()
            } else {
                format!("query {}", dice.zipf(20_000.0)).into()
            };
            event
        })
        .collect()
}

fn visits(block: u64, total: u64, dice: &mut Dice) -> Vec<SessionDelta<'static>> {
    let start = NOON - DAYS * DAY;
    (0..BLOCK)
        .map(|i| {
            let n = block * BLOCK + i;
            let time = start + (n as f64 / total as f64 * (DAYS * DAY) as f64) as i64;
            let mut visit = visit(n, time);
            let path = dice.zipf(PATHS);
            visit.entry = format!("/section-{}/article-{path}", path % 40).into();
            let path = dice.zipf(PATHS);
            visit.exit = format!("/section-{}/article-{path}", path % 40).into();
            visit.city = format!("City {}", dice.zipf(2_000.0)).into();
            visit.region = format!("Region {}", dice.zipf(200.0)).into();
            visit.source = format!("Source {}", dice.zipf(300.0)).into();
            visit.utm_campaign = if dice.next() < 0.2 {
                format!("campaign-{}", dice.zipf(50.0))
            } else {
                String::new()
            }
            .into();
            visit.screen = ["xs", "sm", "md", "lg"][dice.zipf(4.0) as usize - 1].into();
            visit.language = format!("l{}", dice.zipf(30.0)).into();
            visit
        })
        .collect()
}

/// Seconds to build a block, and to insert it.
type Took = (Duration, Duration);

async fn load_events(warehouse: &Warehouse, total: u64) -> Took {
    let (mut dice, mut block, mut took) = (Dice(1), EventBlock::default(), Took::default());
    for n in 0..total / BLOCK {
        let events = events(n, total, &mut dice);
        let started = Instant::now();
        block.clear();
        for event in &events {
            block.push_event(event).unwrap();
        }
        took.0 += started.elapsed();
        let started = Instant::now();
        block.insert(warehouse, &format!("speed/{n}")).await.unwrap();
        took.1 += started.elapsed();
    }
    took
}

async fn load_visits(warehouse: &Warehouse, total: u64) -> Took {
    let (mut dice, mut block, mut took) = (Dice(2), SessionBlock::default(), Took::default());
    for n in 0..total / BLOCK {
        let visits = visits(n, total, &mut dice);
        let started = Instant::now();
        block.clear();
        for visit in &visits {
            block.push_delta(visit).unwrap();
        }
        took.0 += started.elapsed();
        let started = Instant::now();
        block.insert(warehouse, &format!("speed/{n}")).await.unwrap();
        took.1 += started.elapsed();
    }
    took
}

const EVENT_HOURS: &str = "FROM event_hours WHERE site = 'example.com' AND verdict != 'invalid'";
const EVENT_DAYS: &str = "FROM event_days WHERE site = 'example.com' AND verdict != 'invalid'";
const VISIT_HOURS: &str = "FROM visit_hours WHERE site = 'example.com' AND verdict != 'invalid'";
const VISITS: &str = "FROM sessions WHERE site = 'example.com' AND verdict != 'invalid'";

/// The dashboard's panels over 28 whole UTC days.
fn panels() -> Vec<(&'static str, String)> {
    let days = "day >= '2026-10-24' AND day < '2026-11-21'";
    let hours = "hour >= '2026-10-24 00:00:00' AND hour < '2026-11-21 00:00:00'";
    let top = "ORDER BY 2 DESC LIMIT 10";
    let by = |column: &str| {
        format!(
            "SELECT {column}, sum(visits), sum(visitors) {VISITS} AND {days} GROUP BY {column} {top}"
        )
    };
    vec![
        ("totals", format!("SELECT sum(visits), sum(bounces), sum(pageviews), sum(duration_ms) {VISIT_HOURS} AND {hours}")),
        ("chart", format!("SELECT toDate(hour) AS d, sum(visits) {VISIT_HOURS} AND {hours} GROUP BY d ORDER BY d")),
        ("page views", format!("SELECT type, sum(events), sum(new_visitor) {EVENT_HOURS} AND {hours} GROUP BY type")),
        ("pages", format!("SELECT subject, sum(visitors), sum(events) {EVENT_DAYS} AND kind = 'page' AND {days} GROUP BY subject {top}")),
        ("entries", format!("SELECT entry, sum(visits), sum(entry_visitors) {VISITS} AND {days} GROUP BY entry {top}")),
        ("exits", format!("SELECT exit, sum(exits), sum(exit_visitors) {VISITS} AND {days} GROUP BY exit {top}")),
        ("sources", format!("SELECT source, sum(visits), sum(source_visitors) {VISITS} AND {days} GROUP BY source {top}")),
        ("channels", format!("SELECT channel, sum(visits), sum(channel_visitors) {VISITS} AND {days} GROUP BY channel {top}")),
        ("campaigns", format!("SELECT utm_campaign, sum(visits) {VISITS} AND {days} AND utm_campaign != '' GROUP BY utm_campaign {top}")),
        ("countries", by("country")),
        ("cities", by("city")),
        ("browsers", by("browser")),
        ("devices", by("device")),
        ("searches", format!("SELECT subject, sum(events) {EVENT_DAYS} AND kind = 'search' AND {days} GROUP BY subject {top}")),
        ("current", "SELECT uniqExact(visitor) FROM events WHERE site = 'example.com' AND time >= '2026-11-20 11:55:00'".to_owned()),
    ]
}

async fn ask(warehouse: &Warehouse, sql: &str) {
    let mut rows = warehouse.client().query(sql).fetch_bytes("RowBinary").unwrap();
    while rows.next().await.unwrap().is_some() {}
}

async fn measure_panels(warehouse: &Warehouse) {
    let mut sum = Duration::ZERO;
    for (name, sql) in panels() {
        let mut times = Vec::new();
        for _ in 0..7 {
            let started = Instant::now();
            ask(warehouse, &sql).await;
            times.push(started.elapsed());
        }
        times.sort();
        sum += times[3];
        println!("{name:12} {:7.1} ms (first {:.1})", ms(times[3]), ms(times[6]));
    }
    println!("sum          {:7.1} ms", ms(sum));
    let mut times = Vec::new();
    for _ in 0..20 {
        let started = Instant::now();
        let all = panels().into_iter().map(|(_, sql)| {
            let warehouse = warehouse.clone();
            tokio::spawn(async move { ask(&warehouse, &sql).await })
        });
        for asked in all.collect::<Vec<_>>() {
            asked.await.unwrap();
        }
        times.push(started.elapsed());
    }
    times.sort();
    println!("all at once  {:7.1} ms median, {:.1} ms p95", ms(times[10]), ms(times[18]));
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn resident_mb(process: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement"]
async fn load_and_ask() {
    let total: u64 = std::env::var("ROWS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000_000);
    let engine = Engine::start().await;
    let warehouse = engine.warehouse("footfall");
    warehouse.migrate().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    println!("engine at rest after migrations: {} MB", resident_mb(engine.process()));
    for (table, rows, took) in [
        ("events", total, load_events(&warehouse, total).await),
        ("sessions", total * 3 / 10, load_visits(&warehouse, total * 3 / 10).await),
    ] {
        let rate = |time: Duration| rows as f64 / time.as_secs_f64() / 1_000.0;
        println!(
            "{table}: {rows} rows; built {:.0} k/s, inserted {:.0} k/s, together {:.0} k/s",
            rate(took.0),
            rate(took.1),
            rate(took.0 + took.1)
        );
    }
    println!("engine after loading: {} MB", resident_mb(engine.process()));
    println!("-- as loaded");
    measure_panels(&warehouse).await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    println!("-- 20 s later; engine {} MB", resident_mb(engine.process()));
    measure_panels(&warehouse).await;
    for table in ["events", "sessions"] {
        let size = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND database = 'footfall' AND table =";
        let rollups = "SELECT sum(bytes_on_disk) FROM system.projection_parts WHERE active AND database = 'footfall' AND table =";
        let parts =
            "SELECT count() FROM system.parts WHERE active AND database = 'footfall' AND table =";
        println!(
            "{table}: {} MB on disk, {} MB of it roll-ups, {} parts",
            warehouse.number(&format!("{size} '{table}'")).await.unwrap() >> 20,
            warehouse.number(&format!("{rollups} '{table}'")).await.unwrap() >> 20,
            warehouse.number(&format!("{parts} '{table}'")).await.unwrap(),
        );
    }
    engine.supervisor.shutdown().await;
}
