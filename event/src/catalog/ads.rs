//! What is configured about ads: who advertises, what, for how much, and where it is shown.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ads::{Attribution, Billing, CostModel};
use crate::money::Money;

fn is_false(value: &bool) -> bool {
    !*value
}

/// Somebody who pays for ads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Advertiser {
    /// Chosen or made: `[A-Za-z0-9._-]{1,64}`.
    pub id: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Taken off the lists. Its id stays known, since clicks and conversions still name it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
    /// When it was added, milliseconds since 1970.
    pub created_at: i64,
}

/// A price and from when on it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// Milliseconds since 1970.
    pub from: i64,
    /// Per click (CPC), per thousand impressions (CPM) or per conversion (CPA).
    pub price: Money,
}

/// Ads that are paid for together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Campaign {
    /// Chosen or made: `[A-Za-z0-9._-]{1,64}`.
    pub id: String,
    /// The publisher's site whose pages report about it. Its ads may be shown on others too.
    pub site: String,
    /// Whose it is; empty when not said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub advertiser: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// First moment of its flight, milliseconds since 1970; absent: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<i64>,
    /// First moment after its flight, milliseconds since 1970; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<i64>,
    /// What is paid for.
    pub cost_model: CostModel,
    /// Prices in the order of their time; the last that began by the event's time holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prices: Vec<Price>,
    /// What may be spent in all, in the prices' currency; absent: no end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<Money>,
    /// How conversions are attributed.
    #[serde(default)]
    pub attribution: Attribution,
    /// Halted by hand.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// As for [`Advertiser::removed`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
    /// When it was added, milliseconds since 1970.
    pub created_at: i64,
}

impl Campaign {
    /// What one event of this time costs; `None` when nothing was agreed then.
    pub fn billing(&self, time: i64) -> Option<Billing> {
        let price = self.prices.iter().rev().find(|price| price.from <= time)?.price;
        Some(Billing { model: self.cost_model, price })
    }

    /// Whether it runs at this time: inside its flight, neither paused nor removed. Its budget is
    /// not looked at: what was spent stands in the topic `ad-performance`.
    pub fn runs(&self, time: i64) -> bool {
        !self.paused
            && !self.removed
            && self.starts_at.is_none_or(|start| start <= time)
            && self.ends_at.is_none_or(|end| time < end)
    }
}

/// One ad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Ad {
    /// Chosen or made: `[A-Za-z0-9._-]{1,64}`.
    pub id: String,
    /// Its campaign's id.
    pub campaign: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Where a click leads: an http or https address without user info, with macros in path, query
    /// or fragment at the most. Checked when it is stored.
    pub destination: String,
    /// Halted by hand.
    #[serde(default, skip_serializing_if = "is_false")]
    pub paused: bool,
    /// As for [`Advertiser::removed`]; a click on it is answered 404.
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
    /// When it was added, milliseconds since 1970.
    pub created_at: i64,
}

/// A place on a site's pages that shows ads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Placement {
    /// Chosen or made: `[A-Za-z0-9._-]{1,64}`.
    pub id: String,
    /// The site it is on.
    pub site: String,
    /// Name for people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Width and height in CSS pixels; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<(u16, u16)>,
    /// How many positions it has, from 1; absent: any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positions: Option<u16>,
    /// As for [`Advertiser::removed`].
    #[serde(default, skip_serializing_if = "is_false")]
    pub removed: bool,
    /// When it was added, milliseconds since 1970.
    pub created_at: i64,
}

/// A secret with which ad servers sign clicks. Unlike an API key's it is kept as it is, since a
/// signature can't be checked without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenKey {
    /// Public part, which stands in the tokens. `[A-Za-z0-9_-]{1,32}`.
    pub id: String,
    /// The secret: 64 hexadecimal digits.
    pub secret: String,
    /// Sites whose clicks it may sign; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// When it was made, milliseconds since 1970.
    pub created_at: i64,
}

/// A secret with which Footfall signs click ids. The newest signs, all verify.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ClickKey {
    /// Which one: it stands in the click id.
    pub number: u8,
    /// 256 random bits.
    pub secret: [crate::Hex64; 4],
    /// When it was made, milliseconds since 1970.
    pub created_at: i64,
}
