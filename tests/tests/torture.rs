//! Random `kill -9` under load: every acknowledged event is stored exactly once, and visits,
//! ads and totals equal those of an undisturbed run over the same input.
//!
//! `FOOTFALL_TORTURE_ROUNDS` sets the number of kills (a few by default, 100 by `make torture`).

mod system;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use footfall_tests::footfall::{Footfall, eventually};
use footfall_tests::load::{Sender, TOTALS_SQL, ads, crowd};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use serde_json::{Value, json};
use system::System;

const SITE: &str = "torture.example";

/// Totals that don't change for so long don't change any more: longer than the longest pause between
/// two tries of an insert (5 s), than the hand-over of a shard, and than a shard waits before it says
/// that it rests (10 s).
const QUIET: Duration = Duration::from_secs(20);

fn rounds(short: usize) -> usize {
    match std::env::var("FOOTFALL_TORTURE_ROUNDS") {
        Ok(text) => text.parse().expect("FOOTFALL_TORTURE_ROUNDS is a number"),
        Err(_) => short,
    }
}

/// Configures the crowd's ads, then makes a key: whoever knows the key knows the ads, too.
fn prepared(system: &System) -> Result<String> {
    for command in ads(SITE) {
        system.configure(&command)?;
    }
    system.key(SITE)
}

/// Kills processes of `system` at random while `events` are being sent.
fn torment(system: System, events: &[Value], rounds: usize, seed: u64) -> Result<System> {
    let key = prepared(&system)?;
    let urls = system.ingest_url_handle();
    let system = Arc::new(Mutex::new(system));
    let over = Arc::new(AtomicBool::new(false));
    let killer = std::thread::spawn({
        let (system, over) = (system.clone(), over.clone());
        move || -> Result<usize> {
            let mut random = StdRng::seed_from_u64(seed);
            let mut kills = 0;
            while kills < rounds && !over.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(random.random_range(300..1_500)));
                let pause = Duration::from_millis(random.random_range(0..800));
                let mut system = system.lock().expect("nobody panicked with it");
                let victim = random.random_range(0..system.processes());
                system.kill_and_restart(victim, pause).context("restart after a kill")?;
                kills += 1;
            }
            Ok(kills)
        }
    });
    let sender = Sender::new(&key);
    let mut random = StdRng::seed_from_u64(seed + 1);
    let mut rest = events;
    while !rest.is_empty() {
        let (batch, later) = rest.split_at(random.random_range(1..=20).min(rest.len()));
        let url = || urls.lock().expect("nobody panicked with it").clone();
        sender.insist(url, batch, Duration::from_secs(120))?;
        rest = later;
        // Spread the input over the kills: without them it would be sent in a second or two.
        if !killer.is_finished() {
            std::thread::sleep(Duration::from_millis(random.random_range(0..30)));
        }
    }
    over.store(rounds < 20, Ordering::Relaxed);
    let kills = killer.join().expect("the killer does not panic")?;
    println!("{} events sent under {kills} kills", events.len());
    Ok(Arc::into_inner(system).expect("the killer is gone").into_inner()?)
}

/// Sends the same events without any disturbance.
fn undisturbed(events: &[Value]) -> Result<String> {
    let system = System::embedded(SITE)?;
    let sender = Sender::new(&prepared(&system)?);
    for batch in events.chunks(100) {
        let url = system.ingest_url();
        sender.insist(|| url.clone(), batch, Duration::from_secs(30))?;
    }
    settled(&system, events.len())
}

/// Waits until as many events are stored as were sent and nothing moves any more.
fn settled(system: &System, events: usize) -> Result<String> {
    let mut last = String::new();
    eventually("all events are stored", Duration::from_secs(120), || {
        let count: usize = system.sql("SELECT count() FROM footfall.events")?.parse()?;
        anyhow::ensure!(count <= events, "{count} stored of {events} sent: counted twice");
        Ok(count == events)
    })?;
    // The events are there; what follows from them travels on: through the second stage of the ads,
    // twice for conversions, and through a loader that may be waiting to try an insert again.
    let mut since = Instant::now();
    eventually("the totals have settled", Duration::from_secs(120), || {
        let now = system.sql(TOTALS_SQL)?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        std::thread::sleep(Duration::from_millis(500));
        Ok(since.elapsed() > QUIET)
    })?;
    Ok(last)
}

fn run(system: System, rounds: usize, seed: u64) -> Result<()> {
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?;
    let events = crowd(SITE, 150 + 40 * rounds, seed, now);
    let expected = undisturbed(&events)?;
    let system = torment(system, &events, rounds, seed)?;
    let found = settled(&system, events.len())?;
    assert_eq!(found, expected, "the tormented run differs from the undisturbed one");
    Ok(())
}

#[test]
fn embedded_survives_random_kills() -> Result<()> {
    run(System::embedded(SITE)?, rounds(6), 11)
}

#[test]
fn kafka_survives_random_kills() -> Result<()> {
    run(System::kafka(SITE)?, rounds(6), 12)
}

/// A transaction that nobody ends yet, as a dead owner leaves it, with one record in each partition
/// of `batches`.
fn open_transaction(bootstrap: &str) -> Result<BaseProducer> {
    const TIME: Duration = Duration::from_secs(20);
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("transactional.id", "somebody-who-died")
        .create()?;
    producer.init_transactions(TIME)?;
    producer.begin_transaction()?;
    let topic = "footfall.batches";
    let metadata = producer.client().fetch_metadata(Some(topic), TIME)?;
    for partition in metadata.topics()[0].partitions() {
        let record = BaseRecord::to(topic).partition(partition.id()).key("died").payload("{}");
        producer.send(record).map_err(|(error, _)| error)?;
    }
    // A flush would wait for the end of the transaction, too.
    eventually("the records are stored", TIME, || {
        producer.poll(Duration::from_millis(10));
        Ok(producer.in_flight_count() == 0)
    })?;
    Ok(producer)
}

/// What a shard has committed stays hidden behind an open transaction of another group in the same
/// partition of `batches`. A new owner must wait for it, or it begins with a state from before.
#[test]
fn kafka_commits_behind_an_open_transaction_are_remembered() -> Result<()> {
    let mut system = System::kafka(SITE)?;
    let sender = Sender::new(&prepared(&system)?);
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?;
    let send = |system: &System, what: &str, after: i64, more: Value| {
        let mut event = json!({
            "type": what, "id": uuid::Uuid::new_v4().to_string(), "site": SITE, "time": now - 60_000 + after,
            "ip": "198.18.0.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "url": format!("https://{SITE}/basket"),
        });
        let more: BTreeMap<String, Value> = serde_json::from_value(more)?;
        more.into_iter().for_each(|(name, value)| event[name] = value);
        sender.insist(|| system.ingest_url(), &[event], Duration::from_secs(30))
    };
    let bought = |system: &System, micros: i64| {
        eventually(&format!("{micros} bought"), Duration::from_secs(60), || {
            let sum = "SELECT sum(view_conversions_micros) FROM footfall.ad_windows";
            Ok(system.sql(sum)?.parse::<i64>()? == micros)
        })
    };
    let died = open_transaction(system.broker().context("it runs on Kafka")?.bootstrap())?;
    send(&system, "impression", 0, json!({"ad": "ad-c3", "placement": "top", "position": 1}))?;
    let of = |status| json!({"transaction": "order-1", "goal": "basket", "status": status});
    send(&system, "conversion", 30_000, of("sale"))?;
    bought(&system, 1_000_000)?;
    for aggregator in system.aggregators() {
        aggregator.kill();
    }
    for aggregator in system.aggregators() {
        aggregator.restart()?;
    }
    send(&system, "conversion", 50_000, of("rejected"))?;
    eventually("the next owner waits", Duration::from_secs(60), || {
        let waits = |aggregator: &mut &mut Footfall| aggregator.log().contains("waiting for batch");
        Ok(system.aggregators().iter_mut().any(waits))
    })?;
    died.abort_transaction(Duration::from_secs(20))?;
    bought(&system, 0)
}
