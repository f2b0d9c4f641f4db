//! `/demo`: a small site with the snippet on it, so that a newcomer sees real numbers at once.

use axum::Router;
use axum::extract::Path;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use footfall_event::catalog::{Entry, Site};

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

/// The demo's entry in the catalogue.
pub(crate) fn site(created_at: i64) -> Entry {
    Entry::Site(Site {
        domain: SITE.to_owned(),
        aliases: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
        created_at,
        ..Site::default()
    })
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
