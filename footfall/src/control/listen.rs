//! The server's end of the control socket.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use anyhow::{Context, Result};
use footfall_aggregator::alerts;
use footfall_event::Topic;
use footfall_topics::Log;
use footfall_topics::catalog::CatalogView;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt};

use super::{Answer, ENTRIES_MAX, LINE_BYTES_MAX, Request, TIMEOUT, blocked, socket_path};
use crate::config::Config;
use crate::replays::Replays;

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
