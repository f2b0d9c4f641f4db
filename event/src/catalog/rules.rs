//! Rules of invalid traffic, as they were put in force.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Catalog;

/// A `rules.toml`. All versions are kept: judging a past batch again, after a crash, needs the rules
/// that were in force then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RulesText {
    /// Its version, which no other text may have.
    pub version: u32,
    /// The file.
    pub text: String,
    /// Who put it in force.
    pub by: String,
    /// When, milliseconds since 1970. The newest are in force.
    pub at: i64,
}

impl Catalog {
    /// The rules in force; `None`: nobody has named any.
    pub fn rules_in_force(&self) -> Option<&RulesText> {
        self.rules.values().max_by_key(|rules| (rules.at, rules.version)).map(|rules| &**rules)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Entry;
    use super::*;

    #[test]
    fn the_newest_are_in_force_whatever_their_number() {
        let mut catalog = Catalog::default();
        assert_eq!(catalog.rules_in_force(), None);
        for (version, at) in [(3, 10), (2, 20), (1, 5)] {
            let (text, by) = (format!("version = {version}"), "ann".to_owned());
            catalog.apply_entry(Entry::Rules(RulesText { version, text, by, at }));
        }
        assert_eq!(catalog.rules_in_force().map(|rules| rules.version), Some(2));
        assert_eq!(catalog.rules.len(), 3);
        catalog.apply(b"rules/2", b"").unwrap();
        assert_eq!(catalog.rules_in_force().map(|rules| rules.version), Some(3));
    }
}
