//! A running `footfall` under measurement: its own process on a temporary folder.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// A role as a child process, ended when dropped.
pub(crate) struct Running {
    child: Child,
    said: Value,
    folder: tempfile::TempDir,
}

impl Running {
    /// Starts `footfall serve` on free ports and waits until it runs.
    pub(crate) fn serve() -> Result<Running> {
        let folder = tempfile::Builder::new().prefix("footfall-bench-").tempdir()?;
        // All load comes from one address, which a server on the open net would rightly refuse.
        let config = folder.path().join("footfall.toml");
        std::fs::write(&config, "[ingest.rate]\nbeacons_per_second = 0\n")?;
        let any = "127.0.0.1:0";
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", "--json", "--listen", any, "--metrics-listen", any])
            .args(["--engine-listen", any, "--data"])
            .arg(folder.path().join("data"))
            .arg("--config")
            .arg(&config)
            .env("FOOTFALL_LOG", "error")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("stdout is piped")?).read_line(&mut line)?;
        let said = serde_json::from_str(&line).with_context(|| format!("serve said {line:?}"))?;
        Ok(Running { child, said, folder })
    }

    /// Where it listens: `listen`, `metrics` or `engine`.
    pub(crate) fn address(&self, what: &str) -> Result<&str> {
        self.said[what].as_str().with_context(|| format!("serve said no {what}"))
    }

    /// Its data folder.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Runs a command on its data folder and returns the JSON answer.
    pub(crate) fn run(&self, command: &[&str]) -> Result<Value> {
        let output = Command::new(std::env::current_exe()?)
            .args(command)
            .args(["--json", "--data"])
            .arg(self.data())
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(serde_json::from_slice(&output.stdout)?)
    }

    /// One query on its engine.
    pub(crate) fn sql(&self, agent: &ureq::Agent, sql: &str) -> Result<String> {
        let password = std::fs::read_to_string(self.data().join("secrets/clickhouse-footfall"))?;
        let mut answer = agent
            .post(format!("http://{}/?database=footfall", self.address("engine")?))
            .header("X-ClickHouse-User", "footfall")
            .header("X-ClickHouse-Key", password.trim())
            .send(sql)?;
        Ok(answer.body_mut().read_to_string()?.trim_end().to_owned())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Processor time that a process and all its children have used. Unlike the clock it says little
/// about what else the machine is doing.
pub(crate) fn processor_time(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name may hold anything, so fields are counted behind its parenthesis: utime, stime.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse().unwrap_or(0u64)).sum();
    // In what the kernel tells processes a second has 100 ticks, whatever its own clock.
    let mut time = Duration::from_millis(ticks * 10);
    for child in children(pid)? {
        time += processor_time(child)?;
    }
    Ok(time)
}

fn children(pid: u32) -> Result<Vec<u32>> {
    let mut out = Vec::new();
    for task in std::fs::read_dir(Path::new("/proc").join(pid.to_string()).join("task"))? {
        let text = std::fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        out.extend(text.split_whitespace().filter_map(|child| child.parse::<u32>().ok()));
    }
    Ok(out)
}

/// Resident memory of a process alone, bytes.
pub(crate) fn own_bytes(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
    let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
    Ok(kib * 1024)
}

/// Resident memory of a process and all its children, bytes.
pub(crate) fn resident_bytes(pid: u32) -> Result<u64> {
    let mut bytes = own_bytes(pid)?;
    for child in children(pid)? {
        bytes += resident_bytes(child)?;
    }
    Ok(bytes)
}
