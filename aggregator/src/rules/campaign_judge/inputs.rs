//! What stage 2 is told, and what it says.

use footfall_event::ads::{AdDelta, name_hash};
use serde::{Deserialize, Serialize};

use crate::rules::travel;
use crate::rules::{Facts, Opinion, Reasons};

/// A click as stage 1 passes it on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The click.
    pub id: u128,
    /// When, milliseconds since 1970.
    pub time: i64,
    /// Hash of the site.
    pub site: u64,
    /// Hash of the campaign.
    pub campaign: u64,
    /// Hash of the ad.
    pub ad: u64,
    /// Hash of the placement.
    pub placement: u64,
    /// Position; 0 when not known.
    pub position: u16,
    /// Keyed hash of the address.
    pub network: u64,
    /// The impression; 0 for none.
    pub impression: u128,
    /// Keyed hash of the site's own user id; 0 for none.
    pub account: u64,
    /// Country of the address.
    pub country: Option<[u8; 2]>,
    /// What stage 1 thinks.
    pub opinion: Opinion,
}

impl Candidate {
    /// The candidate of a click's facts and stage 1's opinion.
    pub fn new(facts: &Facts<'_>, position: u16, account: u64, opinion: Opinion) -> Candidate {
        Candidate {
            id: facts.id,
            time: facts.time,
            site: facts.site,
            campaign: facts.campaign,
            ad: facts.ad,
            placement: facts.placement,
            position,
            network: facts.network,
            impression: facts.impression,
            account,
            country: travel::country(facts.country),
            opinion,
        }
    }
}

/// Net impressions of a place, as they come from stage 1.
#[derive(Clone, Copy, Debug)]
pub struct Delta {
    /// Hash of the campaign.
    pub campaign: u64,
    /// Hash of the site.
    pub site: u64,
    /// Hash of the placement.
    pub placement: u64,
    /// Position.
    pub position: u16,
    /// First moment of the minute in which they were shown.
    pub minute: i64,
    /// How many.
    pub net_impressions: u32,
}

impl From<&AdDelta<'_>> for Delta {
    fn from(delta: &AdDelta<'_>) -> Delta {
        let shown = delta.measures.net_impressions.max(0);
        Delta {
            campaign: name_hash(&delta.campaign),
            site: name_hash(&delta.site),
            placement: name_hash(&delta.placement),
            position: delta.position,
            minute: delta.minute,
            net_impressions: u32::try_from(shown).unwrap_or(u32::MAX),
        }
    }
}

/// A conversion of a click.
#[derive(Clone, Copy, Debug)]
pub struct Outcome {
    /// Hash of the campaign.
    pub campaign: u64,
    /// Hash of the click's site.
    pub site: u64,
    /// Hash of the click's placement.
    pub placement: u64,
    /// When, milliseconds since 1970.
    pub at: i64,
    /// Milliseconds from click to conversion.
    pub after_ms: i64,
}

/// A click whose reasons changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// The click.
    pub id: u128,
    /// When it happened.
    pub time: i64,
    /// Hash of its site: ids are unique within it only.
    pub site: u64,
    /// Its reasons until now.
    pub before: Reasons,
    /// Its reasons from now on.
    pub after: Reasons,
}
