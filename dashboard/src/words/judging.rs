//! Words of verdicts: lists of clicks, the evidence of one, credit reports.

use footfall_event::verdict::Class;
use footfall_event::{Verdict, VerdictReason};

use crate::format;

pub(crate) const VERDICT: &str = "Verdict";
pub(crate) const VALID: &str = "Valid";
pub(crate) const FLAGGED: &str = "Flagged";
pub(crate) const TIME: &str = "Time";
pub(crate) const AD: &str = "Ad";
pub(crate) const PLACEMENT: &str = "Placement";
pub(crate) const FROM_WHERE: &str = "From";
pub(crate) const WORTH: &str = "Worth";
pub(crate) const CLASS: &str = "Class";
pub(crate) const COUNTED_UNDER: &str = "Counted under";
pub(crate) const REMOVE_FILTER: &str = "Remove this filter";
pub(crate) const BY_REASON: &str = "By reason";
pub(crate) const ALL_VERDICTS: &str = "All";
pub(crate) const NO_CLICKS: &str = "No clicks of this kind in this period.";
pub(crate) const FLAGGED_BILLED: &str = "Of it flagged, under review";
pub(crate) const CERTAINTY: &str = "Certainty";
pub(crate) const DECISION_RATE: &str = "Decision rate";
pub(crate) const RULES: &str = "Rules";
pub(crate) const LATE_CORRECTIONS: &str = "Late corrections";
pub(crate) const CREDIT_REPORT: &str = "Credit report";
pub(crate) const NO_CORRECTIONS: &str = "No verdict changed with hindsight";
pub(crate) const JUDGED_MEANING: &str =
    "Verdicts are those in force: given when the click came, corrected with hindsight";

/// What a class is, in a sentence.
pub(crate) const fn class(class: Class) -> &'static str {
    match class {
        Class::Givt => "General invalid traffic: found by lists and simple counts",
        Class::Sivt => "Sophisticated invalid traffic: shows when many events are compared",
    }
}

/// The word of a verdict.
pub(crate) const fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Valid => VALID,
        Verdict::Flagged => FLAGGED,
        Verdict::Invalid => super::INVALID,
    }
}

/// A reason in a few words.
pub(crate) const fn reason(reason: VerdictReason) -> &'static str {
    use VerdictReason as R;
    match reason {
        R::BotAgent => "Declared bot",
        R::Blocklisted => "On the blocklist",
        R::Automated => "Browser under automation",
        R::NotRunning => "The ad was paused, ended or over its budget",
        R::Expired => "The impression was more than a day old",
        R::PlacementSize => "Placement too small to be seen",
        R::DoubleClick => "Double-click",
        R::DuplicateClick => "Second click on the same impression",
        R::VisitorAdDuplicate => "Same visitor, same ad, within an hour",
        R::DuplicateImpression => "Repeated impression",
        R::DatacentreNetwork => "From a hosting network",
        R::NetworkRate => "Too many clicks from one network",
        R::CampaignRate => "Too many clicks on one campaign from one network",
        R::Churn => "One network, many agents, no life",
        R::RegularTiming => "Machine-regular intervals",
        R::ClicksEverything => "Clicks everything",
        R::FastClick => "Sooner than a person can click",
        R::HiddenAd => "Hidden ad",
        R::ClickFlooding => "Placement with clicks and no impressions",
        R::FastClicks => "Placement of clicks faster than people",
        R::Concentration => "Few networks make the placement’s clicks",
        R::Collusion => "Publishers that share their clickers",
        R::Lifeless => "Visitors who do nothing else",
        R::PlacementCtr => "Click-through rate far above others",
        R::RateShift => "Sudden rise of clicks",
        R::NewVisitorBurst => "Burst of new visitors",
        R::AddressEntropy => "Clicks from few networks",
        R::ConversionRate => "Hardly any conversions",
        R::ConversionTiming => "Conversions at inhuman times",
        R::ImpossibleTravel => "Impossible travel",
        R::ReferrerMismatch => "Sent from another site",
        R::GeoMismatch => "Time zone and country disagree",
        R::ImpressionUnknown => "Impression not known to its network",
        R::NoImpression => "Click without an impression",
        R::PlacementUnknown => "The placement does not exist",
        R::PositionUnknown => "The placement has no such position",
        R::HintMismatch => "Client hints contradict the agent",
    }
}

/// A reason's word in a few words; one that is newer than this text has its code at least.
pub(crate) fn removed(word: &str) -> String {
    VerdictReason::parse(word).map_or_else(|| word.replace('_', " "), |it| reason(it).to_owned())
}

/// "1,568 clicks", "1,568 invalid clicks".
pub(crate) fn clicks(count: i64, of: Option<Verdict>) -> String {
    let kind = match of {
        None => "",
        Some(Verdict::Valid) => "valid ",
        Some(Verdict::Flagged) => "flagged ",
        Some(Verdict::Invalid) => "invalid ",
    };
    let noun = if count == 1 { "click" } else { "clicks" };
    format!("{} {kind}{noun}", format::count(count))
}

/// A tab with its number.
pub(crate) fn tab_of(label: &str, count: i64) -> String {
    format!("{label} {}", format::count(count))
}

pub(crate) fn all_clicks(count: i64) -> String {
    format!("All {}", clicks(count, None))
}

pub(crate) fn title_clicks(site: &str) -> String {
    format!("Clicks, ads on {site}")
}

pub(crate) fn enough_data(decided: i64, all: i64) -> String {
    let had = format::count(decided);
    let rest = match all - decided {
        0 => String::new(),
        1 => " The other one counts as net.".to_owned(),
        rest => format!(" The other {} count as net.", format::count(rest)),
    };
    format!("{had} of {} had enough data to judge.{rest}", clicks(all, None))
}

/// The versions of the rules, the newest last.
pub(crate) fn rules_of(versions: &[u32]) -> (String, String) {
    match versions {
        [] => ("–".to_owned(), "Nothing was judged yet".to_owned()),
        [one] => (format!("v{one}"), "Judged all clicks of this period".to_owned()),
        [older @ .., newest] => {
            let older: Vec<_> = older.iter().map(|version| format!("v{version}")).collect();
            (format!("v{newest}"), format!("Some clicks were judged by {}", older.join(", ")))
        }
    }
}

pub(crate) fn corrections(taken_back: i64, given_back: i64) -> String {
    let taken = "first counted, then judged invalid with hindsight";
    match (taken_back, given_back) {
        (0, 0) => NO_CORRECTIONS.to_owned(),
        (taken_back, 0) => format!("{} {taken}", clicks(taken_back, None)),
        (0, given) => format!("{} first invalid, then counted", clicks(given, None)),
        (taken_back, given) => format!(
            "{} {taken}, {} the other way round",
            clicks(taken_back, None),
            format::count(given)
        ),
    }
}

pub(crate) fn credit_rows(rows: i64) -> String {
    let noun = if rows == 1 { "row" } else { "rows" };
    format!(
        "{} {noun}: time, placement, reason and price of each removed click. No addresses, no visitor ids.",
        format::count(rows)
    )
}

/// The line of a credit report that stands for those that it leaves out.
pub(crate) fn credit_cut(lines: usize) -> String {
    format!("Only the first {lines} clicks are listed; totals are of all. Ask for a shorter period")
}
