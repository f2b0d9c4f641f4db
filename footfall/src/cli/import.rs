//! `footfall import …`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
