//! The page for ad servers, and the example that it names: each command on the page is run as it
//! stands there, and the example ad server learns over HTTP which ad is liked.

#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use footfall_tests::footfall::{Footfall, binary, eventually};
use footfall_tests::tools::repository;
use serde_json::Value;

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// The fenced blocks of one language between two headings.
fn blocks(page: &str, language: &str, from: &str, to: &str) -> Vec<String> {
    let start = page.find(from).unwrap_or_else(|| panic!("no {from:?}"));
    let length = page[start..].find(to).unwrap_or_else(|| panic!("no {to:?}"));
    let fence = format!("```{language}");
    let blocks = page[start..start + length].split("\n```").filter_map(|part| {
        let (first, body) = part.split_once('\n')?;
        (format!("```{first}").trim_end() == fence).then(|| body.to_owned())
    });
    blocks.collect()
}

/// Runs a command of the page.
fn shell(serve: &Footfall, key: &str, script: &str) -> String {
    let footfall = format!(
        "footfall() {{ '{}' \"$@\" --data '{}'; }}\n{script}",
        binary().display(),
        serve.data().display()
    );
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &footfall])
        .env("FOOTFALL", serve.url())
        .env("KEY", key)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{said}");
    String::from_utf8(output.stdout).unwrap()
}

fn key(serve: &Footfall, site: &str, scope: &str) -> Value {
    serve.run(&["key", "add", "--site", site, "--scope", scope]).unwrap()
}

fn names(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

#[test]
fn every_example_of_the_page_works() {
    let page = std::fs::read_to_string(repository().join("docs/for-ad-servers.md")).unwrap();
    let serve = Footfall::serve(&[]).unwrap();
    serve.run(&["site", "add", "news.example"]).unwrap();
    let [admin, key] = ["admin", "stats"].map(|scope| key(&serve, "news.example", scope));
    let (admin, key) = (admin["key"].as_str().unwrap(), key["key"].as_str().unwrap());
    for script in blocks(&page, "sh", "## Managing the catalogue", "## Which ads to show") {
        shell(&serve, admin, &script.replace("$ADMIN_KEY", "$KEY"));
    }

    let from = ("## Which ads to show", "## Follow what changes");
    let asked = blocks(&page, "sh", from.0, from.1);
    assert_eq!(asked.len(), 1);
    eventually("the topics are read", Duration::from_secs(20), || {
        Ok(shell(&serve, key, &asked[0]).contains("\"ads\""))
    })
    .unwrap();
    let answer: Value = serde_json::from_str(&shell(&serve, key, &asked[0])).unwrap();
    assert_eq!(answer["ads"].as_array().unwrap().len(), 1);
    let shown: Value = serde_json::from_str(&blocks(&page, "json", from.0, from.1)[0]).unwrap();
    assert_eq!(names(&answer), names(&shown));
    assert_eq!(names(&answer["ads"][0]), names(&shown["ads"][0]));

    let feeds = blocks(&page, "sh", "## Follow what changes", "## Pacing and budgets");
    assert_eq!(feeds.len(), 3);
    for (feed, expected) in feeds.iter().zip(["event: current", "\"current\":true", ""]) {
        assert!(shell(&serve, key, feed).contains(expected), "{feed}");
    }
    let records = blocks(&page, "json", "## Pacing and budgets", "leave\nthe campaign out");
    assert_eq!(records.len(), 1);
    let record: Value = serde_json::from_str(&records[0]).unwrap();
    let schema = shell(&serve, key, "footfall schema ad-performance");
    for name in names(&record) {
        assert!(schema.contains(&format!("\"{name}\"")), "{name} is in no record");
    }
}

/// The example, ended when dropped.
struct AdServer {
    child: Child,
    url: String,
}

impl AdServer {
    fn start(settings: &[(&str, &str)]) -> AdServer {
        let program: PathBuf = binary().with_file_name("ad-server");
        let mut child = Command::new(program)
            .envs(settings.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).unwrap();
        AdServer { child, url: url.trim().to_owned() }
    }
}

impl Drop for AdServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Ads and click links of a page, in order.
fn ads(page: &str) -> Vec<(String, String)> {
    let part = |text: &str, from: &str| {
        text.split_once(from).unwrap().1.split('"').next().unwrap().to_owned()
    };
    page.split("<a ").skip(1).map(|ad| (part(ad, "data-ad=\""), part(ad, "href=\""))).collect()
}

#[test]
fn the_example_ad_server_learns_what_is_liked() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("footfall.toml");
    std::fs::write(&config, "[ingest]\ntrusted_proxies = ['127.0.0.0/8']\n").unwrap();
    let serve = Footfall::serve(&["--config", config.to_str().unwrap()]).unwrap();
    serve.run(&["site", "add", "example.com"]).unwrap();
    serve.run(&["placement", "add", "top", "--site", "example.com"]).unwrap();
    serve
        .run(&[
            "campaign",
            "add",
            "c",
            "--site",
            "example.com",
            "--price",
            "0.10",
            "--currency",
            "EUR",
        ])
        .unwrap();
    for ad in ["dull", "fine", "poor", "weak"] {
        let to = format!("https://shop.example/{ad}");
        serve.run(&["ad", "add", ad, "--campaign", "c", "--destination", &to]).unwrap();
    }
    let [stats, ingest, token] =
        ["stats", "ingest", "tokens"].map(|scope| key(&serve, "example.com", scope));
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{token}")).to_owned();
    let server = AdServer::start(&[
        ("FOOTFALL_URL", &serve.url()),
        ("FOOTFALL_SITE", "example.com"),
        ("PLACEMENT", "top"),
        ("SLOTS", "2"),
        ("STATS_KEY", &text(&stats["key"])),
        ("INGEST_KEY", &text(&ingest["key"])),
        ("TOKEN_KEY", &text(&token["id"])),
        ("TOKEN_SECRET", &text(&token["key"])),
        ("LISTEN", "127.0.0.1:0"),
    ]);
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build().into();
    let visit = |number: u32, page: &str| {
        let address = format!("198.18.{}.{}", number / 250, number % 250 + 1);
        agent
            .get(page)
            .header("x-forwarded-for", &address)
            .header("user-agent", AGENT)
            .header("referer", "https://example.com/")
            .call()
            .unwrap()
    };
    // How often the liked ad stands first: before anything is known, and at the end.
    let mut first = [0, 0];
    for number in 0..240 {
        let page = visit(number, &server.url).body_mut().read_to_string().unwrap();
        let shown = ads(&page);
        for (ad, link) in &shown {
            if ad == "fine" && number % 2 == 0 {
                let answer = visit(number, link);
                assert_eq!(answer.status(), 302);
                let to = answer.headers()["location"].to_str().unwrap().to_owned();
                assert!(to.starts_with("https://shop.example/fine?ffclid="), "{to}");
            }
        }
        let liked = u32::from(shown.first().is_some_and(|(ad, _)| ad == "fine"));
        match number {
            0..40 => first[0] += liked,
            200.. => first[1] += liked,
            // Time for what was clicked to come back.
            _ => std::thread::sleep(Duration::from_millis(20)),
        }
    }
    assert!(first[1] >= 32 && first[1] > first[0], "first place: {first:?} of 40 each");
}
