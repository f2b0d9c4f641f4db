//! `footfall doctor`: checks what Footfall needs and says what to do about what is missing.

use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::path::Path;
use std::time::Duration;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::config::Config;
use crate::control::Access;
use crate::roles;

/// What one check found.
#[derive(Debug, Serialize)]
struct Finding {
    check: &'static str,
    ok: bool,
    /// What was found, or what is wrong and what to do.
    detail: String,
}

/// Runs every check; fails when one of them does.
pub(crate) fn run(config: &Config, json: bool) -> Result<()> {
    let server = TcpStream::connect_timeout(&config.listen, Duration::from_secs(1)).is_ok();
    let findings = vec![
        finding("data folder", data_folder(&config.data)),
        finding("disk space", disk_space(config)),
        finding("open files", open_files(config)),
        finding("listener", listener(config, server)),
        finding("log", log(config)),
        finding("catalogue", catalogue(config)),
        finding("warehouse", warehouse(config, server)),
        finding("geo databases", geo(config)),
    ];
    if json {
        super::print(&serde_json::to_string(&findings)?);
    } else {
        for finding in &findings {
            let mark = if finding.ok { "ok     " } else { "PROBLEM" };
            super::print(&format!("{mark} {:<14} {}", finding.check, finding.detail));
        }
    }
    let problems = findings.iter().filter(|finding| !finding.ok).count();
    if problems > 0 {
        bail!("{problems} of {} checks found a problem", findings.len());
    }
    Ok(())
}

fn finding(check: &'static str, result: Result<String>) -> Finding {
    match result {
        Ok(detail) => Finding { check, ok: true, detail },
        Err(error) => Finding { check, ok: false, detail: format!("{error:#}") },
    }
}

fn data_folder(data: &Path) -> Result<String> {
    std::fs::create_dir_all(data).map_err(|error| {
        anyhow::anyhow!("{} can't be made ({error}): choose another with --data", data.display())
    })?;
    let probe = data.join(".doctor");
    std::fs::write(&probe, b"probe").and_then(|()| std::fs::remove_file(&probe)).map_err(
        |error| {
            anyhow::anyhow!(
                "{} can't be written ({error}): check its owner and mode",
                data.display()
            )
        },
    )?;
    Ok(data.canonicalize()?.display().to_string())
}

fn disk_space(config: &Config) -> Result<String> {
    let stat = rustix::fs::statvfs(&config.data)?;
    let free = stat.f_bavail * stat.f_frsize;
    let needed = config.log.free_bytes_min + (1 << 30);
    if free < needed {
        bail!(
            "{} MB are free, at least {} MB are needed: make room, or move --data",
            free >> 20,
            needed >> 20
        );
    }
    Ok(format!("{} GB free", free >> 30))
}

fn open_files(config: &Config) -> Result<String> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let needed = config.http.connections_max as u64 + 2_000;
    match limit {
        Some(limit) if limit < needed => bail!(
            "{limit} open files are allowed, {needed} are needed for {} connections: raise `ulimit -n`, \
             or lower http.connections_max",
            config.http.connections_max
        ),
        Some(limit) => Ok(format!("{limit} allowed")),
        None => Ok("no limit".to_owned()),
    }
}

fn listener(config: &Config, server: bool) -> Result<String> {
    if server {
        return Ok(format!("something answers on {}: a server is running", config.listen));
    }
    match TcpListener::bind(config.listen) {
        Ok(_) => Ok(format!("{} is free", config.listen)),
        Err(error) => {
            bail!("{} can't be used ({error}): choose another with --listen", config.listen)
        }
    }
}

fn log(config: &Config) -> Result<String> {
    if config.uses_kafka() {
        for broker in config.kafka.brokers.split(',') {
            let address = broker
                .trim()
                .to_socket_addrs()
                .ok()
                .and_then(|mut addresses| addresses.next())
                .ok_or_else(|| {
                    anyhow::anyhow!("the broker {broker:?} has no address: expected host:port")
                })?;
            if TcpStream::connect_timeout(&address, Duration::from_secs(5)).is_ok() {
                let log = roles::open_log(config)?;
                let shards = log.partitions(footfall_topics::Topic::Shards);
                log.close(Duration::from_secs(5));
                return Ok(format!("Kafka at {broker}, {shards} shards"));
            }
        }
        bail!(
            "no broker of {} answers: is Kafka running, and reachable from here?",
            config.kafka.brokers
        );
    }
    match &Access::open(config)? {
        Access::Server(_) => Ok("embedded, held by the running server".to_owned()),
        Access::Direct { log, .. } => {
            log.writable()?;
            Ok(format!("embedded, {} shards", log.partitions(footfall_topics::Topic::Shards)))
        }
    }
}

fn catalogue(config: &Config) -> Result<String> {
    let catalog = Access::open(config)?.list(&["site", "key", "user"])?;
    Ok(format!(
        "{} sites, {} keys, {} users",
        catalog.sites.len(),
        catalog.keys.len(),
        catalog.users.len()
    ))
}

fn warehouse(config: &Config, server: bool) -> Result<String> {
    let embedded = !config.uses_clickhouse_server();
    if embedded && !server {
        let library = footfall_warehouse::engine::find_library(config.engine.library.as_deref())?;
        return Ok(format!("embedded, library {}", library.display()));
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let warehouse = roles::warehouse_client(config)?;
    runtime.block_on(warehouse.ping())?;
    let what = if embedded { "embedded engine" } else { "ClickHouse server" };
    Ok(format!("{what} answers"))
}

fn geo(config: &Config) -> Result<String> {
    let geo = footfall_ingest::Geo::new(&config.ingest.geo);
    let files = geo.check().map_err(|error| {
        anyhow::anyhow!("{error}: run `make tools`, or name your own in [ingest.geo]")
    })?;
    Ok(files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", "))
}
