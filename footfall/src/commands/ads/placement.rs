//! `footfall placement add|list|remove`.

use std::fmt::Write;

use anyhow::{Context, Result};
use footfall_event::catalog::edit::PlacementRequest;
use footfall_event::catalog::{Entry, Placement};

use super::super::{now_ms, say};
use super::id_or_new;
use crate::cli::PlacementCommand;
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: PlacementCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        PlacementCommand::Add { id, site, name, size, positions } => {
            let id = id_or_new(id);
            let mut keys = vec![format!("placement/{id}")];
            keys.extend(site.as_ref().map(|site| format!("site/{}", site.to_ascii_lowercase())));
            let mut catalog = access.find(keys)?;
            if let Some(known) = catalog.placements.get(&id).cloned() {
                let more = access.find(vec![format!("site/{}", known.site)])?;
                catalog.sites = catalog.sites.union(more.sites);
            }
            let known = catalog.placements.get(&id).map(|known| &**known);
            let request = PlacementRequest { site, name, size, positions };
            let placement = request.apply(&id, known, &catalog, now_ms())?;
            access.put(Entry::Placement(placement.clone()))?;
            say(json, &placement, || {
                format!(
                    "The placement {id} is known. Name it on the ads that are shown there:\n  \
                     <a data-footfall-ad=\"AD\" data-footfall-placement=\"{id}\" href=\"…\">"
                )
            });
        }
        PlacementCommand::List => {
            let catalog = access.list(&["placement"])?;
            let all = catalog.placements.values().filter(|it| !it.removed);
            let all: Vec<&Placement> = all.map(|it| &**it).collect();
            say(json, &all, || {
                let mut text = String::new();
                for it in &all {
                    let size = it.size.map(|(w, h)| format!("{w}x{h}")).unwrap_or_default();
                    let positions =
                        it.positions.map_or(String::new(), |n| format!("{n} positions"));
                    let _ =
                        writeln!(text, "{}  {}  {size}  {positions}  {}", it.id, it.site, it.name);
                }
                if text.is_empty() {
                    text.push_str(
                        "No placement yet: add one with `footfall placement add --site example.com`",
                    );
                }
                text
            });
        }
        PlacementCommand::Remove { id } => {
            let catalog = access.find(vec![format!("placement/{id}")])?;
            let known = catalog.placements.get(&id).filter(|known| !known.removed);
            let known = known.with_context(|| format!("there is no placement {id}"))?;
            access.put(Entry::Placement(Placement { removed: true, ..(**known).clone() }))?;
            say(json, &serde_json::json!({ "removed": id }), || format!("{id} is removed"));
        }
    }
    Ok(())
}
