//! `footfall ad add|import|list|pause|resume|remove`.

use std::fmt::Write;

use anyhow::{Context, Result};
use footfall_event::catalog::edit::AdRequest;
use footfall_event::catalog::{Ad, Catalog, Entry};

use super::super::{now_ms, say};
use super::{id_or_new, import};
use crate::cli::AdCommand;
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: AdCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        AdCommand::Add { id, campaign, destination, name } => {
            let id = id_or_new(id);
            let request = AdRequest { campaign, name, destination, paused: None };
            let ad = asked_for(&access, &id, request)?;
            access.put(Entry::Ad(ad.clone()))?;
            say(json, &ad, || {
                let url = config.public_url();
                format!("The ad {id} is known. A click on it goes through\n  {url}/c/{id}")
            });
        }
        AdCommand::Import { file } => {
            let imported = import::run(&access, &file)?;
            say(json, &serde_json::json!({ "imported": imported }), || {
                format!("{imported} ads are known")
            });
        }
        AdCommand::List { campaign } => list(&access.list(&["ad"])?, campaign.as_deref(), json),
        AdCommand::Pause { id } => {
            let ad = change(&access, &id, |ad| ad.paused = true)?;
            say(json, &ad, || format!("{id} is paused"));
        }
        AdCommand::Resume { id } => {
            let ad = change(&access, &id, |ad| ad.paused = false)?;
            say(json, &ad, || format!("{id} runs again"));
        }
        AdCommand::Remove { id } => {
            change(&access, &id, |ad| ad.removed = true)?;
            say(json, &serde_json::json!({ "removed": id }), || format!("{id} is removed"));
        }
    }
    Ok(())
}

fn asked_for(access: &Access, id: &str, request: AdRequest) -> Result<Ad> {
    let catalog = access.find(vec![format!("ad/{id}")])?;
    let known = catalog.ads.get(id).cloned();
    let campaign = request.campaign.as_ref().or(known.as_ref().map(|known| &known.campaign));
    let keys = campaign.map(|campaign| format!("campaign/{campaign}"));
    let catalog = access.find(keys.into_iter().collect())?;
    Ok(request.apply(id, known.as_deref(), &catalog, now_ms())?)
}

fn change(access: &Access, id: &str, change: impl FnOnce(&mut Ad)) -> Result<Ad> {
    let catalog = access.find(vec![format!("ad/{id}")])?;
    let known = catalog.ads.get(id).filter(|known| !known.removed);
    let known =
        known.with_context(|| format!("there is no ad {id}: `footfall ad list` shows them"))?;
    let mut ad = (**known).clone();
    change(&mut ad);
    access.put(Entry::Ad(ad.clone()))?;
    Ok(ad)
}

fn list(catalog: &Catalog, campaign: Option<&str>, json: bool) {
    let wanted = |ad: &Ad| !ad.removed && campaign.is_none_or(|campaign| ad.campaign == campaign);
    let all: Vec<&Ad> = catalog.ads.values().map(|it| &**it).filter(|ad| wanted(ad)).collect();
    say(json, &all, || {
        let mut text = String::new();
        for ad in &all {
            let state = if ad.paused { "  paused" } else { "" };
            let _ = writeln!(
                text,
                "{}  {}{state}  {}  {}",
                ad.id, ad.campaign, ad.destination, ad.name
            );
        }
        if text.is_empty() {
            text.push_str(
                "No ad yet: add one with `footfall ad add --campaign ID --destination URL`",
            );
        }
        text
    });
}
