//! The compacted topic `ad-performance`: the current state per ad and placement, and per campaign,
//! for programs that choose which ad to show.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Measures;
use crate::money::Money;
use crate::record::Text;

/// Recent counts lose half their weight in this time, milliseconds.
pub const HALF_LIFE_MS: i64 = 2 * 3_600 * 1_000;

/// One record of the topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Performance<'a> {
    /// An ad in a placement.
    #[serde(borrow)]
    Ad(AdState<'a>),
    /// A campaign.
    #[serde(borrow)]
    Campaign(CampaignState<'a>),
}

/// An ad in a placement.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AdState<'a> {
    /// Version of the format.
    pub v: u8,
    /// The publisher's site.
    #[serde(borrow)]
    pub site: Text<'a>,
    /// Campaign; empty when not known.
    #[serde(borrow, default)]
    pub campaign: Text<'a>,
    /// Ad.
    #[serde(borrow)]
    pub ad: Text<'a>,
    /// Placement; empty when not known.
    #[serde(borrow, default)]
    pub placement: Text<'a>,
    /// Counts since the beginning, without money (which has a currency).
    pub total: Measures,
    /// Counts by position.
    pub positions: Vec<PositionState>,
    /// When the decayed counts of `positions` hold, by event time. Milliseconds since 1970.
    pub as_of: i64,
}

/// Counts at one position.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositionState {
    /// Position, from 1; 0 when not known.
    pub position: u16,
    /// Net impressions since the beginning.
    pub net_impressions: i64,
    /// Net clicks since the beginning.
    pub net_clicks: i64,
    /// Net impressions, each weighted by `0.5^(age / half-life)` at `as_of`.
    pub recent_impressions: f64,
    /// Net clicks, weighted the same.
    pub recent_clicks: f64,
}

/// A campaign's money.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CampaignState<'a> {
    /// Version of the format.
    pub v: u8,
    /// Campaign.
    #[serde(borrow)]
    pub campaign: Text<'a>,
    /// What was spent, per currency.
    pub spent: Vec<Money>,
    /// What may be spent, as last heard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// Why its ads should not be shown now; absent when they may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Paused>,
    /// When this held, by event time. Milliseconds since 1970.
    pub as_of: i64,
}

/// Why a campaign is halted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Paused {
    /// Its budget is used up.
    Budget,
}

impl Performance<'_> {
    /// The record's key in the topic. Names hold no slash, sites neither.
    pub fn key(&self) -> String {
        match self {
            Performance::Ad(state) => {
                format!("ad/{}/{}/{}/{}", state.campaign, state.ad, state.placement, state.site)
            }
            Performance::Campaign(state) => format!("campaign/{}", state.campaign),
        }
    }
}

/// What is said to stage 2 when a campaign's budget is set, so that it hears of it without an
/// event. On the topic `ad-deltas`, with the campaign's key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BudgetSet<'a> {
    /// Version of the format.
    pub v: u8,
    /// The campaign.
    #[serde(borrow)]
    pub budget_of: Text<'a>,
    /// Its budget from now on; absent: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// When that was known, milliseconds since 1970: what is known later holds.
    #[serde(default)]
    pub at: i64,
}
