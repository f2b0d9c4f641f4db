//! Which impressions a shard has had, for a day: a click that names one is looked up here, and a
//! viewable impression counts once.

use footfall_event::time::DAY_MS;
use footfall_event::{Hex64, Id};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::ads::cut::keep_newest;
use crate::ads::keys::{KeyId, Keys};

/// A click names an impression of the day before at the most.
pub(super) const IMPRESSION_MS: i64 = DAY_MS;

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

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Shown {
    time: i64,
    network: Option<Hex64>,
}

/// The view that counts for an impression: the first by time, then by id.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Viewed {
    pub(super) time: i64,
    pub(super) id: Id,
    pub(super) key: KeyId,
}

/// The impressions of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Impressions {
    shown: HashMap<ImpressionKey, Shown>,
    viewed: HashMap<ImpressionKey, Viewed>,
}

impl Impressions {
    /// Remembers an impression.
    pub(super) fn show(&mut self, key: ImpressionKey, time: i64, network: Option<Hex64>) {
        self.shown.insert(key, Shown { time, network });
    }

    /// Whether one of these networks has had the impression in the day before `time` (or after it:
    /// clocks differ, and ids can't be guessed).
    pub(super) fn is_known(
        &self,
        key: ImpressionKey,
        time: i64,
        networks: [Option<Hex64>; 2],
    ) -> bool {
        self.shown.get(&key).is_some_and(|shown| {
            shown.time >= time - IMPRESSION_MS
                && shown.network.is_some()
                && networks.contains(&shown.network)
        })
    }

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
        self.shown.retain(|_, shown| shown.time >= horizon);
        self.viewed.retain(|_, viewed| viewed.time >= horizon);
        let before = self.len();
        if let Some(cut) = keep_newest(self.shown.values().map(|shown| shown.time), max) {
            self.shown.retain(|_, shown| shown.time >= cut);
        }
        if let Some(cut) = keep_newest(self.viewed.values().map(|viewed| viewed.time), max) {
            self.viewed.retain(|_, viewed| viewed.time >= cut);
        }
        (before - self.len()) as u64
    }

    /// Number of impressions and views remembered.
    pub(super) fn len(&self) -> usize {
        self.shown.len() + self.viewed.len()
    }

    /// Whether there are more than `max`.
    pub(super) fn is_full(&self, max: usize) -> bool {
        self.shown.len() > max || self.viewed.len() > max
    }

    pub(super) fn keep_keys(&mut self, old: &Keys, keys: &mut Keys) {
        for viewed in self.viewed.values_mut() {
            keys.keep(old, &mut viewed.key);
        }
    }
}
