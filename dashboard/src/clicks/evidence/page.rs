//! The page of one click.

use askama::Template;
use axum::response::Response;
use footfall_event::{Verdict, VerdictReason};
use http::request::Parts;

use super::case::{self, Case, Said};
use super::lanes::{self, Lanes};
use super::neighbours::{NeighbourView, more, neighbours};
use super::record::{Entry, entries};
use super::signals::{Gauge, Outcome, Signal};
use super::story::{self, Step};
use crate::App;
use crate::ads::choice::Choice;
use crate::clicks::choice::{self, click_href};
use crate::clicks::compare;
use crate::clicks::vd::Vd;
use crate::frame::{Frame, Theme};
use crate::site::{Subject, delay_note, foot, frame_of};
use crate::{format, words as w};

#[derive(Template)]
#[template(path = "clicks/evidence/page.html")]
struct ClickPage {
    frame: Frame,
    printed: String,
    crumbs: Vec<(String, String)>,
    title: String,
    id: String,
    earlier: Option<String>,
    later: Option<String>,
    json: String,
    note: Option<(String, String, bool)>,
    vd: Vd,
    heading: String,
    judged: String,
    reasons: Vec<ReasonView>,
    worth: String,
    steps: Vec<Step>,
    outcomes: String,
    shown: Vec<SignalView>,
    /// Clear ones that are yes or no.
    folded: Vec<SignalView>,
    signals_note: String,
    entries: Vec<Entry>,
    lanes: Option<Lanes>,
    neighbours: Vec<NeighbourView>,
    more: Vec<String>,
    history: Vec<SaidView>,
    tried: Vec<SaidView>,
    compare: Option<(String, String)>,
    foot: Vec<String>,
}

struct ReasonView {
    sentence: String,
    code: String,
    class: &'static str,
    class_means: &'static str,
    source: &'static str,
    measured: String,
    is_counted: bool,
}

struct SignalView {
    name: &'static str,
    code: &'static str,
    vd: Option<Vd>,
    /// In place of a verdict.
    result: &'static str,
    measured: String,
    fires: String,
    gauge: Option<Gauge>,
    fired: bool,
    note: String,
}

struct SaidView {
    when: String,
    rules: u32,
    in_force: bool,
    vd: Vd,
    counted: String,
    because: String,
}

/// Writes it.
pub(super) fn render(app: &App, subject: &Subject, case: &Case, request: &Parts) -> Response {
    let site = subject.site.domain.as_str();
    let zone = &case.names.zone;
    let said = case.said();
    let signals = case.signals(site);
    let at = case.click.at_ms;
    let moment = format!("{}, {}", format::day_month_year(zone, at), format::exact(zone, at));
    let beside = |at: usize| {
        let other = case.around.beside[at].as_deref()?;
        Some(click_href(site, other))
    };
    let count = |of: Outcome| signals.iter().filter(|signal| signal.outcome == of).count();
    let (fired, clear) = (count(Outcome::Fired), count(Outcome::Clear));
    let (all, reasons) = (signals.len(), reasons(case, &signals));
    let is_plain =
        |signal: &Signal| signal.outcome == Outcome::Clear && signal.finding.scale.is_none();
    let (folded, shown): (Vec<_>, Vec<_>) = signals.into_iter().partition(is_plain);
    let view = |signals: Vec<Signal>| signals.into_iter().map(signal_view).collect();
    let choice = Choice::of_view(subject.view.with(|_| {}));
    let (ad, campaign) = links(case, &choice);
    let page = ClickPage {
        frame: frame_of(app, request, w::title_click_on(&moment, site), &subject.view),
        printed: w::printed_click(site, subject.zone_name()),
        crumbs: crumbs(case, &choice, &campaign),
        title: w::title_click(&moment),
        id: case.click.click_id.clone(),
        earlier: beside(0),
        later: beside(1),
        json: click_href(site, &case.click.click_id) + ".json",
        note: delay_note(app, &subject.period, false),
        vd: Vd::of(said.verdict),
        heading: w::verdict_heading(said.verdict, case::reason(&said.counted)),
        judged: judged(said, at),
        reasons,
        worth: worth(case),
        steps: story::steps(case, site),
        outcomes: w::outcomes(fired, clear, all - fired - clear),
        shown: view(shown),
        folded: view(folded),
        signals_note: match case.is_of_other_rules() {
            true => w::other_thresholds(said.rules, case.terms.version),
            false => w::SHARES_MEAN.to_owned(),
        },
        entries: entries(case, ad, campaign),
        lanes: lanes::draw(case, site).filter(|_| case.click.of_network != 0),
        neighbours: neighbours(case, site),
        more: more(case, site),
        history: case.history.iter().rev().map(|said| said_view(said, case)).collect(),
        tried: case.tried.iter().map(|said| said_view(said, case)).collect(),
        compare: case.tried.first().map(|newest| {
            let href = compare::href(&choice, Some(newest.rules), "");
            (w::compare_with(newest.rules), href)
        }),
        foot: foot(app, subject, Err(()), w::rules(said.rules)),
    };
    crate::frame::render(&page)
}

/// Names and addresses of the ad and the campaign; addresses are empty where there is no page.
fn links(case: &Case, choice: &Choice) -> ((String, String), (String, String)) {
    let (ad, campaign) = (case.click.text("ad"), case.click.text("campaign"));
    let of = |id: &str, name: String, href: &dyn Fn(&str) -> String| match id {
        "" => (String::new(), String::new()),
        id => (name, href(id)),
    };
    (
        of(ad, case.names.ad_name(ad), &|id| choice.ad_href(id)),
        of(campaign, case.names.campaign_name(campaign), &|id| choice.campaign_href(id)),
    )
}

fn crumbs(case: &Case, choice: &Choice, campaign: &(String, String)) -> Vec<(String, String)> {
    let mut out = vec![(w::ADS.to_owned(), choice.href())];
    if !campaign.1.is_empty() {
        out.push(campaign.clone());
    }
    let of = choice.with(|choice| case.click.text("campaign").clone_into(&mut choice.campaign));
    out.push((w::CLICKS.to_owned(), choice::Filter::ALL.href(&of, "")));
    out
}

fn judged(said: &Said, at: i64) -> String {
    let span = said.decided_ms.map(|decided| format::span(decided - at));
    w::judged_by(said.rules, span.as_deref())
}

fn worth(case: &Case) -> String {
    let click = &case.click;
    match (click.text("billing_model"), click.text("price_currency")) {
        (_, "") => String::new(),
        ("cpc", currency) => w::worth(&format::money(click.number("price_micros"), currency)),
        _ => String::new(),
    }
}

fn reasons(case: &Case, signals: &[Signal]) -> Vec<ReasonView> {
    let said = case.said();
    let view = |word: &String| {
        let known = case::reason(word);
        let signal = signals.iter().find(|signal| Some(signal.reason) == known);
        let measured = signal
            .filter(|signal| signal.finding.measured != "–")
            .map_or(String::new(), |signal| {
                w::measured_against(&signal.finding.measured, &signal.finding.fires)
            });
        ReasonView {
            sentence: known.map_or_else(|| w::removed(word), |it| it.sentence().to_owned()),
            code: word.clone(),
            class: known.map_or("", |it| it.class().as_str()),
            class_means: known.map_or("", |it| w::class(it.class())),
            source: known.map_or("", VerdictReason::source),
            measured,
            is_counted: *word == said.counted && said.verdict != Verdict::Valid,
        }
    };
    said.reasons.iter().map(view).collect()
}

fn signal_view(signal: Signal) -> SignalView {
    let vd = match signal.outcome {
        Outcome::Fired => {
            let verdict = match signal.tier.verdict() {
                Verdict::Valid => Verdict::Flagged,
                verdict => verdict,
            };
            Some(Vd::saying(verdict, w::FIRED.to_owned()))
        }
        Outcome::Clear => Some(Vd::saying(Verdict::Valid, w::CLEAR.to_owned())),
        Outcome::NotJudged | Outcome::Off => None,
    };
    SignalView {
        name: w::reason(signal.reason),
        code: signal.reason.as_str(),
        vd,
        result: if signal.outcome == Outcome::Off { w::SWITCHED_OFF } else { w::NOT_JUDGED },
        fired: signal.outcome == Outcome::Fired,
        measured: signal.finding.measured,
        fires: signal.finding.fires,
        gauge: signal.gauge,
        note: signal.finding.note,
    }
}

fn said_view(said: &Said, case: &Case) -> SaidView {
    let zone = &case.names.zone;
    let because: Vec<String> = said.reasons.iter().map(|word| w::removed(word)).collect();
    SaidView {
        when: match said.decided_ms {
            None => w::ON_ARRIVAL.to_owned(),
            Some(at) => {
                format!("{}, {}", format::day_month_year(zone, at), format::exact(zone, at))
            }
        },
        rules: said.rules,
        in_force: said.in_force,
        vd: Vd::of(said.verdict),
        counted: said.counted.clone(),
        because: because.join("; "),
    }
}
