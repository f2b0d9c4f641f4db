//! `footfall advertiser add|list|remove`.

use std::fmt::Write;

use anyhow::{Context, Result};
use footfall_event::catalog::edit::AdvertiserRequest;
use footfall_event::catalog::{Advertiser, Entry};

use super::super::{now_ms, say};
use super::id_or_new;
use crate::cli::AdvertiserCommand;
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: AdvertiserCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        AdvertiserCommand::Add { id, name } => {
            let id = id_or_new(id);
            let catalog = access.find(vec![format!("advertiser/{id}")])?;
            let known = catalog.advertisers.get(&id).map(|known| &**known);
            let advertiser = AdvertiserRequest { name }.apply(&id, known, now_ms())?;
            access.put(Entry::Advertiser(advertiser.clone()))?;
            say(json, &advertiser, || format!("The advertiser {id} is known"));
        }
        AdvertiserCommand::List => {
            let catalog = access.list(&["advertiser"])?;
            let all = catalog.advertisers.values().filter(|it| !it.removed);
            let all: Vec<&Advertiser> = all.map(|it| &**it).collect();
            say(json, &all, || {
                let mut text = String::new();
                for advertiser in &all {
                    let _ = writeln!(text, "{}  {}", advertiser.id, advertiser.name);
                }
                if text.is_empty() {
                    text.push_str("No advertiser yet: add one with `footfall advertiser add`");
                }
                text
            });
        }
        AdvertiserCommand::Remove { id } => {
            let catalog = access.find(vec![format!("advertiser/{id}")])?;
            let known = catalog.advertisers.get(&id).filter(|known| !known.removed);
            let known = known.with_context(|| format!("there is no advertiser {id}"))?;
            let advertiser = Advertiser { removed: true, ..(**known).clone() };
            access.put(Entry::Advertiser(advertiser))?;
            say(json, &serde_json::json!({ "removed": id }), || format!("{id} is removed"));
        }
    }
    Ok(())
}
