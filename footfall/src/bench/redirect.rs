//! Clicks: a redirect with its record beside nginx's `return 302`, which records nothing.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use super::arrivals::{self, Arrived};
use super::child::processor_time;
use super::{Row, grouped, ingest, wrk};
use crate::roles;

/// How often they take turns: nginx, a click, and a handler on our server loop that only redirects. The
/// machine's speed changes within seconds, and with it the slowest hundredth of the answers: each round
/// is held against its neighbour, and the median round counts.
const ROUNDS: usize = 15;
/// Seconds of a round at the least.
const ROUND_S: u32 = 2;
/// Connections at the peak.
const CONNECTIONS: u32 = 64;

/// A click.
const PATH: &str = "/c/boots?placement=top&position=2&query=hiking%20boots";

/// Redirects at half their peak rate.
pub(crate) fn measure(seconds: u32) -> Result<Row> {
    let nginx = Nginx::start()?;
    let bare = ingest::Server::bare()?;
    let mut ours = Server::start()?;
    let nginx_address = format!("127.0.0.1:{}", nginx.port);
    let each = Duration::from_secs((seconds / ROUNDS as u32).max(ROUND_S).into());
    let peak = wrk::get(&format!("http://{}{PATH}", ours.address), CONNECTIONS, 3)?;
    ensure!(peak.failed == 0, "{} clicks were not redirected", peak.failed);
    // What our peak was for us, too: nobody's first connections are measured.
    for address in [&nginx_address, &bare.address] {
        wrk::get(&format!("http://{address}{PATH}"), CONNECTIONS, 3)?;
    }
    let mut sent = peak.requests;
    let half = peak.requests_per_s / 2.0;
    let (mut rounds, mut without) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let theirs = Round::of(nginx.child.id(), &nginx_address, half, each)?;
        let ours = Round::of(ours.child.id(), &ours.address, half, each)?;
        without.push(Round::of(bare.child.id(), &bare.address, half, each)?);
        sent += ours.arrived.requests;
        rounds.push((ours, theirs));
    }
    ours.wait_for(sent)?;
    let ratio = median(rounds.iter().map(|(a, b)| a.arrived.p99_ms / b.arrived.p99_ms));
    let rate = median(rounds.iter().map(|(ours, _)| ours.arrived.requests_per_s));
    let (ours, theirs): (Vec<Round>, Vec<Round>) = rounds.into_iter().unzip();
    let (ours, theirs, without) = (Said::of(&ours), Said::of(&theirs), Said::of(&without));
    Ok(Row {
        figure: "redirect, click recorded, p99 at half the peak rate, ms",
        ours: format!(
            "{:.2} ({ratio:.2} × baseline, median of {ROUNDS} rounds; {}) at {} of {} per second",
            ours.p99_ms,
            ours.beside(),
            grouped(rate),
            grouped(peak.requests_per_s)
        ),
        baseline: format!(
            "{:.2} nginx `return 302` at the same rate ({}); {:.2} a bare axum handler ({})",
            theirs.p99_ms,
            theirs.beside(),
            without.p99_ms,
            without.beside()
        ),
        target: "≤ 1.5 × baseline",
        holds: ratio <= 1.5,
    })
}

/// The medians of the rounds of one of the two.
struct Said {
    p50_ms: f64,
    p95_ms: f64,
    p99_ms: f64,
    processor_us: f64,
}

impl Said {
    fn of(rounds: &[Round]) -> Said {
        let of = |figure: fn(&Round) -> f64| median(rounds.iter().map(figure));
        Said {
            p50_ms: of(|round| round.arrived.p50_ms),
            p95_ms: of(|round| round.arrived.p95_ms),
            p99_ms: of(|round| round.arrived.p99_ms),
            processor_us: of(Round::processor_us),
        }
    }

    /// What stands beside the slowest hundredth.
    fn beside(&self) -> String {
        let Said { p50_ms, p95_ms, processor_us, .. } = self;
        format!("p50 {p50_ms:.2}, p95 {p95_ms:.2}, {processor_us:.1} µs of processor time each")
    }
}

/// What one of the two did in its turn.
#[derive(Clone, Copy)]
struct Round {
    arrived: Arrived,
    /// Of the server and its children.
    processor: Duration,
}

impl Round {
    fn of(server: u32, address: &str, rate: f64, time: Duration) -> Result<Round> {
        let before = processor_time(server)?;
        let arrived = arrivals::get(address, PATH, rate, time)?;
        Ok(Round { arrived, processor: processor_time(server)? - before })
    }

    /// Processor time of a request, microseconds.
    fn processor_us(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.arrived.requests as f64
    }
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
