//! A list on a page of its own, as CSV or as JSON: `/sites/{site}/pages`, `.csv`, `.json`.

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use http::request::Parts;

use super::pager::Pager;
use super::panel::{Body, Tab, list};
use super::{Panel, export, load};
use crate::ads::choice::AdPanel;
use crate::asked::{Asked, Pairs, said, split_extension};
use crate::error::Problem;
use crate::figures::Figures;
use crate::frame::{Frame, Theme, render};
use crate::site::view::Tools;
use crate::site::{Subject, delay_note, foot, frame, unavailable};
use crate::view::View;
use crate::{App, ads, clicks, format, words as w};

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
    pager: Pager,
    foot: Vec<String>,
}

/// Any table of a site.
pub(crate) async fn any(
    State(app): State<App>,
    Path((site, table)): Path<(String, String)>,
    Query(pairs): Pairs,
    request: Parts,
) -> Response {
    let (word, extension) = split_extension(&table);
    let asked = Asked { site: &site, extension, pairs: &pairs, request: &request };
    let result = match (Panel::parse(word), AdPanel::parse(word)) {
        (Some(panel), _) => answer(&app, panel, asked).await,
        (None, Some(panel)) => ads::list::answer(&app, panel, asked).await,
        (None, None) => match word {
            "ads" => ads::of_site(&app, asked).await,
            "clicks" => clicks::list::answer(&app, asked).await,
            "rules" => clicks::compare::answer(&app, asked).await,
            _ => Err(Problem::NotFound),
        },
    };
    said(result, extension)
}

async fn answer(app: &App, panel: Panel, asked: Asked<'_>) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = asked.subject(app, &runner).await?;
    let Subject { view, period, unit, .. } = &subject;
    let dimension = view.tab(panel);
    let limit = asked.rows_max(app, ROWS);
    let offset = (view.page - 1).saturating_mul(limit);
    // Shares are of all visitors, which the figures know.
    let (rows, figures) = tokio::join!(
        load(&runner, view, period, dimension, limit, offset),
        Figures::load(&runner, view, period, *unit)
    );
    let visitors = figures.as_ref().map_or(0, |figures| figures.current.visitors);
    match asked.extension {
        ".csv" => Ok(export::table_csv(&subject, panel, &rows.map_err(unavailable)?)),
        ".json" => Ok(export::table_json(&subject, panel, &rows.map_err(unavailable)?, visitors)),
        _ => Ok(page(app, &subject, panel, rows, visitors, asked.request)),
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
    let shown = rows.as_ref().map_or(0, Vec::len);
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
        pager: Pager::new((view.page, ROWS), (shown, total), at, |extension| {
            overview.table_href(panel, extension)
        }),
        body,
        foot: foot(app, subject, Err(()), String::new()),
    };
    render(&page)
}
