//! A large catalogue: how long ingest takes to start with it, what it needs of memory, and how soon
//! a change is seen by the redirect.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footfall_event::catalog::{Ad, Entry};
use footfall_topics::catalog::CatalogView;

use super::child::own_bytes;
use super::{Row, grouped, ingest};
use crate::config::Config;
use crate::roles;

const ADS: usize = 500_000;
const BATCH: usize = 10_000;

/// Start, memory and the way of a change.
pub(crate) fn measure() -> Result<Vec<Row>> {
    let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
    fill(folder.path())?;
    let empty = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
    let (before, nothing) = start(empty.path())?;
    drop(nothing);
    let (took, server) = start(folder.path())?;
    let change = change(&server)?;
    let bytes = own_bytes(server.child.id())?;
    Ok(vec![
        Row {
            figure: "ingest starts with 500,000 ads, s",
            ours: format!("{:.2}", took.as_secs_f64()),
            baseline: format!("{:.2} without ads", before.as_secs_f64()),
            target: "< 5",
            holds: took < Duration::from_secs(5),
        },
        Row {
            figure: "memory of ingest with 500,000 ads, MB",
            ours: grouped(bytes as f64 / 1e6),
            baseline: "–".to_owned(),
            target: "< 1,000",
            holds: bytes < 1_000_000_000,
        },
        Row {
            figure: "a changed ad among 500,000 is redirected to, ms",
            ours: format!("{:.1}", change.as_secs_f64() * 1e3),
            baseline: "–".to_owned(),
            target: "< 1,000",
            holds: change < Duration::from_secs(1),
        },
    ])
}

fn fill(data: &Path) -> Result<()> {
    let config = Config { data: data.to_owned(), ..Config::default() };
    let log = roles::open_log(&config)?;
    let view = CatalogView::follow(log.clone())?;
    view.put_all_blocking(&ingest::catalogue()?)?;
    let ads: Vec<usize> = (0..ADS).collect();
    for numbers in ads.chunks(BATCH) {
        let entries: Vec<Entry> = numbers.iter().map(|number| Entry::Ad(ad(*number))).collect();
        view.put_all_blocking(&entries)?;
    }
    drop(view);
    log.close(Duration::from_secs(30));
    Ok(())
}

fn ad(number: usize) -> Ad {
    Ad {
        id: format!("ad-{number:06}"),
        campaign: ingest::CAMPAIGN.to_owned(),
        name: format!("Hiking boots, model {number}"),
        destination: format!(
            "https://shop.example/products/hiking-boots-{number}?utm_source=news&utm_campaign=winter"
        ),
        paused: false,
        removed: false,
        created_at: 1,
    }
}

struct Server {
    child: Child,
    address: String,
    key: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Starts ingest on a folder; how long until it listens.
fn start(data: &Path) -> Result<(Duration, Server)> {
    let address = format!("127.0.0.1:{}", roles::free_port()?);
    let began = Instant::now();
    let mut child = Command::new(std::env::current_exe()?)
        .args(["bench", "--ingest", &address, "--folder"])
        .arg(data)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut said = String::new();
    BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut said)?;
    let took = began.elapsed();
    ensure!(!said.is_empty(), "ingest did not start");
    Ok((took, Server { child, address, key: said.trim().to_owned() }))
}

/// Time from asking for a change by the API until a click leads there.
fn change(server: &Server) -> Result<Duration> {
    let config = ureq::Agent::config_builder().max_redirects(0).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let click = format!("http://{}/c/ad-250000", server.address);
    let put = format!("http://{}/api/v1/ads/ad-250000", server.address);
    let began = Instant::now();
    let answer = agent
        .put(put)
        .header("Authorization", format!("Bearer {}", server.key))
        .send(r#"{"destination":"https://changed.example/"}"#)?;
    ensure!(answer.status() == 200, "the change was answered {}", answer.status());
    loop {
        let answer = agent.get(&click).call()?;
        let location = answer.headers().get("location").context("a redirect")?.to_str()?;
        if location.starts_with("https://changed.example/") {
            return Ok(began.elapsed());
        }
        ensure!(began.elapsed() < Duration::from_secs(10), "the change is not seen");
    }
}
