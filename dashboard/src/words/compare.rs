//! Words of the comparison of two versions of the rules.

use crate::format;

pub(crate) const RULES_COMPARED: &str = "Rules compared";
pub(crate) const CLICKS_COMPARED: &str = "Clicks compared";
pub(crate) const NOW_INVALID: &str = "No longer counted";
pub(crate) const NOW_COUNTED: &str = "Counted again";
pub(crate) const OF_IT_FLAGGED: &str = "Of it flagged";
pub(crate) const NET_WORTH: &str = "Worth of net clicks";
pub(crate) const IN_FORCE_NOW: &str = "In force";
pub(crate) const INVALID_BY_REASON: &str = "Invalid clicks by reason";
pub(crate) const NET_BY_CAMPAIGN: &str = "Net clicks by campaign";
pub(crate) const CHANGING_CLICKS: &str = "Clicks that change";
pub(crate) const NOTHING_CHANGES: &str = "Both say the same of every click.";
pub(crate) const CHANGE_OF_WORTH: &str = "Change of worth";
pub(crate) const TRIED_ONLY: &str =
    "Tried only: no figure, no bill and no verdict in force depends on it.";
pub(crate) const NO_RULES_TRIED: &str = "No other rules were tried on this period";
pub(crate) const NO_RULES_TRIED_TEXT: &str = "footfall replay --from DATE --rules new.toml judges stored clicks by other rules; what they would have said is compared here.";
pub(crate) const OTHER_RULES: &str = "What other rules say";

pub(crate) fn with_version(version: u32) -> String {
    format!("With v{version}")
}

pub(crate) fn title_rules(version: Option<u32>, site: &str) -> String {
    match version {
        Some(version) => format!("Rules v{version} compared, {site}"),
        None => format!("Rules compared, {site}"),
    }
}

pub(crate) fn rules_beside(version: u32) -> String {
    format!("Rules v{version} beside those in force")
}

/// "v3, tried on 21 Nov 2026".
pub(crate) fn tried_on(version: u32, day: &str) -> String {
    format!("v{version}, tried on {day}")
}

pub(crate) fn compare_with(version: u32) -> String {
    format!("Compare with v{version}")
}

/// Clicks that the other rules have not judged.
pub(crate) fn not_replayed(count: i64, all: i64) -> String {
    format!(
        "{} of {} in this period were not judged by both and are left out.",
        format::count(count),
        super::clicks(all, None)
    )
}

pub(crate) fn changing(count: i64) -> String {
    if count == 1 {
        "1 click changes".to_owned()
    } else {
        format!("{} clicks change", format::count(count))
    }
}

/// A change with its sign: `+12`, `−3`, `0`.
pub(crate) fn signed(change: i64) -> String {
    let text = format::count(change);
    if change > 0 { format!("+{text}") } else { text }
}
