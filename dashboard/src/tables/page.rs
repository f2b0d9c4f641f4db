//! A list on a page of its own, as CSV or as JSON: `/sites/{site}/pages`, `.csv`, `.json`.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use super::panel::{Body, Tab, list};
use super::{Panel, export, load};
use crate::ads::choice::AdPanel;
use crate::error::Problem;
use crate::figures::Figures;
use crate::frame::{Frame, Theme, render};
use crate::site::view::Tools;
use crate::site::{Subject, delay_note, frame, freshness_line, split_extension, unavailable};
use crate::view::View;
use crate::{App, ads, format, words as w};

/// Rows of one page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "tables/page.html")]
struct TablePage {
    frame: Frame,
    title: &'static str,
    back: String,
    printed: String,
    tools: Tools,
    note: Option<(String, String, bool)>,
    tabs: Vec<Tab>,
    heading: String,
    body: Body,
    csv: String,
    json: String,
    earlier: Option<String>,
    later: Option<String>,
    rows: Option<String>,
    foot: Vec<String>,
}

/// Any table of a site.
pub(crate) async fn any(
    State(app): State<App>,
    Path((name, table)): Path<(String, String)>,
    Query(pairs): Query<Vec<(String, String)>>,
    request: Parts,
) -> Response {
    let (word, extension) = split_extension(&table);
    let result = match (Panel::parse(word), AdPanel::parse(word)) {
        (Some(panel), _) => answer(&app, &name, panel, extension, &pairs, &request).await,
        (None, Some(panel)) => {
            ads::list::answer(&app, &name, panel, extension, &pairs, &request).await
        }
        (None, None) if word == "ads" => {
            return ads::of_site(&app, &name, extension, &pairs, &request).await;
        }
        (None, None) if word == "clicks" => {
            crate::clicks::list_as(&app, &name, extension, &pairs, &request).await
        }
        (None, None) if word == "rules" => {
            crate::clicks::compare::answer(&app, &name, extension, &pairs, &request).await
        }
        (None, None) => Err(Problem::NotFound),
    };
    match (result, extension) {
        (Ok(response), _) => response,
        (Err(problem), "") => problem.into_response(),
        (Err(problem), _) => problem.json(),
    }
}

async fn answer(
    app: &App,
    name: &str,
    panel: Panel,
    extension: &str,
    pairs: &[(String, String)],
    request: &Parts,
) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = Subject::resolve(app, &runner, name, pairs).await?;
    let Subject { view, period, unit, .. } = &subject;
    let dimension = view.tab(panel);
    let limit = if extension.is_empty() { ROWS } else { app.settings.export_rows_max.max(1) };
    let offset = (view.page - 1).saturating_mul(limit);
    // Shares are of all visitors, which the figures know.
    let (rows, figures) = tokio::join!(
        load(&runner, view, period, dimension, limit, offset),
        Figures::load(&runner, view, period, *unit)
    );
    let visitors = figures.as_ref().map_or(0, |figures| figures.current.visitors);
    match extension {
        ".csv" => Ok(export::table_csv(&subject, panel, &rows.map_err(unavailable)?)),
        ".json" => Ok(export::table_json(&subject, panel, &rows.map_err(unavailable)?, visitors)),
        _ => Ok(page(app, &subject, panel, rows, visitors, request)),
    }
}

fn page(
    app: &App,
    subject: &Subject,
    panel: Panel,
    rows: Result<Vec<super::Row>, crate::query::Failure>,
    visitors: i64,
    request: &Parts,
) -> Response {
    let Subject { view, period, .. } = subject;
    let dimension = view.tab(panel);
    let total = rows.as_ref().ok().and_then(|rows| rows.first()).map_or(0, |row| row.rows);
    let shown = rows.as_ref().map_or(0, Vec::len) as u64;
    let first = u64::from(view.page - 1) * u64::from(ROWS);
    let away = matches!(rows, Err(crate::query::Failure::Away));
    let at = |page: u32| {
        let mut view = view.clone();
        view.page = page;
        view.table_href(panel, "")
    };
    let body = match rows {
        Err(failure) => Body::Failed(w::failure(failure, app.queries.seconds_max)),
        Ok(rows) if rows.is_empty() => Body::Empty(w::panel_empty(panel)),
        Ok(rows) => Body::List(list(dimension, &rows, visitors)),
    };
    let tabs = panel.tabs().iter().enumerate().map(|(tab, slug)| Tab {
        label: w::tab(*slug),
        href: view.with(|view| view.tabs[panel as usize] = tab).table_href(panel, ""),
        current: *slug == dimension,
    });
    let days = format::days(&period.current);
    let overview = view.with(|_| {});
    let page = TablePage {
        frame: frame(app, request, w::title_table(panel, &view.site), Some(&overview), false),
        title: w::panel(panel),
        back: overview.href(),
        printed: w::printed(&view.site, &days, view.gross, subject.zone_name()),
        tools: Tools::of(subject, |view: &View| view.table_href(panel, "")),
        note: delay_note(app, period, away),
        tabs: if panel.tabs().len() > 1 { tabs.collect() } else { Vec::new() },
        heading: w::all_of(dimension, total),
        csv: overview.table_href(panel, ".csv"),
        json: overview.table_href(panel, ".json"),
        earlier: (view.page > 1).then(|| at(view.page - 1)),
        later: (first + shown < total).then(|| at(view.page + 1)),
        rows: (shown > 0).then(|| w::rows_shown(first + 1, first + shown, total)),
        body,
        foot: [freshness_line(app, period, Err(())), w::times_in(subject.zone_name())]
            .into_iter()
            .filter(|line| !line.is_empty())
            .collect(),
    };
    render(&page)
}
