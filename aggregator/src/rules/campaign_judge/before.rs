//! What the version before remembered. It knew a click by one opinion of stage 1.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::Deserialize;

use super::campaign::Campaign;
use super::held::Held;
use super::{CampaignJudge, Candidate, Country, Recent};
use crate::rules::Reasons;
use crate::rules::excess::Placements;
use crate::rules::hourly::HistoryBefore;
use crate::rules::minhash::Clickers;

/// See the module.
#[derive(Deserialize)]
pub(crate) struct JudgeBefore {
    campaigns: HashMap<u64, CampaignBefore>,
    clicked: Recent<(i64, u128)>,
    accounts: Recent<(i64, Country)>,
    held: BTreeMap<(i64, u128), HeldBefore>,
    held_max: usize,
    compared: (i64, u128),
    tidied: i64,
}

#[derive(Deserialize)]
struct CampaignBefore {
    places: BTreeMap<u64, HistoryBefore>,
    tests: Placements,
    clickers: BTreeMap<u64, Clickers>,
    day: i64,
    hour: i64,
}

#[derive(Deserialize)]
struct HeldBefore {
    click: Candidate,
    found: Reasons,
    suspected: Reasons,
    said: Reasons,
    compared: bool,
}

impl JudgeBefore {
    /// As it is remembered now, without rules.
    pub(crate) fn now(self) -> CampaignJudge {
        let campaign = |(key, before): (u64, CampaignBefore)| {
            let CampaignBefore { places, tests, clickers, day, hour } = before;
            let places = places.into_iter().map(|(key, place)| (key, place.now(hour))).collect();
            (key, Campaign { places, tests, clickers, day, hour })
        };
        let held = |(at, before): ((i64, u128), HeldBefore)| {
            let HeldBefore { click, found, suspected, said, compared } = before;
            (at, Held { click, now: click.opinion, found, suspected, said, compared })
        };
        CampaignJudge {
            rules: std::sync::Arc::default(),
            campaigns: self.campaigns.into_iter().map(campaign).collect(),
            clicked: self.clicked,
            accounts: self.accounts,
            held: self.held.into_iter().map(held).collect(),
            held_max: self.held_max,
            compared: self.compared,
            tidied: self.tidied,
        }
    }
}
