//! The loader and a real ClickHouse: whatever breaks, each row is there once.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use footfall_aggregator::{RuleLibrary, Settings, run_ads, run_aggregator, run_loader};
use footfall_event::Topic;
use footfall_topics::{Log, RecordBatch, append_blocking};
use footfall_warehouse::Warehouse;
use tokio_util::sync::CancellationToken;

use crate::engine::{Engine, block_on};
use crate::faulty::{FAULTS, Fault, Faulty};
use crate::machinery::{append, open, quick, records, traffic, wait_until};
use crate::world::{Act, expected};

fn settings() -> Settings {
    Settings { insert_interval_ms: 20, block_rows_max: 60, ..quick() }
}

fn number(warehouse: &Warehouse, sql: &str) -> u64 {
    block_on(warehouse.number(sql)).unwrap_or(u64::MAX)
}

/// All events once, and the sums of the visits.
#[track_caller]
fn check(warehouse: &Warehouse, acts: &[Act]) {
    let sums =
        |column: &str| number(warehouse, &format!("SELECT toUInt64(sum({column})) FROM sessions"));
    let expected = expected(acts);
    let visits: i64 = expected.visits.values().map(|measures| measures[0]).sum();
    let views: i64 = expected.visits.values().map(|measures| measures[2]).sum();
    let duration: i64 = expected.visits.values().map(|measures| measures[3]).sum();
    let visitors = expected.visitors.keys().filter(|key| key.2 == "any").count();
    wait_until("all rows", || {
        number(warehouse, "SELECT count() FROM events") >= acts.len() as u64
            && sums("pageviews") == views as u64
            && sums("duration_ms") == duration as u64
    });
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(number(warehouse, "SELECT count() FROM events"), acts.len() as u64);
    assert_eq!(number(warehouse, "SELECT uniqExact(id) FROM events"), acts.len() as u64);
    assert_eq!(sums("visits"), visits as u64);
    assert_eq!(sums("pageviews"), views as u64);
    assert_eq!(sums("duration_ms"), duration as u64);
    assert_eq!(sums("visitors"), visitors as u64);
}

#[test]
fn crashes_and_lost_replies_count_nothing_twice() {
    let engine = Engine::start();
    let warehouse = engine.warehouse();
    let dir = tempfile::tempdir().unwrap();
    let inner = open(dir.path());
    let log = Faulty::new(inner.clone());
    let (mut commits, mut faults) = (0u64, 0);
    // Crashes between the insert and its commit, between the intent and the insert, and all others.
    log.plan(move |_, _| {
        commits += 1;
        let fault: Fault = FAULTS[faults % FAULTS.len()];
        let now = commits % 5 == 4 && faults < 2 * FAULTS.len();
        faults += usize::from(now);
        now.then_some(fault)
    });
    let stop = CancellationToken::new();
    let aggregator =
        run_aggregator(inner.clone(), Arc::new(RuleLibrary::built_in()), settings(), stop.clone())
            .unwrap();
    let ads = run_ads(inner.clone(), Arc::new(RuleLibrary::built_in()), settings(), stop.clone())
        .unwrap();
    let loader = run_loader(log.clone(), warehouse.clone(), settings(), stop.clone()).unwrap();
    let all = traffic(11, 2_300);
    let (acts, more) = all.split_at(2_000);
    for (round, part) in acts.chunks(100).enumerate() {
        append(inner.as_ref(), part);
        let lost = || engine.proxy.lost.load(Ordering::SeqCst);
        let before = lost();
        if round % 4 == 1 {
            engine.proxy.lose_replies.store(true, Ordering::SeqCst);
            wait_until("a lost reply", || lost() > before);
            engine.proxy.lose_replies.store(false, Ordering::SeqCst);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    check(&warehouse, acts);
    assert_eq!(log.faults.load(Ordering::SeqCst), 2 * FAULTS.len() as u64);
    assert!(engine.proxy.lost.load(Ordering::SeqCst) >= 5);

    // While the engine is away, the delay is visible; when it is back, nothing is missing.
    engine.proxy.away.store(true, Ordering::SeqCst);
    append(inner.as_ref(), more);
    let progress = loader.progress();
    wait_until("the delay's report", || progress.state().trouble.is_some());
    engine.proxy.away.store(false, Ordering::SeqCst);
    check(&warehouse, &all);
    wait_until("the delay's end", || progress.state().trouble.is_none());
    stop.cancel();
    loader.join().unwrap();
    aggregator.join().unwrap();
    ads.join().unwrap();
}

#[test]
fn a_record_that_makes_no_row_is_set_aside_once() {
    let engine = Engine::start();
    let warehouse = engine.warehouse();
    let dir = tempfile::tempdir().unwrap();
    let log: Arc<dyn Log> = open(dir.path());
    let mut batch = RecordBatch::new();
    for act in traffic(13, 20) {
        // Never judged.
        batch.push(Topic::JudgedEvents, 1, b"", &act.event().to_json());
    }
    append_blocking(log.as_ref(), batch).unwrap();
    let acts = traffic(14, 50);
    append(log.as_ref(), &acts);
    let stop = CancellationToken::new();
    let aggregator =
        run_aggregator(log.clone(), Arc::new(RuleLibrary::built_in()), settings(), stop.clone())
            .unwrap();
    let ads =
        run_ads(log.clone(), Arc::new(RuleLibrary::built_in()), settings(), stop.clone()).unwrap();
    let loader = run_loader(log.clone(), warehouse.clone(), settings(), stop.clone()).unwrap();
    check(&warehouse, &acts);
    wait_until("the letters", || records(log.as_ref(), Topic::DeadLetters).len() == 20);
    stop.cancel();
    loader.join().unwrap();
    aggregator.join().unwrap();
    ads.join().unwrap();
}
