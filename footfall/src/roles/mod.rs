//! The roles: what runs on until it is told to stop. `serve` is all of them in one process; the
//! code is the same.

mod parts;
mod rulebook;
mod rules;
mod run;
mod started;
mod warehouse;

use std::sync::Arc;

use anyhow::{Context, Result};
use footfall_topics::Log;
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::kafka::{self, KafkaLog};

pub(crate) use parts::ingest;
pub(crate) use warehouse::{Engine, migrate, open_warehouse, warehouse_client};

use crate::cli::{Cli, Command};
use crate::commands;
use crate::config::Config;

/// Which parts a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Accept events.
    pub(crate) ingest: bool,
    /// Judge, sessionise, load.
    pub(crate) aggregate: bool,
    /// Show figures.
    pub(crate) dashboard: bool,
}

/// Does what the command line says.
pub(crate) fn run(cli: Cli) -> Result<()> {
    let json = cli.options.json;
    let config = Config::load(&cli.options)?;
    let none = Parts { ingest: false, aggregate: false, dashboard: false };
    match cli.command {
        Command::Serve => {
            run::run(config, Parts { ingest: true, aggregate: true, dashboard: true }, json)
        }
        Command::Ingest => run::run(config, Parts { ingest: true, ..none }, json),
        Command::Aggregate => run::run(config, Parts { aggregate: true, ..none }, json),
        Command::Dashboard => run::run(config, Parts { dashboard: true, ..none }, json),
        Command::Engine => run::engine(config, json),
        Command::Site(command) => commands::site::run(&config, command, json),
        Command::Key(command) => commands::key::run(&config, command, json),
        Command::Advertiser(command) => commands::ads::advertiser::run(&config, command, json),
        Command::Campaign(command) => commands::ads::campaign::run(&config, command, json),
        Command::Ad(command) => commands::ads::ad::run(&config, command, json),
        Command::Placement(command) => commands::ads::placement::run(&config, command, json),
        Command::User(command) => commands::user::run(&config, command, json),
        Command::Block(command) => commands::block::run(&config, command, false, json),
        Command::Allow(command) => commands::block::run(&config, command, true, json),
        Command::Alert(command) => commands::alert::run(&config, command, json),
        Command::Import(command) => commands::import::run(&config, command, json),
        Command::Simulate(args) => commands::simulate::run(&config, args, json),
        Command::Doctor => commands::doctor::run(&config, json),
        Command::Schema { topic } => commands::schema(&topic),
        Command::Rules(command) => commands::rules::run(&config, &command, json),
        Command::Replay(args) => commands::replay::run(&config, &args, json),
        Command::Evaluate(args) => crate::evaluate::run(&args),
        Command::Bench(args) => crate::bench::run(&config, &args),
    }
}

/// Opens the configured log: Kafka, or the folder (which no other process may have open).
pub(crate) fn open_log(config: &Config) -> Result<Arc<dyn Log>> {
    if config.uses_kafka() {
        return Ok(KafkaLog::open(kafka_settings(config))?);
    }
    std::fs::create_dir_all(&config.data)
        .with_context(|| format!("the data folder {} can't be made", config.data.display()))?;
    Ok(EmbeddedLog::open(embedded_settings(config))?)
}

/// The embedded log's settings.
pub(crate) fn embedded_settings(config: &Config) -> embedded::Settings {
    let defaults = embedded::Settings::new(config.data.join("log"));
    // Records go up to an eighth of the time later: a day's key, written just before its midnight,
    // has to be gone by the second midnight after.
    let retention = embedded::Retention { salts_seconds: 42 * 3_600, ..defaults.retention };
    embedded::Settings {
        retention,
        partitions: config.log.partitions,
        max_bytes: config.log.bytes_max,
        min_free_bytes: config.log.free_bytes_min,
        ..defaults
    }
}

/// Kafka's settings.
pub(crate) fn kafka_settings(config: &Config) -> kafka::Settings {
    let options = config.kafka.options.iter();
    let mut settings = kafka::Settings {
        brokers: config.kafka.brokers.clone(),
        topic_prefix: config.topic_prefix.clone(),
        options: options.map(|(name, value)| (name.clone(), value.expose().to_owned())).collect(),
        ..kafka::Settings::default()
    };
    if config.kafka.partitions > 0 {
        settings.partitions = config.kafka.partitions;
    }
    settings
}

/// A port that was free a moment ago, for a child process that has to be told its port.
pub(crate) fn free_port() -> Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}
