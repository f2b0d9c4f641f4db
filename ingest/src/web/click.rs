//! `GET /c/{ad}` and `GET /c/s/{token}`: a click, recorded and redirected at once.
//!
//! The 302 is sent when the operating system has the record (see [`footfall_topics::outbox`]); no
//! disk and no broker is waited for. What leads nowhere is answered with a plain page, never with
//! a redirect elsewhere, and what is only fetched ahead of time is neither redirected nor counted:
//! the browser asks again when somebody clicks.

use std::sync::Arc;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
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
use crate::metrics::{Counted, Tally, prefetched, redirected, token_refused};
use crate::redirect::hints::Hints;
use crate::redirect::{Click, NoTarget, Target};
use crate::service::Ingest;

/// What a prefetching browser is asked to wait before it asks again; the click itself never waits.
const PREFETCH_RETRY_S: u64 = 1;

/// `GET /c/{ad}`.
pub(super) async fn by_ad(State(ingest): State<Arc<Ingest>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    answer(&ingest, &parts, |browser, parts| {
        let ad = decode(parts.uri.path().strip_prefix("/c/").unwrap_or_default());
        let query = parts.uri.query().unwrap_or_default();
        Target::of_ad(&ad, query, referer(parts), &browser.sites)
    })
}

/// `GET /c/s/{token}`.
pub(super) async fn by_token(
    State(ingest): State<Arc<Ingest>>,
    request: Request,
) -> Response<Body> {
    let (parts, _) = request.into_parts();
    answer(&ingest, &parts, |browser, parts| {
        let token = decode(parts.uri.path().strip_prefix("/c/s/").unwrap_or_default());
        Target::of_token(&token, referer(parts), &browser.sites, browser.now_ms)
    })
}

/// `GET /robots.txt`: clicks are not for crawlers.
pub(super) async fn robots() -> Response<Body> {
    let rules = "User-agent: *\nDisallow: /c/\n";
    super::reply::reply(StatusCode::OK, "text/plain; charset=utf-8", rules)
}

fn answer(
    ingest: &Ingest,
    parts: &Parts,
    target: impl for<'b> FnOnce(&'b Browser, &'b Parts) -> Result<Target<'b>, NoTarget>,
) -> Response<Body> {
    let began = Instant::now();
    let mut response = respond(ingest, parts, target);
    no_store(response.headers_mut());
    if response.status() == StatusCode::FOUND {
        redirected(began.elapsed());
    }
    response
}

fn respond(
    ingest: &Ingest,
    parts: &Parts,
    target: impl for<'b> FnOnce(&'b Browser, &'b Parts) -> Result<Target<'b>, NoTarget>,
) -> Response<Body> {
    let headers = &parts.headers;
    if is_prefetch(headers) {
        prefetched();
        let refused = unavailable("this is a click on an ad: it is not fetched ahead of time");
        return turned_away(headers, Refused { retry_after_s: PREFETCH_RETRY_S, ..refused });
    }
    let browser = match Browser::admit(ingest, parts) {
        Ok(browser) => browser,
        Err(refused) => return turned_away(headers, refused),
    };
    let target = match target(&browser, parts) {
        Ok(target) => {
            let user_agent = request::text(headers, header::USER_AGENT);
            let contradict = hints(headers).contradict(user_agent);
            target.found(contradict, VerdictReason::HintMismatch)
        }
        Err(NoTarget::UnknownAd) => {
            let text = "This ad is not here (any more).";
            return notice(headers, StatusCode::NOT_FOUND, text);
        }
        Err(NoTarget::BadToken(reason)) => {
            token_refused(reason);
            let text = "This link is damaged or was not made here.";
            return notice(headers, StatusCode::BAD_REQUEST, text);
        }
    };
    // A link may be fetched by whoever shows it; only what the browser follows is a click.
    let counts = parts.method != Method::HEAD;
    // A click is a navigation: if it has an origin, that says nothing about whose site it is.
    let context = Context { origin: None, ..browser.context(ingest, headers, Via::Redirect) };
    let click = match record(ingest, &context, &browser, &target, referer(parts), counts) {
        Ok(click) => click,
        Err(refused) => return turned_away(headers, refused),
    };
    if is_without_redirect(parts) {
        return empty(StatusCode::NO_CONTENT);
    }
    let random = browser.fresh.next().as_u64_pair().1;
    let location = target.location(&click, random);
    let Some(location) = location.and_then(|text| HeaderValue::try_from(text).ok()) else {
        tracing::error!("an ad's destination can't be used any more: see `footfall ad list`");
        return notice(headers, StatusCode::NOT_FOUND, "This ad leads nowhere.");
    };
    let mut response = empty(StatusCode::FOUND);
    response.headers_mut().insert(header::LOCATION, location);
    response
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
    let mut tally = Tally::default();
    let result = match outcome {
        Outcome::Accepted(_) if !counts => return Ok(click),
        Outcome::Accepted(_) => match ingest.outbox.put(batch) {
            Ok(()) => {
                tally.add(Some(Activity::Click), Counted::Accepted);
                Ok(click)
            }
            Err(error) => Err(refused(&error)),
        },
        Outcome::Dropped(reason) => {
            tally.add(Some(Activity::Click), Counted::Dropped(reason));
            Ok(Click::default())
        }
        Outcome::Rejected(rejection) => Err(Refused { rejection, retry_after_s: 0 }),
    };
    if let Err(refused) = &result {
        tally.add(Some(Activity::Click), Counted::Rejected(refused.rejection.reason));
    }
    if counts {
        tally.flush();
    }
    result
}

/// What the browser says of itself beside its user agent.
fn hints(headers: &HeaderMap) -> Hints<'_> {
    let text = |name: &'static str| request::text(headers, HeaderName::from_static(name));
    Hints {
        brands: text("sec-ch-ua"),
        platform: text("sec-ch-ua-platform"),
        mobile: text("sec-ch-ua-mobile"),
        fetch_mode: text("sec-fetch-mode"),
    }
}

/// The page that was left, as far as the browser says.
fn referer(parts: &Parts) -> &str {
    request::text(&parts.headers, header::REFERER)
}

/// Whether a browser fetches a page that nobody has clicked yet.
fn is_prefetch(headers: &HeaderMap) -> bool {
    let says = |name: &str, words: &[&str]| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        words.iter().any(|word| value.trim_start().to_ascii_lowercase().starts_with(word))
    };
    says("sec-purpose", &["prefetch", "prerender"])
        || says("purpose", &["prefetch", "preview"])
        || says("x-moz", &["prefetch"])
        || says("x-purpose", &["preview", "prefetch"])
}

fn is_without_redirect(parts: &Parts) -> bool {
    let query = parts.uri.query().unwrap_or_default();
    accept::page::parameters(query).any(|(name, value)| name == "noredirect" && value == "1")
}

fn unavailable(detail: &str) -> Refused {
    Refused { rejection: Rejection::new(Rejected::Unavailable, detail), retry_after_s: 2 }
}

fn turned_away(headers: &HeaderMap, refused: Refused) -> Response<Body> {
    let status = super::reply::status_of(refused.rejection.reason);
    let mut response = notice(headers, status, &refused.rejection.detail);
    if refused.retry_after_s > 0 {
        response.headers_mut().insert(header::RETRY_AFTER, refused.retry_after_s.into());
    }
    response
}

fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// No answer may be kept: the next click has to come here, too.
fn no_store(headers: &mut HeaderMap) {
    const ROBOTS: header::HeaderName = header::HeaderName::from_static("x-robots-tag");
    let value = HeaderValue::from_static;
    headers.reserve(8);
    headers.insert(header::CACHE_CONTROL, value("no-cache, no-store, must-revalidate"));
    headers.insert(header::PRAGMA, value("no-cache"));
    headers.insert(header::EXPIRES, value("0"));
    headers.insert(ROBOTS, value("noindex, nofollow"));
    headers.insert(header::REFERRER_POLICY, value("strict-origin-when-cross-origin"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, value("nosniff"));
}
