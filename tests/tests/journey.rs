//! A newcomer's journey: start the program, browse the demo in a real browser, and see every page
//! on the dashboard within two seconds; the same on Kafka with a process for each role. And an ad's:
//! shown, seen, clicked, and converted on the advertiser's page.

mod system;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use footfall_tests::chromium::Browser;
use footfall_tests::footfall::{Footfall, eventually};
use serde_json::Value;
use system::System;

/// One journey at a time: each has a browser and several processes, and what they promise about
/// time they promise to a machine of two cores, not to a third of one.
static MACHINE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

const DEMO: &str = "demo.localhost";

/// Page views of each path today, as the dashboard says.
fn pages(dashboard: &str, site: &str) -> Result<Vec<(String, u64)>> {
    let url = format!("{dashboard}/sites/{site}/pages.json?period=today");
    let answer: Value = serde_json::from_str(&get(&url)?)?;
    let rows = answer["rows"].as_array().context("rows")?;
    rows.iter()
        .map(|row| {
            let path = row["path"].as_str().context("path")?.to_owned();
            Ok((path, row["pageviews"].as_u64().context("pageviews")?))
        })
        .collect()
}

/// Clicks on an ad today, by position, as the ads page says.
fn clicks(dashboard: &str, site: &str, ad: &str) -> Result<Vec<(u64, u64)>> {
    let url = format!("{dashboard}/sites/{site}/positions.json?ad={ad}&period=today");
    let answer: Value = serde_json::from_str(&get(&url)?)?;
    let rows = answer["rows"].as_array().context("rows")?;
    let numbers = rows.iter().map(|row| {
        let clicks = row["clicks"].as_u64().context("clicks")?;
        Ok((row["position"].as_u64().context("position")?, clicks))
    });
    numbers.collect()
}

fn get(url: &str) -> Result<String> {
    Ok(ureq::get(url).call()?.body_mut().read_to_string()?)
}

#[test]
fn each_demo_page_is_on_the_dashboard_within_two_seconds() -> Result<()> {
    let _alone = alone();
    let serve = Footfall::serve(&[])?;
    let browser = Browser::start()?;
    let page = browser.page()?;
    for (i, path) in ["/demo/", "/demo/guides.html", "/demo/product.html"].iter().enumerate() {
        page.goto(&format!("{}{path}", serve.url()))?;
        let shown = Instant::now();
        eventually("the page is on the dashboard", Duration::from_secs(10), || {
            Ok(pages(&serve.url(), DEMO)?.contains(&((*path).to_owned(), 1)))
        })?;
        let took = shown.elapsed();
        println!("{path} was on the dashboard after {took:?}");
        // The very first insert also makes the parts' first files; it has the same limit.
        assert!(took < Duration::from_secs(2), "page {i} took {took:?}");
    }
    let html = get(&format!("{}/sites/{DEMO}?period=today", serve.url()))?;
    assert!(html.contains("/demo/guides.html"), "the page itself shows it too");
    Ok(())
}

#[test]
fn the_same_journey_on_kafka_with_a_process_for_each_role() -> Result<()> {
    let _alone = alone();
    let mut system = System::kafka_with_demo()?;
    let browser = Browser::start()?;
    let page = browser.page()?;
    for path in ["/demo/", "/demo/guides.html", "/demo/product.html"] {
        page.goto(&format!("{}{path}", system.ingest_url()))?;
        eventually("the page is on the dashboard", Duration::from_secs(10), || {
            Ok(pages(&system.dashboard_url(), DEMO)?.contains(&(path.to_owned(), 1)))
        })?;
    }
    let sender = footfall_tests::load::Sender::new(&system.key(DEMO)?);
    // One of the two aggregators dies for good: the other takes its shards over.
    system.aggregators().remove(0).kill();
    for i in 0..40 {
        let view = serde_json::json!({"type": "pageview", "site": DEMO, "url": format!("https://{DEMO}/after"),
            "ip": format!("203.0.113.{i}"), "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"});
        sender.insist(|| system.ingest_url(), &[view], Duration::from_secs(20))?;
    }
    eventually("the survivor has taken over all shards", Duration::from_secs(60), || {
        Ok(pages(&system.dashboard_url(), DEMO)?.contains(&("/after".to_owned(), 40)))
    })
}

/// Waits until the warehouse has exactly one such event, and returns the value of an expression on it.
fn stored(serve: &Footfall, value: &str, condition: &str) -> Result<String> {
    let sql =
        format!("SELECT count(), any(toString({value})) FROM footfall.events WHERE {condition}");
    let mut found = String::new();
    eventually(condition, Duration::from_secs(10), || {
        let answer = serve.sql(&sql)?;
        let (count, value) = answer.split_once('\t').context("two columns")?;
        value.clone_into(&mut found);
        Ok(count == "1")
    })?;
    Ok(found)
}

#[test]
fn an_ad_is_seen_clicked_and_converted_in_a_real_browser() -> Result<()> {
    let _alone = alone();
    let serve = Footfall::serve(&[])?;
    let browser = Browser::start()?;
    let page = browser.page()?;
    page.goto(&format!("{}/demo/guide-map.html", serve.url()))?;
    // Below the article, and so below the fold: an impression that nobody has seen.
    let of_ad = "ad = 'demo-hut-ridge' AND placement = 'demo-article' AND position = 1";
    let impression = stored(&serve, "id", &format!("type = 'impression' AND {of_ad}"))?;
    assert_eq!(page.eval("scrollY")?, 0);
    page.eval("document.querySelector('[data-footfall-ad]').scrollIntoView({block: 'center'})")?;
    stored(&serve, "id", &format!("type = 'view' AND impression = '{impression}'"))?;

    page.loads(|| page.click("[data-footfall-ad] a"))?;
    let clicked = Instant::now();
    let address = page.eval("location.href")?;
    let address = address.as_str().context("an address")?;
    assert!(address.contains("/demo/huts.html?hut=ridge&ffclid="), "{address}");
    eventually("the click is on the ads page", Duration::from_secs(10), || {
        Ok(clicks(&serve.url(), DEMO, "demo-hut-ridge")? == [(1, 1)])
    })?;
    let took = clicked.elapsed();
    println!("the click was on the dashboard after {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    let click = stored(
        &serve,
        "id",
        &format!("type = 'click' AND {of_ad} AND impression = '{impression}'"),
    )?;

    page.click("form.convert button")?;
    let converted = "type = 'conversion' AND site = 'partners.localhost' AND goal = 'booking'";
    let touches = stored(&serve, "touches", converted)?;
    let touches: Value = serde_json::from_str(&touches)?;
    assert_eq!(touches[0]["click"], click, "{touches}");
    assert_eq!(touches[0]["ad"], "demo-hut-ridge", "{touches}");
    assert_eq!(touches[0]["site"], DEMO, "{touches}");
    Ok(())
}
