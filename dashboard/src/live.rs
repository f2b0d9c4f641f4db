//! Pages that follow what happens: who is on the site now, and whether anything is new.
//!
//! The script of a visible page asks every 0.8 s for a few bytes; only when something is new does
//! it fetch the page. All viewers of a site share one look at the warehouse per 0.4 s, so
//! the load is bounded by the number of sites that are looked at, not by the viewers.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use clickhouse::query::Query;
use clickhouse::{Client, Row};
use http::header;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::error::Problem;
use crate::query::{Failure, Runner, now_ms, seconds};

/// How long a look is good for, milliseconds.
const LOOK_MS: i64 = 400;
/// Sites whose last look is remembered.
const SITES_MAX: usize = 1_000;
/// Visitors with an activity so recently are on the site now.
const NOW_MS: i64 = 5 * 60_000;

/// What is new on a site.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Look {
    /// Visitors with an activity in the last five minutes.
    pub(crate) now: i64,
    /// Differs when the page would.
    pub(crate) version: i64,
    /// When the last event of the last five minutes was received, milliseconds since 1970; 0: none.
    #[serde(skip)]
    pub(crate) received_at: i64,
    /// Version of the rules that judged it.
    #[serde(skip)]
    pub(crate) rules: u32,
}

#[derive(Debug, Row, Deserialize)]
struct LookRow {
    visitors: i64,
    received_at: i64,
    rules: u32,
    visits: i64,
}

/// When a site was last looked at, and what was seen.
type Slot = Arc<tokio::sync::Mutex<(i64, Look)>>;

/// The last look at each site; concurrent viewers wait for the same one.
#[derive(Default)]
pub(crate) struct Looks {
    sites: Mutex<HashMap<String, Slot>>,
}

impl Looks {
    /// What is new on a site, at most [`LOOK_MS`] old.
    pub(crate) async fn at(&self, runner: &Runner<'_>, site: &str) -> Result<Look, Failure> {
        let slot = self.slot(site.to_owned());
        let mut slot = slot.lock().await;
        let now = now_ms();
        if now - slot.0 < LOOK_MS {
            return Ok(slot.1);
        }
        let look = look(runner, site, now).await?;
        *slot = (now_ms(), look);
        Ok(look)
    }

    /// The same with what is new about its ads.
    pub(crate) async fn at_ads(&self, runner: &Runner<'_>, site: &str) -> Result<Look, Failure> {
        // No site has a slash in its name.
        let slot = self.slot(format!("{site}/ads"));
        let mut slot = slot.lock().await;
        let now = now_ms();
        if now - slot.0 < LOOK_MS {
            return Ok(slot.1);
        }
        let (look, ads) = tokio::join!(self.at(runner, site), look_at_ads(runner, site, now));
        let (look, ads) = (look?, ads?);
        let look = Look { version: look.version.wrapping_mul(31).wrapping_add(ads), ..look };
        *slot = (now_ms(), look);
        Ok(look)
    }

    fn slot(&self, key: String) -> Slot {
        let mut sites = self.sites.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if sites.len() >= SITES_MAX && !sites.contains_key(&key) {
            sites.clear();
        }
        sites.entry(key).or_default().clone()
    }
}

#[derive(Debug, Row, Deserialize)]
struct AdsRow {
    windows: i64,
}

/// How many differences of recent minutes there are.
async fn look_at_ads(runner: &Runner<'_>, site: &str, now: i64) -> Result<i64, Failure> {
    // Clicks are judged again for ten minutes, and conversions may be taken back: those change
    // older minutes, which the next look at anything new brings along.
    const RECENT_MS: i64 = 3_600_000;
    let query = runner
        .client()
        .query(include_str!("ads/now.sql"))
        .bind(site)
        .bind(seconds(now.div_euclid(RECENT_MS) * RECENT_MS - RECENT_MS));
    let rows: Vec<AdsRow> = runner.rows("now_ads", query).await?;
    Ok(rows.first().map_or(0, |row| row.windows))
}

async fn look(runner: &Runner<'_>, site: &str, now: i64) -> Result<Look, Failure> {
    let rows: Vec<LookRow> = runner.rows("now", query(runner.client(), site, now)).await?;
    let row = rows.into_iter().next().ok_or(Failure::Broken)?;
    Ok(Look {
        now: row.visitors,
        version: row.received_at.wrapping_mul(31).wrapping_add(row.visits),
        received_at: row.received_at,
        rules: row.rules,
    })
}

/// The statement of a look.
pub(crate) fn query(client: &Client, site: &str, now: i64) -> Query {
    // Visits change for as long as late events may change them.
    const HOUR_MS: i64 = 3_600_000;
    let visits_from = now.div_euclid(HOUR_MS) * HOUR_MS - HOUR_MS;
    client
        .query(include_str!("live/now.sql"))
        // No projection fits; looking at each of them takes longer than the answer.
        .with_setting("optimize_use_projections", "0")
        .bind(site)
        .bind(visits_from)
        .bind(site)
        .bind(now - NOW_MS)
}

/// `GET /sites/{site}/now.json`.
pub(crate) async fn now(State(app): State<App>, Path(site): Path<String>) -> Response {
    if !app.catalog.load().sites.contains_key(&site) {
        return Problem::NotFound.json();
    }
    said(app.live.at(&app.queries.runner(), &site).await)
}

/// `GET /sites/{site}/now-ads.json`.
pub(crate) async fn now_ads(State(app): State<App>, Path(site): Path<String>) -> Response {
    if !app.catalog.load().sites.contains_key(&site) {
        return Problem::NotFound.json();
    }
    said(app.live.at_ads(&app.queries.runner(), &site).await)
}

fn said(look: Result<Look, Failure>) -> Response {
    match look {
        Ok(look) => ([(header::CACHE_CONTROL, "no-store")], axum::Json(look)).into_response(),
        Err(_) => Problem::Unavailable("no look at the warehouse".into()).json(),
    }
}
