//! Words of the evidence of one click: what was measured, and at what a signal fires.

use crate::format;

pub(crate) const YES: &str = "yes";
pub(crate) const NO: &str = "no";
pub(crate) const NONE: &str = "none";
pub(crate) const LISTED: &str = "listed";
pub(crate) const NOT_LISTED: &str = "not listed";
pub(crate) const RUNS: &str = "running";
pub(crate) const NOT_RUNNING: &str = "not running";
pub(crate) const OWN_SITE: &str = "none, or its own";
pub(crate) const SIGNED: &str = "signed";
pub(crate) const FOUND: &str = "found";
pub(crate) const NOT_FOUND_HERE: &str = "not found";
pub(crate) const NAMED: &str = "named";
pub(crate) const NONE_BEFORE: &str = "none before";
pub(crate) const FIRES_DECLARED: &str = "declared bot";
pub(crate) const FIRES_LISTED: &str = "on the list";
pub(crate) const FIRES_AUTOMATED: &str = "under automation";
pub(crate) const FIRES_NOT_RUNNING: &str = "paused, ended, over budget";
pub(crate) const FIRES_SIZE: &str = "0×0 or 1×1";
pub(crate) const HINTS_CONTRADICT: &str = "they contradict the agent";
pub(crate) const HINTS_AGREE: &str = "no contradiction";
pub(crate) const FIRES_HINTS: &str = "a contradiction";
pub(crate) const FIRES_REFERRER: &str = "another site";
pub(crate) const FIRES_UNKNOWN_IMPRESSION: &str = "not its network’s";
pub(crate) const FIRES_NO_IMPRESSION: &str = "none named";
pub(crate) const FIRES_NOT_IN_CATALOGUE: &str = "not in the catalogue";
pub(crate) const FIRES_SECOND: &str = "2nd or later";
pub(crate) const UNSIGNED: &str = "The link was not signed";
pub(crate) const SIZE_UNKNOWN: &str = "The placement’s size is not known";
pub(crate) const NETWORK_UNKNOWN: &str = "The network’s owner is not known";
pub(crate) const NO_ACCOUNT: &str = "The site sends no account id";
pub(crate) const WITHIN_CAMPAIGN: &str = "Compared with the account’s other clicks on the campaign";
pub(crate) const ZONE_UNKNOWN: &str = "Time zone or country are not known";
pub(crate) const NO_IMPRESSION_NAMED: &str = "It names no impression";
pub(crate) const PLACEMENT_UNREAD: &str = "Nothing to compare with in the day before";
pub(crate) const NEVER_VIEWED: &str = "This click’s ad was never in view";
pub(crate) const NOT_MEASURABLE: &str = "Viewability could not be measured";
pub(crate) const UNKNOWN_VIEW: &str = "Its impression is not stored here";
pub(crate) const VISITOR_LIVES: &str = "This visitor read, looked or did something";
pub(crate) const BY_CAMPAIGN: &str = "Compared over the conversions of the campaign";
pub(crate) const A_MINUTE: &str = "a minute";
pub(crate) const AN_HOUR: &str = "an hour";
pub(crate) const A_DAY: &str = "a day";

/// `Firefox 145 on Windows`.
pub(crate) fn agent(browser: &str, version: &str, system: &str) -> String {
    let browser = [browser, version].join(" ");
    match (browser.trim(), system) {
        (browser, "") => browser.to_owned(),
        ("", system) => system.to_owned(),
        (browser, system) => format!("{browser} on {system}"),
    }
}

/// The second click: `1.31 s after`.
pub(crate) fn after(span: &str) -> String {
    format!("{span} after")
}

pub(crate) fn ordinal(number: usize) -> String {
    let end = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{end}")
}

/// `3 a minute`.
pub(crate) fn times(count: i64, span: &str) -> String {
    format!("{} {span}", format::count(count))
}

pub(crate) fn more_than(limit: i64, span: &str) -> String {
    format!("> {} {span}", format::count(limit))
}

pub(crate) fn of_positions(position: i64, all: i64) -> String {
    format!("{position} of {all}")
}

pub(crate) fn fires_apart(km: i64) -> String {
    format!("> {} km apart", format::count(km))
}

pub(crate) fn fires_travel(speed: i64, km: i64) -> String {
    format!("> {} km/h, > {} km", format::count(speed), format::count(km))
}

pub(crate) fn fires_churn(visitors: i64, share: i64) -> String {
    format!("≥ {visitors} and {share}%")
}

pub(crate) fn lifeless_of(lifeless: i64, all: i64) -> String {
    format!("{lifeless} of {all} visitors")
}

pub(crate) fn gaps(count: i64) -> String {
    if count == 1 { "1 gap".to_owned() } else { format!("{} gaps", format::count(count)) }
}

pub(crate) fn needs_gaps(needed: i64) -> String {
    format!("Needs {needed} gaps between clicks")
}

pub(crate) fn needs_clicks(needed: i64, has: i64) -> String {
    format!("Needs {} clicks, has {}", format::count(needed), format::count(has))
}

/// A coefficient of variation.
pub(crate) fn variation(value: f64) -> String {
    format!("CV {value:.2}")
}

pub(crate) fn fires_regular(limit: f64, gaps: i64) -> String {
    format!("CV < {limit}, ≥ {gaps} gaps")
}

pub(crate) fn fires_everything(ads: i64, share: i64) -> String {
    format!("≥ {ads} ads, {share}% clicked")
}

pub(crate) fn ads_clicked(ads: i64, clicks: i64) -> String {
    let noun = if ads == 1 { "ad" } else { "ads" };
    format!("{ads} {noun}, {}", super::clicks(clicks, None))
}

pub(crate) fn live_visitors(count: i64) -> String {
    match count {
        0 => "None of the network’s visitors did anything else".to_owned(),
        1 => "1 live visitor; limits grow with them".to_owned(),
        count => format!("{} live visitors; limits grow with them", format::count(count)),
    }
}

pub(crate) fn shown_to_network(count: i64) -> String {
    let noun = if count == 1 { "impression" } else { "impressions" };
    format!("The network had {} {noun}", format::count(count))
}

fn percent(share: f64) -> String {
    format!("{}%", (share * 1_000.0).round() / 10.0)
}

/// An alarm that follows a share.
pub(crate) fn fires_share(usual: f64, strange: f64) -> String {
    format!("near {}, usual {}", percent(strange), percent(usual))
}

pub(crate) fn of_placement(count: i64, clicks: i64) -> String {
    format!(
        "{} of the placement’s {} clicks in the day before",
        format::count(count),
        format::count(clicks)
    )
}

pub(crate) fn was_viewable(ms: u32, pct: u8) -> String {
    let seconds = f64::from(ms) / 1_000.0;
    format!("This click’s ad was in view for {seconds:.1} s, {pct}% of it")
}

pub(crate) fn publishers(others: i64) -> String {
    if others == 1 { "1 other site".to_owned() } else { format!("{others} other sites") }
}

pub(crate) fn fires_publishers(limit: i64) -> String {
    format!("≥ {limit} others, alike")
}

pub(crate) fn fires_chance(probability: f64) -> String {
    format!("p < {probability}")
}

pub(crate) fn fires_shift(alarm: f64) -> String {
    format!("CUSUM ≥ {alarm}")
}

pub(crate) fn cusum(sum: f64) -> String {
    format!("CUSUM {sum:.1}")
}

/// The last hour that was compared before a click's own.
pub(crate) fn clicks_usual(clicks: u32, usual: f64) -> String {
    let clicks = super::clicks(i64::from(clicks), None);
    format!("{clicks} in the last hour compared, usually {usual:.1}")
}

pub(crate) fn needs_hours(needed: i64, has: i64) -> String {
    format!("Needs {} hours of history, has {}", format::count(needed), format::count(has))
}

pub(crate) fn fires_above(deviations: f64) -> String {
    format!("{deviations} σ above usual")
}

pub(crate) fn fires_below(deviations: f64) -> String {
    format!("{deviations} σ below others")
}

pub(crate) fn fires_times(glut: f64, flat: f64) -> String {
    format!("{} in 3–10 s, {} after 1 h", percent(glut), percent(flat))
}

pub(crate) fn networks_of(networks: i64, clicks: i64) -> String {
    let noun = if networks == 1 { "network" } else { "networks" };
    format!("{} {noun}, {}", format::count(networks), super::clicks(clicks, None))
}

pub(crate) fn conversions_of(conversions_micros: i64, clicks: i64) -> String {
    let conversions = format::millionths(conversions_micros);
    format!("{conversions} of {}", super::clicks(clicks, None))
}
