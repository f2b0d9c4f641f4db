//! The whole way: from a beacon to the row that a query sees, under load; and memory at rest.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footfall_event::Id;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::child::{Running, resident_bytes};
use super::{Row, grouped, ingest, wrk};

/// Memory of `serve` with its engine, some seconds after it started.
pub(crate) fn memory() -> Result<Row> {
    let serve = Running::serve()?;
    std::thread::sleep(Duration::from_secs(5));
    let bytes = resident_bytes(serve.pid())?;
    Ok(Row {
        figure: "memory of `serve` at rest, engine included, MB",
        ours: grouped(bytes as f64 / 1e6),
        baseline: "–".to_owned(),
        target: "< 400",
        holds: bytes < 400_000_000,
    })
}

/// Time from sending a beacon until a query sees it, at half the peak rate.
pub(crate) fn end_to_end(seconds: u32) -> Result<Row> {
    let serve = Running::serve()?;
    serve.run(&["site", "add", ingest::SITE])?;
    let url = format!("http://{}/e", serve.address("listen")?);
    let origin = format!("https://{}", ingest::SITE);
    let headers = [
        ("Content-Type", "text/plain"),
        ("Origin", origin.as_str()),
        ("User-Agent", ingest::AGENT),
    ];
    let peak = wrk::post(&url, &headers, &ingest::beacon(None), ingest::CONNECTIONS, 3)?;
    let rate = (peak.requests_per_s / 2.0).max(100.0);
    drain(&serve)?;

    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let address = serve.address("listen")?.to_owned();
    let until = Instant::now() + Duration::from_secs(u64::from(seconds.max(5)));
    let load = runtime.spawn(load(address.clone(), rate, until));
    let mut delays = probe(&serve, &runtime, &address, until)?;
    let sent = runtime.block_on(load)??;
    let achieved = sent as f64 / f64::from(seconds.max(5));
    delays.sort();
    ensure!(!delays.is_empty(), "no probe was sent");
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share) as usize].as_secs_f64();
    Ok(Row {
        figure: "beacon to visible by query, p50 / p99, seconds",
        ours: format!("{:.2} / {:.2}", at(0.5), at(0.99)),
        baseline: format!("{} beacons/s meanwhile (half the peak)", grouped(achieved)),
        target: "p99 < 2",
        holds: at(0.99) < 2.0,
    })
}

/// Waits until what the peak left behind is stored.
fn drain(serve: &Running) -> Result<()> {
    let agent = ureq::Agent::new_with_defaults();
    let mut last = String::new();
    for _ in 0..600 {
        let now = serve.sql(&agent, "SELECT count() FROM footfall.events").unwrap_or_default();
        if now == last && !now.is_empty() && now != "0" {
            return Ok(());
        }
        last = now;
        std::thread::sleep(Duration::from_millis(1_500));
    }
    anyhow::bail!("the store was still growing after 15 minutes")
}

/// Beacons at a steady rate on 32 connections; returns how many were acknowledged.
async fn load(address: String, rate: f64, until: Instant) -> Result<u64> {
    const CONNECTIONS: u32 = 32;
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..CONNECTIONS {
        let address = address.clone();
        let every = Duration::from_secs_f64(f64::from(CONNECTIONS) / rate);
        tasks.spawn(async move {
            let mut connection = Connection::open(&address).await?;
            let mut clock = tokio::time::interval(every);
            clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Burst);
            let request = request(&address, &ingest::beacon(None));
            let mut sent = 0;
            while Instant::now() < until {
                clock.tick().await;
                connection.ask(&request).await?;
                sent += 1;
            }
            anyhow::Ok(sent)
        });
    }
    let mut sent = 0;
    while let Some(result) = tasks.join_next().await {
        sent += result??;
    }
    Ok(sent)
}

/// Sends a beacon of known id ten times a second and notes when a query first sees it.
fn probe(
    serve: &Running,
    runtime: &tokio::runtime::Runtime,
    address: &str,
    until: Instant,
) -> Result<Vec<Duration>> {
    let agent = ureq::Agent::new_with_defaults();
    let mut connection = runtime.block_on(Connection::open(address))?;
    let mut waiting: HashMap<Id, Instant> = HashMap::new();
    let mut delays = Vec::new();
    let mut next = Instant::now();
    while Instant::now() < until || !waiting.is_empty() {
        if Instant::now() >= next && Instant::now() < until {
            let id = Id::now_v7();
            waiting.insert(id, Instant::now());
            runtime.block_on(connection.ask(&request(address, &ingest::beacon(Some(id)))))?;
            next += Duration::from_millis(100);
        }
        let ids: Vec<String> = waiting.keys().map(|id| format!("'{id}'")).collect();
        if !ids.is_empty() {
            let sql = format!(
                "SELECT id FROM footfall.events WHERE received_at > now64() - 120 AND id IN ({})",
                ids.join(",")
            );
            for line in serve.sql(&agent, &sql)?.lines() {
                if let Some(sent) = waiting.remove(&line.parse()?) {
                    delays.push(sent.elapsed());
                }
            }
        }
        ensure!(
            waiting.values().all(|sent| sent.elapsed() < Duration::from_secs(60)),
            "a beacon was not visible after a minute"
        );
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(delays)
}

fn request(address: &str, body: &str) -> Vec<u8> {
    format!(
        "POST /e HTTP/1.1\r\nHost: {address}\r\nContent-Type: text/plain\r\nOrigin: https://{}\r\n\
         User-Agent: {}\r\nContent-Length: {}\r\n\r\n{body}",
        ingest::SITE,
        ingest::AGENT,
        body.len()
    )
    .into_bytes()
}

/// One kept-alive connection that sends a request and waits for its answer.
struct Connection {
    stream: tokio::net::TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    async fn open(address: &str) -> Result<Connection> {
        let stream = tokio::net::TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: Vec::with_capacity(4096) })
    }

    /// Answers of the beacon have no body, so the end of the head is the end of the answer.
    async fn ask(&mut self, request: &[u8]) -> Result<()> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        while !self.buffer.windows(4).any(|end| end == b"\r\n\r\n") {
            let read = self.stream.read_buf(&mut self.buffer).await?;
            ensure!(read > 0, "the server closed the connection");
        }
        let status = self.buffer.get(9..12).context("an answer")?;
        ensure!(status == b"202", "answered {}", String::from_utf8_lossy(&self.buffer));
        Ok(())
    }
}
