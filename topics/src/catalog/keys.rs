//! Keys that are made once, by whoever starts first.

use std::time::{SystemTime, UNIX_EPOCH};

use footfall_event::Hex64;
use footfall_event::catalog::{Catalog, ClickKey, Entry, PartitionKey};

use super::{CatalogView, ChangeError};

impl CatalogView {
    /// The key with which click ids are signed; makes the first if there is none.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn ensure_click_key(&self) -> Result<ClickKey, ChangeError> {
        if let Some(key) = self.load().signing_key() {
            return Ok(*key);
        }
        self.put(&Entry::ClickKey(new_click_key(&self.load()))).await?;
        // Of several processes that did so at once, the last one's is everybody's.
        self.load().signing_key().copied().ok_or(ChangeError::Unseen)
    }

    /// [`CatalogView::ensure_click_key`] for threads that may block.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn ensure_click_key_blocking(&self) -> Result<ClickKey, ChangeError> {
        if let Some(key) = self.load().signing_key() {
            return Ok(*key);
        }
        self.put_blocking(&Entry::ClickKey(new_click_key(&self.load())))?;
        self.load().signing_key().copied().ok_or(ChangeError::Unseen)
    }

    /// The key that spreads networks over partitions; makes one if there is none. When several
    /// processes do so at once, the one whose record came first wins for all.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn ensure_partition_key(&self) -> Result<PartitionKey, ChangeError> {
        if let Some(key) = self.load().partition_key {
            return Ok(key);
        }
        let own = random_key();
        self.put(&Entry::PartitionKey(own)).await?;
        let winner = self.load().partition_key.ok_or(ChangeError::Unseen)?;
        if winner != own {
            // Compaction keeps the last record of a key: that has to be the winner, too.
            self.put(&Entry::PartitionKey(winner)).await?;
        }
        Ok(winner)
    }

    /// [`CatalogView::ensure_partition_key`] for threads that may block.
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub fn ensure_partition_key_blocking(&self) -> Result<PartitionKey, ChangeError> {
        if let Some(key) = self.load().partition_key {
            return Ok(key);
        }
        let own = random_key();
        self.put_blocking(&Entry::PartitionKey(own))?;
        let winner = self.load().partition_key.ok_or(ChangeError::Unseen)?;
        if winner != own {
            self.put_blocking(&Entry::PartitionKey(winner))?;
        }
        Ok(winner)
    }
}

/// A new secret for click ids. Its number is the one after the newest's; after 256 keys the oldest
/// one's is used again, and what that signed is not known any more.
pub fn new_click_key(catalog: &Catalog) -> ClickKey {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    ClickKey {
        number: catalog.signing_key().map_or(1, |newest| newest.number.wrapping_add(1)),
        secret: [(); 4].map(|()| Hex64(rand::random())),
        created_at: i64::try_from(now.as_millis()).unwrap_or(i64::MAX),
    }
}

fn random_key() -> PartitionKey {
    PartitionKey { halves: (Hex64(rand::random()), Hex64(rand::random())) }
}
