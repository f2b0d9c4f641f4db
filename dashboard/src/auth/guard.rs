//! Lets a request through, or says why not.
//!
//! - Pages: a session, where sign-in is required; else the request must name this machine
//!   (otherwise a website could make a visitor's browser read the dashboard under its own name).
//! - `.json` and `.csv`: the same, or a key that may read the site's figures.
//! - Forms: sent from this dashboard's own pages, with the token of the session.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use footfall_event::catalog::{Scope, secret_hash};
use http::{HeaderMap, Method, header};

use super::session::{self, Session};
use crate::error::Problem;
use crate::query::now_ms;
use crate::words as w;
use crate::{App, Dashboard};

const FORM: &str = "form";

/// The middleware of every route that shows figures.
pub(crate) async fn require(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    let for_program = path.ends_with(".json") || path.ends_with(".csv");
    if for_program && let Some(key) = bearer(request.headers()) {
        return match may_read(&app, key, path) {
            Ok(()) => next.run(request).await,
            Err(problem) => problem.json(),
        };
    }
    match admit(&app, request.headers()) {
        Ok(session) => {
            request.extensions_mut().insert(session);
            next.run(request).await
        }
        Err(Problem::Unauthorized) if !for_program && request.method() == Method::GET => {
            let here = request.uri().path_and_query().map_or("/", |here| here.as_str());
            let to = format!("/login?back={}", crate::format::path_segment(here));
            Redirect::to(&to).into_response()
        }
        Err(problem) if for_program => problem.json(),
        Err(problem) => problem.into_response(),
    }
}

/// The session of a request, `None` where nobody has to sign in.
pub(crate) fn admit(app: &Dashboard, headers: &HeaderMap) -> Result<Option<Session>, Problem> {
    if app.settings.require_login {
        let session = session::verify(&app.secret, &app.catalog.load(), headers, now_ms());
        return session.map(Some).ok_or(Problem::Unauthorized);
    }
    if names_this_machine(headers) { Ok(None) } else { Err(Problem::WrongHost) }
}

/// The token that a page puts into its forms.
pub(crate) fn form_token(app: &Dashboard, session: Option<&Session>) -> String {
    app.secret.sign(FORM, session.map_or("", |session| &session.id))
}

/// Checks that a form was sent from one of this dashboard's own pages.
pub(crate) fn check_form(
    app: &Dashboard,
    headers: &HeaderMap,
    session: Option<&Session>,
    token: &str,
) -> Result<(), Problem> {
    let id = session.map_or("", |session| &session.id);
    let own = same_origin(headers) && app.secret.verifies(FORM, id, token);
    if own { Ok(()) } else { Err(Problem::Forbidden(w::CROSS_SITE.into())) }
}

fn same_origin(headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("origin"), text("host")) {
        (Some(origin), Some(host)) => {
            origin.split_once("://").is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(host))
        }
        (Some(_), None) => false,
        // Browsers send an Origin with every POST; programs need not.
        (None, _) => matches!(text("sec-fetch-site"), None | Some("same-origin" | "none")),
    }
}

/// Whether the browser came over https or to this machine, where cookies may be `Secure`.
pub(crate) fn is_secure(app: &Dashboard, headers: &HeaderMap) -> bool {
    let origin = headers.get(header::ORIGIN).and_then(|value| value.to_str().ok());
    origin.unwrap_or(&app.settings.base_url).starts_with("https://") || names_this_machine(headers)
}

fn names_this_machine(headers: &HeaderMap) -> bool {
    let Some(host) = headers.get(header::HOST).and_then(|value| value.to_str().ok()) else {
        return true;
    };
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
    name == "localhost"
        || name.ends_with(".localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| key.trim())
}

/// Somebody who may read figures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reader {
    /// Of these sites only; `None`: of all.
    sites: Option<Vec<String>>,
}

impl Reader {
    /// Whether the site's figures are among them.
    pub(crate) fn may_see(&self, site: &str) -> bool {
        self.sites.as_ref().is_none_or(|sites| sites.iter().any(|own| own == site))
    }

    /// The sites, unless it is all.
    pub(crate) fn sites(&self) -> Option<&[String]> {
        self.sites.as_deref()
    }
}

/// Who asks the API: the bearer of a key, or whoever may look at the pages.
pub(crate) fn reader(app: &Dashboard, headers: &HeaderMap) -> Result<Reader, Problem> {
    match bearer(headers) {
        Some(key) => key_reader(app, key),
        None => admit(app, headers).map(|_| Reader { sites: None }),
    }
}

fn key_reader(app: &Dashboard, key: &str) -> Result<Reader, Problem> {
    let catalog = app.catalog.load();
    let key = catalog.keys.get(&secret_hash(key)).ok_or(Problem::Unauthorized)?;
    if !matches!(key.scope, Scope::Stats | Scope::Admin) {
        return Err(Problem::Unauthorized);
    }
    Ok(Reader { sites: (!key.sites.is_empty()).then(|| key.sites.clone()) })
}

fn may_read(app: &Dashboard, key: &str, path: &str) -> Result<(), Problem> {
    let reader = key_reader(app, key)?;
    let site = path.strip_prefix("/sites/").map(|rest| rest.split('/').next().unwrap_or(rest));
    let site = site.map(|site| site.trim_end_matches(".json").trim_end_matches(".csv"));
    let allowed = reader.sites.is_none() || site.is_some_and(|site| reader.may_see(site));
    if allowed { Ok(()) } else { Err(Problem::Forbidden(w::KEY_FOR_ANOTHER_SITE.into())) }
}
