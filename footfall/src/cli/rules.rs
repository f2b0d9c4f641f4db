//! `footfall rules …` and `footfall replay …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
