//! Words of the page of one click.

use footfall_event::{Verdict, VerdictReason};

use super::reason;
use crate::format;

pub(crate) const WHAT_HAPPENED: &str = "What happened";
pub(crate) const SIGNALS: &str = "Signals";
pub(crate) const SIGNAL: &str = "Signal";
pub(crate) const RESULT: &str = "Result";
pub(crate) const MEASURED: &str = "Measured";
pub(crate) const FIRES_AT: &str = "Fires at";
pub(crate) const AGAINST: &str = "Value against threshold";
pub(crate) const FIRED: &str = "Fired";
pub(crate) const CLEAR: &str = "Clear";
pub(crate) const NOT_JUDGED: &str = "Not judged";
pub(crate) const SWITCHED_OFF: &str = "Switched off";
pub(crate) const SHARES_MEAN: &str = "Shares of a placement are those of the day before. The rules follow it click by click, learn what is usual from other placements, and ask for evidence: so a share alone does not fire.";
pub(crate) const RECORD: &str = "Record";
pub(crate) const WHOLE_RECORD: &str = "Every column";
pub(crate) const AROUND_IT: &str = "Around it";
pub(crate) const THIS_VISITOR: &str = "This visitor";
pub(crate) const SAME_NETWORK: &str = "Same network";
pub(crate) const SAME_AD: &str = "Same ad";
pub(crate) const OTHER_VISITOR: &str = "Same network, other visitor";
pub(crate) const FROM_THIS: &str = "From this click";
pub(crate) const WHO: &str = "Who";
pub(crate) const THIS_CLICK: &str = "this click";
pub(crate) const HISTORY: &str = "History of the verdict";
pub(crate) const DECIDED: &str = "Decided";
pub(crate) const BECAUSE: &str = "Because";
pub(crate) const IN_FORCE: &str = "in force";
pub(crate) const ON_ARRIVAL: &str = "When it came";
pub(crate) const COUNTED_HERE: &str = "counted here";
pub(crate) const KEYS_ROTATE: &str =
    "Keys are one-way and change daily. The address itself is never stored.";
pub(crate) const NETWORK_NOT_KNOWN: &str =
    "Its network is not known, so no other clicks can be found.";
pub(crate) const AD_SHOWN: &str = "Ad shown";
pub(crate) const AD_VIEWABLE: &str = "In view";
pub(crate) const CLICK_HERE: &str = "This click";
pub(crate) const OTHER_CLICK: &str = "Another click on the impression";
pub(crate) const REDIRECTED: &str = "Redirected";
pub(crate) const REDIRECTED_TEXT: &str = "at once, whatever is thought of it";
pub(crate) const JUDGED_AGAIN: &str = "Judged again";
pub(crate) const CONVERTED: &str = "Converted";
pub(crate) const NO_CONVERSION: &str = "No conversion";
pub(crate) const NO_CONVERSION_TEXT: &str = "names this click so far";

pub(crate) const PAGE: &str = "Page";
pub(crate) const REFERRER: &str = "Referrer";
pub(crate) const SEARCH: &str = "Search";
pub(crate) const IMPRESSION: &str = "Impression";
pub(crate) const REQUEST: &str = "Request";
pub(crate) const BROWSER: &str = "Browser";
pub(crate) const DEVICE: &str = "Device";
pub(crate) const PLACE: &str = "Place";
pub(crate) const TIME_ZONE: &str = "Time zone";
pub(crate) const NETWORK: &str = "Network";
pub(crate) const NETWORK_KEY: &str = "Network key";
pub(crate) const VISITOR_KEY: &str = "Visitor key";
pub(crate) const CAME_BY: &str = "Came by";
pub(crate) const RECEIVED: &str = "Received";
pub(crate) const CAMPAIGN: &str = "Campaign";

/// The heading of the verdict: what becomes of the click, and why.
pub(crate) fn verdict_heading(verdict: Verdict, counted: Option<VerdictReason>) -> String {
    let what = match verdict {
        Verdict::Valid => return "Counted: nothing speaks against it".to_owned(),
        Verdict::Flagged => "Counted, under review",
        Verdict::Invalid => "Not counted, never billed",
    };
    match counted {
        Some(counted) => format!("{what}: {}", lower_first(reason(counted))),
        None => what.to_owned(),
    }
}

/// In the middle of a sentence.
fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    match letters.next() {
        Some(first) => first.to_lowercase().chain(letters).collect(),
        None => String::new(),
    }
}

pub(crate) fn title_click(moment: &str) -> String {
    format!("Click of {moment}")
}

pub(crate) fn title_click_on(moment: &str, site: &str) -> String {
    format!("Click of {moment}, on {site}")
}

pub(crate) fn printed_click(site: &str, zone: &str) -> String {
    format!("{site}, evidence of one click, {zone}. Printed from Footfall.")
}

/// `Rules v14, judged when it came` or `…, corrected 5 m 3 s later`.
pub(crate) fn judged_by(rules: u32, later: Option<&str>) -> String {
    match later {
        None => format!("Rules v{rules}, judged when it came"),
        Some(span) => format!("Rules v{rules}, judged again {span} later"),
    }
}

/// The rules in force are others than those that judged.
pub(crate) fn other_thresholds(judged: u32, now: u32) -> String {
    format!(
        "Rules v{judged} judged this click. The thresholds are those of v{now}, in force now, so what is clear here may not have been looked at."
    )
}

pub(crate) fn measured_against(measured: &str, fires: &str) -> String {
    format!("Measured: {measured}. Fires at: {fires}.")
}

pub(crate) fn worth(amount: &str) -> String {
    format!("Worth {amount}")
}

/// The clear signals that are folded away.
pub(crate) fn more_clear(count: usize) -> String {
    format!("{count} more were looked at and are clear")
}

/// `3 fired, 8 clear, 2 without enough data`.
pub(crate) fn outcomes(fired: usize, clear: usize, rest: usize) -> String {
    format!("{fired} fired, {clear} clear, {rest} without enough data")
}

pub(crate) fn after_impression(time: &str, span: &str) -> String {
    format!("{time}, {span} after the impression")
}

pub(crate) fn viewable_at(time: &str, span: &str, pct: u8) -> String {
    format!("{time}, for {span}, {pct}% of its pixels")
}

pub(crate) fn clock_off(time: &str, span: &str) -> String {
    format!("{time}, {span} after its own time")
}

pub(crate) fn now_verdict(time: &str, verdict: &str) -> String {
    format!("{time}: {verdict}")
}

/// `−2 m 54 s`, `+1.31 s`.
pub(crate) fn from_this(ms: i64) -> String {
    let span = format::span(ms.abs());
    if ms < 0 { format!("−{span}") } else { format!("+{span}") }
}

pub(crate) fn minutes_off(minutes: i64) -> String {
    if minutes < 0 { format!("−{} min", -minutes) } else { format!("+{minutes} min") }
}

pub(crate) fn lanes_summary(visitor: usize, network: usize, ad: usize) -> String {
    format!(
        "Clicks from five minutes before to five minutes after: {visitor} by this visitor, {network} from its network, {ad} on the same ad. The table below lists those of the network."
    )
}

pub(crate) fn more_near(count: usize) -> String {
    format!("{} more clicks of this network that day", format::count(count as i64))
}

pub(crate) fn elsewhere(count: usize) -> String {
    format!("{} of its clicks that day were on other sites", format::count(count as i64))
}
