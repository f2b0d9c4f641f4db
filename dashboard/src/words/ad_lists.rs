//! Words of the lists about ads: headings, columns, reasons.

use super::{
    CLICKS, CONVERSIONS, CTR, IMPRESSIONS, NOTHING_REMOVED, POSITION, REASON, SPEND, UNKNOWN_DELAY,
    VIEWABLE,
};
use crate::ads::choice::{AdPanel, Measure, Rows};

/// The label of a measure.
pub(crate) const fn measure(measure: Measure) -> &'static str {
    match measure {
        Measure::Clicks => CLICKS,
        Measure::Impressions => IMPRESSIONS,
        Measure::Viewable => VIEWABLE,
        Measure::Ctr => CTR,
        Measure::Conversions => CONVERSIONS,
        Measure::Spend => SPEND,
    }
}

/// The heading of a list.
pub(crate) const fn ad_panel(panel: AdPanel) -> &'static str {
    match panel {
        AdPanel::Campaigns => "Campaigns",
        AdPanel::Positions => "Positions",
        AdPanel::Removed => "Why clicks were removed",
        AdPanel::Placements => "Placements",
        AdPanel::Criteria => "Search criteria",
        AdPanel::Devices => "Devices",
        AdPanel::Countries => "Countries",
        AdPanel::Delay => "Time to click",
    }
}

/// The head of a list's names.
pub(crate) const fn ad_column(panel: AdPanel, rows: Rows) -> &'static str {
    match panel {
        AdPanel::Campaigns => match rows {
            Rows::Campaigns => "Campaign",
            Rows::Ads => "Ad",
            Rows::Advertisers => "Advertiser",
        },
        AdPanel::Positions => POSITION,
        AdPanel::Removed => REASON,
        AdPanel::Placements => "Placement",
        AdPanel::Criteria => "Search",
        AdPanel::Devices => "Device",
        AdPanel::Countries => "Country",
        AdPanel::Delay => "From impression to click",
    }
}

/// A tab of the list of campaigns, and its heading there.
pub(crate) const fn rows(rows: Rows) -> &'static str {
    match rows {
        Rows::Campaigns => "Campaigns",
        Rows::Ads => "Ads",
        Rows::Advertisers => "Advertisers",
    }
}

/// What a list says when the period has nothing for it.
pub(crate) const fn ad_panel_empty(panel: AdPanel) -> &'static str {
    match panel {
        AdPanel::Campaigns => {
            "Campaigns appear when they are added: footfall campaign add, footfall ad add."
        }
        AdPanel::Positions => "Where on the page ads stood: data-footfall-position, or the API.",
        AdPanel::Removed => NOTHING_REMOVED,
        AdPanel::Placements => "Places on your pages that show ads: footfall placement add.",
        AdPanel::Criteria => {
            "What people searched for when the ad was chosen: data-footfall-query."
        }
        AdPanel::Devices => "Kinds of device on which the ad was seen and clicked.",
        AdPanel::Countries => "Countries in which the ad was seen and clicked.",
        AdPanel::Delay => "How long after its impression the ad was clicked.",
    }
}

/// "All 6 placements".
pub(crate) fn all_ads(panel: AdPanel, of: Rows, count: u64) -> String {
    let (one, many) = match (panel, of) {
        (AdPanel::Campaigns, Rows::Campaigns) => ("campaign", "campaigns"),
        (AdPanel::Campaigns, Rows::Ads) => ("ad", "ads"),
        (AdPanel::Campaigns, Rows::Advertisers) => ("advertiser", "advertisers"),
        (AdPanel::Positions, _) => ("position", "positions"),
        (AdPanel::Removed, _) => ("reason", "reasons"),
        (AdPanel::Placements, _) => ("placement", "placements"),
        (AdPanel::Criteria, _) => ("search", "searches"),
        (AdPanel::Devices, _) => ("device", "devices"),
        (AdPanel::Countries, _) => ("country", "countries"),
        (AdPanel::Delay, _) => ("time", "times"),
    };
    super::all(count, one, many)
}

/// The name of a class of time to click.
pub(crate) fn delay(class: &str) -> &'static str {
    match class {
        "0" => "under 1 s",
        "1" => "1 to 5 s",
        "2" => "5 to 30 s",
        "3" => "30 s to 2 min",
        "4" => "2 to 10 min",
        "5" => "10 min to 1 h",
        "6" => "1 to 24 h",
        "7" => "more than 24 h",
        _ => UNKNOWN_DELAY,
    }
}
