//! `footfall key add|list|revoke`.

use std::fmt::Write;

use anyhow::{Result, ensure};
use footfall_event::catalog::{Entry, Key, Scope};
use sha2::{Digest, Sha256};

use super::{now_ms, random_hex, say};
use crate::cli::{KeyCommand, ScopeArg};
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: KeyCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        KeyCommand::Add { site, scope } => {
            let catalog = access.catalog()?;
            for domain in &site {
                ensure!(
                    catalog.sites.contains_key(domain),
                    "there is no site {domain}: add it first with `footfall site add {domain}`"
                );
            }
            let (secret, key) = make(site, scope);
            access.put(Entry::Key(key.clone()))?;
            say(json, &serde_json::json!({ "id": key.id, "key": secret }), || {
                format!("{secret}\nThis is the only time the key is shown; its id is {}.", key.id)
            });
        }
        KeyCommand::List => {
            let catalog = access.catalog()?;
            let keys: Vec<_> = catalog
                .keys
                .values()
                .map(|key| serde_json::json!({ "id": key.id, "scope": key.scope, "sites": key.sites, "created_at": key.created_at }))
                .collect();
            say(json, &keys, || {
                let mut text = String::new();
                for key in catalog.keys.values() {
                    let sites =
                        if key.sites.is_empty() { "all sites".into() } else { key.sites.join(" ") };
                    let _ = writeln!(text, "{}  {:?}  {sites}", key.id, key.scope);
                }
                if text.is_empty() {
                    text.push_str(
                        "No key yet: make one with `footfall key add --site example.com`",
                    );
                }
                text
            });
        }
        KeyCommand::Revoke { id } => {
            let known = access.catalog()?.keys.values().any(|key| key.id == id);
            ensure!(known, "there is no key {id}: `footfall key list` shows them");
            access.remove(&format!("key/{id}"))?;
            say(json, &serde_json::json!({ "revoked": id }), || format!("{id} is revoked"));
        }
    }
    Ok(())
}

/// A new key: the secret, to be shown once, and its entry.
pub(crate) fn make(sites: Vec<String>, scope: ScopeArg) -> (String, Key) {
    let secret = format!("ffk_{}", random_hex(32));
    let key = Key {
        id: random_hex(6),
        sha256: hex(&Sha256::digest(secret.as_bytes())),
        sites,
        scope: match scope {
            ScopeArg::Ingest => Scope::Ingest,
            ScopeArg::Stats => Scope::Stats,
            ScopeArg::Admin => Scope::Admin,
        },
        created_at: now_ms(),
    };
    (secret, key)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
