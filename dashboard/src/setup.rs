//! How to get the first event in: add a site, paste the script, open a page.

use askama::Template;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::request::Parts;

use crate::App;
use crate::error::Problem;
use crate::frame::{Frame, Theme, render};
use crate::view::View;
use crate::{format, words as w};

#[derive(Template)]
#[template(path = "setup/setup.html")]
struct SetupPage {
    frame: Frame,
    /// `None` while there is no site.
    site: Option<SiteFacts>,
    base: String,
    host: String,
    /// Visitors on the site in the last five minutes.
    arrived: bool,
    live: Option<String>,
    version: i64,
    here: String,
}

struct SiteFacts {
    domain: String,
    href: String,
    text: String,
}

/// `GET /setup`: how to add a site.
pub(crate) async fn first(State(app): State<App>, request: Parts) -> Response {
    first_page(&app, &request)
}

/// The page on which nothing is there yet.
pub(crate) fn first_page(app: &App, request: &Parts) -> Response {
    let base = base(app, request);
    render(&SetupPage {
        frame: crate::site::frame(app, request, w::SETUP_FIRST.into(), None, false),
        site: None,
        host: host_of(&base),
        base,
        arrived: false,
        live: None,
        version: 0,
        here: "/setup".into(),
    })
}

/// `GET /sites/{site}/setup`.
pub(crate) async fn page(
    State(app): State<App>,
    Path(name): Path<String>,
    request: Parts,
) -> Response {
    let Some(site) = app.catalog.load().sites.get(&name).cloned() else {
        return Problem::NotFound.into_response();
    };
    let look = app.live.at(&app.queries.runner(), &site.domain).await;
    let view = View::new(&site.domain);
    let base = base(&app, &request);
    let here = format!("/sites/{}/setup", format::path_segment(&site.domain));
    let zone = if site.timezone.is_empty() { "UTC" } else { &site.timezone };
    render(&SetupPage {
        frame: crate::site::frame(&app, &request, w::setup_title(&site.domain), Some(&view), true),
        site: Some(SiteFacts {
            text: w::site_facts(&site.domain, zone, site.retention_days, site.ignore_opt_out),
            href: view.href(),
            domain: site.domain.clone(),
        }),
        host: host_of(&base),
        base,
        arrived: look.is_ok_and(|look| look.received_at > 0),
        live: Some(format!("/sites/{}/now.json", format::path_segment(&site.domain))),
        version: look.as_ref().map_or(0, |look| look.version),
        here,
    })
}

/// The address to paste. It is configured; the request's own name is used only where requests
/// from elsewhere are refused anyway.
fn base(app: &App, request: &Parts) -> String {
    let configured = app.settings.base_url.trim_end_matches('/');
    if !configured.is_empty() {
        return configured.to_owned();
    }
    let host = request.headers.get(http::header::HOST).and_then(|host| host.to_str().ok());
    match host {
        Some(host) if !app.settings.require_login => format!("http://{host}"),
        _ => w::YOUR_HOST.to_owned(),
    }
}

fn host_of(base: &str) -> String {
    base.split_once("://").map_or(base, |(_, host)| host).to_owned()
}
