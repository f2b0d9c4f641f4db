//! The load generator: Debian's `wrk`, one thread beside the server under load.

use std::io::Write;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};

/// What `wrk` measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
    /// Answers.
    pub(crate) requests: u64,
    /// Answers a second.
    pub(crate) requests_per_s: f64,
    /// Answers that were not 2xx or 3xx, and connections that failed.
    pub(crate) failed: u64,
}

/// Posts the same body over and over on `connections` connections.
pub(crate) fn post(
    url: &str,
    headers: &[(&str, &str)],
    body: &str,
    connections: u32,
    seconds: u32,
) -> Result<Measured> {
    let mut script = tempfile::Builder::new().suffix(".lua").tempfile()?;
    writeln!(script, "wrk.method = 'POST'")?;
    writeln!(script, "wrk.body = [==[{body}]==]")?;
    for (name, value) in headers {
        writeln!(script, "wrk.headers['{name}'] = '{value}'")?;
    }
    script.flush()?;
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s"])
        .arg(script.path())
        .arg(url)
        .output()
        .context("wrk is missing: `make browser` installs it")?;
    measured(&output)
}

/// Gets the same address over and over on `connections` connections.
pub(crate) fn get(url: &str, connections: u32, seconds: u32) -> Result<Measured> {
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s")])
        .args(["-H", &format!("User-Agent: {}", super::ingest::AGENT)])
        .arg(url)
        .output()
        .context("wrk is missing: `make browser` installs it")?;
    measured(&output)
}

fn measured(output: &Output) -> Result<Measured> {
    ensure!(output.status.success(), "wrk: {}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8_lossy(&output.stdout))
}

fn parse(text: &str) -> Result<Measured> {
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
        Some(line.trim().to_owned())
    };
    let said = || format!("wrk said {text:?}");
    let rate = after("Requests/sec:").with_context(said)?;
    let line = text.lines().map(str::trim).find(|line| line.contains(" requests in "));
    let requests = line.and_then(|line| line.split(' ').next()?.parse().ok());
    let statuses = after("Non-2xx or 3xx responses:").map_or(Ok(0), |n| n.parse::<u64>())?;
    let sockets: u64 = after("Socket errors:").map_or(0, |line| {
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok()).sum()
    });
    Ok(Measured {
        requests: requests.with_context(said)?,
        requests_per_s: rate.parse()?,
        failed: statuses + sockets,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read() {
        let text = "  5 requests in 1.0s\n  Socket errors: connect 0, read 1, write 0, timeout 2\n  \
                    Non-2xx or 3xx responses: 4\nRequests/sec:  12345.67\nTransfer/sec: 1MB\n";
        let measured = parse(text).unwrap();
        assert_eq!((measured.requests, measured.failed), (5, 7));
        assert_eq!(measured.requests_per_s, 12_345.67);
    }
}
