//! Changing the configuration: by a Unix socket while a server runs on the data folder, else by
//! opening the folder's log, or Kafka, directly. Commands only see [`Access`].
//!
//! The protocol is one JSON line each way. The socket lies in the data folder and only its owner
//! may use it, so it needs no further authentication.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use footfall_aggregator::alerts;
use footfall_event::Topic;
use footfall_event::alert::Alert;
use footfall_event::blocklist::{BlockEntry, Entries};
use footfall_event::catalog::{Catalog, Entry};
use footfall_topics::catalog::CatalogView;
use footfall_topics::{Log, RecordBatch};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use crate::config::Config;
use crate::replays::{Job, Replays, State};

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

/// A way to read and change the catalogue.
pub(crate) enum Access {
    /// Through a running server.
    Server(PathBuf),
    /// Directly; the log is closed when this is dropped.
    Direct {
        /// The open log.
        log: Arc<dyn Log>,
        /// Its catalogue.
        view: CatalogView,
    },
}

impl Access {
    /// Finds the way: Kafka if configured, else the running server's socket, else the folder.
    pub(crate) fn open(config: &Config) -> Result<Access> {
        let socket = socket_path(&config.data);
        if config.kafka.brokers.is_empty() && UnixStream::connect(&socket).is_ok() {
            return Ok(Access::Server(socket));
        }
        let log = crate::roles::open_log(config)?;
        let view = CatalogView::follow(log.clone())?;
        Ok(Access::Direct { log, view })
    }

    /// The same, but only if somebody serves what is configured: nothing is made where there is
    /// neither a server nor Kafka.
    pub(crate) fn to_running(config: &Config) -> Result<Option<Access>> {
        let running = config.uses_kafka() || UnixStream::connect(socket_path(&config.data)).is_ok();
        running.then(|| Access::open(config)).transpose()
    }

    /// Everything of some kinds (words of [`footfall_event::catalog::KINDS`]).
    pub(crate) fn list(&self, kinds: &[&str]) -> Result<Catalog> {
        let socket = match self {
            Access::Server(socket) => socket,
            Access::Direct { view, .. } => return Ok(Catalog::clone(&view.load())),
        };
        let mut catalog = Catalog::default();
        for kind in kinds {
            let mut skip = 0;
            loop {
                let list = Request::List { kind: (*kind).to_owned(), skip };
                let page = entries(ask(socket, &list)?)?;
                skip += page.len();
                let last = page.len() < ENTRIES_MAX;
                page.into_iter().for_each(|entry| catalog.apply_entry(entry));
                if last {
                    break;
                }
            }
        }
        Ok(catalog)
    }

    /// The things with these keys, as far as they exist.
    pub(crate) fn find(&self, keys: Vec<String>) -> Result<Catalog> {
        match self {
            Access::Server(socket) => {
                let mut catalog = Catalog::default();
                for keys in keys.chunks(ENTRIES_MAX) {
                    let find = Request::Find { keys: keys.to_vec() };
                    let found = entries(ask(socket, &find)?)?;
                    found.into_iter().for_each(|entry| catalog.apply_entry(entry));
                }
                Ok(catalog)
            }
            Access::Direct { view, .. } => Ok(Catalog::clone(&view.load())),
        }
    }

    /// Adds or replaces one thing. Durable and in force when it returns.
    pub(crate) fn put(&self, entry: Entry) -> Result<()> {
        self.put_all(vec![entry])
    }

    /// Adds or replaces many things. Durable and in force when it returns.
    pub(crate) fn put_all(&self, entries: Vec<Entry>) -> Result<()> {
        for entries in entries.chunks(ENTRIES_MAX) {
            match self {
                Access::Server(socket) => {
                    done(ask(socket, &Request::Put { entries: entries.to_vec() })?)?;
                }
                Access::Direct { view, .. } => view.put_all_blocking(entries)?,
            }
        }
        Ok(())
    }

    /// Removes one thing by its key.
    pub(crate) fn remove(&self, key: &str) -> Result<()> {
        match self {
            Access::Server(socket) => done(ask(socket, &Request::Remove { key: key.to_owned() })?),
            Access::Direct { view, .. } => Ok(view.remove_blocking(key)?),
        }
    }
}

impl Access {
    /// Raises an alert. Durable when it returns.
    pub(crate) fn raise(&self, alert: Alert) -> Result<()> {
        match self {
            Access::Server(socket) => done(ask(socket, &Request::Raise { alert: alert.into() })?),
            Access::Direct { log, .. } => {
                let batch = alerts::record(&alert, log.partitions(Topic::Alerts));
                Ok(footfall_topics::append_blocking(log.as_ref(), batch)?)
            }
        }
    }
}

impl Access {
    /// Starts to judge history again in the running server.
    pub(crate) fn start_replay(&self, job: Job) -> Result<()> {
        match self {
            Access::Server(socket) => done(ask(socket, &Request::Replay(job))?),
            Access::Direct { .. } => bail!("no server is running"),
        }
    }

    /// How far that is.
    pub(crate) fn replay_state(&self) -> Result<State> {
        match self {
            Access::Server(socket) => match ask(socket, &Request::Replaying)? {
                Answer::Replaying(state) => Ok(state),
                other => bail!("unexpected answer from the server: {other:?}"),
            },
            Access::Direct { .. } => bail!("no server is running"),
        }
    }
}

impl Access {
    /// Who is blocked or allowed.
    pub(crate) fn blocklist(&self) -> Result<Entries> {
        let entries = match self {
            Access::Server(socket) => match ask(socket, &Request::Blocklist)? {
                Answer::Blocklist(entries) => entries,
                other => bail!("unexpected answer from the server: {other:?}"),
            },
            Access::Direct { log, .. } => return crate::commands::block::read(log),
        };
        let entries = entries.into_iter().map(|entry| (entry.key(), entry)).collect();
        Ok(Entries { entries })
    }

    /// Adds or replaces an entry of the blocklist; `None` removes it. Durable when it returns.
    pub(crate) fn set_blocked(&self, key: &str, entry: Option<&BlockEntry>) -> Result<()> {
        match self {
            Access::Server(socket) => {
                let entry = entry.cloned().map(Box::new);
                done(ask(socket, &Request::SetBlocked { key: key.to_owned(), entry })?)
            }
            Access::Direct { log, .. } => {
                let batch = blocked(key, entry);
                Ok(footfall_topics::append_blocking(log.as_ref(), batch)?)
            }
        }
    }
}

fn blocked(key: &str, entry: Option<&BlockEntry>) -> RecordBatch {
    let mut batch = RecordBatch::new();
    let value = entry.map(BlockEntry::to_json).unwrap_or_default();
    batch.push(Topic::Blocklist, 0, key.as_bytes(), &value);
    batch
}

impl Drop for Access {
    fn drop(&mut self) {
        if let Access::Direct { log, .. } = self {
            log.close(Duration::from_secs(10));
        }
    }
}

fn entries(answer: Answer) -> Result<Vec<Entry>> {
    match answer {
        Answer::Entries(entries) => Ok(entries),
        other => bail!("unexpected answer from the server: {other:?}"),
    }
}

fn done(answer: Answer) -> Result<()> {
    match answer {
        Answer::Done => Ok(()),
        other => bail!("unexpected answer from the server: {other:?}"),
    }
}

fn ask(socket: &Path, request: &Request) -> Result<Answer> {
    let mut stream = UnixStream::connect(socket)
        .with_context(|| format!("the server's socket {} does not answer", socket.display()))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line)?;
    let mut answer = String::new();
    BufReader::new(stream.take(LINE_BYTES_MAX)).read_line(&mut answer)?;
    match serde_json::from_str(&answer).context("the server's answer can't be read")? {
        Answer::Error(error) => bail!("the server refused: {error}"),
        answer => Ok(answer),
    }
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

/// Serves the socket until the process ends.
pub(crate) fn listen(config: &Config, log: Arc<dyn Log>, view: CatalogView) -> Result<()> {
    let replays = Arc::new(Replays::new(config, log.clone(), view.clone()));
    let path = socket_path(&config.data);
    // The data folder is locked by this process, so a socket that is there is a dead one's.
    if path.exists() {
        std::fs::remove_file(&path)?;
    }
    let listener = tokio::net::UnixListener::bind(&path)
        .with_context(|| format!("can't listen on {}", path.display()))?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (log, view, replays) = (log.clone(), view.clone(), replays.clone());
            tokio::spawn(async move {
                let answer = answer(stream, &log, &view, &replays);
                let result = tokio::time::timeout(TIMEOUT, answer).await;
                if let Ok(Err(error)) = result {
                    tracing::warn!(%error, "a request on the control socket failed");
                }
            });
        }
    });
    Ok(())
}

async fn answer(
    stream: tokio::net::UnixStream,
    log: &Arc<dyn Log>,
    view: &CatalogView,
    replays: &Replays,
) -> Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    tokio::io::BufReader::new(reader.take(LINE_BYTES_MAX)).read_line(&mut line).await?;
    if line.is_empty() {
        return Ok(()); // Somebody only looked whether a server is there.
    }
    let answer = match serde_json::from_str(&line) {
        Ok(Request::List { kind, skip }) => {
            Answer::Entries(view.load().entries_of(&kind, skip).take(ENTRIES_MAX).collect())
        }
        Ok(Request::Find { keys }) => {
            let catalog = view.load();
            Answer::Entries(keys.iter().filter_map(|key| catalog.entry(key)).collect())
        }
        Ok(Request::Put { entries }) => result(view.put_all(&entries).await),
        Ok(Request::Remove { key }) => result(view.remove(&key).await),
        Ok(Request::Raise { alert }) => {
            let batch = alerts::record(&alert, log.partitions(Topic::Alerts));
            result(footfall_topics::append(log.as_ref(), batch).await)
        }
        Ok(Request::Replay(job)) => result(replays.start(job).map(drop)),
        Ok(Request::Replaying) => match replays.state() {
            Ok(state) => Answer::Replaying(state),
            Err(error) => Answer::Error(error.to_string()),
        },
        Ok(Request::Blocklist) => {
            let log = log.clone();
            let read = move || crate::commands::block::read(&log);
            match tokio::task::spawn_blocking(read).await? {
                Ok(entries) => Answer::Blocklist(entries.entries.into_values().collect()),
                Err(error) => Answer::Error(error.to_string()),
            }
        }
        Ok(Request::SetBlocked { key, entry }) => {
            let batch = blocked(&key, entry.as_deref());
            result(footfall_topics::append(log.as_ref(), batch).await)
        }
        Err(error) => Answer::Error(error.to_string()),
    };
    let mut line = serde_json::to_vec(&answer)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    Ok(())
}

fn result<E: std::fmt::Display>(outcome: Result<(), E>) -> Answer {
    match outcome {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Error(error.to_string()),
    }
}
