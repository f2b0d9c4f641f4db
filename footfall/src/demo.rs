//! `/demo`: a small site with the snippet and ads on it, and the pages of those who advertise there,
//! so that a newcomer sees real numbers at once.

pub(crate) mod ads;

use anyhow::Result;
use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use footfall_event::catalog::{Entry, Site};
use footfall_topics::catalog::CatalogView;

use crate::commands::now_ms;

/// The site under which the demo's pages are counted.
pub(crate) const SITE: &str = "demo.localhost";

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../demo/", $name)))),+]
    };
}

/// The demo's files, part of the program.
const FILES: &[(&str, &str)] = files!(
    "index.html",
    "guides.html",
    "guide-map.html",
    "guide-pack.html",
    "search.html",
    "product.html",
    "basket.html",
    "delivery.html",
    "thanks.html",
    "huts.html",
    "trains.html",
    "demo.css",
    "demo.js",
    "mark.svg",
);

const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The pages under `/demo`.
pub(crate) fn app() -> Router {
    Router::new()
        .route("/demo", get(|| async { Redirect::permanent("/demo/") }))
        .route("/demo/", get(|| async { file("index.html") }))
        .route("/demo/{name}", get(|Path(name): Path<String>| async move { file(&name) }))
}

/// Puts into the catalogue what the demo needs and what is not there yet. `url` is the address under
/// which browsers reach this server.
pub(crate) async fn set_up(view: &CatalogView, url: &str) -> Result<()> {
    let catalog = view.load();
    if !catalog.sites.contains_key(SITE) {
        let site = Site {
            domain: SITE.to_owned(),
            aliases: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            created_at: now_ms(),
            ..Site::default()
        };
        view.put(&Entry::Site(site)).await?;
    }
    for entry in ads::missing(&catalog, now_ms(), url) {
        view.put(&entry).await?;
    }
    Ok(())
}

fn file(name: &str) -> Response {
    let Some((name, text)) = FILES.iter().find(|(known, _)| *known == name) else {
        return (StatusCode::NOT_FOUND, "There is no such page in the demo.\n").into_response();
    };
    let content_type = match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "text/html; charset=utf-8",
    };
    let headers = [
        (header::CONTENT_TYPE, content_type),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-cache"),
    ];
    (headers, *text).into_response()
}
