//! Changing the configuration: by a Unix socket while a server runs on the data folder, else by
//! opening the folder's log, or Kafka, directly. Commands only see [`Access`].
//!
//! The protocol is one JSON line each way. The socket lies in the data folder and only its owner
//! may use it, so it needs no further authentication.
//!
//! # Layout
//!
//! - Here: what is said over the socket. `access`: how commands say it. `listen`: the server's end.

mod access;
mod listen;

use std::path::{Path, PathBuf};
use std::time::Duration;

use footfall_event::Topic;
use footfall_event::alert::Alert;
use footfall_event::blocklist::BlockEntry;
use footfall_event::catalog::Entry;
use footfall_topics::RecordBatch;
use serde::{Deserialize, Serialize};

pub(crate) use self::access::Access;
pub(crate) use self::listen::listen;
use crate::replays::{Job, State};

/// A request or answer may be this long.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Entries in one request or answer.
const ENTRIES_MAX: usize = 5_000;
const TIMEOUT: Duration = Duration::from_secs(30);

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Request {
    /// Entries of a kind, so many of them left out.
    List {
        kind: String,
        skip: usize,
    },
    /// The entries with these keys, as far as they exist.
    Find {
        keys: Vec<String>,
    },
    Put {
        entries: Vec<Entry>,
    },
    Remove {
        key: String,
    },
    Raise {
        alert: Box<Alert>,
    },
    Replay(Job),
    /// How far the replay is.
    Replaying,
    Blocklist,
    SetBlocked {
        key: String,
        entry: Option<Box<BlockEntry>>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done,
    Entries(Vec<Entry>),
    Blocklist(Vec<BlockEntry>),
    Replaying(State),
    Error(String),
}

/// The record that sets or removes an entry of the blocklist.
fn blocked(key: &str, entry: Option<&BlockEntry>) -> RecordBatch {
    let mut batch = RecordBatch::new();
    let value = entry.map(BlockEntry::to_json).unwrap_or_default();
    batch.push(Topic::Blocklist, 0, key.as_bytes(), &value);
    batch
}

/// Where the socket of a data folder is: in it, unless that path is longer than the 107 bytes a
/// Unix socket may have.
fn socket_path(data: &Path) -> PathBuf {
    let absolute = std::fs::canonicalize(data).unwrap_or_else(|_| data.to_owned());
    let path = absolute.join("control.sock");
    if path.as_os_str().len() <= 100 {
        return path;
    }
    let id = footfall_event::Id::new_v5(
        &footfall_event::Id::NAMESPACE_URL,
        absolute.as_os_str().as_encoded_bytes(),
    );
    std::env::temp_dir().join(format!("footfall-{}.sock", id.simple()))
}
