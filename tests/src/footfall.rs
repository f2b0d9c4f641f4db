//! The real program, started as a process of its own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::tools::repository;

/// How long a role may take until it says that it runs.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// The built program: `FOOTFALL_BIN`, else the one beside this test's binary.
///
/// # Panics
/// When there is none: `cargo build --workspace` makes it.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("FOOTFALL_BIN") {
        let path = PathBuf::from(path);
        return if path.is_absolute() { path } else { repository().join(path) };
    }
    let test = std::env::current_exe().expect("a test knows its own path");
    let folder = test.parent().and_then(Path::parent).expect("tests lie in target/PROFILE/deps");
    let binary = folder.join("footfall");
    assert!(
        binary.exists(),
        "{} is missing: run `cargo build --workspace` first",
        binary.display()
    );
    binary
}

/// One role on a data folder, ended when dropped.
pub struct Footfall {
    child: Option<Child>,
    role: String,
    options: Vec<String>,
    data: PathBuf,
    started: Value,
    folder: Option<tempfile::TempDir>,
}

impl Footfall {
    /// Starts `footfall serve` on an empty folder and free ports.
    ///
    /// # Errors
    /// When it does not start.
    pub fn serve(options: &[&str]) -> Result<Footfall> {
        Footfall::start("serve", options)
    }

    /// Starts a role on an empty folder and free ports.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start(role: &str, options: &[&str]) -> Result<Footfall> {
        let folder = tempfile::Builder::new().prefix("footfall-test-").tempdir()?;
        let data = folder.path().join("data");
        let mut this = Footfall::start_in(role, &data, options)?;
        this.folder = Some(folder);
        Ok(this)
    }

    /// Starts a role on a given folder and free ports.
    ///
    /// # Errors
    /// When it does not start.
    pub fn start_in(role: &str, data: &Path, options: &[&str]) -> Result<Footfall> {
        let options: Vec<String> = ["--listen", "--metrics-listen", "--engine-listen"]
            .iter()
            .flat_map(|flag| [(*flag).to_owned(), "127.0.0.1:0".to_owned()])
            .chain(options.iter().map(|option| (*option).to_owned()))
            .collect();
        let mut this = Footfall {
            child: None,
            role: role.to_owned(),
            options,
            data: data.to_owned(),
            started: Value::Null,
            folder: None,
        };
        this.launch()?;
        Ok(this)
    }

    fn launch(&mut self) -> Result<()> {
        std::fs::create_dir_all(&self.data)?;
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.data.with_extension("log"))?;
        // Options later on the line would be refused as repeated: an override replaces a default.
        let mut child = Command::new(binary())
            .arg(&self.role)
            .args(last_of_each(&self.options))
            .args(["--json", "--data"])
            .arg(&self.data)
            .current_dir(repository())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("the program could not be started")?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        self.child = Some(child);
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                drop(sender.send(line));
            }
        });
        let line = receiver.recv_timeout(START_TIMEOUT).with_context(|| {
            format!("`footfall {}` did not start; it said:\n{}", self.role, self.log())
        })?;
        self.started = serde_json::from_str(&line).with_context(|| format!("it said {line:?}"))?;
        Ok(())
    }

    /// Ends the process as a crash would, without any warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }

    /// Asks the process to end, and waits for it.
    ///
    /// # Errors
    /// When it has not ended after 30 s, or ended with an error.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + Duration::from_secs(30);
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait()? {
                ensure!(status.success(), "ended with {status}; it said:\n{}", self.log());
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        drop(child.kill());
        drop(child.wait());
        bail!("did not end within 30 s of SIGTERM; it said:\n{}", self.log())
    }

    /// Starts it again on the same folder (and new free ports).
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> Result<()> {
        self.kill();
        self.launch()
    }

    /// Replaces an option for the next start.
    pub fn set_option(&mut self, flag: &str, value: &str) {
        self.options.extend([flag.to_owned(), value.to_owned()]);
    }

    /// Where the role listens: `http://127.0.0.1:…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.said("listen"))
    }

    /// Where `/metrics`, `/healthz` and `/readyz` are.
    pub fn metrics_url(&self) -> String {
        format!("http://{}", self.said("metrics"))
    }

    /// Where the embedded engine listens.
    pub fn engine_url(&self) -> String {
        format!("http://{}", self.said("engine"))
    }

    /// The password of the engine's user `footfall`.
    ///
    /// # Errors
    /// When its file can't be read.
    pub fn engine_password(&self) -> Result<String> {
        let path = self.data.join("secrets/clickhouse-footfall");
        Ok(std::fs::read_to_string(path)?.trim().to_owned())
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// What it wrote to standard error so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data.with_extension("log")).unwrap_or_default()
    }

    /// Runs a command of the program on the same data folder and returns its JSON answer.
    ///
    /// # Errors
    /// When it fails; the error holds what it said.
    pub fn run(&self, command: &[&str]) -> Result<Value> {
        let output = Command::new(binary())
            .args(command)
            .args(["--json", "--data"])
            .arg(&self.data)
            .args(self.connections())
            .current_dir(repository())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "`footfall {}`: {said}", command.join(" "));
        let text = String::from_utf8(output.stdout)?;
        let last = text.lines().last().unwrap_or("null");
        serde_json::from_str(last).with_context(|| format!("it said {text:?}, {said}"))
    }

    /// Runs SQL on the embedded engine and returns the answer as text.
    ///
    /// # Errors
    /// When the engine refuses it or does not answer.
    pub fn sql(&self, sql: &str) -> Result<String> {
        sql_at(&self.engine_url(), "footfall", &self.engine_password()?, sql)
    }

    /// The value of a metric, summed over its labels that contain `labels`.
    ///
    /// # Errors
    /// When the metrics can't be read.
    pub fn metric(&self, name: &str, labels: &str) -> Result<f64> {
        let text = ureq::get(format!("{}/metrics", self.metrics_url()))
            .call()?
            .body_mut()
            .read_to_string()?;
        let of_name = |line: &&str| {
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '{']))
                && line.contains(labels)
        };
        Ok(text
            .lines()
            .filter(of_name)
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum())
    }

    fn said(&self, what: &str) -> &str {
        self.started[what].as_str().unwrap_or_else(|| panic!("no {what} in {}", self.started))
    }

    fn connections(&self) -> Vec<String> {
        let mut connections = Vec::new();
        for pair in last_of_each(&self.options).chunks(2) {
            if matches!(pair[0].as_str(), "--kafka" | "--clickhouse" | "--topic-prefix") {
                connections.extend_from_slice(pair);
            }
        }
        if let Some(engine) = self.started["engine"].as_str() {
            connections.extend(["--engine-listen".to_owned(), engine.to_owned()]);
        }
        if let Some(listen) = self.started["listen"].as_str() {
            connections.extend(["--listen".to_owned(), listen.to_owned()]);
        }
        connections
    }
}

impl Drop for Footfall {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {} said:\n{}", self.role, self.log());
        }
    }
}

/// Runs SQL on a ClickHouse HTTP interface.
///
/// # Errors
/// When it refuses or does not answer.
pub fn sql_at(url: &str, user: &str, password: &str, sql: &str) -> Result<String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent
        .post(url)
        .header("X-ClickHouse-User", user)
        .header("X-ClickHouse-Key", password)
        .send(sql)?;
    let text = answer.body_mut().read_to_string()?;
    ensure!(answer.status() == 200, "{}: {text}", answer.status());
    Ok(text.trim_end().to_owned())
}

/// Waits until `check` holds.
///
/// # Errors
/// When it does not within `timeout`; the error says what was waited for and the last refusal.
pub fn eventually(
    what: &str,
    timeout: Duration,
    mut check: impl FnMut() -> Result<bool>,
) -> Result<()> {
    let deadline = Instant::now() + timeout;
    let mut last = String::from("it did not hold");
    while Instant::now() < deadline {
        match check() {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => last = format!("{error:#}"),
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    bail!("{what}: not within {timeout:?} ({last})")
}

/// Options are flag and value in turn; of a repeated flag the last counts.
fn last_of_each(options: &[String]) -> Vec<String> {
    let pairs: Vec<&[String]> = options.chunks(2).collect();
    let mut kept = Vec::new();
    for (i, pair) in pairs.iter().enumerate() {
        if !pairs[i + 1..].iter().any(|later| later[0] == pair[0]) {
            kept.extend_from_slice(pair);
        }
    }
    kept
}
