//! Words of the pages about ads.

use footfall_event::ads::CostModel;

use super::{ad_panel, measure, rows};
use crate::ads::choice::{AdPanel, Measure, Rows};
use crate::format;
use crate::period::Unit;

pub(crate) const ADS: &str = "Ads";
pub(crate) const NO_CAMPAIGN: &str = "(no campaign)";
pub(crate) const NO_PLACEMENT: &str = "(no placement)";
pub(crate) const NO_ADVERTISER: &str = "(no advertiser)";
pub(crate) const NOT_IN_CATALOGUE: &str = "Not in the catalogue";
pub(crate) const REMOVED: &str = "Removed";
pub(crate) const ENDED: &str = "Ended";
pub(crate) const PAUSED: &str = "Paused";
pub(crate) const RUNNING: &str = "Running";
pub(crate) const BUDGET_USED: &str = "Budget used up";
pub(crate) const LAST_CLICK: &str = "last click";
pub(crate) const FIRST_CLICK: &str = "first click";
pub(crate) const LINEAR: &str = "split evenly among clicks";
pub(crate) const GROSS_TO_NET: &str = "Clicks, gross to net";
pub(crate) const CTR_NET: &str = "CTR, net";
pub(crate) const CTR_GROSS: &str = "CTR, gross";
pub(crate) const CTR_MIXED: &str = "Same positions";
pub(crate) const NO_IMPRESSIONS: &str = "No impressions yet";
pub(crate) const IMPRESSIONS: &str = "Impressions";
pub(crate) const NET_CLICKS: &str = "Net clicks";
pub(crate) const GROSS_CLICKS: &str = "Gross clicks";
pub(crate) const CLICKS: &str = "Clicks";
pub(crate) const VIEWABLE: &str = "Viewable";
pub(crate) const CTR: &str = "CTR";
pub(crate) const CONVERSIONS: &str = "Conversions";
pub(crate) const SPEND: &str = "Spend";
pub(crate) const REVENUE: &str = "Revenue";
pub(crate) const SAVED: &str = "Saved";
pub(crate) const BUDGET: &str = "Budget";
pub(crate) const INVALID: &str = "Invalid";
pub(crate) const TREND: &str = "Over time";
pub(crate) const NET_WITH_INTERVAL: &str = "Net, with 95% interval";
pub(crate) const BY_POSITION: &str = "Click-through by position";
pub(crate) const POSITION: &str = "Position";
pub(crate) const WITHOUT_POSITION: &str = "Without a position";
pub(crate) const AS_MEASURED: &str = "As measured";
pub(crate) const SAME_MIX: &str = "Same mix of ads";
pub(crate) const REASON: &str = "Reason";
pub(crate) const OF_GROSS: &str = "Of gross";
pub(crate) const FROM_GROSS_TO_NET: &str = "From gross to net";
pub(crate) const FIRST_REASON: &str = "Each click counts once, under the first reason that applies";
pub(crate) const INVALID_NEVER_BILLED: &str = "Invalid, never billed";
pub(crate) const NET_BILLED: &str = "Net, billed";
pub(crate) const DRAWN_TO_SCALE: &str = "Drawn to scale";
pub(crate) const NOTHING_REMOVED: &str = "No click was removed in this period.";
pub(crate) const LASTS: &str = "At this pace it lasts to the end";
pub(crate) const NOTHING_SPENT_LATELY: &str = "Nothing was spent in the last 14 days";
pub(crate) const RECENT_PACE: &str = "At the pace of the last 14 days";
pub(crate) const EVEN_PACE: &str = "Even pace";
pub(crate) const PACING: &str = "Budget over time";
pub(crate) const ADS_STATS: &str = "Impressions, clicks and money";
pub(crate) const MEASURES: &str = "Measure of the chart";
pub(crate) const NO_ADS: &str = "No ads were shown yet";
pub(crate) const NO_ADS_HERE: &str = "No ads were shown in this period";
pub(crate) const MEAN_CTR: &str = "CTR of all";
pub(crate) const SAVED_MEANS: &str = "Saved: invalid clicks at their price";
pub(crate) const ADS_MEANING: &str = "Currencies are never added up. Same positions: the rate as if every row had stood in the same mix of positions";
pub(crate) const WILSON: &str = "95% Wilson interval";
pub(crate) const UNKNOWN_DELAY: &str = "Impression’s time not known";

pub(crate) fn position(position: &str) -> String {
    match position {
        "0" => WITHOUT_POSITION.to_owned(),
        position => format!("Position {position}"),
    }
}

/// `CPC €0.42`.
pub(crate) fn price(model: CostModel, amount: &str) -> String {
    let model = match model {
        CostModel::Cpc => "CPC",
        CostModel::Cpm => "CPM",
        CostModel::Cpa => "CPA",
    };
    format!("{model} {amount}")
}

pub(crate) fn starts(day: &str) -> String {
    format!("Starts {day}")
}

pub(crate) fn flight(from: Option<&str>, to: Option<&str>) -> String {
    match (from, to) {
        (Some(from), Some(to)) => format!("{from} – {to}"),
        (Some(from), None) => format!("Since {from}"),
        (None, Some(to)) => format!("Until {to}"),
        (None, None) => String::new(),
    }
}

fn days(count: u16) -> String {
    if count == 1 { "1 day".into() } else { format!("{count} days") }
}

pub(crate) fn attribution(click: u16, view: u16, model: &str) -> String {
    let view = if view == 0 { String::new() } else { format!(", view-through {}", days(view)) };
    format!("Click-through {}{view}, {model}", days(click))
}

pub(crate) fn viewable(share: &str) -> String {
    format!("{share} viewable")
}

pub(crate) fn cvr(rate: &str) -> String {
    format!("CVR {rate}")
}

pub(crate) fn ecpc(each: &str) -> String {
    format!("eCPC {each}")
}

pub(crate) fn ecpm(each: &str) -> String {
    format!("eCPM {each}")
}

pub(crate) fn saved(amount: &str) -> String {
    format!("saved {amount}")
}

pub(crate) fn not_billed(clicks: &str) -> String {
    format!("{clicks} clicks not billed")
}

pub(crate) fn part_of_budget(share: &str, budget: &str) -> String {
    format!("{share} of {budget}")
}

pub(crate) fn spent(amount: &str) -> String {
    format!("Spent, {amount}")
}

pub(crate) fn budget(amount: &str) -> String {
    format!("Budget {amount}")
}

pub(crate) fn pacing_summary(spent: &str, budget: &str) -> String {
    format!("{spent} of {budget} spent so far.")
}

pub(crate) fn used_up(day: &str) -> String {
    format!("Used up about {day}")
}

pub(crate) fn used_up_early(day: &str, early: i64) -> String {
    match early {
        ..=0 => format!("Used up about {day}"),
        1 => format!("Used up about {day}, 1 day early"),
        days => format!("Used up about {day}, {days} days early"),
    }
}

pub(crate) fn bars_title(of: Measure, unit: Unit, days: &str) -> String {
    super::chart_title(measure(of), unit, days)
}

pub(crate) fn bars_summary(of: Measure, gross: &str, net: &str) -> String {
    let noun = measure(of).to_lowercase();
    format!("Gross {gross} {noun}, net {net}. The table below has every value.")
}

pub(crate) fn positions_summary(first: (&str, &str), last: (&str, &str)) -> String {
    format!(
        "Net click-through is {} in position {} and {} in position {}. The table below has every value.",
        first.1, first.0, last.1, last.0
    )
}

pub(crate) fn without_position(impressions: &str) -> String {
    format!("{impressions} impressions came without a position")
}

pub(crate) fn removed_sentence(invalid: &str, gross: &str) -> String {
    format!("{invalid} of {gross} clicks. Each counts once, under its first reason")
}

pub(crate) fn all_rows(of: Rows) -> String {
    format!("All {}", rows(of).to_lowercase())
}

pub(crate) fn title_ads(site: &str) -> String {
    format!("Ads on {site}")
}

pub(crate) fn title_ad(name: &str, site: &str) -> String {
    format!("{name}, on {site}")
}

pub(crate) fn title_ad_list(panel: AdPanel, site: &str) -> String {
    format!("{}, ads on {site}", ad_panel(panel))
}

pub(crate) fn no_ads(site: &str) -> String {
    format!(
        "Once ads are on the pages of {site}, their impressions and clicks show here within two seconds."
    )
}

pub(crate) fn no_ads_here(days: &str) -> String {
    format!("Nothing was counted from {days}.")
}

pub(crate) fn enlarged(times: i64) -> String {
    format!("Removed, enlarged {times} times")
}

/// Ads and placements of a campaign.
pub(crate) fn parts(ads: u64, placements: u64) -> String {
    let count = |n: u64, one: &str, many: &str| {
        format!("{} {}", format::count(n.cast_signed()), if n == 1 { one } else { many })
    };
    format!("{}, {}", count(ads, "ad", "ads"), count(placements, "placement", "placements"))
}

pub(crate) fn much_invalid(name: &str, share: &str) -> (String, String) {
    (
        format!("{name}:"),
        format!("{share} of its clicks were invalid in this period. None of them is billed."),
    )
}
