//! What a role says when it runs: a short block for people, one line of JSON for programs.

use std::net::SocketAddr;

use serde::Serialize;

use crate::commands::print;
use crate::commands::site::snippet;
use crate::config::Config;

/// Where things are.
#[derive(Debug, Serialize)]
pub(crate) struct Started {
    /// Beacons, API and dashboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) listen: Option<SocketAddr>,
    /// `/metrics`, `/healthz`, `/readyz`.
    pub(crate) metrics: SocketAddr,
    /// The embedded engine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) engine: Option<SocketAddr>,
    /// The owner's one-time link, when nobody has a password yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) login: Option<String>,
}

impl Started {
    /// Prints it.
    pub(crate) fn say(&self, role: &str, config: &Config, demo: bool, json: bool) {
        if json {
            print(&serde_json::to_string(self).expect("addresses are plain data"));
            return;
        }
        let mut lines = vec![format!("Footfall is running ({role}).")];
        let mut line = |name: &str, value: String| lines.push(format!("  {name:<11}{value}"));
        let url = config.public_url();
        match role {
            "serve" | "dashboard" => line("dashboard", format!("{url}/")),
            "ingest" => line("beacons", format!("{url}/e")),
            _ => {}
        }
        if demo {
            line("demo", format!("{url}/demo/"));
        }
        if let Some(login) = &self.login {
            line("sign in", format!("{login} (works once, within a day)"));
        }
        if matches!(role, "serve" | "ingest") {
            line("snippet", snippet(config, "YOUR-SITE"));
        }
        line("data", config.data.display().to_string());
        let log = if config.uses_kafka() { "Kafka" } else { "embedded" };
        line("log", log.to_owned());
        match self.engine {
            Some(engine) => line("warehouse", format!("embedded ClickHouse at http://{engine}")),
            None if config.uses_clickhouse_server() => {
                line("warehouse", "ClickHouse server".into())
            }
            None => {}
        }
        line("metrics", format!("http://{}/metrics", self.metrics));
        print(&lines.join("\n"));
    }
}
