//! Sign in, sign out, use a one-time link, choose a theme.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use askama::Template;
use axum::extract::{ConnectInfo, Form, Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use footfall_event::catalog::{Entry, Link, User};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use serde::Deserialize;

use super::password::{BYTES_MAX, CHARS_MIN};
use super::{OWNER, guard, session};
use crate::App;
use crate::assets::{ASSETS, Assets};
use crate::error::Problem;
use crate::frame::{Theme, render};
use crate::query::now_ms;
use crate::words as w;

/// Routes that need no session.
pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/login", get(login_page).post(login))
        .route("/login/{secret}", get(link_page).post(use_link))
        .route("/logout", post(logout))
        .route("/theme", post(theme))
}

#[derive(Template)]
#[template(path = "auth/login.html")]
struct LoginPage<'a> {
    assets: &'static Assets,
    token: String,
    back: &'a str,
    name: &'a str,
    wrong: bool,
    encrypted: bool,
    version: &'static str,
}

#[derive(Template)]
#[template(path = "auth/link.html")]
struct LinkPage {
    assets: &'static Assets,
    token: String,
    name: String,
    /// A password exists: it may be kept.
    known: bool,
    error: Option<&'static str>,
    encrypted: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Back {
    back: String,
}

#[derive(Deserialize)]
struct Login {
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    back: String,
}

#[derive(Deserialize)]
struct UseLink {
    #[serde(default)]
    password: String,
    #[serde(default)]
    token: String,
}

#[derive(Deserialize)]
struct ThemeForm {
    #[serde(default)]
    theme: String,
    #[serde(default)]
    token: String,
    #[serde(default)]
    back: String,
}

async fn login_page(
    State(app): State<App>,
    headers: HeaderMap,
    Query(Back { back }): Query<Back>,
) -> Response {
    if guard::admit(&app, &headers).is_ok() {
        return Redirect::to(own_path(&back)).into_response();
    }
    login_form(&app, &headers, &back, OWNER, false)
}

fn login_form(app: &App, headers: &HeaderMap, back: &str, name: &str, wrong: bool) -> Response {
    let page = LoginPage {
        assets: &ASSETS,
        token: guard::form_token(app, None),
        back: own_path(back),
        name,
        wrong,
        encrypted: guard::is_secure(app, headers),
        version: env!("CARGO_PKG_VERSION"),
    };
    let mut response = private(render(&page));
    if wrong {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}

async fn login(
    State(app): State<App>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Form(form): Form<Login>,
) -> Result<Response, Problem> {
    guard::check_form(&app, &headers, None, &form.token)?;
    limited(&app, peer)?;
    let catalog = app.catalog.load();
    let hash = catalog.users.get(&form.name).map_or(String::new(), |user| user.password.clone());
    let fits = form.password.len() <= BYTES_MAX;
    let right = fits && app.passwords.verify(form.password, hash).await;
    let outcome = if right { "ok" } else { "refused" };
    metrics::counter!("footfall_dashboard_logins_total", "outcome" => outcome).increment(1);
    if !right {
        return Ok(login_form(&app, &headers, &form.back, &form.name, true));
    }
    Ok(sign_in(&app, &headers, &form.name, own_path(&form.back)))
}

async fn link_page(
    State(app): State<App>,
    headers: HeaderMap,
    Path(secret): Path<String>,
) -> Response {
    // Looking does not use it: programs that preview links do that.
    match known_link(&app, &secret) {
        Some((_, user)) => link_form(&app, &headers, &user, None),
        None => gone(),
    }
}

fn link_form(app: &App, headers: &HeaderMap, user: &User, error: Option<&'static str>) -> Response {
    let page = LinkPage {
        assets: &ASSETS,
        token: guard::form_token(app, None),
        name: user.name.clone(),
        known: !user.password.is_empty(),
        error,
        encrypted: guard::is_secure(app, headers),
    };
    let mut response = private(render(&page));
    if error.is_some() {
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
    }
    response
}

async fn use_link(
    State(app): State<App>,
    peer: Option<Extension<ConnectInfo<SocketAddr>>>,
    headers: HeaderMap,
    Path(secret): Path<String>,
    Form(form): Form<UseLink>,
) -> Result<Response, Problem> {
    guard::check_form(&app, &headers, None, &form.token)?;
    limited(&app, peer)?;
    // One at a time: two requests with the same link must not both succeed.
    let _one = app.links.lock().await;
    let Some((link, mut user)) = known_link(&app, &secret) else { return Ok(gone()) };
    let keeps = form.password.is_empty() && !user.password.is_empty();
    if !keeps {
        if form.password.chars().count() < CHARS_MIN {
            return Ok(link_form(&app, &headers, &user, Some(w::PASSWORD_SHORT)));
        }
        if form.password.len() > BYTES_MAX {
            return Ok(link_form(&app, &headers, &user, Some(w::PASSWORD_LONG)));
        }
        let hash = app.passwords.hash(form.password).await;
        user.password = hash.ok_or_else(|| Problem::Unavailable("no memory for a hash".into()))?;
        // Whoever knew the old password is signed out.
        user.sessions_since = now_ms();
    }
    let failed = |error: footfall_topics::catalog::ChangeError| {
        tracing::error!(%error, "a one-time link could not be used");
        Problem::Unavailable(w::CATALOG_AWAY.into())
    };
    // The link first: if the second change fails, the link is used up, never the other way round.
    app.catalog.remove(&Entry::Link(link).key()).await.map_err(failed)?;
    app.catalog.put(&Entry::User(user.clone())).await.map_err(failed)?;
    Ok(sign_in(&app, &headers, &user.name, "/"))
}

async fn logout(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<ThemeForm>,
) -> Result<Response, Problem> {
    let session = guard::admit(&app, &headers)?;
    guard::check_form(&app, &headers, session.as_ref(), &form.token)?;
    if let Some(session) = session
        && let Some(user) = app.catalog.load().users.get(&session.user)
    {
        let user = User { sessions_since: now_ms() + 1, ..user.clone() };
        app.catalog.put(&Entry::User(user)).await.map_err(|error| {
            tracing::error!(%error, "sessions could not be ended");
            Problem::Unavailable(w::CATALOG_AWAY.into())
        })?;
    }
    let mut response = Redirect::to("/login").into_response();
    for secure in [true, false] {
        add_cookie(&mut response, &session::set("", secure, 0));
    }
    Ok(response)
}

async fn theme(
    State(app): State<App>,
    headers: HeaderMap,
    Form(form): Form<ThemeForm>,
) -> Result<Response, Problem> {
    let session = guard::admit(&app, &headers)?;
    guard::check_form(&app, &headers, session.as_ref(), &form.token)?;
    let mut response = Redirect::to(own_path(&form.back)).into_response();
    let theme = Theme::parse(&form.theme).as_str();
    add_cookie(&mut response, &format!("theme={theme}; Path=/; Max-Age=31536000; SameSite=Lax"));
    Ok(response)
}

fn sign_in(app: &App, headers: &HeaderMap, user: &str, to: &str) -> Response {
    let seconds = i64::from(app.settings.session_days_max) * 86_400;
    let now = now_ms();
    let value = session::issue(&app.secret, user, now, now + seconds * 1_000);
    let mut response = Redirect::to(to).into_response();
    let cookie = session::set(&value, guard::is_secure(app, headers), seconds);
    add_cookie(&mut response, &cookie);
    response
}

fn add_cookie(response: &mut Response, cookie: &str) {
    // User names come from the command line: one that can't stand in a header gets no cookie.
    if let Ok(value) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

fn known_link(app: &App, secret: &str) -> Option<(Link, User)> {
    super::links::find(&app.catalog.load(), secret, now_ms())
}

fn gone() -> Response {
    crate::frame::plain_page(StatusCode::GONE, w::LINK_USED, w::LINK_USED_TEXT)
}

fn limited(app: &App, peer: Option<Extension<ConnectInfo<SocketAddr>>>) -> Result<(), Problem> {
    let address = peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |Extension(peer)| peer.0.ip());
    app.attempts.attempt(address, now_ms()).map_err(Problem::TooMany)
}

/// Only addresses of this dashboard: a path, and no `//host` that browsers take for another one.
fn own_path(back: &str) -> &str {
    let own = back.starts_with('/')
        && !back.starts_with("//")
        && back.bytes().all(|byte| byte > b' ' && byte < 127 && byte != b'\\');
    if own { back } else { "/" }
}

fn private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
