//! ClickHouse as a library, behind ClickHouse's HTTP interface: the role `footfall engine`.
//!
//! The engine runs in a process of its own, so that running out of memory, or a crash in two
//! million lines of C++, never takes the ingest along. [`Supervisor`] starts it and starts it
//! again; [`run`] is what the process does.
//!
//! # Layout
//!
//! - [`Settings`]: limits, and the configuration files in which ClickHouse reads them.
//! - `library`: the C functions; the only unsafe code.
//! - `pool`: connections, and how settings stay with their statement.
//! - `statement`, `request`, `reply`: the HTTP interface's form, without I/O.
//! - `http`: the handlers; `results`: what they answer with.
//! - `secrets`: users and passwords.
//! - `tokens`: what a kill leaves behind in the store, mended before it is opened.
//! - [`Supervisor`]: the parent's side.

mod http;
mod library;
mod pool;
mod reply;
mod request;
mod results;
mod secrets;
mod serve;
mod settings;
mod statement;
mod supervisor;
mod tokens;

pub use secrets::{password, password_path};
pub use serve::run;
pub use settings::{Settings, find_library};
pub use supervisor::{State, Supervisor};

use std::path::PathBuf;

/// Why the engine can't run.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The library is not where it is looked for.
    #[error(
        "the ClickHouse engine's library is missing (looked first for {looked_first}): run `make tools`, or name a ClickHouse server with --clickhouse"
    )]
    LibraryMissing {
        /// The place that was looked at first.
        looked_first: PathBuf,
    },
    /// The library is there and can't be used.
    #[error(
        "the ClickHouse engine's library {path} can't be loaded: {reason}; run `make tools` to fetch it again"
    )]
    Library {
        /// Where it is.
        path: PathBuf,
        /// Why, in the loader's words.
        reason: String,
    },
    /// Another engine has the store.
    #[error(
        "the store {store} is in use by another engine (process {owner}): stop it, or choose another --data folder"
    )]
    InUse {
        /// The store's folder.
        store: PathBuf,
        /// The other process's id, if it could be read.
        owner: String,
    },
    /// A file or folder can't be made or read.
    #[error("{path}: {source}")]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// ClickHouse refused to start on the store.
    #[error("ClickHouse can't start on {store}: the lines above say why")]
    Start {
        /// The store's folder.
        store: PathBuf,
    },
    /// This process has an engine already: the library allows one.
    #[error("this process runs an engine already")]
    Running,
    /// A statement would not end, so the store was not closed.
    #[error("the engine was left with a statement that did not end")]
    Busy,
}
