//! Clicks: a redirect with its record beside nginx's `return 302`, which records nothing.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::wrk;
use super::{Row, grouped};
use crate::roles;

/// How often the two take turns. The machine's speed changes within seconds, and with it the slowest
/// hundredth of the answers: each round is held against its neighbour, and the median round counts.
const ROUNDS: usize = 7;
/// Seconds of a round at the least.
const ROUND_S: u32 = 2;
/// Connections at the peak.
const CONNECTIONS: u32 = 64;
/// A connection rests this long between two clicks, on average, at half the peak.
const REST_MS: u32 = 10;

/// Redirects at half their peak rate.
pub(crate) fn measure(seconds: u32) -> Result<Row> {
    let nginx = Nginx::start()?;
    let mut ours = Server::start()?;
    let path = "/c/boots?placement=top&position=2&query=hiking%20boots";
    let url = format!("http://{}{path}", ours.address);
    let nginx_url = format!("http://127.0.0.1:{}{path}", nginx.port);
    let each = (seconds / ROUNDS as u32).max(ROUND_S);
    let peak = wrk::get(&url, CONNECTIONS, 0, 3)?;
    // What our peak was for us, too: nobody's first connections are measured.
    wrk::get(&nginx_url, CONNECTIONS, 0, 3)?;
    let mut sent = peak.requests;
    // So many connections that rest so long make half the rate.
    let connections = ((peak.requests_per_s / 2.0) as u32 * REST_MS / 1_000).clamp(4, 2_000);
    let mut rounds = Vec::new();
    let mut rate = 0.0;
    for _ in 0..ROUNDS {
        let theirs = wrk::get(&nginx_url, connections, REST_MS, each)?;
        let round = wrk::get(&url, connections, REST_MS, each)?;
        ensure!(round.failed == 0, "{} clicks were not redirected", round.failed);
        sent += round.requests;
        rate += round.requests_per_s / ROUNDS as f64;
        rounds.push((round.p99_ms, theirs.p99_ms));
    }
    ours.wait_for(sent)?;
    let ratio = median(rounds.iter().map(|(ours, theirs)| ours / theirs));
    let our_p99 = median(rounds.iter().map(|(ours, _)| *ours));
    let their_p99 = median(rounds.iter().map(|(_, theirs)| *theirs));
    Ok(Row {
        figure: "redirect, click recorded, p99 at half the peak rate, ms",
        ours: format!(
            "{our_p99:.2} ({ratio:.2} × baseline, median of {ROUNDS} rounds) at {} of {} per second",
            grouped(rate),
            grouped(peak.requests_per_s)
        ),
        baseline: format!("{their_p99:.2} nginx `return 302` at the same rate"),
        target: "≤ 1.5 × baseline",
        holds: ratio <= 1.5,
    })
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    all[all.len() / 2]
}

/// Ingest alone, in another process, that says how many clicks its log has.
struct Server {
    child: Child,
    asking: ChildStdin,
    answers: BufReader<ChildStdout>,
    address: String,
    /// Removed here: a process that is killed leaves its folder behind.
    _folder: tempfile::TempDir,
}

impl Server {
    fn start() -> Result<Server> {
        let address = format!("127.0.0.1:{}", roles::free_port()?);
        let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bench", "--ingest", &address, "--folder"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let asking = child.stdin.take().context("stdin is piped")?;
        let mut answers = BufReader::new(child.stdout.take().context("stdout is piped")?);
        let mut said = String::new();
        answers.read_line(&mut said)?;
        ensure!(!said.is_empty(), "the server under load did not start");
        Ok(Server { child, asking, answers, address, _folder: folder })
    }

    /// Waits until the log has at least so many clicks: every one that was redirected.
    fn wait_for(&mut self, clicks: u64) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            writeln!(self.asking, "clicks")?;
            let mut said = String::new();
            self.answers.read_line(&mut said)?;
            let stored: u64 = said.trim().parse().context("a number of clicks")?;
            if stored >= clicks {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "{stored} of {clicks} clicks are stored");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// The baseline.
struct Nginx {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Nginx {
    fn start() -> Result<Nginx> {
        let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
        let port = roles::free_port()?;
        let path = folder.path().display();
        let config = format!(
            "daemon off;\nworker_processes auto;\npid {path}/nginx.pid;\nerror_log {path}/error.log;\n\
             events {{ worker_connections 4096; }}\nhttp {{ access_log off; \
             keepalive_requests 1000000000; client_body_temp_path {path}/body; \
             proxy_temp_path {path}/proxy; fastcgi_temp_path {path}/fastcgi; \
             uwsgi_temp_path {path}/uwsgi; scgi_temp_path {path}/scgi; server {{ \
             listen 127.0.0.1:{port}; \
             location / {{ return 302 https://shop.example/boots?utm_source=news; }} }} }}\n"
        );
        let file = folder.path().join("nginx.conf");
        std::fs::write(&file, config)?;
        let child = Command::new("nginx")
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(folder.path())
            .stdin(Stdio::null())
            .spawn()
            .context("nginx is missing: `make browser` installs it")?;
        let nginx = Nginx { child, port, _folder: folder };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            ensure!(Instant::now() < deadline, "nginx does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(nginx)
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Asked to end, it takes its workers with it.
        let pid = rustix::process::Pid::from_child(&self.child);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        drop(self.child.wait());
    }
}
