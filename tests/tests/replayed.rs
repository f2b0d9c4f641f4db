//! One click address that is opened from everywhere: whatever networks the clicks come from, and
//! however the work is shared out, one of them counts.

mod system;

use std::time::Duration;

use anyhow::{Result, ensure};
use footfall_tests::footfall::eventually;
use footfall_tests::load::{Sender, ads};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use system::System;

const SITE: &str = "replayed.example";
const CLICKS: i64 = 1_000;

/// Clicks on one impression from so many networks; the first by time has the number 0.
fn clicks() -> Result<Vec<Value>> {
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?;
    let click = |n: i64| {
        json!({
            "type": "click", "site": SITE, "ad": "ad-c1", "placement": "top", "position": 1,
            "id": uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n as u128),
            "impression": uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_ffff_0000_0001),
            "ip": format!("198.18.{}.{}", n / 250, n % 250 + 1),
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "time": now - 30 * 60_000 + n * 100,
        })
    };
    let mut clicks: Vec<Value> = (0..CLICKS).map(click).collect();
    clicks.shuffle(&mut StdRng::seed_from_u64(9));
    Ok(clicks)
}

#[test]
fn a_thousand_networks_make_one_click() -> Result<()> {
    let system = System::kafka(SITE)?;
    for command in ads(SITE) {
        system.configure(&command)?;
    }
    let sender = Sender::new(&system.key(SITE)?);
    for batch in clicks()?.chunks(50) {
        sender.insist(|| system.ingest_url(), batch, Duration::from_secs(60))?;
    }
    eventually("all clicks are counted", Duration::from_secs(60), || {
        let gross: i64 = system.sql("SELECT sum(clicks) FROM footfall.ad_windows")?.parse()?;
        let stored: i64 = system.sql("SELECT count() FROM footfall.events")?.parse()?;
        ensure!(gross <= CLICKS && stored <= CLICKS, "{gross} counted, {stored} stored");
        Ok(gross == CLICKS && stored == CLICKS)
    })?;
    let sums = "SELECT sum(net_clicks), sum(invalid_clicks['duplicate_click']), sum(cost_micros) FROM footfall.ad_windows FORMAT TSV";
    assert_eq!(system.sql(sums)?, "1\t999\t250000");
    // The verdicts in force agree, and the first click by time is the one.
    let in_force = "SELECT groupArray(toString(e.id)) FROM footfall.events AS e
        LEFT JOIN (SELECT id, argMax(verdict, decided_at) AS verdict, 1 AS known FROM footfall.verdicts GROUP BY id) AS d ON d.id = e.id
        WHERE if(d.known = 1, d.verdict, e.verdict) != 'invalid'";
    eventually("the corrections are loaded", Duration::from_secs(20), || {
        Ok(system.sql(in_force)? == "['01900000-0000-7000-8000-000000000000']")
    })?;
    let corrected: i64 = system.sql("SELECT count() FROM footfall.verdicts")?.parse()?;
    assert!(corrected > 0, "they came in random order");
    Ok(())
}
