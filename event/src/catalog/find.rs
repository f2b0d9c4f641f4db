//! Look-ups in the catalogue.

use std::sync::Arc;

use super::{Ad, Catalog, ClickKey, Entry, Placement, Site};

/// What kinds of entries there are: the first part of their keys.
pub const KINDS: [&str; 13] = [
    "site",
    "key",
    "user",
    "link",
    "partition-key",
    "advertiser",
    "campaign",
    "ad",
    "placement",
    "token-key",
    "click-key",
    "alert-channel",
    "rules",
];

impl Catalog {
    /// The entry with this key, as [`Entry::key`] makes it. API keys are found by their ids.
    pub fn entry(&self, key: &str) -> Option<Entry> {
        let (kind, name) = key.split_once('/').unwrap_or((key, ""));
        Some(match kind {
            "site" => Entry::Site(self.sites.get(name)?.clone()),
            "key" => Entry::Key(self.keys.values().find(|key| key.id == name)?.clone()),
            "user" => Entry::User(self.users.get(name)?.clone()),
            "link" => Entry::Link(self.links.get(name)?.clone()),
            "partition-key" => Entry::PartitionKey(self.partition_key?),
            "advertiser" => Entry::Advertiser((**self.advertisers.get(name)?).clone()),
            "campaign" => Entry::Campaign((**self.campaigns.get(name)?).clone()),
            "ad" => Entry::Ad((**self.ads.get(name)?).clone()),
            "placement" => Entry::Placement((**self.placements.get(name)?).clone()),
            "token-key" => Entry::TokenKey(self.token_keys.get(name)?.clone()),
            "click-key" => Entry::ClickKey(*self.click_keys.get(&name.parse::<u8>().ok()?)?),
            "alert-channel" => Entry::AlertChannel(self.alert_channels.get(name)?.clone()),
            "rules" => Entry::Rules((**self.rules.get(&name.parse::<u32>().ok()?)?).clone()),
            _ => return None,
        })
    }

    /// The entries of one kind (a word of [`KINDS`]), `skip` of them left out.
    pub fn entries_of(&self, kind: &str, skip: usize) -> Box<dyn Iterator<Item = Entry> + '_> {
        match kind {
            "site" => Box::new(self.sites.values().skip(skip).cloned().map(Entry::Site)),
            "key" => Box::new(self.keys.values().skip(skip).cloned().map(Entry::Key)),
            "user" => Box::new(self.users.values().skip(skip).cloned().map(Entry::User)),
            "link" => Box::new(self.links.values().skip(skip).cloned().map(Entry::Link)),
            "partition-key" => {
                Box::new(self.partition_key.into_iter().skip(skip).map(Entry::PartitionKey))
            }
            "advertiser" => {
                let all = self.advertisers.values().skip(skip);
                Box::new(all.map(|it| Entry::Advertiser((**it).clone())))
            }
            "campaign" => {
                let all = self.campaigns.values().skip(skip);
                Box::new(all.map(|it| Entry::Campaign((**it).clone())))
            }
            "ad" => Box::new(self.ads.values().skip(skip).map(|it| Entry::Ad((**it).clone()))),
            "placement" => {
                let all = self.placements.values().skip(skip);
                Box::new(all.map(|it| Entry::Placement((**it).clone())))
            }
            "token-key" => {
                Box::new(self.token_keys.values().skip(skip).cloned().map(Entry::TokenKey))
            }
            "click-key" => {
                Box::new(self.click_keys.values().skip(skip).copied().map(Entry::ClickKey))
            }
            "alert-channel" => {
                Box::new(self.alert_channels.values().skip(skip).cloned().map(Entry::AlertChannel))
            }
            "rules" => {
                let all = self.rules.values().skip(skip);
                Box::new(all.map(|it| Entry::Rules((**it).clone())))
            }
            _ => Box::new(std::iter::empty()),
        }
    }

    /// The site that a host belongs to: its domain, a subdomain of it, or a listed alias.
    pub fn site_of_host(&self, host: &str) -> Option<&Site> {
        let mut rest = host;
        loop {
            if let Some(site) = self.sites.get(rest) {
                return Some(site);
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => break,
            }
        }
        self.sites.values().find(|site| site.aliases.iter().any(|alias| alias == host))
    }

    /// The domain whose [`crate::ads::name_hash`] this is.
    pub fn site_of_hash(&self, hash: u64) -> Option<&str> {
        self.hashes.sites.get(&hash).map(String::as_str)
    }

    /// The ad whose id has this [`crate::ads::name_hash`].
    pub fn ad_of_hash(&self, hash: u64) -> Option<&Arc<Ad>> {
        self.hashes.ads.get(&hash)
    }

    /// The placement whose id has this [`crate::ads::name_hash`].
    pub fn placement_of_hash(&self, hash: u64) -> Option<&Arc<Placement>> {
        self.hashes.placements.get(&hash)
    }

    /// The key with which click ids are signed now: the newest.
    pub fn signing_key(&self) -> Option<&ClickKey> {
        self.click_keys.values().max_by_key(|key| (key.created_at, key.number))
    }
}
