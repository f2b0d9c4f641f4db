//! `footfall simulate …`.

use clap::Args;

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
