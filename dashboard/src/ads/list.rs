//! A list about ads on a page of its own, as CSV or as JSON: `/sites/{site}/placements`, `.csv`,
//! `.json`; of one campaign or ad by `?campaign=` or `?ad=`.

use askama::Template;
use axum::response::Response;
use http::request::Parts;

use super::budget::{self, Spent};
use super::choice::{AdPanel, Choice, Rows};
use super::figures::Figures;
use super::lists::{self, By, ListRow, Saved, Trends};
use super::load::{by, with_catalogue};
use super::names::Names;
use super::panels::{Body, Context};
use super::table::{Cell, Style};
use super::{export, names};
use crate::App;
use crate::asked::Asked;
use crate::error::Problem;
use crate::frame::{Frame, Theme, render};
use crate::query::{Failure, Runner};
use crate::site::view::Tools;
use crate::site::{Subject, delay_note, foot, frame_of, unavailable};
use crate::tables::pager::Pager;
use crate::tables::panel::Tab;
use crate::{format, words as w};

/// Rows of one page.
const ROWS: u32 = 100;

#[derive(Template)]
#[template(path = "ads/list.html")]
struct ListPage {
    frame: Frame,
    title: &'static str,
    crumbs: Vec<(String, String)>,
    printed: String,
    tools: Tools,
    note: Option<(String, String, bool)>,
    tabs: Vec<Tab>,
    heading: String,
    body: Body,
    pager: Pager,
    foot: Vec<String>,
}

/// What a list holds.
pub(super) enum Rowed {
    Rows(Vec<ListRow>),
    /// Clicks by reason.
    Removed(Vec<(String, i64)>),
}

impl Rowed {
    fn len(&self) -> usize {
        match self {
            Rowed::Rows(rows) => rows.len(),
            Rowed::Removed(rows) => rows.len(),
        }
    }

    /// Rows of the whole list.
    pub(super) fn total(&self) -> u64 {
        match self {
            Rowed::Rows(rows) => rows.first().map_or(0, |row| row.rows),
            Rowed::Removed(rows) => rows.len() as u64,
        }
    }
}

/// Answers for a list.
pub(crate) async fn answer(
    app: &App,
    panel: AdPanel,
    asked: Asked<'_>,
) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = asked.subject(app, &runner).await?;
    let choice = Choice::parse(subject.view.clone(), asked.pairs)?;
    let names = names(app, &subject);
    let limit = asked.rows_max(app, ROWS);
    let (rows, figures) = tokio::join!(
        read(&runner, &subject, &choice, &names, panel, limit),
        Figures::load(&runner, &choice, &subject.period, subject.unit),
    );
    match asked.extension {
        ".csv" => {
            Ok(export::list_csv(&subject, &choice, &names, panel, &rows.map_err(unavailable)?))
        }
        ".json" => {
            Ok(export::list_json(&subject, &choice, &names, panel, &rows.map_err(unavailable)?))
        }
        _ => {
            let made = Made { subject, choice, names, panel, rows, figures };
            Ok(page(app, &runner, made, asked.request).await)
        }
    }
}

async fn read(
    runner: &Runner<'_>,
    subject: &Subject,
    choice: &Choice,
    names: &Names,
    panel: AdPanel,
    limit: u32,
) -> Result<Rowed, Failure> {
    let period = &subject.period;
    let offset = (choice.view.page - 1).saturating_mul(limit);
    let list = |by| lists::load(runner, choice, period, by, limit, offset);
    let rows = match panel {
        AdPanel::Removed => {
            return Ok(Rowed::Removed(lists::removed(runner, choice, period).await?));
        }
        // Campaigns without figures come from the catalogue: the pages are cut here.
        AdPanel::Campaigns if choice.rows != Rows::Ads => {
            let rows = lists::load(runner, choice, period, By::Campaign, 10_000, 0).await?;
            let rows = with_catalogue(rows, choice, names);
            rows.into_iter().skip(offset as usize).take(limit as usize).collect()
        }
        AdPanel::Campaigns => list(by(choice.rows)).await?,
        AdPanel::Positions => list(By::Position).await?,
        AdPanel::Placements => list(By::Placement).await?,
        AdPanel::Criteria => list(By::Criteria).await?,
        AdPanel::Devices => list(By::Device).await?,
        AdPanel::Countries => list(By::Country).await?,
        AdPanel::Delay => list(By::Delay).await?,
    };
    Ok(Rowed::Rows(rows))
}

struct Made {
    subject: Subject,
    choice: Choice,
    names: Names,
    panel: AdPanel,
    rows: Result<Rowed, Failure>,
    figures: Result<Figures, Failure>,
}

async fn page(app: &App, runner: &Runner<'_>, made: Made, request: &Parts) -> Response {
    let Made { subject, choice, names, panel, rows, figures } = made;
    let (view, period) = (&choice.view, &subject.period);
    let away = matches!(rows, Err(Failure::Away));
    let total = rows.as_ref().map_or(0, Rowed::total);
    let shown = rows.as_ref().map_or(0, Rowed::len);
    let (saved, spent) = beside(runner, &subject, &choice, panel, rows.as_ref().ok()).await;
    let is_known = figures.is_ok();
    let figures = figures.unwrap_or_default();
    let context = Context {
        choice: &choice,
        names: &names,
        period,
        unit: subject.unit,
        all: &figures.current,
        saved: &saved,
        spent: spent.as_ref(),
        is_known,
        trends: &Trends::new(),
        seconds_max: app.queries.seconds_max,
    };
    let body = match &rows {
        Err(failure) => Body::Failed(w::failure(*failure, app.queries.seconds_max)),
        Ok(rows) if rows.len() == 0 => Body::Empty(w::ad_panel_empty(panel)),
        Ok(Rowed::Rows(rows)) => Body::Table(context.table(panel, rows, false)),
        Ok(Rowed::Removed(rows)) => Body::Table(context.removed_table(rows, rows.len())),
    };
    let at = |page: u32| {
        let mut choice = choice.clone();
        choice.view.page = page;
        choice.list_href(panel, "")
    };
    let tabs = Rows::ALL.into_iter().filter(|_| panel == AdPanel::Campaigns).map(|rows| Tab {
        label: w::rows(rows),
        href: choice.with(|choice| choice.rows = rows).list_href(panel, ""),
        current: choice.rows == rows,
    });
    let days = format::days(&period.current);
    let plain = choice.with(|_| {});
    let page = ListPage {
        frame: frame_of(app, request, w::title_ad_list(panel, &view.site), view),
        title: w::ad_panel(panel),
        crumbs: crumbs(&plain, &names),
        printed: w::printed(&view.site, &days, view.gross, subject.zone_name()),
        tools: Tools::of(&subject, |view| {
            choice.with(|choice| choice.view = view.clone()).list_href(panel, "")
        }),
        note: delay_note(app, period, away),
        tabs: tabs.collect(),
        heading: w::all_ads(panel, choice.rows, total),
        body,
        pager: Pager::new((view.page, ROWS), (shown, total), at, |extension| {
            plain.list_href(panel, extension)
        }),
        foot: foot(app, &subject, Err(()), w::ADS_MEANING.to_owned()),
    };
    render(&page)
}

/// The pages above a list: all ads, then the campaign or ad that it is of.
pub(crate) fn crumbs(choice: &Choice, names: &Names) -> Vec<(String, String)> {
    let all = choice.with(|choice| {
        choice.campaign.clear();
        choice.ad.clear();
    });
    let mut out = vec![(w::ADS.to_owned(), all.href())];
    if !choice.campaign.is_empty() {
        let name = names.campaign_name(&choice.campaign);
        out.push((name, choice.campaign_href(&choice.campaign)));
    }
    if !choice.ad.is_empty() {
        out.push((names.ad_name(&choice.ad), choice.ad_href(&choice.ad)));
    }
    out
}

/// What stands beside the rows of campaigns. Without it the list is still right.
async fn beside(
    runner: &Runner<'_>,
    subject: &Subject,
    choice: &Choice,
    panel: AdPanel,
    rows: Option<&Rowed>,
) -> (Saved, Option<Spent>) {
    let (AdPanel::Campaigns, Some(Rowed::Rows(rows))) = (panel, rows) else {
        return (Saved::new(), None);
    };
    let names: Vec<&str> = match choice.rows {
        Rows::Campaigns => rows.iter().map(|row| row.name.as_str()).collect(),
        _ => Vec::new(),
    };
    let (saved, spent) = tokio::join!(
        lists::saved(runner, choice, &subject.period, choice.rows == Rows::Ads),
        budget::spent(runner, &names),
    );
    (saved.unwrap_or_default(), spent.ok())
}
