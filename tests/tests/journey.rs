//! A newcomer's journey: start the program, browse the demo in a real browser, and see every page
//! on the dashboard within two seconds; the same on Kafka with a process for each role.

mod system;

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use footfall_tests::chromium::Browser;
use footfall_tests::footfall::{Footfall, eventually};
use serde_json::Value;
use system::System;

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

fn get(url: &str) -> Result<String> {
    Ok(ureq::get(url).call()?.body_mut().read_to_string()?)
}

#[test]
fn each_demo_page_is_on_the_dashboard_within_two_seconds() -> Result<()> {
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
    let mut system = System::kafka(DEMO)?;
    let key = system.key(DEMO)?;
    let sender = footfall_tests::load::Sender::new(&key);
    let view = |path: &str| {
        serde_json::json!({"type": "pageview", "site": DEMO, "url": format!("https://{DEMO}{path}"),
            "ip": "203.0.113.9", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    };
    for path in ["/", "/guides", "/boots"] {
        sender.insist(|| system.ingest_url(), &[view(path)], Duration::from_secs(20))?;
        eventually("the page is on the dashboard", Duration::from_secs(10), || {
            Ok(pages(&system.dashboard_url(), DEMO)?.contains(&(path.to_owned(), 1)))
        })?;
    }
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
