//! The block that is being inserted, on disk as it will be inserted.
//!
//! Two tables are written, one after the other. When the process dies in between, or an answer is
//! lost, exactly the same rows have to be inserted again, whatever has become of the source files
//! in the meantime. So a block is saved before its first insert and removed after its last; what
//! an import finds saved it inserts first of all. What was inserted already is dropped by
//! ClickHouse, by the block's token.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use footfall_event::Event;
use footfall_event::record::RecordError;
use footfall_warehouse::{EventBlock, SessionBlock, Warehouse};
use serde::{Deserialize, Serialize};

use super::job::write_private;
use super::store::{existing, patiently};

/// The rows of a block.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pending {
    head: Head,
    /// Records of differences of visits.
    sessions: Vec<Vec<u8>>,
    /// Judged records.
    events: Vec<Vec<u8>>,
}

/// The first line of the file; the records follow, one a line.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    v: u8,
    site: String,
    token: String,
    retention_days: u16,
    received_at: i64,
    sessions: usize,
    events: usize,
}

impl Pending {
    /// A block without rows. `received_at`: when the import began, milliseconds since 1970.
    pub(crate) fn new(site: &str, retention_days: u16, received_at: i64) -> Pending {
        let head =
            Head { v: 1, site: site.to_owned(), retention_days, received_at, ..Head::default() };
        Pending { head, sessions: Vec::new(), events: Vec::new() }
    }

    /// Adds a difference of a visit.
    pub(crate) fn push_session(&mut self, record: &[u8]) {
        self.sessions.push(record.to_vec());
    }

    /// Adds a judged event.
    pub(crate) fn push_event(&mut self, record: &[u8]) {
        self.events.push(record.to_vec());
    }

    /// Number of events.
    pub(crate) fn events(&self) -> usize {
        self.events.len()
    }

    /// Saves the block under a token that names its events, and inserts it.
    ///
    /// # Errors
    /// When it can't be saved, or ClickHouse does not take it: it stays saved then.
    pub(crate) async fn insert(mut self, path: &Path, warehouse: &Warehouse) -> Result<()> {
        if self.events.is_empty() && self.sessions.is_empty() {
            return Ok(());
        }
        let mut hash = xxhash_rust::xxh3::Xxh3::new();
        for event in &self.events {
            hash.update(Event::from_json(event)?.id.as_bytes());
        }
        self.head.token = format!("import/{:032x}", hash.digest128());
        write_private(path, &self.to_bytes()?)?;
        self.send(warehouse).await?;
        std::fs::remove_file(path).with_context(|| format!("{} can't be removed", path.display()))
    }

    /// Inserts the rows: visits first, so that stored events say that the block is complete.
    async fn send(&self, warehouse: &Warehouse) -> Result<()> {
        let mut sessions = SessionBlock::default();
        sessions.set_retention_days(self.head.retention_days);
        for record in &self.sessions {
            sessions.push(record)?;
        }
        let mut events = EventBlock::default();
        events.set_retention_days(self.head.retention_days);
        for record in &self.events {
            let mut event = Event::from_json(record)?;
            event.received_at = self.head.received_at;
            events.push_event(&event)?;
        }
        let token = &self.head.token;
        patiently(async || sessions.insert(warehouse, token).await).await?;
        patiently(async || events.insert(warehouse, token).await).await
    }

    /// Whether all its events are stored, and so its visits.
    async fn is_stored(&self, warehouse: &Warehouse) -> Result<bool> {
        let events =
            self.events.iter().map(|record| Event::from_json(record).map(|e| (e.id, e.time)));
        let ids: Vec<_> = events.collect::<Result<_, RecordError>>()?;
        let existing = existing(warehouse, &self.head.site, &ids).await?;
        Ok(ids.iter().all(|(id, _)| existing.contains(&id.as_u128())))
    }

    fn to_bytes(&self) -> Result<Vec<u8>> {
        let head =
            Head { sessions: self.sessions.len(), events: self.events.len(), ..self.head.clone() };
        let mut bytes = serde_json::to_vec(&head)?;
        for record in self.sessions.iter().chain(&self.events) {
            bytes.push(b'\n');
            bytes.extend_from_slice(record);
        }
        Ok(bytes)
    }

    fn from_bytes(bytes: &[u8]) -> Result<Pending> {
        let mut lines = bytes.split(|&b| b == b'\n').map(<[u8]>::to_vec);
        let head: Head = serde_json::from_slice(&lines.next().unwrap_or_default())?;
        let sessions: Vec<_> = lines.by_ref().take(head.sessions).collect();
        let events: Vec<_> = lines.collect();
        ensure!(
            head.v == 1 && sessions.len() == head.sessions && events.len() == head.events,
            "it is not whole"
        );
        Ok(Pending { head: Head { sessions: 0, events: 0, ..head }, sessions, events })
    }
}

/// Inserts every block that an import left behind in the folder. How many events they hold.
///
/// # Errors
/// When one can't be read, or ClickHouse does not take it.
pub(crate) async fn complete(folder: &Path, warehouse: &Warehouse) -> Result<usize> {
    let mut events = 0;
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_none_or(|ending| ending != "block") {
            continue;
        }
        let bytes = std::fs::read(&path)?;
        let block = Pending::from_bytes(&bytes).with_context(|| {
            format!("{} holds a block that broke off, but can't be read", path.display())
        })?;
        if !block.is_stored(warehouse).await? {
            block.send(warehouse).await?;
        }
        events += block.events();
        std::fs::remove_file(&path)?;
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_the_same_when_it_is_read_back_and_refused_when_torn() {
        let mut block = Pending::new("a.test", 30, 7);
        block.head.token = "import/1".into();
        block.push_session(b"{\"v\":1}");
        block.push_event(b"{\"v\":1,\"a\":\"b\"}");
        block.push_event(b"{\"v\":1}");
        let bytes = block.to_bytes().unwrap();
        assert_eq!(Pending::from_bytes(&bytes).unwrap(), block);
        let last_line = bytes.iter().rposition(|&b| b == b'\n').unwrap();
        assert!(Pending::from_bytes(&bytes[..last_line]).is_err());
        assert!(Pending::from_bytes(b"").is_err());
    }
}
