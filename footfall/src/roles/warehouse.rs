//! The ClickHouse of a process: the configured server, or the embedded engine as its child.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use footfall_warehouse::engine::{self, State, Supervisor};
use footfall_warehouse::{Settings, Warehouse};
use tokio::sync::watch;

use crate::config::Config;

/// Pause between tries to set up the schema while ClickHouse is away.
const MIGRATE_RETRY: Duration = Duration::from_millis(500);

/// The embedded engine as a supervised child process.
pub(crate) struct Engine {
    supervisor: Supervisor,
}

impl Engine {
    /// Starts it. Its port is chosen here when the configured one is 0.
    pub(crate) fn start(config: &mut Config) -> Result<Engine> {
        // Said at once, rather than by a child that fails again and again.
        engine::find_library(config.engine.library.as_deref())?;
        if config.engine_listen.port() == 0 {
            config.engine_listen.set_port(super::free_port()?);
        }
        engine::password(&config.data, "footfall")?;
        let program = std::env::current_exe().context("the program's own path is not known")?;
        let (data, listen) = (config.data.clone(), config.engine_listen.to_string());
        let file = config.file.clone();
        let command = move || {
            let mut command = tokio::process::Command::new(&program);
            command.arg("engine").arg("--data").arg(&data).args(["--engine-listen", &listen]);
            if let Some(file) = &file {
                command.arg("--config").arg(file);
            }
            // The parent's standard output belongs to what the parent says.
            command.stdout(std::process::Stdio::null());
            command
        };
        let url = format!("http://{}", config.engine_listen);
        Ok(Engine { supervisor: Supervisor::start(command, url) })
    }

    /// Waits until it answers.
    pub(crate) async fn ready(&self) -> Result<()> {
        ensure!(
            self.supervisor.ready(Duration::from_secs(60)).await,
            "the ClickHouse engine did not start: the lines above say why"
        );
        Ok(())
    }

    /// Whether it is up, as it changes.
    pub(crate) fn watch(&self) -> watch::Receiver<State> {
        self.supervisor.watch()
    }

    /// Ends the child and waits for it.
    pub(crate) async fn stop(self) {
        self.supervisor.shutdown().await;
    }
}

/// The engine's settings on this data folder.
pub(crate) fn engine_settings(config: &Config) -> engine::Settings {
    engine::Settings { data: config.data.clone(), ..config.engine.clone() }
}

/// A connection to the configured ClickHouse; nothing is sent yet.
pub(crate) fn warehouse_client(config: &Config) -> Result<Warehouse> {
    let cluster = Some(config.clickhouse.cluster.clone()).filter(|name| !name.is_empty());
    let defaults =
        Settings { database: config.clickhouse.database.clone(), cluster, ..Settings::default() };
    if !config.uses_clickhouse_server() {
        return Ok(Warehouse::connect(Settings {
            url: format!("http://{}", config.engine_listen),
            user: "footfall".to_owned(),
            password: engine::password(&config.data, "footfall")?,
            ..defaults
        }));
    }
    let (url, login) = split_login(config.clickhouse.url.expose())?;
    let (user, password) = login.unwrap_or_else(|| {
        (config.clickhouse.user.clone(), config.clickhouse.password.expose().to_owned())
    });
    Ok(Warehouse::connect(Settings { url, user, password, ..defaults }))
}

/// User and password.
type Login = (String, String);

/// Takes `user:password@` out of an address.
fn split_login(url: &str) -> Result<(String, Option<Login>)> {
    let expected = "expected http://HOST:8123 or http://USER:PASSWORD@HOST:8123";
    let (scheme, rest) =
        url.split_once("://").with_context(|| format!("--clickhouse: {expected}"))?;
    ensure!(matches!(scheme, "http" | "https"), "--clickhouse: {expected}");
    let Some((login, host)) = rest.rsplit_once('@') else {
        return Ok((url.to_owned(), None));
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    Ok((format!("{scheme}://{host}"), Some((user.to_owned(), password.to_owned()))))
}

/// Sets up the schema, trying again until ClickHouse answers.
pub(crate) async fn migrate(warehouse: &Warehouse) -> Result<()> {
    let mut said = false;
    loop {
        match warehouse.migrate().await {
            Ok(_) => return Ok(()),
            Err(error) if error.is_retriable() => {
                if !std::mem::replace(&mut said, true) {
                    tracing::info!(%error, "waiting for ClickHouse");
                }
                tokio::time::sleep(MIGRATE_RETRY).await;
            }
            Err(error) => return Err(error).context("the warehouse's schema can't be set up"),
        }
    }
}

/// ClickHouse for a command: the configured server, the running server's engine, or an engine of
/// its own for the command's duration.
pub(crate) async fn open_warehouse(config: &mut Config) -> Result<(Warehouse, Option<Engine>)> {
    let mut own = None;
    if !config.uses_clickhouse_server() && !engine_answers(&config.data, config).await {
        if config.engine_listen.port() != 0 {
            config.engine_listen.set_port(super::free_port()?);
        }
        let engine = Engine::start(config)?;
        engine.ready().await?;
        own = Some(engine);
    }
    let warehouse = warehouse_client(config)?;
    warehouse.migrate().await.context("the warehouse's schema can't be set up")?;
    Ok((warehouse, own))
}

/// Whether the engine of this data folder answers: its password is in the folder.
async fn engine_answers(data: &Path, config: &Config) -> bool {
    if !engine::password_path(data, "footfall").exists() {
        return false;
    }
    match warehouse_client(config) {
        Ok(warehouse) => warehouse.ping().await.is_ok(),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_taken_out_of_addresses() {
        let (url, login) = split_login("http://ann:p@ss:w@h:8123").unwrap();
        assert_eq!((url.as_str(), login), ("http://h:8123", Some(("ann".into(), "p@ss:w".into()))));
        assert_eq!(split_login("https://h").unwrap(), ("https://h".to_owned(), None));
        assert!(split_login("h:8123").is_err());
        assert!(split_login("ftp://h").is_err());
    }
}
