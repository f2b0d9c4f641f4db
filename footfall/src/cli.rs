//! The command line: what may be said. What it means is in [`crate::commands`] and [`crate::roles`];
//! the files here are named as those there.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod ads;
mod alert;
mod block;
mod import;
mod key;
mod rules;
mod simulate;
mod site;
mod user;

pub(crate) use ads::{
    AdCommand, AdvertiserCommand, AttributionArg, CampaignArgs, CampaignCommand, CostModelArg,
    PlacementCommand,
};
pub(crate) use alert::{AlertArgs, AlertCommand};
pub(crate) use block::{BlockArgs, BlockCommand};
pub(crate) use import::{ImportArgs, ImportCommand};
pub(crate) use key::{KeyCommand, ScopeArg};
pub(crate) use rules::{ReplayArgs, RulesCommand};
pub(crate) use simulate::SimulateArgs;
pub(crate) use site::{SiteArgs, SiteCommand};
pub(crate) use user::UserCommand;

/// Self-hosted web-activity and ad-click analytics with honest counts.
#[derive(Debug, Parser)]
#[command(name = "footfall", version, propagate_version = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options that every command understands. They win over the environment, which wins over the file.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct Options {
    /// Configuration file (TOML); unknown keys are refused
    #[arg(long, global = true, env = "FOOTFALL_CONFIG", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The one folder that holds everything [default: ./data]
    #[arg(long, global = true, env = "FOOTFALL_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Beacons, API and dashboard [default: 127.0.0.1:8080]
    #[arg(long, global = true, env = "FOOTFALL_LISTEN", value_name = "ADDR")]
    pub(crate) listen: Option<SocketAddr>,
    /// /metrics, /healthz and /readyz [default: 127.0.0.1:9180]
    #[arg(long, global = true, env = "FOOTFALL_METRICS_LISTEN", value_name = "ADDR")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    /// The embedded engine's ClickHouse HTTP interface [default: 127.0.0.1:8123]
    #[arg(long, global = true, env = "FOOTFALL_ENGINE_LISTEN", value_name = "ADDR")]
    pub(crate) engine_listen: Option<SocketAddr>,
    /// Kafka instead of the embedded log (host:port, comma-separated)
    #[arg(long, global = true, env = "FOOTFALL_KAFKA", value_name = "BROKERS")]
    pub(crate) kafka: Option<String>,
    /// A ClickHouse server instead of the embedded engine (http://user:password@host:port)
    #[arg(long, global = true, env = "FOOTFALL_CLICKHOUSE", value_name = "URL")]
    pub(crate) clickhouse: Option<String>,
    /// Create Replicated and Distributed tables on this ClickHouse cluster
    #[arg(long, global = true, env = "FOOTFALL_CLICKHOUSE_CLUSTER", value_name = "NAME")]
    pub(crate) clickhouse_cluster: Option<String>,
    /// Put before every topic's name [default: footfall.]
    #[arg(long, global = true, env = "FOOTFALL_TOPIC_PREFIX", value_name = "TEXT")]
    pub(crate) topic_prefix: Option<String>,
    /// The address under which browsers reach this server, for links and the snippet
    #[arg(long, global = true, env = "FOOTFALL_PUBLIC_URL", value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// Rules of invalid traffic (rules.toml) for serve and aggregate; the file is followed while it
    /// changes
    #[arg(long, global = true, env = "FOOTFALL_RULES", value_name = "FILE")]
    pub(crate) rules: Option<PathBuf>,
    /// Say it as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run everything in one process
    Serve,
    /// Run the beacon endpoint and the events API alone (with --kafka)
    Ingest,
    /// Run the aggregator and the loader alone (with --kafka and --clickhouse)
    Aggregate,
    /// Run the dashboard alone (with --kafka and --clickhouse)
    Dashboard,
    /// Run the embedded ClickHouse engine alone
    Engine,
    /// Add, list and remove sites
    #[command(subcommand)]
    Site(SiteCommand),
    /// Add, list and revoke API keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Add, list and remove advertisers
    #[command(subcommand)]
    Advertiser(AdvertiserCommand),
    /// Add, list, pause and remove campaigns
    #[command(subcommand)]
    Campaign(CampaignCommand),
    /// Add, import, list, pause and remove ads
    #[command(subcommand)]
    Ad(AdCommand),
    /// Add, list and remove placements
    #[command(subcommand)]
    Placement(PlacementCommand),
    /// Make sign-in links, list users
    #[command(subcommand)]
    User(UserCommand),
    /// Say whose clicks are invalid from the first one on
    #[command(subcommand)]
    Block(BlockCommand),
    /// Say who is never blocked, whatever the rules find
    #[command(subcommand)]
    Allow(BlockCommand),
    /// Say who hears of alerts
    #[command(subcommand)]
    Alert(AlertCommand),
    /// Import history
    #[command(subcommand)]
    Import(ImportCommand),
    /// Send realistic traffic to a running server
    Simulate(SimulateArgs),
    /// Check configuration, engines, databases and connections
    Doctor,
    /// Print the JSON Schema of a topic's records
    Schema {
        /// Topic, such as judged-events
        topic: String,
    },
    /// Show, check and explain the rules of invalid traffic
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Judge stored clicks again by other rules (--rules FILE), beside what is in force
    Replay(ReplayArgs),
    /// Measure how well the rules tell fraud from people, in a simulated market
    Evaluate(crate::evaluate::EvaluateArgs),
    /// Measure this machine: the figures that `make bench` prints
    Bench(crate::bench::BenchArgs),
}
