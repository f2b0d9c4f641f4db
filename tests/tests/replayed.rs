//! One click address that is opened from everywhere: whatever networks the clicks come from, and
//! however the work is shared out, one of them counts.

mod system;

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use footfall_event::Id;
use footfall_event::ads::Token;
use footfall_tests::footfall::eventually;
use footfall_tests::load::{Sender, ads};
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};
use system::System;

const SITE: &str = "replayed.example";
const CLICKS: i64 = 1_000;
/// Events that are sent together.
const BATCH: usize = 50;
const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

fn now() -> Result<i64> {
    Ok(i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?)
}

fn address(block: u8, n: i64) -> String {
    format!("198.{block}.{}.{}", n / 250, n % 250 + 1)
}

fn impression(ad: &str) -> Id {
    Id::from_u128(0x0190_0000_0000_7000_8000_ffff_0000_0001 + ad.len() as u128)
}

fn click_id(n: i64) -> Id {
    Id::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + n as u128)
}

/// The one who was shown the ad: sees it, and looks.
fn shown(ad: &str, ip: &str, time: i64) -> Vec<Value> {
    let base = json!({ "site": SITE, "ad": ad, "placement": "top", "position": 1, "ip": ip, "user_agent": AGENT });
    [("impression", impression(ad), time), ("view", Id::from_u128(time as u128), time + 1_500)]
        .map(|(what, id, time)| {
            let mut event = base.clone();
            (event["type"], event["id"], event["time"]) = (json!(what), json!(id), json!(time));
            if what == "view" {
                event["impression"] = json!(impression(ad));
            }
            event
        })
        .into()
}

/// Clicks on one impression from so many networks; the first by time has the number 0, and is the
/// person's.
fn clicks() -> Result<Vec<Value>> {
    let now = now()?;
    let click = |n: i64| {
        json!({
            "type": "click", "site": SITE, "ad": "ad-c1", "placement": "top", "position": 1,
            "id": click_id(n),
            "impression": impression("ad-c1"), "ip": address(18, n), "user_agent": AGENT,
            "time": now - 30 * 60_000 + n * 100,
        })
    };
    let mut clicks: Vec<Value> = (0..CLICKS).map(click).collect();
    clicks.shuffle(&mut StdRng::seed_from_u64(9));
    let mut events = shown("ad-c1", &address(18, 0), now - 31 * 60_000);
    events.extend(clicks);
    Ok(events)
}

/// The verdicts in force on an ad's clicks agree, and the first click by time is the one that counts.
fn first_one_counts(system: &System, ad: &str) -> Result<()> {
    eventually(&format!("all clicks on {ad} are counted"), Duration::from_secs(120), || {
        let of =
            |sql: &str| -> Result<i64> { Ok(system.sql(&format!("{sql} ad = '{ad}'"))?.parse()?) };
        let gross = of("SELECT sum(clicks) FROM footfall.ad_windows WHERE")?;
        let stored = of("SELECT count() FROM footfall.events WHERE type = 'click' AND")?;
        ensure!(gross <= CLICKS && stored <= CLICKS, "{gross} counted, {stored} stored");
        Ok(gross == CLICKS && stored == CLICKS)
    })?;
    let in_force = format!(
        "SELECT groupArray(e.id) = [argMin(e.id, (e.time, e.id))] FROM footfall.events AS e
        LEFT JOIN (SELECT id, argMax(verdict, decided_at) AS verdict, 1 AS known FROM footfall.verdicts GROUP BY id) AS d ON d.id = e.id
        WHERE e.type = 'click' AND e.ad = '{ad}' AND if(d.known = 1, d.verdict, e.verdict) != 'invalid'"
    );
    let first = format!(
        "SELECT argMin(id, (time, id)) FROM footfall.events WHERE type = 'click' AND ad = '{ad}'"
    );
    let in_force = in_force.replace("argMin(e.id, (e.time, e.id))", &format!("({first})"));
    eventually("the corrections are loaded", Duration::from_secs(60), || {
        Ok(system.sql(&in_force)? == "1")
    })?;
    let sums = format!(
        "SELECT sum(net_clicks), sum(invalid_clicks['duplicate_click']) FROM footfall.ad_windows WHERE ad = '{ad}' FORMAT TSV"
    );
    assert_eq!(system.sql(&sums)?, "1\t999");
    Ok(())
}

/// Opens the address from a network; the redirect comes, whatever is thought of the click.
fn open(agent: &ureq::Agent, url: &str, ip: &str) -> Result<()> {
    let request = agent.get(url).header("X-Forwarded-For", ip).header("User-Agent", AGENT);
    let status = request.call()?.status();
    ensure!(status == 302, "answered {status}");
    Ok(())
}

#[test]
fn a_thousand_networks_make_one_click() -> Result<()> {
    let system = System::kafka_behind_proxy(SITE)?;
    for command in ads(SITE) {
        system.configure(&command)?;
    }
    let sender = Sender::new(&system.key(SITE)?);
    let events = clicks()?;
    let (begin, rest) = events.split_at(BATCH);
    let send = |batch| sender.insist(|| system.ingest_url(), batch, Duration::from_secs(60));
    send(begin)?;
    // One of these counts until an earlier one comes: were all judged together, none would be corrected.
    let first = click_id(0).to_string();
    ensure!(begin.iter().all(|event| event["id"] != first), "the first by time comes later");
    let clicks = begin.iter().filter(|event| event["type"] == "click").count();
    let stored = "SELECT count() FROM footfall.events WHERE type = 'click'";
    eventually("the first clicks are judged", Duration::from_secs(60), || {
        Ok(system.sql(stored)? == clicks.to_string())
    })?;
    rest.chunks(BATCH).try_for_each(send)?;
    first_one_counts(&system, "ad-c1")?;
    let cost = "SELECT sum(cost_micros) FROM footfall.ad_windows WHERE ad = 'ad-c1'";
    assert_eq!(system.sql(cost)?, "250000");
    let corrected: i64 = system.sql("SELECT count() FROM footfall.verdicts")?.parse()?;
    assert!(corrected > 0, "they came in random order");

    // A signed address, opened by the person first and then from everywhere.
    let key = system.run(&["key", "add", "--site", SITE, "--scope", "tokens"])?;
    let text = |name: &str| key[name].as_str().context("a text").map(str::to_owned);
    let secret = hex::decode(text("key")?)?;
    let (ad, time) = ("ad-of-c3", now()? - 5_000);
    let made =
        ["ad", "add", ad, "--campaign", "c3", "--destination", "https://replayed.example/basket"];
    system.run(&made)?;
    let token = Token {
        impression: impression(ad),
        time,
        ad: ad.to_owned(),
        placement: "top".to_owned(),
        position: 1,
        ..Token::default()
    };
    let url = format!("{}/c/s/{}", system.ingest_url(), token.sign(&text("id")?, &secret));
    let person = address(19, 0);
    sender.insist(|| system.ingest_url(), &shown(ad, &person, time), Duration::from_secs(60))?;
    let agent: ureq::Agent = ureq::Agent::config_builder().max_redirects(0).build().into();
    eventually("the ad is known", Duration::from_secs(60), || {
        Ok(open(&agent, &url, &person).is_ok())
    })?;
    for n in 1..CLICKS {
        open(&agent, &url, &address(19, n))?;
    }
    first_one_counts(&system, ad)
}
