//! How commands reach what is configured: through a running server, or directly.

use std::io::{BufRead, BufReader, Read, Write};
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
use footfall_topics::Log;
use footfall_topics::catalog::CatalogView;

use super::{Answer, ENTRIES_MAX, LINE_BYTES_MAX, Request, TIMEOUT, blocked, socket_path};
use crate::config::Config;
use crate::replays::{Job, State};

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
