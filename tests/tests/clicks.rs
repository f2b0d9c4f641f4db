//! Clicks through the real program: `kill -9` between redirects (every click whose 302 was received
//! is stored, and stored once), and the examples of the pages for advertisers and ad servers.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use footfall_tests::footfall::{Footfall, binary, eventually};
use footfall_tests::tools::repository;
use rand::RngExt;
use uuid::Uuid;

const SITE: &str = "news.example";
const KILLS: usize = 5;
const CLICKERS: usize = 4;

fn set_up(server: &Footfall) -> Result<()> {
    server.run(&["site", "add", SITE])?;
    let campaign = ["--site", SITE, "--price", "0.25", "--currency", "EUR"];
    server.run(&[&["campaign", "add", "winter"], &campaign[..]].concat())?;
    let ad = ["--campaign", "winter", "--destination", "https://shop.example/?k={keyword}"];
    server.run(&[&["ad", "add", "boots"], &ad[..]].concat())?;
    server.run(&["placement", "add", "top", "--site", SITE, "--positions", "3"])?;
    Ok(())
}

/// One click; its id as the redirect's address says it.
fn click(agent: &ureq::Agent, url: &str) -> Result<Uuid> {
    let path = "/c/boots?placement=top&position=1&query=rote%20stiefel";
    let response = agent.get(format!("{url}{path}")).call()?;
    ensure!(response.status() == 302, "answered {}", response.status());
    let location = response.headers().get("location").context("a location")?.to_str()?;
    let id = location.split_once("ffclid=").context("a click id")?.1;
    let bytes = BASE64.decode(id)?;
    Ok(Uuid::from_slice(&bytes[2..18])?)
}

/// Clicks until it is over; the ids of those whose redirect came.
fn click_on(urls: &Mutex<String>, over: &AtomicBool, seen: &Mutex<Vec<Uuid>>) {
    while !over.load(Ordering::Relaxed) {
        let url = urls.lock().expect("nobody panicked with it").clone();
        // A connection of its own, so that a dead server's is never used again.
        let config = ureq::Agent::config_builder()
            .max_redirects(0)
            .timeout_global(Some(Duration::from_secs(5)))
            .http_status_as_error(false);
        let agent: ureq::Agent = config.build().into();
        while let Ok(id) = click(&agent, &url) {
            seen.lock().expect("nobody panicked with it").push(id);
            if over.load(Ordering::Relaxed) {
                return;
            }
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn every_click_that_was_redirected_is_stored_once() -> Result<()> {
    let mut server = Footfall::serve(&[])?;
    set_up(&server)?;
    let urls = Arc::new(Mutex::new(server.url()));
    let (over, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
    let clickers: Vec<_> = (0..CLICKERS)
        .map(|_| {
            let (urls, over, seen) = (urls.clone(), over.clone(), seen.clone());
            std::thread::spawn(move || click_on(&urls, &over, &seen))
        })
        .collect();
    let mut random = rand::rng();
    for _ in 0..KILLS {
        std::thread::sleep(Duration::from_millis(random.random_range(100..800)));
        server.restart()?;
        *urls.lock().expect("nobody panicked with it") = server.url();
    }
    std::thread::sleep(Duration::from_millis(300));
    over.store(true, Ordering::Relaxed);
    for clicker in clickers {
        clicker.join().expect("a clicker does not panic");
    }
    let seen = std::mem::take(&mut *seen.lock().expect("nobody panicked with it"));
    let distinct: BTreeSet<Uuid> = seen.iter().copied().collect();
    assert_eq!(distinct.len(), seen.len(), "two redirects had the same click id");
    ensure!(seen.len() > 100, "only {} clicks were redirected", seen.len());
    let sql = "SELECT id FROM footfall.events WHERE type = 'click'";
    let stored = || -> Result<Vec<Uuid>> {
        server.sql(sql)?.lines().map(|line| Ok(line.parse()?)).collect()
    };
    eventually("every click that was redirected is stored", Duration::from_secs(60), || {
        let stored: BTreeSet<Uuid> = stored()?.into_iter().collect();
        let missing = distinct.difference(&stored).count();
        ensure!(missing == 0, "{missing} of {} are missing", distinct.len());
        Ok(true)
    })?;
    let all = stored()?;
    let once: BTreeSet<Uuid> = all.iter().copied().collect();
    assert_eq!(once.len(), all.len(), "a click is stored twice");
    println!("{} clicks redirected, {} stored, {KILLS} kills", seen.len(), all.len());
    Ok(())
}

/// The shell examples below a heading of a page.
fn examples(page: &str, heading: &str) -> Result<String> {
    let text = std::fs::read_to_string(repository().join("docs").join(page))?;
    let section = text.split_once(&format!("\n## {heading}\n")).context("the heading")?.1;
    let section = section.split("\n## ").next().unwrap_or_default();
    let blocks = section.split("```sh\n").skip(1);
    let scripts: Vec<&str> = blocks.filter_map(|block| block.split("```").next()).collect();
    ensure!(!scripts.is_empty(), "{page} has no example below {heading}");
    Ok(scripts.join("\n"))
}

#[test]
fn the_examples_for_advertisers_and_ad_servers_work() -> Result<()> {
    let server = Footfall::serve(&[])?;
    let folder = binary().parent().context("the program's folder")?.to_owned();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH")?);
    let run = |script: &str, more: &[(&str, &str)]| -> Result<String> {
        let output = Command::new("sh")
            .args(["-euc", script])
            .env("PATH", &path)
            .env("FOOTFALL", server.url())
            .env("FOOTFALL_DATA", server.data())
            .envs(more.iter().copied())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{script}\n{said}");
        Ok(String::from_utf8(output.stdout)?)
    };
    run(&examples("for-advertisers.md", "Destinations and macros")?, &[])?;
    let config = ureq::Agent::config_builder().max_redirects(0);
    let agent: ureq::Agent = config.build().into();
    let answer = agent.get(format!("{}/c/boots?query=warm%20boots", server.url())).call()?;
    let location = answer.headers().get("location").context("a location")?.to_str()?;
    let start =
        "https://shop.example/boots?utm_source=news&utm_campaign=winter&k=warm%20boots&ffclid=";
    let click = location.strip_prefix(start).with_context(|| location.to_owned())?;
    let key = |scope: &str| -> Result<String> {
        let made = server.run(&["key", "add", "--site", "news.example", "--scope", scope])?;
        Ok(made["key"].as_str().context("a key")?.to_owned())
    };
    let (ingest, admin) = (key("ingest")?, key("admin")?);
    let report = examples("for-advertisers.md", "Report a conversion from your server")?;
    let said = run(&report, &[("KEY", &ingest), ("CLICK", click)])?;
    assert_eq!(said.matches("\"accepted\":1,\"clicks\":1").count(), 3, "{said}");
    let said =
        run(&examples("for-ad-servers.md", "Managing the catalogue")?, &[("ADMIN_KEY", &admin)])?;
    assert_eq!(said.matches("\"campaign\":\"winter\"").count(), 2, "{said}");
    let said = run(&examples("for-ad-servers.md", "Signed clicks")?, &[])?;
    assert!(said.contains("This is the only time the key is shown"), "{said}");
    Ok(())
}
