//! The fold over the catalogue's records.

use std::sync::Arc;

use imbl::OrdMap;

use super::{Ad, Catalog, Entry, Placement};
use crate::ads::name_hash;

/// What click ids name, by [`name_hash`].
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Hashes {
    pub(super) sites: OrdMap<u64, String>,
    pub(super) ads: OrdMap<u64, Arc<Ad>>,
    pub(super) placements: OrdMap<u64, Arc<Placement>>,
}

/// A record that is not a catalogue entry.
#[derive(Debug, thiserror::Error)]
#[error("catalog record {key:?} can't be read: {source}")]
pub struct CatalogError {
    key: String,
    source: serde_json::Error,
}

impl Catalog {
    /// Applies one record. An empty value removes the thing.
    ///
    /// # Errors
    /// When the value is not an entry; the catalogue is unchanged then.
    pub fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), CatalogError> {
        let key = String::from_utf8_lossy(key);
        if value.is_empty() {
            self.remove(&key);
            return Ok(());
        }
        let entry = serde_json::from_slice(value)
            .map_err(|source| CatalogError { key: key.into_owned(), source })?;
        self.apply_entry(entry);
        Ok(())
    }

    /// Applies one entry that is no removal.
    pub fn apply_entry(&mut self, entry: Entry) {
        match entry {
            Entry::Site(site) => {
                self.hashes.sites.insert(name_hash(&site.domain), site.domain.clone());
                self.sites.insert(site.domain.clone(), site);
            }
            Entry::Key(key) => {
                self.remove_key(&key.id);
                self.keys.insert(key.sha256.clone(), key);
            }
            Entry::User(user) => drop(self.users.insert(user.name.clone(), user)),
            Entry::Link(link) => drop(self.links.insert(link.sha256.clone(), link)),
            Entry::PartitionKey(key) => {
                self.partition_key.get_or_insert(key);
            }
            Entry::Advertiser(it) => drop(self.advertisers.insert(it.id.clone(), Arc::new(it))),
            Entry::Campaign(it) => drop(self.campaigns.insert(it.id.clone(), Arc::new(it))),
            Entry::Ad(it) => {
                let ad = Arc::new(it);
                self.hashes.ads.insert(name_hash(&ad.id), ad.clone());
                self.ads.insert(ad.id.clone(), ad);
            }
            Entry::Placement(it) => {
                let placement = Arc::new(it);
                self.hashes.placements.insert(name_hash(&placement.id), placement.clone());
                self.placements.insert(placement.id.clone(), placement);
            }
            Entry::TokenKey(key) => drop(self.token_keys.insert(key.id.clone(), key)),
            Entry::ClickKey(key) => drop(self.click_keys.insert(key.number, key)),
            Entry::AlertChannel(channel) => {
                self.alert_channels.insert(channel.id.clone(), channel);
            }
            Entry::Rules(rules) => drop(self.rules.insert(rules.version, Arc::new(rules))),
        }
    }

    fn remove_key(&mut self, id: &str) {
        let known = self.keys.iter().find(|(_, key)| key.id == id);
        if let Some(sha256) = known.map(|(sha256, _)| sha256.clone()) {
            self.keys.remove(&sha256);
        }
    }

    fn remove(&mut self, key: &str) {
        match key.split_once('/') {
            Some(("site", domain)) => {
                self.hashes.sites.remove(&name_hash(domain));
                self.sites.remove(domain);
            }
            Some(("key", id)) => self.remove_key(id),
            Some(("user", name)) => drop(self.users.remove(name)),
            Some(("link", sha256)) => drop(self.links.remove(sha256)),
            Some(("advertiser", id)) => drop(self.advertisers.remove(id)),
            Some(("campaign", id)) => drop(self.campaigns.remove(id)),
            Some(("ad", id)) => {
                self.hashes.ads.remove(&name_hash(id));
                self.ads.remove(id);
            }
            Some(("placement", id)) => {
                self.hashes.placements.remove(&name_hash(id));
                self.placements.remove(id);
            }
            Some(("token-key", id)) => drop(self.token_keys.remove(id)),
            Some(("alert-channel", id)) => drop(self.alert_channels.remove(id)),
            Some(("rules", version)) => {
                if let Ok(version) = version.parse::<u32>() {
                    self.rules.remove(&version);
                }
            }
            Some(("click-key", number)) => {
                if let Ok(number) = number.parse::<u8>() {
                    self.click_keys.remove(&number);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{KINDS, Site};
    use super::*;

    fn site(domain: &str) -> Site {
        Site { domain: domain.into(), aliases: vec!["shop.test".into()], ..Site::default() }
    }

    #[test]
    fn entries_apply_replace_and_remove() {
        let mut catalog = Catalog::default();
        let entry = Entry::Site(site("example.com"));
        let json = serde_json::to_vec(&entry).unwrap();
        catalog.apply(entry.key().as_bytes(), &json).unwrap();
        catalog.apply(entry.key().as_bytes(), &json).unwrap();
        assert_eq!(catalog.sites.len(), 1);
        assert!(catalog.apply(b"site/x", b"{\"kind\":\"unheard\"}").is_err());
        catalog.apply(b"site/example.com", b"").unwrap();
        assert_eq!(catalog, Catalog::default());
    }

    #[test]
    fn entries_are_found_by_their_keys_kinds_and_hashes() {
        let mut catalog = Catalog::default();
        let ad = Ad {
            id: "boots".into(),
            campaign: "winter".into(),
            name: String::new(),
            destination: "https://shop.test/".into(),
            paused: false,
            removed: false,
            created_at: 1,
        };
        let entries = [Entry::Site(site("example.com")), Entry::Ad(ad.clone())];
        for entry in &entries {
            catalog.apply_entry(entry.clone());
            assert_eq!(catalog.entry(&entry.key()).as_ref(), Some(entry));
        }
        let all: Vec<Entry> = KINDS.iter().flat_map(|kind| catalog.entries_of(kind, 0)).collect();
        assert_eq!(all, entries);
        assert_eq!(catalog.entries_of("ad", 1).count(), 0);
        assert_eq!(**catalog.ad_of_hash(name_hash("boots")).unwrap(), ad);
        let before = catalog.clone();
        catalog.apply(b"ad/boots", b"").unwrap();
        assert!(catalog.ad_of_hash(name_hash("boots")).is_none());
        assert_eq!(before.ads.len(), 1);
        assert_eq!(catalog.site_of_hash(name_hash("example.com")), Some("example.com"));
    }
}
