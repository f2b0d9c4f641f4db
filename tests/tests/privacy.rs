//! After traffic from known addresses, none of them is anywhere: not in a file of the data folder,
//! not in a line of the logs, not as text and not as bytes.

use std::path::Path;
use std::time::Duration;

use anyhow::{Result, ensure};
use footfall_tests::footfall::{Footfall, eventually};

const SITE: &str = "privacy.example";

#[test]
fn no_address_is_kept() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let config = folder.path().join("footfall.toml");
    std::fs::write(&config, "[ingest]\ntrusted_proxies = ['127.0.0.0/8']\n")?;
    let mut serve = Footfall::serve(&["--config", config.to_str().expect("a plain path")])?;
    serve.run(&["site", "add", SITE])?;
    let said = serve.run(&["key", "add", "--site", SITE])?;
    let key = format!("Bearer {}", said["key"].as_str().expect("a key"));
    let v4 = ["198.51.100.23", "203.0.113.77"];
    let v6 = "2001:db8:1234:5678:9abc:def0:1122:3344";
    let agent: ureq::Agent =
        ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut sent = 0;
    for address in v4.iter().chain([&v6]) {
        let page = format!(r#"{{"type":"pageview","site":"{SITE}","url":"https://{SITE}/a"}}"#);
        let answer = agent
            .post(format!("{}/e", serve.url()))
            .header("X-Forwarded-For", *address)
            .send(&page)?;
        ensure!(answer.status() == 202, "beacon: {}", answer.status());
        let event = format!(
            r#"[{{"type":"pageview","url":"https://{SITE}/b","ip":"{address}","user_agent":"Mozilla/5.0 Firefox/140.0"}}]"#
        );
        let answer = agent
            .post(format!("{}/api/v1/events", serve.url()))
            .header("Authorization", &key)
            .send(&event)?;
        ensure!(answer.status() == 202, "api: {}", answer.status());
        sent += 2;
        // Mistakes with an address in them must not leave a trace either.
        let wrong =
            format!(r#"{{"type":"pageview","site":"{address}","url":"https://{address}/"}}"#);
        agent
            .post(format!("{}/e", serve.url()))
            .header("X-Forwarded-For", *address)
            .send(&wrong)?;
        let wrong =
            format!(r#"[{{"type":"pageview","url":"https://{SITE}/b","ip":"{address}/x"}}]"#);
        agent
            .post(format!("{}/api/v1/events", serve.url()))
            .header("Authorization", &key)
            .send(&wrong)?;
    }
    eventually("all is stored", Duration::from_secs(30), || {
        Ok(serve.sql("SELECT count() FROM footfall.events")? == sent.to_string())
    })?;
    serve.stop()?;

    let mut traces: Vec<(String, Vec<u8>)> = Vec::new();
    for address in v4 {
        let octets = address.parse::<std::net::Ipv4Addr>()?.octets();
        let mut reversed = octets;
        reversed.reverse();
        traces.push((format!("{address} as text"), address.as_bytes().to_vec()));
        traces.push((format!("{address} as bytes"), octets.to_vec()));
        traces.push((format!("{address} as bytes, reversed"), reversed.to_vec()));
    }
    let full = v6.parse::<std::net::Ipv6Addr>()?.octets();
    traces.push(("IPv6 as text".into(), v6.as_bytes().to_vec()));
    traces.push(("IPv6 as bytes".into(), full.to_vec()));
    traces.push(("IPv6 network as text".into(), b"2001:db8:1234:5678".to_vec()));
    traces.push(("IPv6 network as bytes".into(), full[..8].to_vec()));
    let mut files = 0;
    search(serve.data(), &traces, &mut files)?;
    ensure!(files > 5, "only {files} files were searched");
    search(&serve.data().with_extension("log"), &traces, &mut files)
}

fn search(path: &Path, traces: &[(String, Vec<u8>)], files: &mut usize) -> Result<()> {
    if path.is_dir() {
        for entry in std::fs::read_dir(path)? {
            search(&entry?.path(), traces, files)?;
        }
        return Ok(());
    }
    if !path.is_file() {
        return Ok(());
    }
    *files += 1;
    let bytes = std::fs::read(path)?;
    for (what, trace) in traces {
        // Four bytes also occur by chance; a real trace repeats in every file that holds records.
        let found = bytes.windows(trace.len()).any(|window| window == trace);
        let by_chance = trace.len() == 4 && bytes.len() > 8 << 20;
        ensure!(!found || by_chance, "{what} is in {}", path.display());
    }
    Ok(())
}
