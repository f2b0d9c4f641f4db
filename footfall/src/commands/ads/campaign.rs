//! `footfall campaign add|list|pause|resume|remove`.

use std::fmt::Write;

use anyhow::{Context, Result};
use footfall_event::ads::{AttributionModel, CostModel};
use footfall_event::catalog::edit::CampaignRequest;
use footfall_event::catalog::{Campaign, Catalog, Entry};

use super::super::{now_ms, say};
use super::{amount, id_or_new};
use crate::cli::{AttributionArg, CampaignArgs, CampaignCommand, CostModelArg};
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: CampaignCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        CampaignCommand::Add(args) => {
            let campaign = asked_for(&access, *args)?;
            access.put(Entry::Campaign(campaign.clone()))?;
            let id = &campaign.id;
            say(json, &campaign, || {
                format!(
                    "The campaign {id} is known. Add ads with `footfall ad add --campaign {id}`"
                )
            });
        }
        CampaignCommand::List => list(&access.list(&["campaign"])?, json),
        CampaignCommand::Pause { id } => {
            let campaign = change(&access, &id, |campaign| campaign.paused = true)?;
            say(json, &campaign, || format!("{id} is paused"));
        }
        CampaignCommand::Resume { id } => {
            let campaign = change(&access, &id, |campaign| campaign.paused = false)?;
            say(json, &campaign, || format!("{id} runs again"));
        }
        CampaignCommand::Remove { id } => {
            change(&access, &id, |campaign| campaign.removed = true)?;
            say(json, &serde_json::json!({ "removed": id }), || format!("{id} is removed"));
        }
    }
    Ok(())
}

fn asked_for(access: &Access, args: CampaignArgs) -> Result<Campaign> {
    let id = id_or_new(args.id.clone());
    let catalog = access.find(vec![format!("campaign/{id}")])?;
    let known = catalog.campaigns.get(&id).cloned();
    let known = known.as_deref();
    // What the request names, and what the campaign has named before.
    let site = args.site.as_deref().or(known.map(|known| &*known.site)).unwrap_or_default();
    let mut keys = vec![format!("site/{}", site.to_ascii_lowercase())];
    keys.extend(args.advertiser.as_ref().map(|id| format!("advertiser/{id}")));
    let catalog = access.find(keys)?;
    Ok(request(args).apply(&id, known, &catalog, now_ms())?)
}

fn request(args: CampaignArgs) -> CampaignRequest {
    CampaignRequest {
        site: args.site,
        advertiser: args.advertiser,
        name: args.name,
        starts_at: args.starts,
        ends_at: args.ends,
        cost_model: args.cost_model.map(|model| match model {
            CostModelArg::Cpc => CostModel::Cpc,
            CostModelArg::Cpm => CostModel::Cpm,
            CostModelArg::Cpa => CostModel::Cpa,
        }),
        price: args.price,
        currency: args.currency,
        price_from: args.price_from,
        budget: args.budget,
        attribution: args.attribution.map(|model| match model {
            AttributionArg::Last => AttributionModel::Last,
            AttributionArg::First => AttributionModel::First,
            AttributionArg::Linear => AttributionModel::Linear,
        }),
        click_days: args.click_days,
        view_days: args.view_days,
        paused: None,
    }
}

fn change(access: &Access, id: &str, change: impl FnOnce(&mut Campaign)) -> Result<Campaign> {
    let catalog = access.find(vec![format!("campaign/{id}")])?;
    let known = catalog.campaigns.get(id).filter(|known| !known.removed);
    let known = known.with_context(|| {
        format!("there is no campaign {id}: `footfall campaign list` shows them")
    })?;
    let mut campaign = (**known).clone();
    change(&mut campaign);
    access.put(Entry::Campaign(campaign.clone()))?;
    Ok(campaign)
}

fn list(catalog: &Catalog, json: bool) {
    let all = catalog.campaigns.values().filter(|it| !it.removed);
    let all: Vec<&Campaign> = all.map(|it| &**it).collect();
    let now_ms = now_ms();
    say(json, &all, || {
        let mut text = String::new();
        for it in &all {
            let state = match (it.paused, it.runs(now_ms)) {
                (true, _) => "paused",
                (false, true) => "runs",
                (false, false) => "outside its flight",
            };
            let price = it.billing(now_ms).map_or("no price".into(), |it| amount(it.price));
            let budget = it.budget.map_or("no end".into(), amount);
            let model = format!("{:?}", it.cost_model).to_lowercase();
            let (id, site, name) = (&it.id, &it.site, &it.name);
            let _ =
                writeln!(text, "{id}  {site}  {model} {price}  budget {budget}  {state}  {name}");
        }
        if text.is_empty() {
            text.push_str(
                "No campaign yet: add one with `footfall campaign add --site example.com`",
            );
        }
        text
    });
}
