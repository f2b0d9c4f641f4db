//! How sure the judging of a campaign's clicks is, and the report for whoever pays them.

use footfall_event::Verdict;

use super::choice::Choice;
use crate::clicks::choice::Filter;
use crate::clicks::compare;
use crate::clicks::load::Summary;
use crate::format::{self, path_segment};
use crate::words as w;

/// Everything the template writes.
pub(crate) struct Certainty {
    /// Share of clicks with enough data to judge.
    pub(crate) rate: String,
    pub(crate) width: String,
    pub(crate) decided: String,
    pub(crate) rules: String,
    pub(crate) rules_text: String,
    /// Where another version is compared, if one was tried.
    pub(crate) compare: Option<(String, String)>,
    pub(crate) corrected: String,
    pub(crate) corrections: String,
    pub(crate) credit: String,
    pub(crate) credit_text: String,
}

/// Makes it; `tried` is the newest version of other rules that were tried. `None` where there are no clicks.
pub(crate) fn of(summary: &Summary, tried: Option<u32>, choice: &Choice) -> Option<Certainty> {
    let all = summary.clicks(Filter::ALL);
    if all <= 0 {
        return None;
    }
    let decided = summary.decided();
    let (taken_back, given_back) = summary.corrected();
    let (rules, rules_text) = w::rules_of(&summary.rules());
    Some(Certainty {
        rate: format::share(decided, all),
        width: format!("{}%", crate::chart::one(decided as f64 * 100.0 / all as f64)),
        decided: w::enough_data(decided, all),
        rules,
        rules_text,
        compare: tried.map(|version| {
            (w::compare_with(version), compare::href(&choice.with(|_| {}), Some(version), ""))
        }),
        corrected: format::count(given_back - taken_back),
        corrections: w::corrections(taken_back, given_back),
        credit: credit_href(choice),
        credit_text: w::credit_rows(summary.clicks(Filter::of(Verdict::Invalid))),
    })
}

/// The address of the credit report of the campaign or ad.
pub(crate) fn credit_href(choice: &Choice) -> String {
    let site = path_segment(&choice.view.site);
    let page = match choice.ad.as_str() {
        "" => format!("campaigns/{}", choice.campaign),
        ad => format!("ads/{ad}"),
    };
    format!("/sites/{site}/{page}/credit.csv{}", choice.view.with(|_| {}).query())
}
