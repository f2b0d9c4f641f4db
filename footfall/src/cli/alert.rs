//! `footfall alert …`.

use clap::{Args, Subcommand};

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
