//! `POST /e`: the script's beacon. No key, no preflight, no cookie; an answer says in its headers
//! what became of the events.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use footfall_event::record::Via;
use footfall_event::{Id, Rejected};

use super::body::{BodyError, read};
use super::reply::{ACCEPTED, DROPPED, REJECTED, problem, reply, status_of};
use super::request;
use super::store::{Refused, refuse_whole, store};
use super::take::{Note, Taken, take};
use crate::accept::{Context, Policy, Rejection};
use crate::blocklist::Blocklist;
use crate::budgets::UsedUp;
use crate::ids::FreshIds;
use crate::keys::DayKeys;
use crate::metrics::{Endpoint, took};
use crate::service::Ingest;
use crate::sites::Sites;

const ANY: HeaderValue = HeaderValue::from_static("*");
const EXPOSED: HeaderValue =
    HeaderValue::from_static("footfall-accepted, footfall-dropped, footfall-rejected, retry-after");

/// What a request from a browser is decided with; lives as long as the request.
pub(super) struct Browser {
    pub(super) now_ms: i64,
    pub(super) sites: Arc<Sites>,
    blocklist: Arc<Blocklist>,
    used_up: Arc<UsedUp>,
    keys: Arc<DayKeys>,
    pub(super) fresh: FreshIds,
    address: IpAddr,
}

impl Browser {
    /// Looks whether the request may be decided now: its network's rate, the keys.
    pub(super) fn admit(
        ingest: &Ingest,
        peer: IpAddr,
        headers: &HeaderMap,
    ) -> Result<Browser, Refused> {
        let unavailable = |detail: &str| Refused {
            rejection: Rejection::new(Rejected::Unavailable, detail),
            retry_after_s: 2,
        };
        let now_ms = ingest.salts.now_ms();
        let sites = ingest.sites().ok_or_else(|| unavailable("the server is starting"))?;
        let keys = ingest.salts.load();
        if !keys.has(now_ms) {
            return Err(unavailable("today's key for visitor ids is not known yet"));
        }
        let address = request::client(ingest, peer, headers);
        let network = sites.lasting_key().spread_network(address);
        ingest.rate.take(network, now_ms.max(0) as u64 * 1_000).map_err(|wait_s| Refused {
            rejection: Rejection::new(Rejected::RateLimited, "too many requests from this network"),
            retry_after_s: wait_s,
        })?;
        let fresh = FreshIds::new(now_ms, Id::new_v4().as_u128());
        let (blocklist, used_up) = (ingest.blocklist(), ingest.used_up.load());
        Ok(Browser { now_ms, sites, blocklist, used_up, keys, fresh, address })
    }

    /// The context of the accept steps.
    pub(super) fn context<'a>(
        &'a self,
        ingest: &'a Ingest,
        headers: &'a HeaderMap,
        via: Via,
    ) -> Context<'a> {
        Context {
            now_ms: self.now_ms,
            via,
            policy: Policy::BEACON,
            limits: &ingest.settings.limits,
            sites: &self.sites,
            used_up: &self.used_up.0,
            allowed_sites: &[],
            blocklist: &self.blocklist,
            keys: &self.keys,
            partitions: ingest.partitions,
            geo: &ingest.geo,
            agents: &ingest.agents,
            fresh: &self.fresh,
            address: Some(self.address),
            user_agent: request::text(headers, header::USER_AGENT),
            accept_language: request::text(headers, header::ACCEPT_LANGUAGE),
            // An origin that is no text belongs to no site.
            origin: headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null")),
            opted_out: ingest.settings.honour_opt_out && request::opted_out(headers),
        }
    }
}

/// `OPTIONS /e`, for senders that set headers of their own.
pub(super) async fn preflight() -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type"));
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400"));
    response
}

/// `POST /e`.
pub(super) async fn beacon(State(ingest): State<Arc<Ingest>>, request: Request) -> Response<Body> {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let mut response = match accept(&ingest, &parts, body).await {
        Ok(taken) => answer(&taken),
        Err((refused, status)) => {
            let headers = [(REJECTED, refused.rejection.reason.as_str().to_owned())];
            let wait = (refused.retry_after_s > 0).then_some(refused.retry_after_s);
            let mut response = problem(status, &refused.rejection, wait);
            note_in_headers(&mut response, headers);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, ANY);
    if headers.contains_key(DROPPED) || headers.contains_key(REJECTED) {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    }
    took(Endpoint::Beacon, began.elapsed());
    response
}

async fn accept(
    ingest: &Ingest,
    parts: &Parts,
    body: Body,
) -> Result<Taken, (Refused, StatusCode)> {
    let whole = |rejection| refuse_whole(Refused { rejection, retry_after_s: 0 });
    let browser = Browser::admit(ingest, request::peer(parts), &parts.headers);
    let browser = browser.map_err(refuse_whole)?;
    let limits = &ingest.settings.limits;
    let timeout = Duration::from_millis(limits.body_timeout_ms);
    let body = read(body, limits.beacon_bytes_max, timeout).await.map_err(|error| match error {
        BodyError::Rejected(rejection) => whole(rejection),
        BodyError::Slow => {
            let (refused, _) =
                whole(Rejection::new(Rejected::Malformed, "the body came too slowly"));
            (refused, StatusCode::REQUEST_TIMEOUT)
        }
    })?;
    let mut taken =
        take(&body, &browser.context(ingest, &parts.headers, Via::Script)).map_err(whole)?;
    store_or_refuse(ingest, &mut taken).await?;
    Ok(taken)
}

/// [`store`], with the status of its refusal.
pub(super) async fn store_or_refuse(
    ingest: &Ingest,
    taken: &mut Taken,
) -> Result<(), (Refused, StatusCode)> {
    store(ingest, taken).await.map_err(|refused| {
        let status = status_of(refused.rejection.reason);
        (refused, status)
    })
}

/// 202 when anything was accepted or dropped; else the status of the first reason, with a body
/// that explains it to the page's author.
fn answer(taken: &Taken) -> Response<Body> {
    let accepted = taken.stored();
    let mut response = match taken.rejected.first() {
        Some(first) if accepted == 0 && taken.dropped.is_empty() => {
            let reason = Rejected::parse(first.reason).expect("reasons are from the list");
            problem(status_of(reason), &Rejection::new(reason, first.detail.clone()), None)
        }
        None if accepted == 0 && taken.dropped.is_empty() => {
            // An empty array: nothing was wrong with it.
            reply(StatusCode::ACCEPTED, "text/plain", Body::empty())
        }
        _ => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::ACCEPTED;
            response
        }
    };
    response.headers_mut().insert(ACCEPTED, HeaderValue::from(accepted));
    note_in_headers(
        &mut response,
        [(DROPPED, distinct(&taken.dropped)), (REJECTED, distinct(&taken.rejected))],
    );
    response
}

/// The distinct reasons, in the order in which they appeared.
pub(super) fn distinct(notes: &[Note]) -> String {
    let mut reasons: Vec<&str> = Vec::new();
    for note in notes {
        if !reasons.contains(&note.reason) {
            reasons.push(note.reason);
        }
    }
    reasons.join(", ")
}

/// Sets the headers that are not empty.
pub(super) fn note_in_headers<const N: usize>(
    response: &mut Response<Body>,
    notes: [(&'static str, String); N],
) {
    for (name, reasons) in notes {
        if let Ok(value) = HeaderValue::from_str(&reasons)
            && !reasons.is_empty()
        {
            response.headers_mut().insert(HeaderName::from_static(name), value);
        }
    }
}
