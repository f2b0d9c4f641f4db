//! The load generator: Debian's `wrk`, one thread beside the server under load.

use std::io::Write;
use std::process::Command;

use anyhow::{Context, Result, ensure};

/// What `wrk` measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Measured {
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
    ensure!(output.status.success(), "wrk: {}", String::from_utf8_lossy(&output.stderr));
    parse(&String::from_utf8_lossy(&output.stdout))
}

/// What `wrk` measured of requests that may rest in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paced {
    pub(crate) requests: u64,
    pub(crate) requests_per_s: f64,
    pub(crate) p99_ms: f64,
    pub(crate) failed: u64,
}

/// Gets the same address over and over on `connections` connections. Each rests `rest_ms` on
/// average between two requests.
pub(crate) fn get(url: &str, connections: u32, rest_ms: u32, seconds: u32) -> Result<Paced> {
    let mut script = tempfile::Builder::new().suffix(".lua").tempfile()?;
    writeln!(script, "wrk.headers['User-Agent'] = '{}'", super::ingest::AGENT)?;
    if rest_ms > 0 {
        let (least, most) = (rest_ms / 2, rest_ms + rest_ms / 2);
        writeln!(script, "function delay() return math.random({least}, {most}) end")?;
    }
    script.flush()?;
    let output = Command::new("wrk")
        .args(["-t1", "--latency", &format!("-c{connections}"), &format!("-d{seconds}s"), "-s"])
        .arg(script.path())
        .arg(url)
        .output()
        .context("wrk is missing: `make browser` installs it")?;
    ensure!(output.status.success(), "wrk: {}", String::from_utf8_lossy(&output.stderr));
    paced(&String::from_utf8_lossy(&output.stdout))
}

fn paced(text: &str) -> Result<Paced> {
    let Measured { requests_per_s, failed } = parse(text)?;
    let said = || format!("wrk said {text:?}");
    let line = |word: &str| text.lines().map(str::trim).find(|line| line.contains(word));
    let requests = line(" requests in ").and_then(|line| line.split(' ').next()?.parse().ok());
    let p99 = text.lines().find_map(|line| line.trim().strip_prefix("99%")).map(str::trim);
    let p99_ms = p99.and_then(|text| {
        let (number, factor) = if let Some(number) = text.strip_suffix("us") {
            (number, 0.001)
        } else if let Some(number) = text.strip_suffix("ms") {
            (number, 1.0)
        } else {
            (text.strip_suffix('s')?, 1_000.0)
        };
        Some(number.parse::<f64>().ok()? * factor)
    });
    Ok(Paced {
        requests: requests.with_context(said)?,
        requests_per_s,
        p99_ms: p99_ms.with_context(said)?,
        failed,
    })
}

fn parse(text: &str) -> Result<Measured> {
    let after = |label: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(label))?;
        Some(line.trim().to_owned())
    };
    let requests = after("Requests/sec:").with_context(|| format!("wrk said {text:?}"))?;
    let statuses = after("Non-2xx or 3xx responses:").map_or(Ok(0), |n| n.parse::<u64>())?;
    let sockets: u64 = after("Socket errors:").map_or(0, |line| {
        line.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse::<u64>().ok()).sum()
    });
    Ok(Measured { requests_per_s: requests.parse()?, failed: statuses + sockets })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_read() {
        let text = "  5 requests in 1.0s\n  Socket errors: connect 0, read 1, write 0, timeout 2\n  \
                    Non-2xx or 3xx responses: 4\nRequests/sec:  12345.67\nTransfer/sec: 1MB\n";
        let measured = parse(text).unwrap();
        assert_eq!((measured.requests_per_s, measured.failed), (12_345.67, 7));
        let text = format!("     50%  350.00us\n     99%    1.25ms\n{text}");
        let measured = paced(&text).unwrap();
        assert_eq!((measured.requests, measured.p99_ms), (5, 1.25));
    }
}
