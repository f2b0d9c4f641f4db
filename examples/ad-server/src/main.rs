//! An ad server in a few pages, to show how one learns from Footfall:
//!
//! 1. For each page it asks `GET /api/v1/ads/ranking` which ads to show ([`footfall`]).
//! 2. It renders them with signed click links, so that every click proves its impression ([`token`]).
//! 3. It reports what it showed to `POST /api/v1/events`.
//!
//! What is clicked comes back with the next ranking, a second later. It reports impressions from the
//! server, which also counts visitors without scripts; a site with Footfall's script leaves the third
//! step to it and writes `data-footfall-ad`, `-placement`, `-position` and `-impression` on the ads.
//!
//! ```sh
//! FOOTFALL_URL=http://127.0.0.1:8080 FOOTFALL_SITE=example.com PLACEMENT=top SLOTS=4 \
//! STATS_KEY=ffk_… INGEST_KEY=ffk_… TOKEN_KEY=id TOKEN_SECRET=64-hex-digits \
//! LISTEN=127.0.0.1:3000 ad-server
//! ```

mod footfall;
mod page;
mod token;

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use footfall::{Footfall, Shown};

struct App {
    footfall: Footfall,
    signer: token::Signer,
    placement: String,
    slots: usize,
}

#[derive(Deserialize)]
struct Search {
    #[serde(default)]
    q: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let app = Arc::new(App {
        footfall: Footfall::new(
            setting("FOOTFALL_URL")?,
            setting("FOOTFALL_SITE")?,
            &setting("STATS_KEY")?,
            &setting("INGEST_KEY")?,
        ),
        signer: token::Signer::new(setting("TOKEN_KEY")?, &setting("TOKEN_SECRET")?)?,
        placement: setting("PLACEMENT")?,
        slots: setting("SLOTS")?.parse().context("SLOTS is a number of ads")?,
    });
    let listen: SocketAddr = setting("LISTEN")?.parse().context("LISTEN is an address:port")?;
    let listener = tokio::net::TcpListener::bind(listen).await?;
    println!("http://{}/", listener.local_addr()?);
    Ok(axum::serve(listener, Router::new().route("/", get(home)).with_state(app)).await?)
}

fn setting(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("set {name}: see the top of main.rs"))
}

/// A page of search results, or the home page, with ads.
async fn home(
    State(app): State<Arc<App>>,
    Query(search): Query<Search>,
    headers: HeaderMap,
) -> Response {
    let text = |name: header::HeaderName| {
        headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    // Browsers may fetch a page that nobody looks at: such a page shows no ads.
    let prefetch = text(header::HeaderName::from_static("sec-purpose")).contains("prefetch");
    if prefetch {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    // The visitor's address is whatever the proxy in front says; this example trusts it.
    let visitor = footfall::Visitor {
        ip: text(header::HeaderName::from_static("x-forwarded-for")),
        user_agent: text(header::USER_AGENT),
    };
    // The client blocks, so it gets a thread of its own.
    let rendered = tokio::task::spawn_blocking(move || render(&app, &search.q, &visitor)).await;
    match rendered {
        Ok(page) => Html(page).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn render(app: &App, query: &str, visitor: &footfall::Visitor) -> String {
    // Without a ranking there are no ads, but there is a page all the same.
    let ranked = app.footfall.ranking(&app.placement, query, app.slots).unwrap_or_else(|error| {
        eprintln!("no ranking: {error:#}");
        Vec::new()
    });
    let shown: Vec<Shown> = (1..)
        .zip(ranked)
        .map(|(position, ad)| Shown {
            impression: uuid::Uuid::now_v7(),
            ad,
            placement: app.placement.clone(),
            position,
            query: query.to_owned(),
        })
        .collect();
    if let Err(error) = app.footfall.report(&shown, visitor) {
        eprintln!("impressions were not taken: {error:#}");
    }
    let link = |shown: &Shown| format!("{}/c/s/{}", app.footfall.url(), app.signer.sign(shown));
    page::page(query, &shown, link)
}
