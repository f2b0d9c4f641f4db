//! Parts that die under load: the engine, the broker. Beacons are still acknowledged, the pages say
//! that figures are delayed, and everything is there once when the part is back.

mod system;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use footfall_tests::footfall::eventually;
use system::System;

const SITE: &str = "outage.example";

/// Sends beacons one after the other until told to stop; returns how many were acknowledged and
/// the answers that were not 202.
fn beacons(url: String, stop: Arc<AtomicBool>) -> std::thread::JoinHandle<(u64, Vec<String>)> {
    std::thread::spawn(move || {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(30)));
        let agent: ureq::Agent = config.build().into();
        let (mut stored, mut refused) = (0, Vec::new());
        while !stop.load(Ordering::Relaxed) {
            let body = format!(
                r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/p{}"}}"#,
                stored % 50
            );
            match agent
                .post(format!("{url}/e"))
                .header("Origin", format!("https://{SITE}"))
                .send(body)
            {
                Ok(answer) if answer.status() == 202 => stored += 1,
                Ok(answer) => refused.push(format!(
                    "{} {:?}",
                    answer.status(),
                    answer.headers().get("footfall-rejected")
                )),
                Err(error) => refused.push(error.to_string()),
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        (stored, refused)
    })
}

fn stored(system: &System) -> Result<u64> {
    Ok(system.sql("SELECT count() FROM footfall.events")?.parse()?)
}

#[test]
fn the_engine_dies_under_load() -> Result<()> {
    let mut system = System::embedded(SITE)?;
    let stop = Arc::new(AtomicBool::new(false));
    let sender = beacons(system.ingest_url(), stop.clone());
    std::thread::sleep(Duration::from_millis(800));
    let engine = system.processes() - 1;
    let page = format!("{}/sites/{SITE}?period=today", system.dashboard_url());
    let mut said_delayed = false;
    // Killed as often as it comes back for some seconds, so that the pages meet it dead.
    let until = Instant::now() + Duration::from_secs(5);
    while Instant::now() < until {
        system.kill_and_restart(engine, Duration::ZERO)?;
        let agent: ureq::Agent =
            ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let html = agent.get(&page).call()?.body_mut().read_to_string()?;
        said_delayed |= html.contains("delayed");
        std::thread::sleep(Duration::from_millis(50));
    }
    std::thread::sleep(Duration::from_millis(500));
    stop.store(true, Ordering::Relaxed);
    let (acknowledged, refused) = sender.join().expect("the sender does not panic");
    ensure!(refused.is_empty(), "beacons were refused: {refused:?}");
    ensure!(acknowledged > 50, "only {acknowledged} beacons were sent");
    ensure!(said_delayed, "the page never said that figures are delayed");
    all_is_stored(&system, acknowledged)
}

/// The broker is killed while no transaction is under way. A *single* broker of Kafka 4.3 that dies
/// between a commit and its markers does not write them when it is back, and the shard waits until an
/// operator ends that transaction: see README.md. Kills at any moment are for Footfall's own processes
/// (`torture.rs`).
#[test]
fn kafka_stops_for_a_while() -> Result<()> {
    let mut system = System::kafka(SITE)?;
    let outage: u64 = std::env::var("FOOTFALL_OUTAGE_S").map_or(Ok(30), |text| text.parse())?;
    let stop = Arc::new(AtomicBool::new(false));
    let sender = beacons(system.ingest_url(), stop.clone());
    std::thread::sleep(Duration::from_secs(2));
    stop.store(true, Ordering::Relaxed);
    let (before, refused) = sender.join().expect("the sender does not panic");
    ensure!(refused.is_empty(), "beacons were refused with Kafka there: {refused:?}");
    all_is_stored(&system, before)?;
    // The loader's last commits come after its rows.
    std::thread::sleep(Duration::from_secs(1));
    system.broker().expect("it runs on Kafka").stop();

    let stop = Arc::new(AtomicBool::new(false));
    let sender = beacons(system.ingest_url(), stop.clone());
    std::thread::sleep(Duration::from_secs(outage));
    system.broker().expect("it runs on Kafka").start_again()?;
    std::thread::sleep(Duration::from_secs(3));
    stop.store(true, Ordering::Relaxed);
    let (during, refused) = sender.join().expect("the sender does not panic");
    println!("{before} beacons acknowledged before, {during} during the outage and after");
    ensure!(refused.is_empty(), "the spool takes what Kafka can't: {refused:?}");
    all_is_stored(&system, before + during)
}

fn all_is_stored(system: &System, acknowledged: u64) -> Result<()> {
    let mut count = 0;
    eventually("all is stored once", Duration::from_secs(120), || {
        count = stored(system)?;
        ensure!(count <= acknowledged, "{count} stored of {acknowledged}: counted twice");
        Ok(count == acknowledged)
    })
    .unwrap_or_else(|error| panic!("{error}: {count} stored of {acknowledged} acknowledged"));
    Ok(())
}
