//! What the judge is told about itself, and what it says of clicks and networks.

use footfall_event::VerdictReason;
use serde::{Deserialize, Serialize};

use crate::rules::Opinion;

/// How much a judge may remember.
#[derive(Clone, Copy, Debug)]
pub struct JudgeLimits {
    /// Networks with ads (some 150 bytes each).
    pub networks_max: usize,
    /// Impressions (some 50 bytes each).
    pub impressions_max: usize,
    /// Clicks that are not final yet (some 300 bytes each).
    pub clicks_max: usize,
}

impl Default for JudgeLimits {
    fn default() -> JudgeLimits {
        JudgeLimits { networks_max: 2_000_000, impressions_max: 4_000_000, clicks_max: 500_000 }
    }
}

/// A click's judgement that changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// The click.
    pub id: u128,
    /// When it happened.
    pub time: i64,
    /// Hash of its site: ids are unique within it only.
    pub site: u64,
    /// Hash of its campaign, or of its ad when it has none: where to send the correction.
    pub campaign: u64,
    /// The moment of this look, by the time of events: when it was due, however long nothing
    /// happened after it. Stage 2 puts it in before what it compares later than that.
    pub at: i64,
    /// What is thought of it now.
    pub opinion: Opinion,
}

/// A network that is to be blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Keyed hash of the address.
    pub network: u64,
    /// Why.
    pub reason: VerdictReason,
    /// The click that was one too many.
    pub at: i64,
    /// Until when, milliseconds since 1970.
    pub until: i64,
}
