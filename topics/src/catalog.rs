//! The live view of the topic `catalog`: what is configured now.
//!
//! A [`CatalogView`] is a followed topic ([`crate::follow`]) that can be changed, too: a change is
//! durable and shown when the call returns.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use footfall_event::Topic;
use footfall_event::ads::partition_of;
use footfall_event::ads::performance::BudgetSet;
use footfall_event::catalog::{Campaign, Catalog, Entry};
use tokio::sync::watch;

use crate::follow::Followed;
use crate::{AppendError, Log, LogError, Partition, RecordBatch};

mod keys;

pub use keys::new_click_key;

const PARTITION: Partition = Partition { topic: Topic::Catalog, number: 0 };
/// How long a change may take to show up in the view.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a change of the catalogue was not made, or not seen.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// It was not stored for certain.
    #[error("the catalogue could not be changed: {0}")]
    Append(#[from] AppendError),
    /// It was stored, and the view does not show it yet.
    #[error("the change was stored, but did not show up within {} s", CHANGE_TIMEOUT.as_secs())]
    Unseen,
    /// The entry can't be written as JSON.
    #[error("the entry can't be written: {0}")]
    Entry(#[from] serde_json::Error),
    /// The log's end can't be asked.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// What is configured now. Clones share one view; the last one ends its thread.
#[derive(Clone)]
pub struct CatalogView {
    log: Arc<dyn Log>,
    followed: Followed<Catalog>,
}

impl CatalogView {
    /// Reads the catalogue and follows it from now on. Blocks until it has been read to its end.
    ///
    /// # Errors
    /// When the log can't be read, or not within a minute.
    pub fn follow(log: Arc<dyn Log>) -> Result<CatalogView, LogError> {
        let followed = Followed::follow(&log, Topic::Catalog)?;
        Ok(CatalogView { log, followed })
    }

    /// The catalogue now.
    pub fn load(&self) -> Arc<Catalog> {
        self.followed.load()
    }

    /// Tells when the catalogue has changed (the number only counts the changes).
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.followed.changed()
    }

    /// Records in the topic that could not be read, since the view was made.
    pub fn unreadable(&self) -> u64 {
        self.followed.unreadable()
    }

    /// Adds an entry or replaces the one with its key. When it returns, the change is durable and
    /// this view shows it.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn put(&self, entry: &Entry) -> Result<(), ChangeError> {
        self.put_all(std::slice::from_ref(entry)).await
    }

    /// [`CatalogView::put`] for many entries at once.
    ///
    /// # Errors
    /// See [`ChangeError`]; some of the entries may have been stored.
    pub async fn put_all(&self, entries: &[Entry]) -> Result<(), ChangeError> {
        let batch = self.batch(entries)?;
        self.change(batch).await
    }

    /// Removes the entry with this key, as [`Entry::key`] makes it.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn remove(&self, key: &str) -> Result<(), ChangeError> {
        self.change(record(key, b"")).await
    }

    async fn change(&self, batch: RecordBatch) -> Result<(), ChangeError> {
        crate::append(&*self.log, batch).await?;
        let log = self.log.clone();
        let end = tokio::task::spawn_blocking(move || log.offsets(PARTITION))
            .await
            .map_err(|error| LogError::Storage(error.to_string()))??
            .end;
        let mut applied = self.followed.applied();
        let shown = applied.wait_for(|applied| *applied >= end);
        match tokio::time::timeout(CHANGE_TIMEOUT, shown).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(ChangeError::Unseen),
        }
    }

    /// [`CatalogView::put`] for threads that may block.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn put_blocking(&self, entry: &Entry) -> Result<(), ChangeError> {
        self.put_all_blocking(std::slice::from_ref(entry))
    }

    /// [`CatalogView::put_all`] for threads that may block.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn put_all_blocking(&self, entries: &[Entry]) -> Result<(), ChangeError> {
        let batch = self.batch(entries)?;
        self.change_blocking(batch)
    }

    /// [`CatalogView::remove`] for threads that may block.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn remove_blocking(&self, key: &str) -> Result<(), ChangeError> {
        self.change_blocking(record(key, b""))
    }

    fn change_blocking(&self, batch: RecordBatch) -> Result<(), ChangeError> {
        crate::append_blocking(&*self.log, batch)?;
        let end = self.log.offsets(PARTITION)?.end;
        let deadline = Instant::now() + CHANGE_TIMEOUT;
        let applied = self.followed.applied();
        while *applied.borrow() < end {
            if Instant::now() >= deadline {
                return Err(ChangeError::Unseen);
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The records of entries. Whoever sums up what campaigns spend hears of a new budget by the same
    /// write, since no event may come for a long time.
    fn batch(&self, entries: &[Entry]) -> Result<RecordBatch, ChangeError> {
        let known = self.load();
        let mut batch = RecordBatch::new();
        for entry in entries {
            let json = serde_json::to_vec(entry)?;
            batch.push(Topic::Catalog, 0, entry.key().as_bytes(), &json);
            let Entry::Campaign(campaign) = entry else { continue };
            let before = known.campaigns.get(&campaign.id).and_then(|known| known.budget);
            if before != campaign.budget {
                let partitions = self.log.partitions(Topic::AdDeltas);
                let number = partition_of(&campaign.id, "", partitions);
                let record = budget_set(campaign)?;
                batch.push(Topic::AdDeltas, number, campaign.id.as_bytes(), &record);
            }
        }
        Ok(batch)
    }
}

fn record(key: &str, value: &[u8]) -> RecordBatch {
    let mut batch = RecordBatch::with_capacity(key.len() + value.len());
    batch.push(Topic::Catalog, 0, key.as_bytes(), value);
    batch
}

fn budget_set(campaign: &Campaign) -> Result<Vec<u8>, ChangeError> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Ok(serde_json::to_vec(&BudgetSet {
        v: 1,
        budget_of: campaign.id.as_str().into(),
        budget: campaign.budget,
        at: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
    })?)
}
