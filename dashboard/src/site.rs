//! The overview of one site: figures, chart, panels. `/sites/{site}`, and the same as `.json`
//! and `.csv`.

pub(crate) mod view;

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use clickhouse::Row;
use footfall_event::catalog::Site;
use http::request::Parts;
use http::{HeaderValue, header};
use jiff::civil::Date;
use serde::Deserialize;

use crate::asked::{Asked, Pairs, said, split_extension};
use crate::auth::{guard, session::Session};
use crate::error::Problem;
use crate::figures::Figures;
use crate::frame::{Frame, SiteLink, Theme};
use crate::live::Look;
use crate::period::{self, Period, Preset, Unit};
use crate::query::{Failure, Runner, now_ms};
use crate::tables::{self, Panel, export};
use crate::view::View;
use crate::{App, Dashboard, format, words as w};

/// A site, what to show of it, and when.
pub(crate) struct Subject {
    pub(crate) site: Site,
    pub(crate) view: View,
    pub(crate) period: Period,
    pub(crate) unit: Unit,
}

/// A site younger than this shows today first, milliseconds.
const YOUNG_MS: i64 = 24 * 3_600 * 1_000;

/// Everything the overview reads.
pub(crate) struct Overview {
    pub(crate) figures: Result<Figures, Failure>,
    pub(crate) panels: [Result<Vec<tables::Row>, Failure>; Panel::ALL.len()],
    pub(crate) look: Result<Look, Failure>,
}

/// `GET /sites/{site}`, `/sites/{site}.json`, `/sites/{site}.csv`.
pub(crate) async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
    Query(pairs): Pairs,
    request: Parts,
) -> Response {
    let (site, extension) = split_extension(&name);
    let asked = Asked { site, extension, pairs: &pairs, request: &request };
    said(answer(&app, asked).await, extension)
}

async fn answer(app: &App, asked: Asked<'_>) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = asked.subject(app, &runner).await?;
    match asked.extension {
        ".json" => Ok(export::overview_json(&subject, load(app, &runner, &subject).await)?),
        ".csv" => {
            let (view, period) = (&subject.view, &subject.period);
            let figures = Figures::load(&runner, view, period, subject.unit).await;
            Ok(export::figures_csv(&subject, figures.map_err(unavailable)?))
        }
        _ => {
            let overview = load(app, &runner, &subject).await;
            let mut response = view::render(app, &subject, overview, asked.request);
            if let Some(seconds) = subject.view.refresh {
                response.headers_mut().insert(header::REFRESH, HeaderValue::from(seconds));
            }
            Ok(response)
        }
    }
}

/// Reads everything at once, as many queries at a time as a page may have.
pub(crate) async fn load(app: &Dashboard, runner: &Runner<'_>, subject: &Subject) -> Overview {
    let Subject { view, period, unit, .. } = subject;
    let panel = |panel: Panel| {
        tables::load(runner, view, period, view.tab(panel), tables::overview_rows(panel), 0)
    };
    let (figures, pages, sources, locations, devices, searches, actions, look) = tokio::join!(
        Figures::load(runner, view, period, *unit),
        panel(Panel::Pages),
        panel(Panel::Sources),
        panel(Panel::Locations),
        panel(Panel::Devices),
        panel(Panel::Searches),
        panel(Panel::Actions),
        app.live.at(runner, &view.site),
    );
    Overview { figures, panels: [pages, sources, locations, devices, searches, actions], look }
}

impl Subject {
    /// The site and view of a request.
    pub(crate) async fn resolve(
        app: &Dashboard,
        runner: &Runner<'_>,
        name: &str,
        pairs: &[(String, String)],
    ) -> Result<Subject, Problem> {
        let site = app.catalog.load().sites.get(name).cloned().ok_or(Problem::NotFound)?;
        let view = View::parse(&site.domain, pairs)?;
        let now = now_ms();
        let usual = if now - site.created_at < YOUNG_MS { Preset::Today } else { Preset::Days(28) };
        let preset = view.preset.unwrap_or(usual);
        let zone = period::zone(&site.timezone);
        let oldest = match preset {
            Preset::All => oldest(runner, &zone, &site.domain).await.map_err(unavailable)?,
            _ => None,
        };
        let period = Period::resolve(preset, view.compare, &zone, now, oldest);
        let days = period.days();
        let unit = view.unit.filter(|unit| unit.fits(days)).unwrap_or(Unit::usual(days));
        Ok(Subject { site, view, period, unit })
    }

    /// The name of the time zone as the page says it.
    pub(crate) fn zone_name(&self) -> &str {
        match self.site.timezone.as_str() {
            "" => "UTC",
            name => name,
        }
    }
}

#[derive(Debug, Row, Deserialize)]
struct OldestRow {
    first: i64,
}

/// The day of the first event.
async fn oldest(
    runner: &Runner<'_>,
    zone: &jiff::tz::TimeZone,
    site: &str,
) -> Result<Option<Date>, Failure> {
    let query = runner.client().query(include_str!("site/oldest.sql")).bind(site);
    let rows: Vec<OldestRow> = runner.rows("oldest", query).await?;
    Ok(rows.first().map(|row| period::date_of(zone, row.first)))
}

pub(crate) fn unavailable(failure: Failure) -> Problem {
    Problem::Unavailable(format!("{failure:?}"))
}

/// The frame around a page of a site.
pub(crate) fn frame(
    app: &Dashboard,
    request: &Parts,
    title: String,
    view: Option<&View>,
    setup: bool,
) -> Frame {
    let session = request.extensions.get::<Option<Session>>().cloned().flatten();
    let catalog: Arc<_> = app.catalog.load();
    let sites = catalog.sites.keys().take(SITES_LISTED_MAX).map(|domain| {
        let current = view.is_some_and(|view| view.site == *domain);
        // The same period and choices, for the other site.
        let href = view.map_or_else(
            || View::new(domain).href(),
            |view| view.with(|view| view.site.clone_from(domain)).href(),
        );
        SiteLink { domain: domain.clone(), href, current }
    });
    let theme = crate::auth::session::cookie(&request.headers, "theme").unwrap_or("");
    let here = request.uri.path_and_query().map_or("/", |here| here.as_str());
    Frame {
        title,
        site: view.map(|view| view.site.clone()),
        sites: if view.is_some() { sites.collect() } else { Vec::new() },
        overview: view.map(|view| {
            let here = request.uri.path().matches('/').count() == 2;
            (view.href(), !setup && here)
        }),
        ads: view.map(|view| {
            let href = format!("/sites/{}/ads{}", format::path_segment(&view.site), view.query());
            (href, false)
        }),
        setup: view
            .map(|view| (format!("/sites/{}/setup", format::path_segment(&view.site)), setup)),
        user: session.as_ref().map(|session| session.user.clone()),
        theme: Theme::parse(theme),
        token: guard::form_token(app, session.as_ref()),
        here: here.to_owned(),
        assets: &crate::assets::ASSETS,
    }
}

/// The frame around a page about ads.
pub(crate) fn frame_of(app: &Dashboard, request: &Parts, title: String, view: &View) -> Frame {
    let mut frame = frame(app, request, title, Some(view), false);
    frame.overview = frame.overview.map(|(href, _)| (href, false));
    frame.ads = frame.ads.map(|(href, _)| (href, true));
    frame
}

/// Sites in the picker; the list of all of them has pages.
const SITES_LISTED_MAX: usize = 50;

/// The line at the foot: how current the figures are.
fn freshness_line(app: &Dashboard, period: &Period, look: Result<&Look, ()>) -> String {
    let (zone, now) = (&period.zone, period.now);
    match (app.status.get().loaded_up_to, look) {
        (Some(at), _) => w::data_up_to(&format::moment(zone, at, now), &format::behind(now - at)),
        (None, Ok(look)) if look.received_at > 0 => {
            w::last_event(&format::moment(zone, look.received_at, now))
        }
        _ => String::new(),
    }
}

/// What stands at the foot of a page: how current it is, the times' zone, and what is to be known of
/// its figures.
pub(crate) fn foot(
    app: &Dashboard,
    subject: &Subject,
    look: Result<&Look, ()>,
    meaning: String,
) -> Vec<String> {
    let mut foot =
        vec![freshness_line(app, &subject.period, look), w::times_in(subject.zone_name()), meaning];
    foot.retain(|line| !line.is_empty());
    foot
}

/// The note above the figures when they are delayed: strong part, rest, and whether it is an error.
pub(crate) fn delay_note(
    app: &Dashboard,
    period: &Period,
    away: bool,
) -> Option<(String, String, bool)> {
    let known = app.status.get();
    let clock = |at: i64| format::clock(&period.zone, at);
    if away || known.engine_down_since.is_some() {
        let since = known.engine_down_since.or(app.queries.away_since());
        let strong = since.map_or_else(|| w::DELAYED.to_owned(), |at| w::delayed_since(&clock(at)));
        return Some((strong, w::nothing_lost(known.waiting), true));
    }
    let up_to = known.loaded_up_to?;
    let noted_ms = i64::from(app.settings.delay_seconds_noted) * 1_000;
    (period.now - up_to > noted_ms).then(|| {
        let moment = format::moment(&period.zone, up_to, period.now);
        (w::behind(&moment), w::catching_up(known.waiting), false)
    })
}
