//! Clicks one by one: `/sites/{site}/clicks` (of one verdict, reason, campaign or ad), the evidence
//! of each (`/sites/{site}/clicks/{id}`), and what advertisers are credited
//! (`/sites/{site}/campaigns/{id}/credit.csv`). Lists also as `.json` and `.csv`, a click as `.json` and
//! for programs at `/api/v1/clicks/{id}?site=`.
//!
//! # Layout
//!
//! - `choice`: which clicks, as the address says it. `load`: statements beside the rows they fill.
//! - `vd`: how a verdict is drawn. `list`: the list. `credit`: the report. `evidence`: one click.
//! - `compare`: what other rules would have said.
//!
//! What is said of a click is its verdict in force: judged when it came, corrected by `verdicts`.
//! No address is shown, since none is stored.

pub(crate) mod choice;
pub(crate) mod compare;
mod credit;
pub(crate) mod evidence;
pub(crate) mod list;
pub(crate) mod load;
pub(crate) mod vd;

use axum::extract::{Path, Query, State};
use axum::response::Response;

use crate::App;
use crate::ads::Scope;
use crate::asked::{Pairs, said};

/// `GET /sites/{site}/campaigns/{id}/credit.csv`.
pub(crate) async fn campaign_credit(
    State(app): State<App>,
    Path((site, id)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Response {
    said(credit::answer(&app, &site, Scope::Campaign(id), &pairs).await, ".csv")
}

/// `GET /sites/{site}/ads/{id}/credit.csv`.
pub(crate) async fn ad_credit(
    State(app): State<App>,
    Path((site, id)): Path<(String, String)>,
    Query(pairs): Pairs,
) -> Response {
    said(credit::answer(&app, &site, Scope::Ad(id), &pairs).await, ".csv")
}
