//! `footfall user …`.

use clap::Subcommand;

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
