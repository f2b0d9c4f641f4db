//! What only the program knows: how the engine and the loader are, for the note on the page and the
//! line at its foot, and the rules in force, for explaining verdicts.

use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};

use crate::rulebook::{RuleBook, Terms};

/// What is known about the way from the log to the figures. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Since when the warehouse has not answered; `None` while it does.
    pub engine_down_since: Option<i64>,
    /// Everything that was received until then is in the figures; `None` when that is not known
    /// (a dashboard that runs as a process of its own reads it from the warehouse).
    pub loaded_up_to: Option<i64>,
    /// Events in the log that wait to be loaded; `None` when that is not known.
    pub waiting: Option<u64>,
}

/// The handle through which the program tells the dashboard: one writer, many readers, no locks.
#[derive(Debug, Default)]
pub struct Status {
    current: ArcSwap<Freshness>,
    rules: ArcSwapOption<Arc<dyn RuleBook>>,
}

impl Status {
    /// Replaces what is known.
    pub fn set(&self, freshness: Freshness) {
        self.current.store(Arc::new(freshness));
    }

    /// What is known now.
    pub fn get(&self) -> Freshness {
        Freshness::clone(&self.current.load())
    }

    /// Replaces the rules that pages explain verdicts by.
    pub fn set_rules(&self, rules: Arc<dyn RuleBook>) {
        self.rules.store(Some(Arc::new(rules)));
    }

    /// The rules for a campaign on a site; without any rules what the reasons say themselves.
    pub(crate) fn terms(&self, site: &str, campaign: &str) -> Terms {
        let rules = self.rules.load();
        rules.as_ref().map_or_else(Terms::default, |rules| rules.terms(site, campaign))
    }

    /// The same of a version, if it is known.
    pub(crate) fn terms_of(&self, version: u32, site: &str, campaign: &str) -> Option<Terms> {
        self.rules.load().as_ref().and_then(|rules| rules.terms_of(version, site, campaign))
    }
}
