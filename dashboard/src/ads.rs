//! Pages about ads: `/sites/{site}/ads`, `/sites/{site}/campaigns/{id}`, `/sites/{site}/ads/{id}`,
//! and their lists (`/sites/{site}/placements`); everything also as `.json` and `.csv`.
//!
//! # Layout
//!
//! - `choice`: what a page shows, as its address says it.
//! - `figures`, `lists`: statements beside the rows they fill. `load`: what a page reads.
//! - `names`: what the catalogue says. `money`, `budget`: per currency, never added up.
//! - `bars`, `positions`, `fall`, `certainty`, `budget`: how it is drawn. `table`, `rows`, `panels`:
//!   lists.
//! - `page` (with `heading` and `stats`), `list`, `export`: what is answered.
//!
//! Figures are those of the site that showed the ads; what a campaign has spent of its budget is
//! counted on all sites. Every rate stands beside its 95 % Wilson interval.

mod bars;
mod budget;
mod certainty;
pub(crate) mod choice;
mod export;
mod fall;
mod figures;
mod heading;
pub(crate) mod list;
pub(crate) mod lists;
mod load;
pub(crate) mod money;
pub(crate) mod names;
mod page;
mod panels;
mod positions;
mod rows;
mod stats;
pub(crate) mod table;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use footfall_event::ads::is_name;
use http::request::Parts;
use http::{HeaderValue, header};

use self::choice::{Choice, Rows};
use self::names::Names;
use crate::App;
use crate::asked::{Asked, Pairs, said, split_extension};
use crate::error::Problem;
use crate::query::now_ms;
use crate::site::Subject;

/// What a page is about.
#[derive(Clone, Debug)]
pub(crate) enum Scope {
    All,
    Campaign(String),
    Ad(String),
}

/// `GET /sites/{site}/ads`, also `.json` and `.csv`.
pub(crate) async fn of_site(app: &App, asked: Asked<'_>) -> Result<Response, Problem> {
    answer(app, &Scope::All, asked).await
}

/// `GET /sites/{site}/campaigns/{id}`, also `.json` and `.csv`.
pub(crate) async fn campaign(
    State(app): State<App>,
    Path((site, id)): Path<(String, String)>,
    Query(pairs): Pairs,
    request: Parts,
) -> Response {
    let known = app.catalog.load().campaigns.contains_key(&id);
    let (id, extension) = if known { (id.as_str(), "") } else { split_extension(&id) };
    let scope = Scope::Campaign(id.to_owned());
    let asked = Asked { site: &site, extension, pairs: &pairs, request: &request };
    said(answer(&app, &scope, asked).await, extension)
}

/// `GET /sites/{site}/ads/{id}`, also `.json` and `.csv`.
pub(crate) async fn ad(
    State(app): State<App>,
    Path((site, id)): Path<(String, String)>,
    Query(pairs): Pairs,
    request: Parts,
) -> Response {
    let known = app.catalog.load().ads.contains_key(&id);
    let (id, extension) = if known { (id.as_str(), "") } else { split_extension(&id) };
    let scope = Scope::Ad(id.to_owned());
    let asked = Asked { site: &site, extension, pairs: &pairs, request: &request };
    said(answer(&app, &scope, asked).await, extension)
}

async fn answer(app: &App, scope: &Scope, asked: Asked<'_>) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = asked.subject(app, &runner).await?;
    let mut choice = Choice::parse(subject.view.clone(), asked.pairs)?;
    (choice.campaign, choice.ad) = match scope {
        Scope::All => Default::default(),
        Scope::Campaign(id) => (id.clone(), String::new()),
        Scope::Ad(id) => (String::new(), id.clone()),
    };
    if let Scope::Campaign(id) | Scope::Ad(id) = scope {
        // What the catalogue does not know may still have been counted.
        if !is_name(id) {
            return Err(Problem::NotFound);
        }
        choice.rows = Rows::Ads;
    }
    let names = names(app, &subject);
    if asked.extension == ".csv" {
        let figures = figures::Figures::load(&runner, &choice, &subject.period, subject.unit).await;
        return Ok(export::figures_csv(
            &subject,
            &choice,
            figures.map_err(crate::site::unavailable)?,
        ));
    }
    let loaded = load::load(app, &runner, &subject, &choice, &names).await;
    if asked.extension == ".json" {
        return export::page_json(&subject, &choice, &names, loaded);
    }
    let audience = match scope {
        Scope::Ad(_) => Some(load::audience(&runner, &subject, &choice).await),
        _ => None,
    };
    let judged = match scope {
        Scope::All => None,
        _ => Some(load::judged(app, &runner, &subject, &choice).await),
    };
    let pacing = match names.campaign(&choice.campaign) {
        Some(campaign) => {
            let read = budget::pacing(&runner, campaign, &names.zone, names.now).await;
            read.ok().flatten()
        }
        None => None,
    };
    let refresh = subject.view.refresh;
    let made = page::Made {
        subject: &subject,
        choice: &choice,
        names: &names,
        loaded,
        audience,
        judged,
        pacing,
    };
    let mut response = page::render(app, made, asked.request);
    if let Some(seconds) = refresh {
        response.headers_mut().insert(header::REFRESH, HeaderValue::from(seconds));
    }
    Ok(response)
}

pub(crate) fn names(app: &App, subject: &Subject) -> Names {
    Names { catalog: app.catalog.load(), zone: subject.period.zone.clone(), now: now_ms() }
}
