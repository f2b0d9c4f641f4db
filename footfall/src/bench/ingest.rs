//! Accepting: single beacons beside a bare handler, and batches by the keyed API.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::routing::{get, post};
use footfall_event::Topic;
use footfall_event::catalog::edit::{AdRequest, CampaignRequest, PlacementRequest};
use footfall_event::catalog::{Catalog, Entry, KINDS, Scope, Site};
use footfall_topics::catalog::CatalogView;
use footfall_topics::{Log, Partition};

use super::{Row, grouped, wrk};
use crate::config::Config;
use crate::{commands, http, roles};

pub(super) const CONNECTIONS: u32 = 128;
pub(super) const SITE: &str = "bench.example";
pub(super) const CAMPAIGN: &str = "winter";
pub(super) const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
                     Chrome/141.0.0.0 Safari/537.36";

/// The baseline: the same server loop, handlers that do no work. To a beacon they answer 204 when they
/// have read it, to a click with a redirect.
pub(crate) fn serve_bare(address: SocketAddr) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await?;
        let redirect = || async {
            (StatusCode::FOUND, [(header::LOCATION, "https://shop.example/boots?utm_source=news")])
        };
        let app = Router::new()
            .route("/e", post(|_: Bytes| async { StatusCode::NO_CONTENT }))
            .route("/c/{ad}", get(redirect));
        println!("listening");
        let (settings, cores) = (http::Settings::default(), http::Cores::start()?);
        http::serve(listener, app, &settings, &cores, std::future::pending()).await;
        Ok(())
    })
}

/// Ingest alone on an embedded log, without aggregator and engine beside it: what the figures of
/// this module are about. Says the key of its site when it listens.
pub(crate) fn serve_ingest(address: SocketAddr, folder: &Path) -> Result<()> {
    let mut config = Config { data: folder.to_owned(), ..Config::default() };
    // All load comes from one address, which a server on the open net would rightly refuse.
    config.ingest.rate.beacons_per_second = 0;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let log = roles::open_log(&config)?;
        let view = CatalogView::follow(log.clone())?;
        view.put_all(&catalogue()?).await?;
        let (secret, key) = commands::key::make(vec![SITE.to_owned()], Scope::Admin);
        view.put(&Entry::Key(key)).await?;
        let ingest = roles::ingest(&config, &log, &view).await?;
        let listener = tokio::net::TcpListener::bind(address).await?;
        println!("{secret}");
        let counting = log.clone();
        std::thread::spawn(move || say_clicks(&*counting));
        let router = footfall_ingest::app(ingest.clone());
        let app = http::App { clicks: Some(ingest), router };
        let cores = http::Cores::start()?;
        http::serve(listener, app, &config.http, &cores, std::future::pending()).await;
        Ok(())
    })
}

/// The site, and an ad on it.
pub(super) fn catalogue() -> Result<Vec<Entry>> {
    let mut catalog = Catalog::default();
    catalog.apply_entry(Entry::Site(Site { domain: SITE.to_owned(), ..Site::default() }));
    let site = || Some(SITE.to_owned());
    let campaign = CampaignRequest {
        site: site(),
        price: Some("0.25".to_owned()),
        currency: Some("EUR".to_owned()),
        ..CampaignRequest::default()
    };
    let campaign = campaign.apply(CAMPAIGN, None, &catalog, 1)?;
    catalog.apply_entry(Entry::Campaign(campaign));
    let ad = AdRequest {
        campaign: Some(CAMPAIGN.to_owned()),
        destination: Some("https://shop.example/boots?utm_source=news&k={keyword}".to_owned()),
        ..AdRequest::default()
    };
    catalog.apply_entry(Entry::Ad(ad.apply("boots", None, &catalog, 1)?));
    let placement = PlacementRequest { site: site(), ..PlacementRequest::default() };
    catalog.apply_entry(Entry::Placement(placement.apply("top", None, &catalog, 1)?));
    Ok(KINDS.iter().flat_map(|kind| catalog.entries_of(kind, 0)).collect())
}

/// Answers each line with the number of clicks in the log.
fn say_clicks(log: &dyn Log) {
    for _ in std::io::stdin().lines().map_while(Result::ok) {
        let partitions = (0..log.partitions(Topic::Clicks))
            .map(|number| Partition { topic: Topic::Clicks, number });
        let ends = partitions.filter_map(|partition| log.offsets(partition).ok());
        println!("{}", ends.map(|offsets| offsets.end - offsets.start).sum::<u64>());
    }
}

/// A server under load: this program in another process.
pub(super) struct Server {
    pub(super) child: Child,
    pub(super) address: String,
    /// The first line it said.
    said: String,
    /// Removed here: a process that is killed leaves its folder behind.
    _folder: tempfile::TempDir,
}

impl Server {
    /// The one without work.
    pub(super) fn bare() -> Result<Server> {
        Server::start("--bare")
    }

    fn start(mode: &str) -> Result<Server> {
        let address = format!("127.0.0.1:{}", roles::free_port()?);
        let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", mode, &address, "--folder"])
            .arg(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut said = String::new();
        BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut said)?;
        ensure!(!said.is_empty(), "the server under load did not start");
        Ok(Server { child, address, said: said.trim().to_owned(), _folder: folder })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// One page view as the script sends it; without an id each is an event of its own.
pub(super) fn beacon(id: Option<footfall_event::Id>) -> String {
    let id = id.map(|id| format!(r#""id":"{id}","#)).unwrap_or_default();
    format!(
        r#"{{"type":"pageview",{id}"site":"{SITE}","sent_at":{},"url":"https://{SITE}/guides/choosing-hiking-boots?utm_source=newsletter","referrer":"https://www.google.com/","title":"Choosing hiking boots","language":"de-AT","screen":"1440x900","timezone":"Europe/Vienna"}}"#,
        crate::commands::now_ms()
    )
}

fn batch(events: usize) -> String {
    let events: Vec<String> = (0..events)
        .map(|i| {
            format!(
                r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/guides/{i}","referrer":"https://www.google.com/","title":"Choosing hiking boots","language":"de-AT","screen":"1440x900","ip":"203.0.113.{i}","user_agent":"{AGENT}"}}"#
            )
        })
        .collect();
    format!("[{}]", events.join(","))
}

/// Single-event beacons, durable before the answer, beside the bare handler.
pub(crate) fn beacons(seconds: u32) -> Result<Row> {
    let origin = format!("https://{SITE}");
    let headers =
        [("Content-Type", "text/plain"), ("Origin", origin.as_str()), ("User-Agent", AGENT)];
    let body = beacon(None);
    // The two take turns, so that a slow spell of the machine hits both.
    let half = (seconds / 2).max(2);
    let bare = Server::bare()?;
    let ours = Server::start("--ingest")?;
    let (mut bare_rate, mut our_rate) = (0.0, 0.0);
    for _ in 0..2 {
        let measured =
            wrk::post(&format!("http://{}/e", bare.address), &headers, &body, CONNECTIONS, half)?;
        bare_rate += measured.requests_per_s / 2.0;
        let url = format!("http://{}/e", ours.address);
        let measured = wrk::post(&url, &headers, &body, CONNECTIONS, half)?;
        ensure!(measured.failed == 0, "{} beacons were not taken", measured.failed);
        our_rate += measured.requests_per_s / 2.0;
    }
    let ratio = our_rate / bare_rate;
    Ok(Row {
        figure: "single beacons, durable, per second",
        ours: format!("{} ({ratio:.2} × baseline)", grouped(our_rate)),
        baseline: format!("{} bare axum handler", grouped(bare_rate)),
        target: "≥ 0.5 × baseline",
        holds: ratio >= 0.5,
    })
}

/// Batches of 50 by the keyed API.
pub(crate) fn batches(seconds: u32) -> Result<Row> {
    const EVENTS: usize = 50;
    let ours = Server::start("--ingest")?;
    let key = format!("Bearer {}", ours.said);
    let headers = [("Content-Type", "application/json"), ("Authorization", key.as_str())];
    let url = format!("http://{}/api/v1/events", ours.address);
    let measured = wrk::post(&url, &headers, &batch(EVENTS), 32, seconds)?;
    ensure!(measured.failed == 0, "{} batches were not taken", measured.failed);
    let rate = measured.requests_per_s * EVENTS as f64;
    Ok(Row {
        figure: "batches of 50, durable, events per second",
        ours: grouped(rate),
        baseline: "–".to_owned(),
        target: "≥ 400,000",
        holds: rate >= 400_000.0,
    })
}
