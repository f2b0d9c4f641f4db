//! `footfall key add|list|revoke|rotate-clicks`.

use std::fmt::Write;

use anyhow::{Result, ensure};
use footfall_event::catalog::{Catalog, Entry, Key, Scope, TokenKey, secret_hash};
use footfall_topics::catalog::new_click_key;

use super::{now_ms, random_hex, say};
use crate::cli::{KeyCommand, ScopeArg};
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: KeyCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        KeyCommand::Add { site, scope } => {
            let catalog = access.list(&["site"])?;
            for domain in &site {
                ensure!(
                    catalog.sites.contains_key(domain),
                    "there is no site {domain}: add it first with `footfall site add {domain}`"
                );
            }
            let (secret, entry) = match scope.of_api() {
                Some(scope) => {
                    let (secret, key) = make(site, scope);
                    (secret, Entry::Key(key))
                }
                None => {
                    let key = token_key(site);
                    (key.secret.clone(), Entry::TokenKey(key))
                }
            };
            let id = entry.key().split_once('/').expect("keys have ids").1.to_owned();
            access.put(entry)?;
            say(json, &serde_json::json!({ "id": id, "key": secret }), || {
                format!("{secret}\nThis is the only time the key is shown; its id is {id}.")
            });
        }
        KeyCommand::List => list(&access.list(&["key", "token-key"])?, json),
        KeyCommand::Revoke { id } => {
            let catalog = access.list(&["key", "token-key"])?;
            let entry = if catalog.token_keys.contains_key(&id) {
                format!("token-key/{id}")
            } else {
                let known = catalog.keys.values().any(|key| key.id == id);
                ensure!(known, "there is no key {id}: `footfall key list` shows them");
                format!("key/{id}")
            };
            access.remove(&entry)?;
            say(json, &serde_json::json!({ "revoked": id }), || format!("{id} is revoked"));
        }
        KeyCommand::RotateClicks => {
            let key = new_click_key(&access.list(&["click-key"])?);
            access.put(Entry::ClickKey(key))?;
            say(json, &serde_json::json!({ "number": key.number }), || {
                format!("Click ids are signed with key {} from now on.", key.number)
            });
        }
    }
    Ok(())
}

fn list(catalog: &Catalog, json: bool) {
    let mut keys: Vec<_> = catalog
        .keys
        .values()
        .map(|key| serde_json::json!({ "id": key.id, "scope": key.scope, "sites": key.sites, "created_at": key.created_at }))
        .collect();
    keys.extend(catalog.token_keys.values().map(|key| {
        serde_json::json!({ "id": key.id, "scope": "tokens", "sites": key.sites, "created_at": key.created_at })
    }));
    say(json, &keys, || {
        let sites = |sites: &[String]| {
            if sites.is_empty() { "all sites".to_owned() } else { sites.join(" ") }
        };
        let mut text = String::new();
        for key in catalog.keys.values() {
            let _ = writeln!(text, "{}  {:?}  {}", key.id, key.scope, sites(&key.sites));
        }
        for key in catalog.token_keys.values() {
            let _ = writeln!(text, "{}  Tokens  {}", key.id, sites(&key.sites));
        }
        if text.is_empty() {
            text.push_str("No key yet: make one with `footfall key add --site example.com`");
        }
        text
    });
}

/// A new secret for an ad server. It is stored as it is, since a signature can't be checked
/// without it, but shown only once.
fn token_key(sites: Vec<String>) -> TokenKey {
    TokenKey { id: random_hex(6), secret: random_hex(32), sites, created_at: now_ms() }
}

/// A new key: the secret, to be shown once, and its entry.
pub(crate) fn make(sites: Vec<String>, scope: Scope) -> (String, Key) {
    let secret = format!("ffk_{}", random_hex(32));
    let key =
        Key { id: random_hex(6), sha256: secret_hash(&secret), sites, scope, created_at: now_ms() };
    (secret, key)
}

impl ScopeArg {
    /// The scope of an API key; `None` for what is no API key.
    fn of_api(self) -> Option<Scope> {
        match self {
            ScopeArg::Ingest => Some(Scope::Ingest),
            ScopeArg::Stats => Some(Scope::Stats),
            ScopeArg::Admin => Some(Scope::Admin),
            ScopeArg::Tokens => None,
        }
    }
}
