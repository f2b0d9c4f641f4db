//! `footfall rules …`: what is invalid traffic, to be read, checked, and put in force.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};
use footfall_aggregator::library::adoption;
use footfall_aggregator::rules::{RuleSet, document, ruleset};
use footfall_event::catalog::{Catalog, Entry, RulesText};
use serde_json::json;

use super::{now_ms, print, say};
use crate::cli::RulesCommand;
use crate::config::Config;
use crate::control::Access;

/// Runs one of them.
pub(crate) fn run(config: &Config, command: &RulesCommand, json: bool) -> Result<()> {
    match command {
        RulesCommand::Show { version: None } => print(ruleset::DEFAULT.trim_end()),
        RulesCommand::Show { version: Some(version) } => {
            let catalog = Access::open(config)?.list(&["rules"])?;
            let Some(rules) = catalog.rules.get(version) else {
                bail!("no rules ever had version {version}: `footfall rules list` shows them");
            };
            print(rules.text.trim_end());
        }
        RulesCommand::Document { file } => {
            print(document::markdown(&read(file.as_deref())?).trim_end())
        }
        RulesCommand::Check { file } => {
            let rules = read(Some(file))?;
            print(&format!("{} is right: version {}", file.display(), rules.version()));
        }
        RulesCommand::Set { file } => set(config, file, json)?,
        RulesCommand::List => {
            let catalog = Access::open(config)?.list(&["rules"])?;
            let all: Vec<_> = catalog.rules.values().map(|rules| shown(&catalog, rules)).collect();
            say(json, &all, || listed(&catalog));
        }
    }
    Ok(())
}

fn set(config: &Config, file: &Path, json: bool) -> Result<()> {
    let text = text_of(file)?;
    let access = Access::open(config)?;
    let catalog = access.list(&["rules"])?;
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let by = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "owner".to_owned());
    let adopted = adoption(&catalog, &text, &by, now_ms())
        .with_context(|| format!("in {}", file.display()))?;
    let changed = adopted.is_some();
    let version = RuleSet::parse(&text)?.version();
    if let Some(rules) = adopted {
        access.put(Entry::Rules(rules))?;
    }
    say(json, &json!({ "version": version, "changed": changed }), || match changed {
        true => format!("Version {version} is in force"),
        false => format!("Version {version} is in force already"),
    });
    Ok(())
}

fn shown(catalog: &Catalog, rules: &RulesText) -> serde_json::Value {
    let in_force = catalog.rules_in_force().is_some_and(|now| now.version == rules.version);
    json!({ "version": rules.version, "by": rules.by, "at": rules.at, "in_force": in_force })
}

fn listed(catalog: &Catalog) -> String {
    let mut text = String::new();
    let in_force = catalog.rules_in_force().map(|rules| rules.version);
    let mut all: Vec<_> = catalog.rules.values().collect();
    all.sort_by_key(|rules| rules.at);
    for rules in all {
        let RulesText { version, by, at, .. } = &**rules;
        let at = jiff::Timestamp::from_millisecond(*at)
            .map_or_else(|_| at.to_string(), |at| format!("{at:.0}"));
        let now = if in_force == Some(*version) { "  in force" } else { "" };
        let _ = writeln!(text, "version {version}  {at}  by {by}{now}");
    }
    if text.is_empty() {
        let version = RuleSet::default().version();
        let _ = write!(text, "Only the built-in rules: version {version}");
    }
    text
}

fn text_of(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))
}

fn read(file: Option<&Path>) -> Result<RuleSet> {
    let Some(file) = file else { return Ok(RuleSet::default()) };
    RuleSet::parse(&text_of(file)?).with_context(|| format!("in {}", file.display()))
}
