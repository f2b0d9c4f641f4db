//! `GET /c/{ad}` and `GET /c/s/{token}`: a click, recorded and redirected at once.
//!
//! The 302 is sent when the operating system has the record (see [`footfall_topics::outbox`]); no
//! disk and no broker is waited for. What leads nowhere is answered with a plain page, never with
//! a redirect elsewhere, and what is only fetched ahead of time is neither redirected nor counted:
//! the browser asks again when somebody clicks.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, Uri, header};
use footfall_event::record::Via;
use footfall_event::{Activity, Rejected, VerdictReason};
use footfall_topics::RecordBatch;

use super::beacon::Browser;
use super::notice::notice;
use super::request;
use super::store::{Refused, refused};
use super::take::push;
use crate::accept::page::decode;
use crate::accept::{self, Context, Outcome, Rejection};
use crate::metrics::{Counted, count, prefetched, redirected, token_refused};
use crate::redirect::hints::Hints;
use crate::redirect::{Click, NoTarget, Target};
use crate::service::Ingest;

/// What a prefetching browser is asked to wait before it asks again; the click itself never waits.
const PREFETCH_RETRY_S: u64 = 1;

/// What a click's request says.
#[derive(Clone, Copy)]
struct Asked<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    /// The other end of the connection.
    peer: IpAddr,
}

/// Answers a request at once if it is a click; `None` leaves it to [`app`](super::app), which
/// answers clicks too. Whoever serves connections asks here first: a click needs neither a body nor
/// a moment to wait, and much of what a router does for a request would be for nothing.
pub fn click<B>(ingest: &Ingest, request: &Request<B>, peer: IpAddr) -> Option<Response<Body>> {
    let rest = request.uri().path().strip_prefix("/c/")?;
    let name = rest.strip_prefix("s/").unwrap_or(rest);
    if name.is_empty() || name.contains('/') || request.method() != Method::GET {
        return None;
    }
    let (method, uri, headers) = (request.method(), request.uri(), request.headers());
    Some(answer(ingest, Asked { method, uri, headers, peer }))
}

/// `GET` and `HEAD` `/c/{ad}` and `/c/s/{token}`.
pub(super) async fn routed(State(ingest): State<Arc<Ingest>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let peer = request::peer(&parts);
    let (method, uri, headers) = (&parts.method, &parts.uri, &parts.headers);
    answer(&ingest, Asked { method, uri, headers, peer })
}

/// `GET /robots.txt`: clicks are not for crawlers.
pub(super) async fn robots() -> Response<Body> {
    let rules = "User-agent: *\nDisallow: /c/\n";
    super::reply::reply(StatusCode::OK, "text/plain; charset=utf-8", rules)
}

fn answer(ingest: &Ingest, asked: Asked<'_>) -> Response<Body> {
    let began = Instant::now();
    let response = respond(ingest, asked);
    if response.status() == StatusCode::FOUND {
        redirected(began.elapsed());
    }
    response
}

fn respond(ingest: &Ingest, asked: Asked<'_>) -> Response<Body> {
    let headers = asked.headers;
    if is_prefetch(headers) {
        prefetched();
        let refused = unavailable("this is a click on an ad: it is not fetched ahead of time");
        return turned_away(headers, Refused { retry_after_s: PREFETCH_RETRY_S, ..refused });
    }
    let browser = match Browser::admit(ingest, asked.peer, headers) {
        Ok(browser) => browser,
        Err(refused) => return turned_away(headers, refused),
    };
    let target = match target(asked, &browser) {
        Ok(target) => {
            let user_agent = request::text(headers, header::USER_AGENT);
            let contradict = hints(headers).contradict(user_agent);
            target.found(contradict, VerdictReason::HintMismatch)
        }
        Err(NoTarget::UnknownAd) => {
            let text = "This ad is not here (any more).";
            return page(headers, StatusCode::NOT_FOUND, text);
        }
        Err(NoTarget::BadToken(reason)) => {
            token_refused(reason);
            let text = "This link is damaged or was not made here.";
            return page(headers, StatusCode::BAD_REQUEST, text);
        }
    };
    // A link may be fetched by whoever shows it; only what the browser follows is a click.
    let counts = asked.method != Method::HEAD;
    // A click is a navigation: if it has an origin, that says nothing about whose site it is.
    let context = Context { origin: None, ..browser.context(ingest, headers, Via::Redirect) };
    let click = match record(ingest, &context, &browser, &target, referer(headers), counts) {
        Ok(click) => click,
        Err(refused) => return turned_away(headers, refused),
    };
    if is_without_redirect(asked.uri) {
        return empty(StatusCode::NO_CONTENT);
    }
    let random = browser.fresh.next().as_u64_pair().1;
    let location = target.location(&click, random);
    let Some(location) = location.and_then(|text| HeaderValue::try_from(text).ok()) else {
        tracing::error!("an ad's destination can't be used any more: see `footfall ad list`");
        return page(headers, StatusCode::NOT_FOUND, "This ad leads nowhere.");
    };
    let mut response = empty(StatusCode::FOUND);
    response.headers_mut().insert(header::LOCATION, location);
    response
}

/// What the path and the parameters name.
fn target<'a>(asked: Asked<'a>, browser: &'a Browser) -> Result<Target<'a>, NoTarget> {
    let (path, referer) = (asked.uri.path(), referer(asked.headers));
    if let Some(token) = path.strip_prefix("/c/s/") {
        return Target::of_token(&decode(token), referer, &browser.sites, browser.now_ms);
    }
    let ad = decode(path.strip_prefix("/c/").unwrap_or_default());
    Target::of_ad(&ad, asked.uri.query().unwrap_or_default(), referer, &browser.sites)
}

/// Takes the click through the accept steps and hands its record to the operating system. A click
/// that is left out by wish leads on without a click id.
fn record(
    ingest: &Ingest,
    context: &Context<'_>,
    browser: &Browser,
    target: &Target<'_>,
    referer: &str,
    counts: bool,
) -> Result<Click, Refused> {
    let id = browser.fresh.next().to_string();
    let mut raw = target.raw(&id, referer);
    let mut batch = RecordBatch::with_capacity(1_024);
    let mut click = Click::default();
    let outcome = accept::run(&mut raw, context, |event, route| {
        click = Click::of(event, context.sites);
        push(&mut batch, event, route);
    });
    let (result, counted) = match outcome {
        Outcome::Accepted(_) if !counts => return Ok(click),
        Outcome::Accepted(_) => match ingest.outbox.put(&batch) {
            Ok(()) => (Ok(click), Counted::Accepted),
            Err(error) => refuse(refused(&error)),
        },
        Outcome::Dropped(reason) => (Ok(Click::default()), Counted::Dropped(reason)),
        Outcome::Rejected(rejection) => refuse(Refused { rejection, retry_after_s: 0 }),
    };
    if counts {
        count(Some(Activity::Click), counted);
    }
    result
}

fn refuse(refused: Refused) -> (Result<Click, Refused>, Counted) {
    let counted = Counted::Rejected(refused.rejection.reason);
    (Err(refused), counted)
}

/// What the browser says of itself beside its user agent.
fn hints(headers: &HeaderMap) -> Hints<'_> {
    const BRANDS: HeaderName = HeaderName::from_static("sec-ch-ua");
    const PLATFORM: HeaderName = HeaderName::from_static("sec-ch-ua-platform");
    const MOBILE: HeaderName = HeaderName::from_static("sec-ch-ua-mobile");
    const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
    Hints {
        brands: request::text(headers, BRANDS),
        platform: request::text(headers, PLATFORM),
        mobile: request::text(headers, MOBILE),
        fetch_mode: request::text(headers, FETCH_MODE),
    }
}

/// The page that was left, as far as the browser says.
fn referer(headers: &HeaderMap) -> &str {
    request::text(headers, header::REFERER)
}

/// Whether a browser fetches a page that nobody has clicked yet.
fn is_prefetch(headers: &HeaderMap) -> bool {
    const SEC_PURPOSE: HeaderName = HeaderName::from_static("sec-purpose");
    const PURPOSE: HeaderName = HeaderName::from_static("purpose");
    const X_MOZ: HeaderName = HeaderName::from_static("x-moz");
    const X_PURPOSE: HeaderName = HeaderName::from_static("x-purpose");
    let says = |name: HeaderName, words: &[&str]| {
        let value = request::text(headers, name).trim_start().as_bytes();
        words.iter().any(|word| {
            let start = value.get(..word.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
        })
    };
    says(SEC_PURPOSE, &["prefetch", "prerender"])
        || says(PURPOSE, &["prefetch", "preview"])
        || says(X_MOZ, &["prefetch"])
        || says(X_PURPOSE, &["preview", "prefetch"])
}

fn is_without_redirect(uri: &Uri) -> bool {
    let query = uri.query().unwrap_or_default();
    query.contains("noredirect")
        && accept::page::parameters(query).any(|(name, value)| name == "noredirect" && value == "1")
}

fn unavailable(detail: &str) -> Refused {
    Refused { rejection: Rejection::new(Rejected::Unavailable, detail), retry_after_s: 2 }
}

fn turned_away(headers: &HeaderMap, refused: Refused) -> Response<Body> {
    let status = super::reply::status_of(refused.rejection.reason);
    let mut response = page(headers, status, &refused.rejection.detail);
    if refused.retry_after_s > 0 {
        response.headers_mut().insert(header::RETRY_AFTER, refused.retry_after_s.into());
    }
    response
}

/// A page with the headers of every answer to a click.
fn page(headers: &HeaderMap, status: StatusCode, text: &str) -> Response<Body> {
    let mut response = notice(headers, status, text);
    let all = response.headers_mut();
    all.extend(HEADERS.iter().map(|(name, value)| (name.clone(), value.clone())));
    response
}

/// An answer without a body, with the headers of every answer to a click.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    *response.headers_mut() = HEADERS.clone();
    response
}

/// The headers of every answer to a click: none may be kept, since the next click has to come here,
/// too. Put together once, because finding a place for each takes longer than copying them all.
static HEADERS: LazyLock<HeaderMap> = LazyLock::new(|| {
    const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
    // With room for the location.
    let mut headers = HeaderMap::with_capacity(8);
    headers.extend([
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache, no-store, must-revalidate")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
        (header::EXPIRES, HeaderValue::from_static("0")),
        (ROBOTS, HeaderValue::from_static("noindex, nofollow")),
        (header::REFERRER_POLICY, HeaderValue::from_static("strict-origin-when-cross-origin")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    ]);
    headers
});
