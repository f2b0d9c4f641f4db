//! Which rules of invalid traffic are in force, and which were: the catalogue's, or those that are built
//! in while it has none.
//!
//! Every change is an entry of the catalogue, with its author, so that all shards on all machines come to
//! the same rules, and a batch that is replayed is judged by the version that is written in its record.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use footfall_event::catalog::{Catalog, Entry, RulesText};
use footfall_topics::catalog::{CatalogView, ChangeError};

use crate::rules::ruleset::DEFAULT;
use crate::rules::{RuleError, RuleSet};

/// Who is said to have put the built-in rules in force.
pub const BUILT_IN: &str = "footfall";

/// Why rules were not put in force.
#[derive(Debug, thiserror::Error)]
pub enum AdoptError {
    /// They make no sense.
    #[error(transparent)]
    Rules(#[from] RuleError),
    /// Other rules have their version.
    #[error(
        "version {version} was given to other rules already, by {by}: give these a number that no \
         rules had, such as {free}"
    )]
    Taken {
        /// The version.
        version: u32,
        /// Who gave it.
        by: String,
        /// One that is free.
        free: u32,
    },
    /// The catalogue could not be changed.
    #[error(transparent)]
    Change(#[from] ChangeError),
}

/// See the module.
pub struct RuleLibrary {
    view: Option<CatalogView>,
    built_in: Arc<RuleSet>,
    /// What was parsed, by version.
    read: Mutex<Read>,
}

#[derive(Default)]
struct Read {
    sets: HashMap<u32, Arc<RuleSet>>,
    /// The catalogue of the last look, and what was in force by it.
    last: Option<(Arc<Catalog>, Arc<RuleSet>)>,
}

impl std::fmt::Debug for RuleLibrary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RuleLibrary").field("in_force", &self.current().version()).finish()
    }
}

impl RuleLibrary {
    /// The rules of a catalogue.
    pub fn new(view: CatalogView) -> RuleLibrary {
        RuleLibrary { view: Some(view), ..RuleLibrary::built_in() }
    }

    /// The built-in rules, for ever.
    pub fn built_in() -> RuleLibrary {
        RuleLibrary { view: None, built_in: Arc::default(), read: Mutex::default() }
    }

    /// The rules in force.
    pub fn current(&self) -> Arc<RuleSet> {
        let Some(view) = &self.view else { return Arc::clone(&self.built_in) };
        let catalog = view.load();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, rules)) = &read.last
            && Arc::ptr_eq(known, &catalog)
        {
            return Arc::clone(rules);
        }
        let rules = match catalog.rules_in_force() {
            None => Arc::clone(&self.built_in),
            Some(text) => read.set(text).unwrap_or_else(|| {
                // Written by a newer program, perhaps. What was in force goes on.
                let before = read.last.as_ref().map(|(_, rules)| Arc::clone(rules));
                before.unwrap_or_else(|| Arc::clone(&self.built_in))
            }),
        };
        read.last = Some((catalog, Arc::clone(&rules)));
        rules
    }

    /// The rules of a version; `None` when they are not known.
    pub fn of(&self, version: u32) -> Option<Arc<RuleSet>> {
        let catalog = self.view.as_ref().map(CatalogView::load);
        if let Some(text) = catalog.as_ref().and_then(|catalog| catalog.rules.get(&version)) {
            return self.read.lock().unwrap_or_else(PoisonError::into_inner).set(text);
        }
        (version == self.built_in.version()).then(|| Arc::clone(&self.built_in))
    }
}

impl Read {
    fn set(&mut self, text: &RulesText) -> Option<Arc<RuleSet>> {
        if let Some(set) = self.sets.get(&text.version) {
            return Some(Arc::clone(set));
        }
        match RuleSet::parse(&text.text) {
            Ok(set) => {
                let set = Arc::new(set);
                self.sets.insert(text.version, Arc::clone(&set));
                Some(set)
            }
            Err(error) => {
                let version = text.version;
                tracing::error!(version, %error, "rules in the catalogue can't be read");
                None
            }
        }
    }
}

/// The entry that puts a text in force, beside what a catalogue has; `None` when it is already.
///
/// # Errors
/// When the text makes no sense, or its version belongs to another one.
pub fn adoption(
    catalog: &Catalog,
    text: &str,
    by: &str,
    now_ms: i64,
) -> Result<Option<RulesText>, AdoptError> {
    let version = RuleSet::parse(text)?.version();
    let in_force = catalog.rules_in_force();
    if let Some(known) = catalog.rules.get(&version) {
        if known.text != text {
            let free = catalog.rules.keys().max().map_or(1, |last| last.saturating_add(1));
            return Err(AdoptError::Taken { version, by: known.by.clone(), free });
        }
        if in_force.is_some_and(|rules| rules.version == version) {
            return Ok(None);
        }
    }
    let at = in_force.map_or(now_ms, |before| now_ms.max(before.at.saturating_add(1)));
    Ok(Some(RulesText { version, text: text.to_owned(), by: by.to_owned(), at }))
}

/// Puts a text in force. Whether that is a change.
///
/// # Errors
/// See [`AdoptError`].
pub fn adopt(view: &CatalogView, text: &str, by: &str) -> Result<bool, AdoptError> {
    let Some(rules) = adoption(&view.load(), text, by, now_ms())? else { return Ok(false) };
    view.put_blocking(&Entry::Rules(rules))?;
    Ok(true)
}

/// Puts the built-in rules in force, unless somebody has named others.
///
/// # Errors
/// See [`AdoptError`].
pub fn adopt_built_in(view: &CatalogView) -> Result<bool, AdoptError> {
    let catalog = view.load();
    let others = catalog.rules_in_force().is_some_and(|rules| rules.by != BUILT_IN);
    if others { Ok(false) } else { adopt(view, DEFAULT, BUILT_IN) }
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(catalog: &mut Catalog, text: &str, by: &str, now: i64) -> Result<bool, AdoptError> {
        let rules = adoption(catalog, text, by, now)?;
        let changed = rules.is_some();
        rules.into_iter().for_each(|rules| catalog.apply_entry(Entry::Rules(rules)));
        Ok(changed)
    }

    #[test]
    fn a_version_belongs_to_one_text_and_the_last_adopted_is_in_force() {
        let mut catalog = Catalog::default();
        let version = |catalog: &Catalog| catalog.rules_in_force().map(|rules| rules.version);
        assert!(put(&mut catalog, "version = 7", "ann", 100).unwrap());
        assert!(!put(&mut catalog, "version = 7", "bob", 200).unwrap(), "it is in force");
        let error = put(&mut catalog, "version = 7\n[tiers]\nchurn = \"off\"", "bob", 200);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("version 7") && error.contains("ann") && error.contains('8'),
            "{error}"
        );
        // A clock that is behind changes nothing about who was last.
        assert!(put(&mut catalog, "version = 8", "bob", 50).unwrap());
        assert_eq!(version(&catalog), Some(8));
        assert!(put(&mut catalog, "version = 7", "ann", 60).unwrap(), "back to the former ones");
        assert_eq!(version(&catalog), Some(7));
        assert!(matches!(put(&mut catalog, "version = 0", "x", 1), Err(AdoptError::Rules(_))));
    }
}
