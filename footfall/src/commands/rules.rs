//! `footfall rules …`: what is invalid traffic, to be read, checked and started from.

use anyhow::{Context, Result};
use footfall_aggregator::rules::{RuleSet, document, ruleset};

use crate::cli::RulesCommand;

/// Runs one of them.
pub(crate) fn run(command: &RulesCommand) -> Result<()> {
    match command {
        RulesCommand::Show => super::print(ruleset::DEFAULT.trim_end()),
        RulesCommand::Document { file } => {
            super::print(document::markdown(&read(file.as_deref())?).trim_end())
        }
        RulesCommand::Check { file } => {
            let rules = read(Some(file))?;
            super::print(&format!("{} is right: version {}", file.display(), rules.version()));
        }
    }
    Ok(())
}

fn read(file: Option<&std::path::Path>) -> Result<RuleSet> {
    let Some(file) = file else { return Ok(RuleSet::default()) };
    let text =
        std::fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    RuleSet::parse(&text).with_context(|| format!("in {}", file.display()))
}
