//! The pages about ads: of a site, of a campaign, of an ad. They differ in what they are scoped to
//! and in a few panels.

use askama::Template;
use axum::response::Response;
use http::request::Parts;

use super::bars::{self, BarChart};
use super::budget::Pacing;
use super::certainty::{self, Certainty};
use super::choice::{AdPanel, Choice, Measure, Rows};
use super::fall::{self, Fall};
use super::figures::{Figures, Sums};
use super::heading::heading;
use super::load::{Audience, Judged, Lists, Loaded};
use super::money;
use super::names::{Names, Tag};
use super::panels::{AdPanelView, Body, Context, much_invalid};
use super::stats::{Stat, stats, total_saved, unread};
use super::table::{Cell, Style};
use crate::App;
use crate::chart::{self, Chart, Kind, Series};
use crate::clicks::load::Summary;
use crate::frame::{Frame, Theme};
use crate::period::Unit;
use crate::query::Failure;
use crate::site::view::Tools;
use crate::site::{Subject, delay_note, foot, frame_of};
use crate::tables::panel::Tab;
use crate::{format, words as w};

#[derive(Template)]
#[template(path = "ads/page.html")]
struct AdsPage {
    frame: Frame,
    live: Option<String>,
    version: i64,
    printed: String,
    crumbs: Vec<(String, String)>,
    title: String,
    tag: Option<Tag>,
    facts: Vec<String>,
    tools: Tools,
    note: Option<(String, String, bool)>,
    stats: Vec<Stat>,
    chart: Drawn,
    measures: Vec<Tab>,
    units: Vec<Tab>,
    state: Option<(&'static str, String)>,
    csv: String,
    fall: Option<Fall>,
    certainty: Option<Certainty>,
    pacing: Option<Pacing>,
    panels: Vec<AdPanelView>,
    foot: Vec<String>,
}

enum Drawn {
    Bars(BarChart),
    Line(Box<Chart>),
    Nothing,
}

/// What a page was made of.
pub(crate) struct Made<'a> {
    pub(crate) subject: &'a Subject,
    pub(crate) choice: &'a Choice,
    pub(crate) names: &'a Names,
    pub(crate) loaded: Loaded,
    pub(crate) audience: Option<Audience>,
    /// How the clicks of a campaign or ad were judged.
    pub(crate) judged: Option<Result<Judged, Failure>>,
    pub(crate) pacing: Option<Pacing>,
}

/// Writes the page.
pub(crate) fn render(app: &App, made: Made<'_>, request: &Parts) -> Response {
    let Made { subject, choice, names, loaded, audience, judged, pacing } = made;
    let (period, view) = (&subject.period, &choice.view);
    let none = Figures::default();
    let figures = loaded.figures.as_ref().unwrap_or(&none);
    let context = Context {
        choice,
        names,
        period,
        unit: subject.unit,
        all: &figures.current,
        saved: &loaded.saved,
        spent: loaded.spent.as_ref(),
        is_known: loaded.figures.is_ok(),
        trends: &loaded.trends,
        seconds_max: app.queries.seconds_max,
    };
    let saved = total_saved(&loaded.saved);
    let whole = choice.campaign.is_empty() && choice.ad.is_empty();
    let away = matches!(loaded.figures, Err(Failure::Away));
    let note = delay_note(app, period, away)
        .or_else(|| if whole { invalid_note(choice, &loaded.lists, names) } else { None });
    let state = state(subject, &loaded.figures, app.queries.seconds_max);
    let heading = heading(choice, names, &loaded.lists, loaded.spent.as_ref());
    let title = match whole {
        true => w::title_ads(&view.site),
        false => w::title_ad(&heading.title, &view.site),
    };
    let look = loaded.look.as_ref().map_err(|_| ());
    let foot = foot(app, subject, look, w::ADS_MEANING.to_owned());
    let judged = judged.and_then(Result::ok);
    let fall = if whole { None } else { fall(figures, &loaded.lists, judged.as_ref(), choice) };
    let page = AdsPage {
        frame: frame_of(app, request, title, view),
        live: period
            .is_live()
            .then(|| format!("/sites/{}/now-ads.json", format::path_segment(&view.site))),
        version: loaded.look.as_ref().map_or(0, |look| look.version),
        printed: w::printed(
            &view.site,
            &format::days(&period.current),
            view.gross,
            subject.zone_name(),
        ),
        crumbs: heading.crumbs,
        title: heading.title,
        tag: heading.tag,
        facts: heading.facts,
        tools: Tools::of(subject, |view| choice.with(|choice| choice.view = view.clone()).href()),
        note,
        stats: match loaded.figures {
            Ok(_) => stats(choice, figures, saved),
            Err(_) => unread(stats(choice, figures, None)),
        },
        chart: if state.is_none() { draw(subject, choice, figures) } else { Drawn::Nothing },
        measures: measures(choice, &figures.current),
        units: units(subject, choice),
        state,
        csv: choice.href_as(".csv"),
        fall,
        certainty: judged.and_then(|judged| certainty::of(&judged.summary, judged.tried, choice)),
        pacing,
        panels: panels(&context, loaded.lists, audience),
        foot,
    };
    crate::frame::render(&page)
}

/// The note above a site's campaigns, of which much is invalid.
fn invalid_note(choice: &Choice, lists: &Lists, names: &Names) -> Option<(String, String, bool)> {
    let rows = lists.rows.as_ref().ok().filter(|_| choice.rows == Rows::Campaigns)?;
    much_invalid(rows, names).map(|(strong, text)| (strong, text, false))
}

/// From gross to net, of a campaign or an ad.
fn fall(
    figures: &Figures,
    lists: &Lists,
    judged: Option<&Judged>,
    choice: &Choice,
) -> Option<Fall> {
    let unknown = Summary::default();
    let known = judged.map_or(&unknown, |judged| &judged.summary);
    fall::draw(figures, &lists.removed, known, choice)
}

fn measures(choice: &Choice, all: &Sums) -> Vec<Tab> {
    let one_currency = money::main_currency(&all.purse).is_some();
    Measure::ALL
        .into_iter()
        .filter(|measure| *measure != Measure::Spend || one_currency)
        .map(|measure| Tab {
            label: w::measure(measure),
            href: choice.with(|choice| choice.measure = measure).href(),
            current: choice.measure == measure,
        })
        .collect()
}

fn units(subject: &Subject, choice: &Choice) -> Vec<Tab> {
    let units = Unit::ALL.into_iter().filter(|unit| unit.fits(subject.period.days()));
    let tab = |unit| Tab {
        label: w::units(unit),
        href: choice.with(|choice| choice.view.unit = Some(unit)).href(),
        current: unit == subject.unit,
    };
    units.map(tab).collect()
}

fn draw(subject: &Subject, choice: &Choice, figures: &Figures) -> Drawn {
    let (period, unit, measure) = (&subject.period, subject.unit, choice.measure);
    if matches!(measure, Measure::Clicks | Measure::Impressions) {
        return Drawn::Bars(bars::draw(figures, period, unit, measure));
    }
    let currency = money::main_currency(&figures.current.purse).unwrap_or("EUR").to_owned();
    let none = Sums::default();
    let value = |at: i64| {
        let sums = figures.buckets.get(&at).unwrap_or(&none);
        sums.value(measure, choice.view.gross, &currency)
    };
    let buckets = period.buckets(unit);
    let series = Series {
        kind: match measure.kind(&currency) {
            Kind::Money(_) if currency.len() != 3 => Kind::Ratio,
            kind => kind,
        },
        label: w::measure(measure),
        title: w::bars_title(measure, unit, &format::days(&period.current)),
        now: buckets.iter().map(|bucket| value(bucket.from)).collect(),
        before: buckets.iter().map(|bucket| bucket.previous.and_then(value)).collect(),
    };
    Drawn::Line(Box::new(chart::line_chart(period, unit, &series)))
}

fn state(
    subject: &Subject,
    figures: &Result<Figures, Failure>,
    seconds_max: u32,
) -> Option<(&'static str, String)> {
    match figures {
        Err(Failure::Away) => Some((w::UNAVAILABLE, w::tried_for(seconds_max))),
        Err(failure) => Some((w::UNAVAILABLE, w::failure(*failure, seconds_max))),
        Ok(figures) if figures.current.is_empty() => Some(match subject.view.preset {
            None => (w::NO_ADS, w::no_ads(&subject.site.domain)),
            Some(_) => (w::NO_ADS_HERE, w::no_ads_here(&format::days(&subject.period.current))),
        }),
        Ok(_) => None,
    }
}

fn panels(context: &Context<'_>, lists: Lists, audience: Option<Audience>) -> Vec<AdPanelView> {
    let scoped = !context.choice.campaign.is_empty();
    let mut out = Vec::new();
    if context.choice.ad.is_empty() {
        out.push(context.panel(AdPanel::Campaigns, lists.rows, scoped));
    }
    if !scoped && context.choice.ad.is_empty() {
        out.push(context.positions(lists.positions));
        out.push(context.removed(lists.removed));
    } else {
        out.push(context.positions(lists.positions));
    }
    out.push(context.panel(AdPanel::Placements, lists.placements, true));
    out.push(context.panel(AdPanel::Criteria, lists.criteria, true));
    if let Some(audience) = audience {
        out.push(context.panel(AdPanel::Devices, audience.devices, true));
        out.push(context.panel(AdPanel::Countries, audience.countries, true));
        out.push(context.panel(AdPanel::Delay, audience.delays, true));
    }
    out
}
