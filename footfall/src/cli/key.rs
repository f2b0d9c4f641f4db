//! `footfall key …`.

use clap::{Subcommand, ValueEnum};

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
