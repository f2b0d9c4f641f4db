//! `footfall site …`.

use clap::{Args, Subcommand};

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
