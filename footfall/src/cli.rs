//! The command line: what may be said. What it means is in [`crate::commands`] and [`crate::roles`].

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod ads;

pub(crate) use ads::{
    AdCommand, AdvertiserCommand, AttributionArg, CampaignArgs, CampaignCommand, CostModelArg,
    PlacementCommand,
};

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

/// `footfall site …`
#[derive(Debug, Subcommand)]
pub(crate) enum SiteCommand {
    /// Add a site, or change one
    Add(Box<SiteArgs>),
    /// List the sites
    List,
    /// Remove a site: its events are refused from now on; what is stored stays
    Remove {
        /// The domain
        domain: String,
    },
}

/// `footfall site add …`
#[derive(Debug, Args)]
pub(crate) struct SiteArgs {
    /// The domain, such as example.com
    pub(crate) domain: String,
    /// A further host that belongs to the site
    #[arg(long, value_name = "HOST")]
    pub(crate) alias: Vec<String>,
    /// Time zone of its reports (IANA name, such as Europe/Berlin) [default: UTC]
    #[arg(long, value_name = "ZONE")]
    pub(crate) timezone: Option<String>,
    /// Delete events after so many days
    #[arg(long, value_name = "DAYS")]
    pub(crate) retention_days: Option<u32>,
    /// Count visitors although their browser asks not to (GPC, DNT)
    #[arg(long)]
    pub(crate) ignore_opt_out: bool,
    /// Leave out an address or network (CIDR)
    #[arg(long, value_name = "CIDR")]
    pub(crate) exclude_address: Vec<String>,
    /// Leave out a country (two letters)
    #[arg(long, value_name = "COUNTRY")]
    pub(crate) exclude_country: Vec<String>,
    /// Leave out a network by its autonomous system number
    #[arg(long, value_name = "ASN")]
    pub(crate) exclude_network: Vec<u32>,
    /// Leave out pages of a host
    #[arg(long, value_name = "HOST")]
    pub(crate) exclude_host: Vec<String>,
    /// Leave out pages by path; * stands for any run of characters
    #[arg(long, value_name = "PATH")]
    pub(crate) exclude_path: Vec<String>,
    /// Leave out user agents that contain a text
    #[arg(long, value_name = "TEXT")]
    pub(crate) exclude_agent: Vec<String>,
}

/// `footfall key …`
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; it is printed once
    Add {
        /// For this site only (repeat or separate by commas; none: all sites)
        #[arg(long, value_name = "SITE", value_delimiter = ',')]
        site: Vec<String>,
        /// What it may be used for
        #[arg(long, value_enum, default_value_t = ScopeArg::Ingest)]
        scope: ScopeArg,
    },
    /// List the keys
    List,
    /// Revoke a key
    Revoke {
        /// Its id, as `key list` shows it
        id: String,
    },
    /// Sign click ids with a new secret from now on; those that are out stay valid
    RotateClicks,
}

/// Scopes of keys.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum ScopeArg {
    /// Send events
    Ingest,
    /// Read figures
    Stats,
    /// Change the configuration
    Admin,
    /// Sign clicks, for ad servers
    Tokens,
}

/// `footfall user …`
#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Print a one-time link to sign in (the first time: to set the password)
    Link {
        /// The user
        #[arg(default_value = "owner")]
        name: String,
    },
    /// List the users
    List,
}

/// `footfall block …` and `footfall allow …`
#[derive(Debug, Subcommand)]
pub(crate) enum BlockCommand {
    /// Add an entry, or change one
    Add(BlockArgs),
    /// List the entries that hold now
    List,
    /// Remove an entry
    Remove {
        /// address, asn, network, visitor, agent, referrer or placement
        subject: String,
        /// Which one
        value: String,
    },
}

/// `footfall block add …`
#[derive(Debug, Args)]
pub(crate) struct BlockArgs {
    /// address (CIDR), asn, network or visitor (as the evidence page shows), agent, referrer or placement
    pub(crate) subject: String,
    /// Which one
    pub(crate) value: String,
    /// For how long, such as 24h or 7d; without: for good
    #[arg(long = "for", value_name = "TIME", value_parser = crate::config::parse_duration)]
    pub(crate) duration: Option<std::time::Duration>,
    /// Why, for those who read the list later
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: Option<String>,
}

/// `footfall alert …`
#[derive(Debug, Subcommand)]
pub(crate) enum AlertCommand {
    /// Send alerts to a webhook or by e-mail
    Add(AlertArgs),
    /// List who hears of alerts
    List,
    /// Stop sending alerts to a channel
    Remove {
        /// Its id, as `alert list` shows it
        id: String,
    },
    /// Send a test alert to a channel
    Test {
        /// Its id, as `alert list` shows it
        id: String,
    },
}

/// `footfall alert add …`
#[derive(Debug, Args)]
pub(crate) struct AlertArgs {
    /// POST each alert to this address, signed
    #[arg(long, value_name = "URL", conflicts_with = "email")]
    pub(crate) webhook: Option<String>,
    /// Mail each alert to this address (the configuration names the mail server)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) email: Option<String>,
    /// Only alerts of this site (repeat or separate by commas; none: all sites)
    #[arg(long, value_name = "SITE", value_delimiter = ',')]
    pub(crate) site: Vec<String>,
    /// Only alerts of this kind, such as budget_used (repeat or separate by commas; none: all)
    #[arg(long, value_name = "KIND", value_delimiter = ',')]
    pub(crate) kind: Vec<String>,
}

/// `footfall rules …`
#[derive(Debug, Subcommand)]
pub(crate) enum RulesCommand {
    /// Print the built-in rules.toml, or one that was in force
    Show {
        /// Its version, as `rules list` shows it
        // Another id than the field's: `--version` has that one.
        #[arg(id = "shown", value_name = "VERSION")]
        version: Option<u32>,
    },
    /// Print the page that explains each reason
    Document {
        /// Explain these rules instead of the built-in ones
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
    /// Check a rules.toml
    Check {
        /// The file
        file: PathBuf,
    },
    /// Put a rules.toml in force, from the next batch of events on
    Set {
        /// The file
        file: PathBuf,
    },
    /// List the rules that are and were in force, with who put them there
    List,
}

/// `footfall replay …`
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Clicks from this time on: a date, a time (RFC 3339) or so long ago, such as 7d [default: all that
    /// the log has]
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
}

/// `footfall import …`
#[derive(Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Web server logs: combined, common or JSON lines
    AccessLog(ImportArgs),
    /// Events as NDJSON (the fields of the events API), of any age
    Events(ImportArgs),
}

/// What to import.
#[derive(Clone, Debug, Args)]
pub(crate) struct ImportArgs {
    /// Files; a name ending in .gz is decompressed
    #[arg(required = true, value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The site they belong to
    #[arg(long)]
    pub(crate) site: String,
}

/// `footfall simulate …`
#[derive(Clone, Debug, Args)]
pub(crate) struct SimulateArgs {
    /// Base address of the server
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8080")]
    pub(crate) to: String,
    /// Events per second
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(crate) rate: u32,
    /// How long, such as 60s, 5m or 1h
    #[arg(long = "for", value_name = "TIME", default_value = "60s", value_parser = crate::config::parse_duration)]
    pub(crate) duration: std::time::Duration,
    /// The site; it must exist
    #[arg(long, default_value = "demo.localhost")]
    pub(crate) site: String,
    /// An ingest key of the site: with it the visitors come from addresses all over the world (for
    /// their clicks on ads, the server's ingest.trusted_proxies has to name this machine)
    #[arg(long, env = "FOOTFALL_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    /// The same seed makes the same visitors
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Show no ads
    #[arg(long)]
    pub(crate) no_ads: bool,
}
