//! A click with everything that is known about its verdict.

use footfall_event::{Id, Verdict, VerdictReason};

use super::facts::Facts;
use super::load::{self, Around};
use super::rows::{Click, Later, Tried};
use super::signals::{Signal, signals};
use crate::App;
use crate::ads::names;
use crate::ads::names::Names;
use crate::error::Problem;
use crate::query::Runner;
use crate::rulebook::Terms;
use crate::site::{Subject, unavailable};

/// A judgement, the first or a later one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// `None`: when it came.
    pub(super) decided_ms: Option<i64>,
    pub(super) rules: u32,
    pub(super) verdict: Verdict,
    pub(super) reasons: Vec<String>,
    /// The reason under which the click counts by it; empty for none.
    pub(super) counted: String,
    pub(super) in_force: bool,
}

/// All of it.
pub(super) struct Case {
    pub(super) click: Click,
    pub(super) around: Around,
    pub(super) names: Names,
    /// The rules that judged it last, if they are known, else those in force.
    pub(super) terms: Terms,
    /// Judgements in their order.
    pub(super) history: Vec<Said>,
    /// What other rules said; `decided_ms` is when they were tried.
    pub(super) tried: Vec<Said>,
}

/// Reads it.
pub(super) async fn load(
    app: &App,
    runner: &Runner<'_>,
    subject: &Subject,
    id: Id,
) -> Result<Case, Problem> {
    let site = &subject.site.domain;
    let click = load::click(runner, site, id).await.map_err(unavailable)?;
    let click = click.ok_or(Problem::NotFound)?;
    let terms = app.status.terms(site, click.text("campaign"));
    let apart_s = terms.number("concentration", "apart_s").unwrap_or(3_600.0);
    let around = Around::load(runner, site, &click, apart_s as i64 * 1_000).await;
    // A verdict without its corrections could be the wrong one.
    let later = around.history.as_ref().map_err(|failure| unavailable(*failure))?;
    let history = history(&click, later, &terms);
    let tried = tried(around.tried.as_deref().unwrap_or_default(), &terms);
    let judged_by = history.last().map_or(0, |said| said.rules);
    let terms = app.status.terms_of(judged_by, site, click.text("campaign")).unwrap_or(terms);
    Ok(Case { names: names(app, subject), click, terms, history, tried, around })
}

impl Case {
    /// The judgement in force.
    pub(super) fn said(&self) -> &Said {
        let mut all = self.history.iter();
        all.find(|said| said.in_force).expect("one of them is in force")
    }

    /// The signals of the rules.
    pub(super) fn signals(&self, site: &str) -> Vec<Signal> {
        let reasons = &self.said().reasons;
        let facts = Facts::of(&self.click, &self.around, &self.names, site, reasons);
        signals(&facts, &self.terms)
    }

    /// Whether the rules whose thresholds are known are others than those that judged.
    pub(super) fn is_of_other_rules(&self) -> bool {
        self.terms.version != 0 && self.terms.version != self.said().rules
    }
}

fn history(click: &Click, later: &[Later], terms: &Terms) -> Vec<Said> {
    let said = |decided_ms, rules, verdict: &str, reasons: &[String]| {
        said(terms, (decided_ms, rules), verdict, reasons)
    };
    let mut out = vec![said(None, click.judged_by, &click.was, &click.why)];
    let later = later.iter();
    out.extend(later.map(|it| said(Some(it.decided_ms), it.judged_by, &it.said, &it.why)));
    if let Some(last) = out.last_mut() {
        last.in_force = true;
    }
    out
}

fn tried(tried: &[Tried], terms: &Terms) -> Vec<Said> {
    tried.iter().map(|it| said(terms, (Some(it.run_ms), it.version), &it.said, &it.why)).collect()
}

fn said(
    terms: &Terms,
    (decided_ms, rules): (Option<i64>, u32),
    verdict: &str,
    reasons: &[String],
) -> Said {
    let filters = terms.filters();
    let verdict = Verdict::parse(verdict).unwrap_or(Verdict::Valid);
    let by_filter = reasons.iter().find(|reason| filters.contains(&reason.as_str()));
    let counted = match verdict {
        Verdict::Invalid => by_filter.or(reasons.first()),
        _ => reasons.first(),
    };
    let counted = counted.cloned().unwrap_or_default();
    Said { decided_ms, rules, verdict, reasons: reasons.to_vec(), counted, in_force: false }
}

/// The reason of a word, if this program knows it.
pub(super) fn reason(word: &str) -> Option<VerdictReason> {
    VerdictReason::parse(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_judgement_is_in_force_and_counts_under_what_decides() {
        let click = Click { was: "valid".into(), judged_by: 1, ..Click::default() };
        let later = |said: &str, why: &[&str], decided_ms| Later {
            said: said.into(),
            why: why.iter().map(|word| (*word).to_owned()).collect(),
            judged_by: 2,
            decided_ms,
        };
        let all = [
            later("flagged", &["fast_click"], 10),
            later("invalid", &["fast_click", "churn", "made_up"], 20),
        ];
        let history = history(&click, &all, &Terms::default());
        let found: Vec<_> = history
            .iter()
            .map(|said| (said.verdict, said.counted.as_str(), said.in_force))
            .collect();
        assert_eq!(
            found,
            [
                (Verdict::Valid, "", false),
                (Verdict::Flagged, "fast_click", false),
                (Verdict::Invalid, "churn", true),
            ]
        );
        assert!(super::history(&click, &[], &Terms::default())[0].in_force);
    }
}
