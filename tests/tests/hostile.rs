//! Bad input and bad surroundings: each gets a clear answer, the server stays alive, and the ledger
//! stays whole.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footfall_tests::footfall::{Footfall, binary, eventually};
use footfall_tests::tools::repository;

const SITE: &str = "hostile.example";

struct Target {
    serve: Footfall,
    key: String,
}

impl Target {
    fn start() -> Result<Target> {
        let serve = Footfall::serve(&[])?;
        serve.run(&["site", "add", SITE])?;
        let said = serve.run(&["key", "add", "--site", SITE])?;
        let key = format!("Bearer {}", said["key"].as_str().context("a key")?);
        Ok(Target { serve, key })
    }

    fn address(&self) -> String {
        self.serve.url().trim_start_matches("http://").to_owned()
    }

    /// Sends raw bytes and returns what comes back until the server closes or falls silent.
    fn raw(&self, bytes: &[u8]) -> Result<String> {
        let mut stream = TcpStream::connect(self.address())?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        // The server may answer and close before everything is sent.
        drop(stream.write_all(bytes));
        let mut answer = Vec::new();
        let mut buffer = [0; 4096];
        while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer) {
                Ok(0) | Err(_) => break,
                Ok(n) => answer.extend_from_slice(&buffer[..n]),
            }
        }
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }

    fn post(&self, path: &str, headers: &str, body: &[u8]) -> Result<String> {
        let mut request = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: {}\r\n{headers}Content-Length: {}\r\n\r\n",
            self.key,
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        self.raw(&request)
    }
}

fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|code| code.parse().ok()).unwrap_or(0)
}

#[test]
fn bad_bodies_get_clear_answers_and_good_events_still_count() -> Result<()> {
    let target = Target::start()?;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_props = format!(
        r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/","props":{}1{}}}"#,
        "{\"a\":".repeat(10_000),
        "}".repeat(10_000)
    );
    let event = |field: &str| {
        format!(r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/",{field}}}"#)
    };
    let year = 365 * 86_400_000_i64;
    let now = i64::try_from(std::time::SystemTime::UNIX_EPOCH.elapsed()?.as_millis())?;
    let cases: Vec<(&str, Vec<u8>, &[u16], &str)> = vec![
        ("invalid UTF-8", b"{\"type\":\"pageview\xff\"}".to_vec(), &[400, 422], "malformed"),
        ("lone surrogate", event(r#""title":"\ud800""#).into(), &[400, 422], "malformed"),
        ("deep array", deep.into(), &[400, 413, 422], ""),
        ("deep props", deep_props.into(), &[400, 413, 422], ""),
        ("NUL in a field", event(r#""title":"a\u0000b""#).into(), &[422], "invalid_field"),
        (
            "CRLF in a field",
            event(r#""title":"a\r\nSet-Cookie: x""#).into(),
            &[422],
            "invalid_field",
        ),
        ("huge number", event(r#""engaged_ms":1e999"#).into(), &[400, 422], ""),
        ("huge integer", event(r#""time":99999999999999999999999"#).into(), &[400, 422], ""),
        ("unknown field", event(r#""colour":"red""#).into(), &[422], "unknown_field"),
        (
            "unknown site",
            br#"{"type":"pageview","site":"nobody.example","url":"https://nobody.example/"}"#
                .to_vec(),
            &[422],
            "site",
        ),
        ("a year ago", event(&format!(r#""time":{}"#, now - year)).into(), &[422], "too_old"),
        ("in a year", event(&format!(r#""time":{}"#, now + year)).into(), &[422], "in_future"),
        ("no zone", event(r#""time":"2026-11-21T10:00:00""#).into(), &[422], "invalid_time"),
    ];
    for (what, body, statuses, reason) in cases {
        let answer = target.post("/api/v1/events", "Content-Type: application/json\r\n", &body)?;
        ensure!(statuses.contains(&status(&answer)), "{what}: {answer}");
        let mut stream = answer;
        if !reason.is_empty() && !stream.contains(reason) {
            // The body may follow the head in another packet: ask again through a client.
            stream = client_post(&target, &body)?;
        }
        ensure!(stream.contains(reason), "{what}: expected {reason} in {stream}");
    }
    let foreign = format!(r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/"}}"#);
    let answer = target.post("/e", "Origin: https://evil.example\r\n", foreign.as_bytes())?;
    ensure!(answer.contains("foreign_origin"), "{answer}");
    // The server is alive and counts.
    let answer = target.post("/e", &format!("Origin: https://{SITE}\r\n"), foreign.as_bytes())?;
    ensure!(status(&answer) == 202, "{answer}");
    eventually("the good event is stored, and only that", Duration::from_secs(20), || {
        Ok(target.serve.sql("SELECT count() FROM footfall.events")? == "1")
    })?;
    let log = target.serve.log();
    ensure!(!log.contains("panicked"), "{log}");
    Ok(())
}

fn client_post(target: &Target, body: &[u8]) -> Result<String> {
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut answer = agent
        .post(format!("{}/api/v1/events", target.serve.url()))
        .header("Authorization", &target.key)
        .header("Content-Type", "application/json")
        .send(body)?;
    Ok(answer.body_mut().read_to_string()?)
}

#[test]
fn large_and_slow_requests_are_cut_off() -> Result<()> {
    let target = Target::start()?;
    // A body of 100 MB is refused by its declared length, before it is sent.
    let head = format!(
        "POST /api/v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: 104857600\r\n\r\n",
        target.key
    );
    let answer = target.raw(head.as_bytes())?;
    ensure!(status(&answer) == 413, "{answer}");
    // The same without a declared length.
    let mut chunked = b"POST /e HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..40 {
        chunked.extend_from_slice(b"1000\r\n");
        chunked.extend_from_slice(&[b'x'; 0x1000]);
        chunked.extend_from_slice(b"\r\n");
    }
    let answer = target.raw(&chunked)?;
    ensure!(status(&answer) == 413, "{answer}");
    // A compressed bomb: 64 MB of spaces in some kilobytes.
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    for _ in 0..64 {
        bomb.write_all(&vec![b' '; 1 << 20])?;
    }
    let answer = target.post("/api/v1/events", "Content-Encoding: gzip\r\n", &bomb.finish()?)?;
    ensure!(status(&answer) == 413, "{answer}");
    // Slow headers: one byte a second never makes a request.
    let start = Instant::now();
    let mut slow = TcpStream::connect(target.address())?;
    slow.set_read_timeout(Some(Duration::from_secs(1)))?;
    let mut closed = false;
    while start.elapsed() < Duration::from_secs(20) && !closed {
        closed = slow.write_all(b"G").is_err() || matches!(slow.read(&mut [0; 16]), Ok(0));
    }
    ensure!(closed, "a slow head was still listened to after 20 s");
    Ok(())
}

#[test]
fn thousands_of_idle_connections_do_not_keep_others_out() -> Result<()> {
    let target = Target::start()?;
    let idle: Vec<TcpStream> =
        (0..2_000).map(|_| TcpStream::connect(target.address())).collect::<Result<_, _>>()?;
    let page = format!(r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/"}}"#);
    let start = Instant::now();
    let answer = target.post("/e", "", page.as_bytes())?;
    ensure!(status(&answer) == 202, "{answer}");
    ensure!(start.elapsed() < Duration::from_secs(2), "took {:?}", start.elapsed());
    drop(idle);
    Ok(())
}

#[test]
fn forged_addresses_change_nothing() -> Result<()> {
    let target = Target::start()?;
    let page = format!(r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/"}}"#);
    for i in 0..5 {
        let forged = format!("X-Forwarded-For: 203.0.113.{i}\r\nForwarded: for=203.0.113.{i}\r\n");
        let answer = target.post("/e", &forged, page.as_bytes())?;
        ensure!(status(&answer) == 202, "{answer}");
    }
    eventually("five page views of one visitor", Duration::from_secs(20), || {
        let found = target.serve.sql("SELECT count(), uniqExact(network) FROM footfall.events")?;
        Ok(found == "5\t1")
    })
}

#[test]
fn a_folder_or_a_port_in_use_is_said_clearly() -> Result<()> {
    let serve = Footfall::serve(&[])?;
    let run = |listen: &str, data: &std::path::Path| -> Result<(Option<i32>, String)> {
        let output = std::process::Command::new(binary())
            .args(["serve", "--listen", listen, "--metrics-listen", "127.0.0.1:0"])
            .args(["--engine-listen", "127.0.0.1:0", "--data"])
            .arg(data)
            .current_dir(repository())
            .output()?;
        Ok((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let (code, said) = run("127.0.0.1:0", serve.data())?;
    ensure!(code == Some(1) && said.contains("in use"), "{said}");
    let folder = tempfile::tempdir()?;
    let taken = serve.url().trim_start_matches("http://").to_owned();
    let (code, said) = run(&taken, folder.path())?;
    ensure!(code == Some(1) && said.contains(&taken) && said.contains("in use"), "{said}");
    Ok(())
}
