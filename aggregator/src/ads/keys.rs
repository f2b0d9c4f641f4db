//! What a figure is counted under, stored once: state refers to it by four bytes.
//!
//! Numbers are private to one shard's state and never leave it. Keys that nothing refers to any more
//! are collected now and then ([`Keys::is_due`]), by making a new table of those in use.

use hashbrown::HashTable;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// Under what something is counted. Parts that don't matter are empty.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place<'a> {
    /// The publisher's site.
    pub(crate) site: &'a str,
    /// Campaign; empty when the catalogue doesn't know the ad.
    pub(crate) campaign: &'a str,
    /// Ad.
    pub(crate) ad: &'a str,
    /// Placement.
    pub(crate) placement: &'a str,
    /// Position from 1; 0 for none.
    pub(crate) position: u16,
    /// Search criteria, normalised.
    pub(crate) query: &'a str,
    /// Their hash, which may be known without them.
    pub(crate) query_hash: u64,
}

impl<'a> Place<'a> {
    fn texts(&self) -> [&'a str; 5] {
        [self.site, self.campaign, self.ad, self.placement, self.query]
    }
}

/// A [`Place`] in [`Keys`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct KeyId(u32);

/// A [`Place`] that owns its texts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Stored {
    /// Site, campaign, ad, placement and query, one behind the other.
    texts: Box<str>,
    /// Where the first four end.
    ends: [u32; 4],
    position: u16,
    query_hash: u64,
}

impl Stored {
    fn of(place: &Place<'_>) -> Stored {
        let parts = place.texts();
        let mut ends = [0; 4];
        let mut end = 0;
        for (part, slot) in parts.iter().zip(&mut ends) {
            end += part.len();
            *slot = u32::try_from(end).expect("a record is far below 4 GiB");
        }
        let Place { position, query_hash, .. } = *place;
        Stored { texts: parts.concat().into_boxed_str(), ends, position, query_hash }
    }

    /// Whether it is this place. Cuts bytes, not texts, whose characters would be looked at.
    fn is(&self, place: &Place<'_>) -> bool {
        let [a, b, c, d] = self.ends.map(|end| end as usize);
        let texts = self.texts.as_bytes();
        let own = [&texts[..a], &texts[a..b], &texts[b..c], &texts[c..d], &texts[d..]];
        (self.position, self.query_hash) == (place.position, place.query_hash)
            && own == place.texts().map(str::as_bytes)
    }

    /// The place.
    pub(crate) fn place(&self) -> Place<'_> {
        let [a, b, c, d] = self.ends.map(|end| end as usize);
        Place {
            site: &self.texts[..a],
            campaign: &self.texts[a..b],
            ad: &self.texts[b..c],
            placement: &self.texts[c..d],
            position: self.position,
            query: &self.texts[d..],
            query_hash: self.query_hash,
        }
    }
}

/// All keys of a shard.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Vec<Stored>", into = "Vec<Stored>")]
pub(crate) struct Keys {
    list: Vec<Stored>,
    table: HashTable<u32>,
    /// Keys after the last collection.
    kept: usize,
}

/// Fewer keys are never worth a collection.
const COLLECT_FROM: usize = 10_000;

impl Default for Keys {
    fn default() -> Keys {
        Keys { list: Vec::new(), table: HashTable::new(), kept: COLLECT_FROM }
    }
}

fn hash_of(place: &Place<'_>) -> u64 {
    // Ads and queries differ most; the rest is compared.
    let numbers = place.query_hash ^ u64::from(place.position).rotate_left(32);
    let texts = xxh3_64(place.ad.as_bytes()) ^ xxh3_64(place.placement.as_bytes()).rotate_left(17);
    texts ^ numbers ^ xxh3_64(place.site.as_bytes()).rotate_left(29)
}

impl Keys {
    /// The number of a place.
    pub(crate) fn intern(&mut self, place: &Place<'_>) -> KeyId {
        let hash = hash_of(place);
        let list = &self.list;
        if let Some(&at) = self.table.find(hash, |&at| list[at as usize].is(place)) {
            return KeyId(at);
        }
        let at = u32::try_from(self.list.len()).expect("fewer than 2^32 keys fit in memory");
        self.list.push(Stored::of(place));
        let list = &self.list;
        self.table.insert_unique(hash, at, |&at| hash_of(&list[at as usize].place()));
        KeyId(at)
    }

    /// The place of a number.
    pub(crate) fn place(&self, id: KeyId) -> Place<'_> {
        self.list[id.0 as usize].place()
    }

    /// The place of a number, for the time in which others are added.
    pub(crate) fn copy(&self, id: KeyId) -> Stored {
        self.list[id.0 as usize].clone()
    }

    /// Number of keys.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are twice as many as after the last collection.
    pub(crate) fn is_due(&self) -> bool {
        self.list.len() > 2 * self.kept
    }

    /// Takes the old keys out; whatever is still in use must be brought over with [`Keys::keep`],
    /// then [`Keys::end_collection`] is called.
    pub(crate) fn begin_collection(&mut self) -> Keys {
        std::mem::take(self)
    }

    /// Brings one key over from the table before the collection.
    pub(crate) fn keep(&mut self, old: &Keys, id: &mut KeyId) {
        *id = self.intern(&old.place(*id));
    }

    /// Ends a collection.
    pub(crate) fn end_collection(&mut self) {
        self.kept = self.list.len().max(COLLECT_FROM);
    }
}

impl From<Keys> for Vec<Stored> {
    fn from(keys: Keys) -> Vec<Stored> {
        keys.list
    }
}

impl From<Vec<Stored>> for Keys {
    fn from(list: Vec<Stored>) -> Keys {
        let mut keys = Keys::default();
        for stored in list {
            keys.intern(&stored.place());
        }
        keys
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_survive_collection_and_storing() {
        let mut keys = Keys::default();
        let names: Vec<String> = (0..30_000).map(|n| format!("ad-{n}")).collect();
        let place =
            |ad| Place { site: "a.test", campaign: "c", ad, position: 3, ..Place::default() };
        let mut kept = keys.intern(&place(&names[7]));
        for name in &names {
            keys.intern(&place(name));
        }
        assert_eq!(keys.intern(&place(&names[7])), kept);
        // The same letters cut elsewhere are another place.
        let cut = Place { site: "a.tes", campaign: "tc", ..place(&names[7]) };
        assert_ne!(keys.intern(&cut), kept);
        assert!(keys.is_due());
        let old = keys.begin_collection();
        keys.keep(&old, &mut kept);
        keys.end_collection();
        assert_eq!((keys.len(), keys.place(kept)), (1, place(&names[7])));
        let bytes = postcard::to_allocvec(&keys).unwrap();
        let mut again: Keys = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(again.place(kept), place(&names[7]));
        assert_eq!(again.intern(&place(&names[7])), kept);
    }
}
