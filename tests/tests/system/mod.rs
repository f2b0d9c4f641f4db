//! A whole Footfall: one process, or one process a role on a real Kafka broker.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result};
use footfall_tests::broker::Broker;
use footfall_tests::footfall::{Footfall, sql_at};

/// The processes of a running Footfall with one site.
pub(crate) struct System {
    ingest: Arc<Mutex<String>>,
    processes: Vec<(Kind, Footfall)>,
    broker: Option<Broker>,
    clickhouse: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Serve,
    Engine,
    Ingest,
    Aggregate,
    Dashboard,
}

#[allow(dead_code, reason = "each test binary uses a part")]
impl System {
    /// `footfall serve` on an empty folder.
    pub(crate) fn embedded(site: &str) -> Result<System> {
        let serve = Footfall::serve(&[])?;
        serve.run(&["site", "add", site])?;
        let ingest = Arc::new(Mutex::new(serve.url()));
        Ok(System { ingest, processes: vec![(Kind::Serve, serve)], broker: None, clickhouse: None })
    }

    /// `engine`, `ingest`, two `aggregate` and `dashboard` on a Kafka broker of their own.
    pub(crate) fn kafka(site: &str) -> Result<System> {
        let system = System::on_kafka(&[])?;
        system.configurable().run(&["site", "add", site])?;
        Ok(system)
    }

    /// The same with the demo, which `ingest` offers when its configuration says so.
    pub(crate) fn kafka_with_demo() -> Result<System> {
        let config = tempfile::NamedTempFile::with_suffix(".toml")?;
        std::fs::write(&config, "demo = true\n")?;
        System::on_kafka(&["--config", config.path().to_str().context("a plain path")?])
    }

    /// The same, `ingest` being told visitors' addresses by a proxy.
    pub(crate) fn kafka_behind_proxy(site: &str) -> Result<System> {
        let config = tempfile::NamedTempFile::with_suffix(".toml")?;
        std::fs::write(&config, "[ingest]\ntrusted_proxies = ['127.0.0.0/8']\n")?;
        let path = config.path().to_str().context("a plain path")?;
        let system = System::on_kafka(&["--config", path])?;
        system.configurable().run(&["site", "add", site])?;
        Ok(system)
    }

    fn on_kafka(of_ingest: &[&str]) -> Result<System> {
        let broker = Broker::start()?;
        let bootstrap = broker.bootstrap().to_owned();
        let engine = Footfall::start("engine", &[])?;
        let address = engine.engine_url();
        let clickhouse =
            address.replace("http://", &format!("http://footfall:{}@", engine.engine_password()?));
        // The engine keeps its port over restarts, as a server would.
        let engine_port = address.trim_start_matches("http://").to_owned();
        let engine = restart_on(engine, &engine_port)?;
        let options = ["--kafka", bootstrap.as_str(), "--clickhouse", clickhouse.as_str()];
        let ingest = Footfall::start("ingest", &[&options, of_ingest].concat())?;
        let url = Arc::new(Mutex::new(ingest.url()));
        let mut processes = vec![(Kind::Engine, engine), (Kind::Ingest, ingest)];
        for _ in 0..2 {
            processes.push((Kind::Aggregate, Footfall::start("aggregate", &options)?));
        }
        processes.push((Kind::Dashboard, Footfall::start("dashboard", &options)?));
        Ok(System { ingest: url, processes, broker: Some(broker), clickhouse: Some(clickhouse) })
    }

    /// Runs a command that configures something.
    pub(crate) fn configure(&self, command: &[String]) -> Result<()> {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        self.configurable().run(&words).map(drop)
    }

    /// Runs a command and returns its answer.
    pub(crate) fn run(&self, words: &[&str]) -> Result<serde_json::Value> {
        self.configurable().run(words)
    }

    /// A new ingest key for the site.
    pub(crate) fn key(&self, site: &str) -> Result<String> {
        let said = self.configurable().run(&["key", "add", "--site", site])?;
        Ok(said["key"].as_str().context("a key")?.to_owned())
    }

    /// Where events are sent now.
    pub(crate) fn ingest_url(&self) -> String {
        self.ingest.lock().expect("nobody panicked with it").clone()
    }

    /// The same, following restarts.
    pub(crate) fn ingest_url_handle(&self) -> Arc<Mutex<String>> {
        self.ingest.clone()
    }

    /// Where the dashboard is.
    pub(crate) fn dashboard_url(&self) -> String {
        let found =
            self.processes.iter().find(|(kind, _)| matches!(kind, Kind::Serve | Kind::Dashboard));
        found.expect("every system has a dashboard").1.url()
    }

    /// The broker of a system on Kafka.
    pub(crate) fn broker(&mut self) -> Option<&mut Broker> {
        self.broker.as_mut()
    }

    /// The number of its processes.
    pub(crate) fn processes(&self) -> usize {
        // The engine below `serve` is one more process that can die.
        self.processes.len() + usize::from(self.broker.is_none())
    }

    /// Kills a process and starts it again after a pause.
    pub(crate) fn kill_and_restart(&mut self, index: usize, pause: Duration) -> Result<()> {
        if index >= self.processes.len() {
            let serve = self.processes[0].1.pid().context("serve runs")?;
            for pid in children(serve)? {
                // It may have ended by itself meanwhile.
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
            }
            return Ok(()); // Its parent starts it again.
        }
        let (kind, process) = &mut self.processes[index];
        process.kill();
        std::thread::sleep(pause);
        process.restart().with_context(|| format!("{kind:?}"))?;
        if matches!(kind, Kind::Serve | Kind::Ingest) {
            *self.ingest.lock().expect("nobody panicked with it") = process.url();
        }
        Ok(())
    }

    /// The aggregators, for tests that end one of them for good.
    pub(crate) fn aggregators(&mut self) -> Vec<&mut Footfall> {
        let all = self.processes.iter_mut();
        all.filter(|(kind, _)| *kind == Kind::Aggregate).map(|(_, process)| process).collect()
    }

    /// Runs SQL on the system's ClickHouse.
    pub(crate) fn sql(&self, sql: &str) -> Result<String> {
        match &self.clickhouse {
            None => self.processes[0].1.sql(sql),
            Some(url) => {
                let (login, address) =
                    url.trim_start_matches("http://").split_once('@').context("user@host")?;
                let (user, password) = login.split_once(':').context("user:password")?;
                sql_at(&format!("http://{address}"), user, password, sql)
            }
        }
    }

    fn configurable(&self) -> &Footfall {
        let found =
            self.processes.iter().find(|(kind, _)| matches!(kind, Kind::Serve | Kind::Ingest));
        &found.expect("every system has one").1
    }
}

fn restart_on(mut engine: Footfall, address: &str) -> Result<Footfall> {
    engine.stop()?;
    engine.set_option("--engine-listen", address);
    engine.restart()?;
    Ok(engine)
}

/// The child processes of a process.
fn children(parent: u32) -> Result<Vec<rustix::process::Pid>> {
    let mut pids = Vec::new();
    for task in std::fs::read_dir(format!("/proc/{parent}/task"))? {
        let text = std::fs::read_to_string(task?.path().join("children")).unwrap_or_default();
        let found = text.split_whitespace().filter_map(|pid| pid.parse().ok());
        pids.extend(found.filter_map(rustix::process::Pid::from_raw));
    }
    Ok(pids)
}
