//! A click that may still change.

use serde::{Deserialize, Serialize};

use super::{Candidate, Change};
use crate::rules::{Opinion, Reasons};

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Held {
    /// As it is compared: with what stage 1 thought of it in its first look.
    pub(super) click: Candidate,
    /// What stage 1 thinks of it now.
    pub(super) now: Opinion,
    /// What stage 2 found.
    pub(super) found: Reasons,
    /// What its placement was suspected of when it came, until it is compared.
    pub(super) suspected: Reasons,
    pub(super) said: Reasons,
    pub(super) compared: bool,
}

impl Held {
    pub(super) fn all(&self) -> Reasons {
        self.now.reasons.union(self.found).union(self.suspected)
    }

    pub(super) fn say(&mut self, now: Reasons) -> Option<Change> {
        let before = std::mem::replace(&mut self.said, now);
        (before != now).then_some(Change {
            id: self.click.id,
            time: self.click.time,
            site: self.click.site,
            before,
            after: now,
        })
    }
}
