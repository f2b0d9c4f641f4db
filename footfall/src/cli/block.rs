//! `footfall block …` and `footfall allow …`.

use clap::{Args, Subcommand};

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
