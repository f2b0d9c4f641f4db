//! The dashboard: server-rendered pages and their exports over the warehouse's figures.
//!
//! # Layout
//!
//! - [`app`]: every route. [`Dashboard`]: what they share.
//! - `sites`, `site`, `tables`, `setup`: one folder per page, template beside its view.
//! - `ads`: the pages about ads. `clicks`: lists of clicks, credit reports, the evidence of one click,
//!   explained by the `rulebook`.
//! - `figures`, `tables`: statements beside the rows they fill; `query` runs them, bounded. `revised`:
//!   events beside the verdicts that replace theirs.
//! - `asked`: what a request asks of a site. `view`: what a page shows, as its address says it. `period`: days, comparisons, buckets.
//! - `chart`, `format`, `words`, `countries`: how it is drawn and said.
//! - [`ranking`]: which ads to show. `feeds`: topics over HTTP.
//! - `auth`: who may look. `security`: headers. `live`: pages that follow what happens.
//! - `bench`: the overview's raw queries, for measurements.
//!
//! All figures are plain sums over additive rows; nothing is computed here that the warehouse
//! does not have, and nothing is kept but the current second's look at what is new.

mod ads;
mod asked;
mod assets;
pub mod auth;
mod bench;
mod chart;
mod clicks;
mod countries;
mod error;
mod feeds;
mod figures;
mod format;
mod frame;
mod freshness;
mod live;
pub mod metrics;
mod period;
mod query;
pub mod ranking;
mod revised;
mod rulebook;
mod security;
mod settings;
mod setup;
mod site;
mod sites;
mod tables;
mod view;
mod words;

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use footfall_topics::Log;
use footfall_topics::catalog::CatalogView;
use footfall_warehouse::Warehouse;
use tower_http::compression::CompressionLayer;

pub use bench::{QueryError, page_queries};
pub use clicks::evidence::THRESHOLDS_SHOWN;
pub use freshness::{Freshness, Status};
pub use rulebook::{RuleBook, Terms, Threshold};
pub use settings::Settings;

/// What all pages share.
pub struct Dashboard {
    catalog: CatalogView,
    queries: query::Queries,
    settings: Settings,
    status: Arc<Status>,
    secret: auth::secret::Secret,
    passwords: auth::password::Passwords,
    attempts: auth::limit::Limit,
    /// Held while a one-time link is used.
    links: tokio::sync::Mutex<()>,
    live: live::Looks,
    rankings: Arc<ranking::page::Rankings>,
    feeds: feeds::Feeds,
}

type App = Arc<Dashboard>;

impl Dashboard {
    /// A dashboard over these. The log is for rankings and feeds. `status` is where the program tells
    /// about the engine and the loader; one that nobody writes to is fine.
    ///
    /// Must be called on a runtime: a task watches the warehouse from then on.
    ///
    /// # Errors
    /// When the secret that signs sessions can't be read or made in `settings.secrets_dir`, or no
    /// thread can be started.
    pub fn new(
        log: Arc<dyn Log>,
        catalog: CatalogView,
        warehouse: Warehouse,
        settings: Settings,
        status: Arc<Status>,
    ) -> std::io::Result<Arc<Dashboard>> {
        let secret = match &settings.secrets_dir {
            Some(folder) => auth::secret::Secret::in_folder(folder)?,
            None => auth::secret::Secret::random(),
        };
        let dashboard = Arc::new(Dashboard {
            rankings: ranking::page::Rankings::follow(log.clone(), catalog.clone())?,
            feeds: feeds::Feeds::new(log, settings.feeds_max),
            catalog,
            queries: query::Queries::new(warehouse, &settings),
            status,
            secret,
            passwords: auth::password::Passwords::new(),
            attempts: auth::limit::Limit::new(settings.login_attempts_max),
            links: tokio::sync::Mutex::new(()),
            live: live::Looks::default(),
            settings,
        });
        tokio::spawn(watch(Arc::downgrade(&dashboard)));
        Ok(dashboard)
    }

    /// Ends the feeds, each with a word that says so: a server that stops would wait for them.
    pub fn stop_feeds(&self) {
        self.feeds.stop();
    }

    /// Whether it can do its job now, as of the last second: the warehouse answers.
    ///
    /// # Errors
    /// A sentence that says since when it does not.
    pub fn ready(&self) -> Result<(), String> {
        match self.queries.away_since() {
            None => Ok(()),
            Some(since) => {
                let since = footfall_event::time::format_rfc3339(since);
                Err(format!("the warehouse has not answered since {since}"))
            }
        }
    }
}

/// Asks the warehouse once a second whether it is there, for as long as the dashboard is.
async fn watch(dashboard: Weak<Dashboard>) {
    let mut clock = tokio::time::interval(Duration::from_secs(1));
    clock.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        clock.tick().await;
        let Some(dashboard) = dashboard.upgrade() else { return };
        dashboard.queries.ping().await;
    }
}

/// Every route of the dashboard. It has no fallback, so that it can be merged with others: use
/// [`not_found`] as the fallback of the whole.
pub fn app(dashboard: Arc<Dashboard>) -> Router {
    let figures = Router::new()
        .route("/", routing::get(sites::page))
        .route("/setup", routing::get(setup::first))
        .route("/sites/{site}", routing::get(site::page))
        .route("/sites/{site}/setup", routing::get(setup::page))
        .route("/sites/{site}/now.json", routing::get(live::now))
        .route("/sites/{site}/now-ads.json", routing::get(live::now_ads))
        .route("/sites/{site}/campaigns/{id}", routing::get(ads::campaign))
        .route("/sites/{site}/ads/{id}", routing::get(ads::ad))
        .route("/sites/{site}/clicks/{id}", routing::get(clicks::evidence::click))
        .route("/sites/{site}/campaigns/{id}/credit.csv", routing::get(clicks::campaign_credit))
        .route("/sites/{site}/ads/{id}/credit.csv", routing::get(clicks::ad_credit))
        .route("/sites/{site}/{table}", routing::get(tables::page::any))
        .route_layer(middleware::from_fn_with_state(dashboard.clone(), auth::guard::require))
        .route_layer(middleware::from_fn(timed));
    let api = Router::new()
        .route("/api/v1/clicks/{id}", routing::get(clicks::evidence::api))
        .route("/api/v1/ads/ranking", routing::get(ranking::page::ranking))
        .route("/api/v1/feeds/{topic}", routing::get(feeds::page::feed));
    Router::new()
        .merge(figures)
        .merge(auth::pages::routes())
        .merge(assets::routes())
        .layer(middleware::from_fn(security::headers))
        .layer(CompressionLayer::new().gzip(true))
        // Behind the compression, which would gather a feed before it passes it on.
        .merge(api.layer(middleware::from_fn(security::headers)))
        .with_state(dashboard)
}

/// The answer to an address that nothing serves: a plain page.
pub async fn not_found() -> Response {
    let response = error::Problem::NotFound.into_response();
    security::with_headers(response)
}

async fn timed(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let response = next.run(request).await;
    ::metrics::histogram!("footfall_dashboard_page_duration_seconds")
        .record(began.elapsed().as_secs_f64());
    response
}
