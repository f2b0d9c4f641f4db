//! What is configured, as events on the topic `catalog`: there is no other configuration database.
//!
//! Each record holds the whole current state of one thing under its key; an empty record removes
//! it. A [`Catalog`] is the fold over them: everyone who applies the same records in the same order
//! sees the same. Its maps share what did not change, so that a copy costs next to nothing and a
//! change the same whether there are ten ads or a million.
//!
//! [`edit`] makes entries of what people and programs ask for; `fold` applies them, `find` looks them
//! up.

use std::sync::Arc;

use imbl::OrdMap;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

mod ads;
mod channel;
pub mod edit;
mod find;
mod fold;
mod rules;

pub use ads::{Ad, Advertiser, Campaign, ClickKey, Placement, Price, TokenKey};
pub use channel::{AlertChannel, AlertTarget};
pub use find::KINDS;
pub use fold::CatalogError;
use fold::Hashes;
pub use rules::RulesText;

/// One thing in the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Entry {
    /// A website.
    Site(Site),
    /// An API key (only the hash of its secret is kept).
    Key(Key),
    /// Somebody who may sign in.
    User(User),
    /// A one-time link with which a user signs in or sets the password.
    Link(Link),
    /// The lasting key that spreads networks over partitions.
    PartitionKey(PartitionKey),
    /// Somebody who pays for ads.
    Advertiser(Advertiser),
    /// Ads that are paid for together.
    Campaign(Campaign),
    /// An ad.
    Ad(Ad),
    /// A place that shows ads.
    Placement(Placement),
    /// A secret with which ad servers sign clicks.
    TokenKey(TokenKey),
    /// A secret with which click ids are signed.
    ClickKey(ClickKey),
    /// Somebody who wants to hear of alerts.
    AlertChannel(AlertChannel),
    /// Rules of invalid traffic.
    Rules(RulesText),
}

/// A website whose activity is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Site {
    /// The registered domain, lower case.
    pub domain: String,
    /// Further hosts that belong to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// IANA time zone of its reports; empty for UTC.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub timezone: String,
    /// How many days events are kept; absent: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention_days: Option<u32>,
    /// Count visitors although their browser asks not to (GPC, DNT).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ignore_opt_out: bool,
    /// Who and what is left out.
    #[serde(default, skip_serializing_if = "Exclusions::is_empty")]
    pub exclude: Exclusions,
    /// When it was added, milliseconds since 1970.
    pub created_at: i64,
}

/// Who and what is left out of a site's figures, at the operator's wish.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Exclusions {
    /// Addresses and networks in CIDR notation.
    pub addresses: Vec<String>,
    /// ISO 3166-1 alpha-2 country codes.
    pub countries: Vec<String>,
    /// Autonomous system numbers.
    pub networks: Vec<u32>,
    /// Hosts of pages.
    pub hosts: Vec<String>,
    /// Paths of pages; `*` stands for any run of characters.
    pub paths: Vec<String>,
    /// Parts of user agents, in any case.
    pub agents: Vec<String>,
}

impl Exclusions {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        *self == Exclusions::default()
    }
}

/// What a key may be used for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Send events.
    Ingest,
    /// Read figures.
    Stats,
    /// Change the configuration.
    Admin,
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Public part, by which it is listed and revoked.
    pub id: String,
    /// [`secret_hash`] of the whole key. It has 256 random bits: no salt or slow hash needed.
    pub sha256: String,
    /// Sites it is for; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// What it may be used for.
    pub scope: Scope,
    /// When it was made, milliseconds since 1970.
    pub created_at: i64,
}

/// What is kept of the secret of a [`Key`] or [`Link`], and what it is found by: its SHA-256 as
/// lower-case hexadecimal digits.
pub fn secret_hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// Somebody who may sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    /// Name to sign in with.
    pub name: String,
    /// Argon2id hash in PHC form; empty until the first link was used.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub password: String,
    /// Sessions signed in before this time are over. Milliseconds since 1970.
    #[serde(default)]
    pub sessions_since: i64,
    /// When it was made, milliseconds since 1970.
    pub created_at: i64,
}

/// A one-time link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// [`secret_hash`] of the link's secret.
    pub sha256: String,
    /// For whom.
    pub user: String,
    /// Until when, milliseconds since 1970.
    pub expires_at: i64,
}

/// The lasting key that spreads networks over partitions. A partition number is a few bits, which
/// identify nobody; the key only keeps outsiders from aiming at one partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PartitionKey {
    /// 128 random bits, as two halves.
    pub halves: (crate::Hex64, crate::Hex64),
}

impl Entry {
    /// The record's key in the topic.
    pub fn key(&self) -> String {
        match self {
            Entry::Site(site) => format!("site/{}", site.domain),
            Entry::Key(key) => format!("key/{}", key.id),
            Entry::User(user) => format!("user/{}", user.name),
            Entry::Link(link) => format!("link/{}", link.sha256),
            Entry::PartitionKey(_) => "partition-key".to_owned(),
            Entry::Advertiser(advertiser) => format!("advertiser/{}", advertiser.id),
            Entry::Campaign(campaign) => format!("campaign/{}", campaign.id),
            Entry::Ad(ad) => format!("ad/{}", ad.id),
            Entry::Placement(placement) => format!("placement/{}", placement.id),
            Entry::TokenKey(key) => format!("token-key/{}", key.id),
            Entry::ClickKey(key) => format!("click-key/{}", key.number),
            Entry::AlertChannel(channel) => format!("alert-channel/{}", channel.id),
            Entry::Rules(rules) => format!("rules/{}", rules.version),
        }
    }
}

/// Everything that is configured now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalog {
    /// Sites by domain.
    pub sites: OrdMap<String, Site>,
    /// Keys by the SHA-256 of their secret.
    pub keys: OrdMap<String, Key>,
    /// Users by name.
    pub users: OrdMap<String, User>,
    /// Links by the SHA-256 of their secret.
    pub links: OrdMap<String, Link>,
    /// The first partition key wins: changing it would move visitors between shards.
    pub partition_key: Option<PartitionKey>,
    /// Advertisers by id.
    pub advertisers: OrdMap<String, Arc<Advertiser>>,
    /// Campaigns by id.
    pub campaigns: OrdMap<String, Arc<Campaign>>,
    /// Ads by id.
    pub ads: OrdMap<String, Arc<Ad>>,
    /// Placements by id.
    pub placements: OrdMap<String, Arc<Placement>>,
    /// Secrets of ad servers, by their public part.
    pub token_keys: OrdMap<String, TokenKey>,
    /// Secrets of click ids, by their number.
    pub click_keys: OrdMap<u8, ClickKey>,
    /// Who hears of alerts, by id.
    pub alert_channels: OrdMap<String, AlertChannel>,
    /// Rules of invalid traffic, by their version.
    pub rules: OrdMap<u32, Arc<RulesText>>,
    hashes: Hashes,
}

impl Site {
    /// Whether a page on this host (lower case, no port) may send events for the site.
    pub fn owns_host(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        host == self.domain
            || host.strip_suffix(self.domain.as_str()).is_some_and(|rest| rest.ends_with('.'))
            || self.aliases.iter().any(|alias| alias == host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(domain: &str) -> Site {
        Site { domain: domain.into(), aliases: vec!["shop.test".into()], ..Site::default() }
    }

    #[test]
    fn hosts_belong_to_sites() {
        let site = site("example.com");
        for (host, expected) in [
            ("example.com", true),
            ("www.example.com", true),
            ("a.b.example.com", true),
            ("shop.test", true),
            ("www.shop.test", false),
            ("badexample.com", false),
            ("example.com.evil.test", false),
            ("", false),
        ] {
            assert_eq!(site.owns_host(host), expected, "{host}");
        }
    }
}
