//! What can go wrong with the log.

use std::path::PathBuf;

/// Why the log can't be opened or asked.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Another process holds the folder.
    #[error("{} is in use by another process: stop it, or choose another folder with --data", .0.display())]
    InUse(PathBuf),
    /// The folder was made by a version that stored differently.
    #[error("{0}")]
    Format(String),
    /// The storage failed.
    #[error("the log's storage failed: {0}")]
    Storage(String),
    /// Kafka said no, or can't be reached.
    #[error("kafka: {0}")]
    Kafka(String),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a batch was not stored (for certain or perhaps).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk, or the share of it that the log may use, is full.
    #[error("the log is full: {0}")]
    Full(String),
    /// More is waiting than may wait.
    #[error("too many records are waiting to be stored")]
    Busy,
    /// The log can't be written now.
    #[error("the log can't be written: {0}")]
    Unavailable(String),
    /// One record is larger than the log takes.
    #[error("a record of {0} bytes is larger than the log takes")]
    TooLarge(usize),
    /// The log was closed.
    #[error("the log is closed")]
    Closed,
}

/// Why a shard's commit did not succeed for certain.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The shard has another owner; nothing was committed.
    #[error("the shard has another owner: {0}")]
    Lost(String),
    /// It may or may not have been committed: open again and compare.
    #[error("the outcome of a commit is unknown: {0}")]
    Unknown(String),
    /// Nothing was committed, and the same call may succeed later (a full disk, Kafka away).
    #[error("not committed: {0}")]
    Failed(String),
}
