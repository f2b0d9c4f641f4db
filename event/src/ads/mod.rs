//! What an ad event carries, and what is counted about ads.
//!
//! Whatever depends on the catalogue or on a secret is decided when an event is accepted, and
//! written into its record: the campaign, the price of that moment, what a verified click id says.
//! So the aggregator needs neither, and judging history again gives the same figures.
//!
//! # Layout
//!
//! - [`token`]: signed clicks, made by ad servers. [`click_id`]: `ffclid`, made by Footfall.
//! - [`delta`]: one-minute sums on their way to the warehouse.
//! - [`destination`]: where a click may lead.
//! - [`revision`]: verdicts given with hindsight.
//! - [`performance`]: the current state per ad and placement, for those who choose ads.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::money::Money;
use crate::record::Text;
use crate::{Hex64, Id};

pub mod click_id;
pub mod delta;
pub mod destination;
pub mod performance;
pub mod revision;
pub mod token;

pub use click_id::ClickId;
pub use delta::{AdDelta, Measures};
pub use performance::Performance;
pub use revision::Revision;
pub use token::Token;

/// What is paid for.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum CostModel {
    /// Each net click.
    Cpc,
    /// Each thousand net impressions.
    Cpm,
    /// Each conversion.
    Cpa,
}

impl CostModel {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            CostModel::Cpc => "cpc",
            CostModel::Cpm => "cpm",
            CostModel::Cpa => "cpa",
        }
    }
}

/// What one event costs, by the campaign's price at the event's time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Billing {
    /// What is paid for.
    pub model: CostModel,
    /// Per click, per thousand impressions or per conversion.
    pub price: Money,
}

/// Which of several clicks a conversion belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AttributionModel {
    /// The last one.
    #[default]
    Last,
    /// The first one.
    First,
    /// Each the same share.
    Linear,
}

/// How a campaign's conversions are attributed. Of several clicks the last one's campaign decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attribution {
    /// To which click.
    pub model: AttributionModel,
    /// A click counts for so many days.
    pub click_days: u16,
    /// An impression counts for so many days: 0 or 1, since no device is known for longer.
    pub view_days: u16,
}

impl Default for Attribution {
    /// 30 days for clicks, 1 for impressions, the last click: the defaults of Google Ads.
    fn default() -> Attribution {
        Attribution { model: AttributionModel::Last, click_days: 30, view_days: 1 }
    }
}

/// How sure it is that a click's impression happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Proof {
    /// Only the sender says so.
    #[default]
    None,
    /// A signed token says so.
    Signed,
    /// A signed token says so, and the impression is more than a day old.
    Expired,
}

impl Proof {
    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Proof::None => "none",
            Proof::Signed => "signed",
            Proof::Expired => "expired",
        }
    }
}

/// A click that a conversion's verified click id names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Touch<'a> {
    /// The click's id.
    pub click: Id,
    /// When it happened, milliseconds since 1970.
    pub at: i64,
    /// The publisher's site.
    #[serde(borrow)]
    pub site: Text<'a>,
    /// Campaign; empty when the ad has none.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub campaign: Text<'a>,
    /// Ad.
    #[serde(borrow)]
    pub ad: Text<'a>,
    /// Placement.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub placement: Text<'a>,
    /// Position, from 1; 0 when not known.
    #[serde(default)]
    pub position: u16,
    /// The impression that was clicked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub impression: Option<Id>,
    /// [`query_hash`] of the search criteria.
    #[serde(default)]
    pub query_hash: Hex64,
    /// The campaign's price at the conversion's time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing: Option<Billing>,
    /// The campaign's attribution.
    #[serde(default)]
    pub attribution: Attribution,
}

/// Search criteria for grouping: trimmed, inner blanks made one, lower case by Unicode.
pub fn normalised_query(query: &str) -> String {
    let mut out = String::with_capacity(query.len());
    for word in query.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(&word.to_lowercase());
    }
    out
}

/// What stands for search criteria where the text has no room: XXH3 of the normalised text, and 0
/// for none.
pub fn query_hash(normalised: &str) -> Hex64 {
    Hex64(if normalised.is_empty() { 0 } else { xxh3_64(normalised.as_bytes()).max(1) })
}

/// What stands for the id of an ad, a placement or a site in a click id: XXH3 of the text, and 0
/// for none.
pub fn name_hash(name: &str) -> u64 {
    query_hash(name).0
}

/// The partition of the topics between the aggregator's stages (`ad-deltas`, `ad-clicks`) that has
/// everything about a campaign, out of so many. An ad that the catalogue doesn't know stands for
/// itself: pass its id as `ad` and an empty `campaign`.
pub fn partition_of(campaign: &str, ad: &str, partitions: u32) -> u32 {
    let name = if campaign.is_empty() { ad } else { campaign };
    partition_of_hash(name_hash(name), partitions)
}

/// The same by the [`name_hash`] of the campaign, or of the ad that has none.
pub fn partition_of_hash(name: u64, partitions: u32) -> u32 {
    (name % u64::from(partitions.max(1))) as u32
}

/// Whether a text can be the id of an ad, a campaign, a placement or an advertiser.
pub fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        // To browsers these two are the folder itself and the one above it.
        && text != "."
        && text != ".."
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
