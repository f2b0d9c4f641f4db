//! A click that is looked at again.

use serde::{Deserialize, Serialize};

use super::Correction;
use crate::rules::click::Click;
use crate::rules::{Opinion, Reasons};

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub(crate) click: Click,
    pub(super) said: Opinion,
    /// What its placement made of it.
    pub(super) found: Reasons,
    /// The first look is over.
    pub(super) last: bool,
}

impl Waiting {
    /// Says something else, if it is something else, at a moment.
    pub(super) fn say(&mut self, now: Opinion, at: i64) -> Option<Correction> {
        let Click { id, time, site, campaign, ad, .. } = self.click;
        let campaign = if campaign == 0 { ad } else { campaign };
        let before = std::mem::replace(&mut self.said, now);
        (before != now).then_some(Correction { id, time, site, campaign, at, opinion: now })
    }
}
