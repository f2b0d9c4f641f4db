//! Which impressions have been viewed, for a day: a viewable impression counts once.

use footfall_event::Id;
use footfall_event::time::DAY_MS;
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::ads::cut::keep_newest;
use crate::ads::keys::{KeyId, Keys};

/// How long after it an impression is viewed at the most.
pub(super) const VIEW_MS: i64 = DAY_MS;

/// What an impression is known by: its site, its ad and its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct ImpressionKey(u128);

impl ImpressionKey {
    pub(super) fn new(site: u64, ad: &str, id: Id) -> ImpressionKey {
        let mut bytes = Vec::with_capacity(24 + ad.len());
        bytes.extend_from_slice(id.as_bytes());
        bytes.extend_from_slice(&site.to_be_bytes());
        bytes.extend_from_slice(ad.as_bytes());
        ImpressionKey(xxh3_128(&bytes))
    }
}

/// The view that counts for an impression: the first by time, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Viewed {
    pub(super) time: i64,
    pub(super) id: Id,
    pub(super) key: KeyId,
}

/// The views of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Views {
    viewed: HashMap<ImpressionKey, Viewed>,
}

impl Views {
    /// Notes a view. `Err` when another one counts; otherwise the one that counts no longer.
    pub(super) fn view(&mut self, of: ImpressionKey, view: Viewed) -> Result<Option<Viewed>, ()> {
        match self.viewed.entry(of) {
            Entry::Vacant(entry) => {
                entry.insert(view);
                Ok(None)
            }
            Entry::Occupied(mut entry) => {
                let before = *entry.get();
                if (before.time, before.id) <= (view.time, view.id) {
                    return Err(());
                }
                entry.insert(view);
                Ok(Some(before))
            }
        }
    }

    /// Forgets what is older than `horizon`, and the oldest if there are more than `max`. How many
    /// were forgotten for lack of room.
    pub(super) fn forget(&mut self, horizon: i64, max: usize) -> u64 {
        self.viewed.retain(|_, viewed| viewed.time >= horizon);
        let before = self.len();
        if let Some(cut) = keep_newest(self.viewed.values().map(|viewed| viewed.time), max) {
            self.viewed.retain(|_, viewed| viewed.time >= cut);
        }
        (before - self.len()) as u64
    }

    /// Number of views remembered.
    pub(super) fn len(&self) -> usize {
        self.viewed.len()
    }

    pub(super) fn keep_keys(&mut self, old: &Keys, keys: &mut Keys) {
        for viewed in self.viewed.values_mut() {
            keys.keep(old, &mut viewed.key);
        }
    }
}
