//! The comparison as a page.

use askama::Template;
use axum::response::Response;
use footfall_event::{Verdict, VerdictReason};
use http::request::Parts;

use super::load::{Amount, Changed, Pair};
use super::{Compared, href};
use crate::App;
use crate::ads::choice::Choice;
use crate::ads::names::Names;
use crate::ads::{list, money};
use crate::clicks::choice::{self, click_href};
use crate::clicks::vd::Vd;
use crate::frame::{Frame, Theme};
use crate::query::Failure;
use crate::site::view::Tools;
use crate::site::{Subject, delay_note, foot, frame_of};
use crate::tables::pager::Pager;
use crate::{format, words as w};

/// Clicks of one page.
pub(super) const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "clicks/compare/page.html")]
struct ComparePage {
    frame: Frame,
    crumbs: Vec<(String, String)>,
    title: String,
    tools: Tools,
    note: Option<(String, String, bool)>,
    /// What stands instead of the sums when there are none: heading and text.
    state: (&'static str, String),
    /// Absent when no other rules were tried, or they could not be read.
    sums: Option<Sums>,
    foot: Vec<String>,
}

struct Sums {
    /// The versions: label, address, whether it is this one.
    versions: Vec<(String, String, bool)>,
    with: String,
    stats: Vec<(&'static str, String, String)>,
    left_out: Option<String>,
    reasons: Vec<PairRow>,
    net: PairRow,
    flagged: PairRow,
    campaigns: Vec<PairRow>,
    heading: String,
    changes: Vec<ChangeRow>,
    pager: Pager,
}

struct PairRow {
    name: String,
    href: String,
    in_force: String,
    tried: String,
    change: String,
    worth: String,
}

struct ChangeRow {
    href: String,
    time: String,
    day: String,
    ad: String,
    campaign: String,
    old: Vd,
    old_reason: String,
    new: Vd,
    new_reason: String,
    worth: String,
}

/// The page where no other rules were tried.
pub(super) fn nothing(app: &App, subject: &Subject, choice: &Choice, request: &Parts) -> Response {
    let state = (w::NO_RULES_TRIED, w::NO_RULES_TRIED_TEXT.to_owned());
    write(app, subject, choice, &crate::ads::names(app, subject), Err(state), request)
}

/// The page where the comparison could not be read.
pub(super) fn failed(
    app: &App,
    subject: &Subject,
    choice: &Choice,
    failure: Failure,
    request: &Parts,
) -> Response {
    let state = (w::UNAVAILABLE, w::failure(failure, app.queries.seconds_max));
    write(app, subject, choice, &crate::ads::names(app, subject), Err(state), request)
}

/// The page of a version.
pub(super) fn render(
    app: &App,
    subject: &Subject,
    choice: &Choice,
    names: &Names,
    compared: &Compared,
    request: &Parts,
) -> Response {
    let sums = sums(choice, names, compared, &subject.site.domain);
    write(app, subject, choice, names, Ok((compared.version, sums)), request)
}

fn write(
    app: &App,
    subject: &Subject,
    choice: &Choice,
    names: &Names,
    made: Result<(u32, Sums), (&'static str, String)>,
    request: &Parts,
) -> Response {
    let (version, sums, state) = match made {
        Ok((version, sums)) => (Some(version), Some(sums), Default::default()),
        Err(state) => (None, None, state),
    };
    let site = &subject.site.domain;
    let plain = choice.with(|_| {});
    let page = ComparePage {
        frame: frame_of(app, request, w::title_rules(version, site), &choice.view),
        crumbs: list::crumbs(&plain, names),
        title: version.map_or_else(|| w::RULES_COMPARED.to_owned(), w::rules_beside),
        tools: Tools::of(subject, |view| {
            href(&choice.with(|choice| choice.view = view.clone()), version, "")
        })
        .period_only(),
        note: delay_note(app, &subject.period, false),
        state,
        sums,
        foot: foot(app, subject, Err(()), w::TRIED_ONLY.to_owned()),
    };
    crate::frame::render(&page)
}

fn sums(choice: &Choice, names: &Names, compared: &Compared, site: &str) -> Sums {
    let (moves, page) = (&compared.moves, choice.view.page);
    let changed = moves.changed();
    let plain = choice.with(|_| {});
    let at = |page: u32| {
        let mut choice = choice.clone();
        choice.view.page = page;
        href(&choice, Some(compared.version), "")
    };
    let left_out = compared.all - moves.clicks();
    Sums {
        versions: compared
            .tried
            .iter()
            .map(|it| {
                let label =
                    w::tried_on(it.version, &format::day_month_year(&names.zone, it.run_ms));
                let href = href(&plain, Some(it.version), "");
                (label, href, it.version == compared.version)
            })
            .collect(),
        with: w::with_version(compared.version),
        stats: stats(compared),
        left_out: (left_out > 0).then(|| w::not_replayed(left_out, compared.all)),
        reasons: moves
            .by_reason()
            .into_iter()
            .map(|(word, pair)| {
                let href = VerdictReason::parse(&word)
                    .map(|reason| choice::Filter::because(reason).href(&plain, ""));
                row(w::removed(&word), href.unwrap_or_default(), &pair)
            })
            .collect(),
        net: row(w::NET_BILLED.to_owned(), String::new(), &moves.net()),
        flagged: row(w::OF_IT_FLAGGED.to_owned(), String::new(), &moves.flagged()),
        campaigns: moves
            .by_campaign()
            .into_iter()
            .map(|(id, pair)| row(names.campaign_name(&id), campaign_href(choice, &id), &pair))
            .collect(),
        heading: w::changing(changed),
        changes: compared.changes.iter().map(|row| change_row(row, names, site)).collect(),
        pager: Pager::new(
            (page, ROWS),
            (compared.changes.len(), changed.max(0).cast_unsigned()),
            at,
            |extension| href(&plain, Some(compared.version), extension),
        ),
    }
}

fn campaign_href(choice: &Choice, id: &str) -> String {
    if id.is_empty() { String::new() } else { choice.campaign_href(id) }
}

fn stats(compared: &Compared) -> Vec<(&'static str, String, String)> {
    let moves = &compared.moves;
    let (lost, won) = moves.turned();
    let net = moves.net();
    let before = worth(&net.in_force).unwrap_or("–".into());
    vec![
        (w::CLICKS_COMPARED, format::count(moves.clicks()), w::changing(moves.changed())),
        (
            w::NET_CLICKS,
            format::count(net.tried.clicks),
            w::from(&format::count(net.in_force.clicks)),
        ),
        (w::NOW_INVALID, format::count(lost), String::new()),
        (w::NOW_COUNTED, format::count(won), String::new()),
        (w::NET_WORTH, worth(&net.tried).unwrap_or("–".into()), w::from(&before)),
    ]
}

fn worth(amount: &Amount) -> Option<String> {
    money::joined(amount.worth.iter().map(|(currency, micros)| (currency, *micros)))
}

fn row(name: String, href: String, pair: &Pair) -> PairRow {
    PairRow {
        name,
        href,
        in_force: format::count(pair.in_force.clicks),
        tried: format::count(pair.tried.clicks),
        change: w::signed(pair.change.clicks),
        worth: worth(&pair.change).unwrap_or("–".into()),
    }
}

fn change_row(row: &Changed, names: &Names, site: &str) -> ChangeRow {
    let vd = |word: &str| Vd::of(Verdict::parse(word).unwrap_or(Verdict::Valid));
    let reason = |word: &str| if word.is_empty() { String::new() } else { w::removed(word) };
    ChangeRow {
        href: click_href(site, &row.id),
        time: format::exact(&names.zone, row.at_ms),
        day: format::day_month_year(&names.zone, row.at_ms),
        ad: names.ad_name(&row.of_ad),
        campaign: names.campaign_name(&row.of_campaign),
        old: vd(&row.in_force),
        old_reason: reason(&row.counted),
        new: vd(&row.tried),
        new_reason: reason(&row.tried_counted),
        worth: match row.of_currency.as_str() {
            "" => "–".to_owned(),
            currency => format::money(row.worth, currency),
        },
    }
}
