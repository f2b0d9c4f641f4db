//! The evidence of one click: its record, its verdict and how it came about, each signal against its
//! threshold, and the clicks around it. A page, and the same as JSON.
//!
//! # Layout
//!
//! - `load`: what is read. `rows`: what it is read into. `facts`: what findings look at.
//! - `signals`: each signal, from `own` (the click alone), `repeats` (its visitor and network) and
//!   `place` (its placement).
//! - `case`: all of it together. `page` (with `record`, `story`, `lanes`, `neighbours`) and `export`
//!   write it down.

mod case;
mod export;
mod facts;
mod lanes;
mod load;
mod neighbours;
mod own;
mod page;
mod place;
mod record;
mod repeats;
mod rows;
mod signals;
mod story;

use axum::extract::{Path, Query, State};
use axum::response::Response;
use footfall_event::Id;
use http::request::Parts;

pub use self::signals::THRESHOLDS_SHOWN;
use crate::App;
use crate::asked::{Asked, Pairs, said, split_extension};
use crate::auth::guard;
use crate::error::Problem;
use crate::words as w;

/// `GET /sites/{site}/clicks/{id}`, also `.json`.
pub(crate) async fn click(
    State(app): State<App>,
    Path((site, id)): Path<(String, String)>,
    Query(pairs): Pairs,
    request: Parts,
) -> Response {
    let (id, extension) = split_extension(&id);
    let asked = Asked { site: &site, extension, pairs: &pairs, request: &request };
    said(answer(&app, id, asked).await, extension)
}

/// `GET /api/v1/clicks/{id}?site=`.
pub(crate) async fn api(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(pairs): Pairs,
    request: Parts,
) -> Response {
    said(by_key(&app, &id, &pairs, &request).await, ".json")
}

async fn by_key(
    app: &App,
    id: &str,
    pairs: &[(String, String)],
    request: &Parts,
) -> Result<Response, Problem> {
    let reader = guard::reader(app, &request.headers)?;
    let named = pairs.iter().rev().find(|(name, _)| name == "site").map(|(_, site)| site.as_str());
    // A key for one site needs no name.
    let only = reader.sites().and_then(|sites| Some(sites.first()?).filter(|_| sites.len() == 1));
    let site = named.or(only.map(String::as_str));
    let site = site.ok_or_else(|| Problem::BadRequest(w::CLICK_OF_SITE.to_owned()))?;
    if !reader.may_see(site) {
        return Err(Problem::Forbidden(w::KEY_FOR_ANOTHER_SITE.into()));
    }
    answer(app, id, Asked { site, extension: ".json", pairs, request }).await
}

/// Answers for a click; with an extension as JSON.
async fn answer(app: &App, id: &str, asked: Asked<'_>) -> Result<Response, Problem> {
    let runner = app.queries.runner();
    let subject = asked.subject(app, &runner).await?;
    // A click has no table that could be CSV.
    let id: Id = id.parse().ok().filter(|_| asked.extension != ".csv").ok_or(Problem::NotFound)?;
    let case = case::load(app, &runner, &subject, id).await?;
    match asked.extension {
        ".json" => Ok(export::json(&subject, &case)),
        _ => Ok(page::render(app, &subject, &case, asked.request)),
    }
}
