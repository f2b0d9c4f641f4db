//! What happened, in the order of time: from the impression to the conversion.

use super::case::Case;
use crate::format;
use crate::words as w;

/// A step.
pub(super) struct Step {
    at_ms: i64,
    pub(super) name: &'static str,
    pub(super) text: String,
    /// `bad`, `none` or nothing.
    pub(super) class: &'static str,
    pub(super) href: Option<String>,
}

impl Step {
    fn new(at_ms: i64, name: &'static str, text: String) -> Step {
        Step { at_ms, name, text, class: "", href: None }
    }
}

/// Steps that are told; more would be repetitions.
const CLICKS_MAX: usize = 5;

/// The steps of a click.
pub(super) fn steps(case: &Case, site: &str) -> Vec<Step> {
    let (click, zone) = (&case.click, &case.names.zone);
    let time = |at: i64| format::exact(zone, at);
    let of_impression = case.around.impression.as_deref().unwrap_or_default();
    let shown = of_impression.iter().find(|it| it.kind == "impression").map(|it| it.at_ms);
    let shown = shown.or(Some(click.impression_ms).filter(|at| *at > 0));
    let mut out = Vec::new();
    if let Some(at) = shown {
        out.push(Step::new(at, w::AD_SHOWN, time(at)));
    }
    if let Some(view) = of_impression.iter().find(|it| it.kind == "view") {
        let text = w::viewable_at(
            &time(view.at_ms),
            &format::span(i64::from(view.viewable)),
            view.visible,
        );
        out.push(Step::new(view.at_ms, w::AD_VIEWABLE, text));
    }
    let others = of_impression.iter().filter(|it| it.kind == "click" && it.of_id != click.click_id);
    for other in others.take(CLICKS_MAX) {
        let mut step = Step::new(other.at_ms, w::OTHER_CLICK, time(other.at_ms));
        step.href = Some(crate::clicks::choice::click_href(site, &other.of_id));
        out.push(step);
    }
    let said = case.said();
    let text = match shown {
        Some(shown) => w::after_impression(&time(click.at_ms), &format::span(click.at_ms - shown)),
        None => time(click.at_ms),
    };
    let mut this = Step::new(click.at_ms, w::CLICK_HERE, text);
    this.class = if said.verdict == footfall_event::Verdict::Invalid { "bad" } else { "" };
    out.push(this);
    if click.text("via") == "redirect" {
        out.push(Step::new(click.at_ms, w::REDIRECTED, w::REDIRECTED_TEXT.to_owned()));
    }
    for later in case.history.iter().filter_map(|said| Some((said.decided_ms?, said))) {
        let text = w::now_verdict(&time(later.0), w::verdict(later.1.verdict));
        out.push(Step::new(later.0, w::JUDGED_AGAIN, text));
    }
    out.extend(conversions(case));
    out.sort_by_key(|step| step.at_ms);
    out
}

fn conversions(case: &Case) -> Vec<Step> {
    let Ok(conversions) = &case.around.conversions else { return Vec::new() };
    let zone = &case.names.zone;
    if conversions.is_empty() {
        let text = w::NO_CONVERSION_TEXT.to_owned();
        let none = Step::new(i64::MAX, w::NO_CONVERSION, text);
        return vec![Step { class: "none", ..none }];
    }
    let step = |found: &super::rows::Conversion| {
        let mut parts = vec![format::day_month_year(zone, found.at_ms)];
        parts.push(format::clock(zone, found.at_ms));
        for part in [&found.of_goal, &found.of_status] {
            if !part.is_empty() {
                parts.push(part.clone());
            }
        }
        if !found.of_currency.is_empty() {
            parts.push(format::money(found.micros, &found.of_currency));
        }
        Step::new(found.at_ms, w::CONVERTED, parts.join(", "))
    };
    conversions.iter().map(step).collect()
}
