//! `footfall user link|list`.

use anyhow::Result;

use super::say;
use crate::cli::UserCommand;
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: UserCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        UserCommand::Link { name } => {
            let (secret, entry) = footfall_dashboard::auth::new_link(&name, super::now_ms());
            access.put(entry)?;
            let url = format!("{}/login/{secret}", config.public_url());
            say(json, &serde_json::json!({ "user": name, "link": url }), || {
                format!("{url}\nThe link works once, within a day.")
            });
        }
        UserCommand::List => {
            let catalog = access.list(&["user"])?;
            let names: Vec<_> = catalog.users.keys().collect();
            say(json, &names, || {
                if names.is_empty() {
                    "No user yet: make the owner's link with `footfall user link`".to_owned()
                } else {
                    catalog.users.keys().cloned().collect::<Vec<_>>().join("\n")
                }
            });
        }
    }
    Ok(())
}
