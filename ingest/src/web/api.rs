//! `POST /api/v1/events`: events from servers, with a key. Says of each event that was not
//! accepted what was wrong with it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use bytes::Bytes;
use footfall_event::catalog::{Key, Scope, secret_hash};
use footfall_event::record::Via;
use footfall_event::{Id, Rejected};
use serde::Serialize;

use super::body::{BodyError, decompress, is_compressed, read};
use super::reply::{problem, reply, status_of};
use super::store::{Refused, refuse_whole, store};
use super::take::{Note, Taken, take};
use crate::accept::{Context, Policy, Rejection};
use crate::ids::FreshIds;
use crate::metrics::{Endpoint, took};
use crate::service::Ingest;
use crate::sites::Sites;

/// Larger bodies keep a processor busy for longer than the next click on the same event loop should
/// wait (about half a millisecond).
const BESIDE_BYTES: usize = 64 << 10;

#[derive(Serialize)]
struct Answer<'a> {
    accepted: usize,
    dropped: &'a [Note],
    rejected: &'a [Note],
}

/// `POST /api/v1/events`.
pub(super) async fn events(State(ingest): State<Arc<Ingest>>, request: Request) -> Response<Body> {
    let began = Instant::now();
    let (parts, body) = request.into_parts();
    let response = match accept(&ingest, &parts, body).await {
        Ok(taken) => answer(&taken),
        Err((refused, status)) => {
            let wait = (refused.retry_after_s > 0).then_some(refused.retry_after_s);
            let mut response = problem(status, &refused.rejection, wait);
            if status == StatusCode::UNAUTHORIZED {
                let scheme = HeaderValue::from_static("Bearer");
                response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            }
            response
        }
    };
    took(Endpoint::Api, began.elapsed());
    response
}

fn answer(taken: &Taken) -> Response<Body> {
    let accepted = taken.stored();
    let Taken { dropped, rejected, .. } = taken;
    let all_rejected = accepted == 0 && dropped.is_empty() && !rejected.is_empty();
    let status = if all_rejected { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::ACCEPTED };
    let answer = Answer { accepted, dropped, rejected };
    let json = serde_json::to_vec(&answer).expect("an answer is plain data");
    reply(status, "application/json", json)
}

async fn accept(
    ingest: &Arc<Ingest>,
    parts: &Parts,
    body: Body,
) -> Result<Taken, (Refused, StatusCode)> {
    let admitted = key_of(ingest, bearer(&parts.headers)).map_err(whole)?;
    let headers = &parts.headers;
    let limits = &ingest.settings.limits;
    // Room for the body as it is declared, or for the largest that it may become.
    let compressed = is_compressed(headers);
    let room = match http_body::Body::size_hint(&body).exact() {
        _ if compressed => limits.api_decompressed_bytes_max + limits.api_bytes_max,
        Some(bytes) => usize::try_from(bytes).unwrap_or(usize::MAX).min(limits.api_bytes_max),
        None => limits.api_bytes_max,
    };
    let room = (room.min(limits.bodies_bytes_max) >> 10) as u32;
    let wait = Duration::from_secs(10);
    let _room = match tokio::time::timeout(wait, ingest.bodies.acquire_many(room)).await {
        Ok(Ok(room)) => room,
        _ => {
            let detail = "too many large requests at the same time";
            return Err(refuse(Rejection::new(Rejected::Unavailable, detail), 5));
        }
    };
    let timeout = Duration::from_millis(limits.body_timeout_ms);
    let bytes = read(body, limits.api_bytes_max, timeout).await.map_err(unread)?;
    let bytes = if compressed {
        decompress(headers, bytes, limits.api_decompressed_bytes_max).await.map_err(unread)?
    } else {
        bytes
    };
    let mut taken = decide(ingest, admitted, bytes).await.map_err(whole)?;
    store(ingest, &mut taken).await.map_err(|refused| {
        let status = status_of(refused.rejection.reason);
        (refused, status)
    })?;
    Ok(taken)
}

/// Decides about the events of a body: here, or beside if it is large.
async fn decide(ingest: &Arc<Ingest>, admitted: Admitted, body: Bytes) -> Result<Taken, Rejection> {
    let is_large = body.len() > BESIDE_BYTES;
    let ingest = Arc::clone(ingest);
    let decide = move || {
        admitted.with_context(&ingest, Via::Api, Policy::API, |context| take(&body, context))?
    };
    if !is_large {
        return decide();
    }
    tokio::task::spawn_blocking(decide).await.unwrap_or_else(|error| match error.try_into_panic() {
        Ok(panic) => std::panic::resume_unwind(panic),
        Err(_) => Err(Rejection::new(Rejected::Unavailable, "the server is stopping")),
    })
}

/// A request with a key, and the catalogue that it was admitted by.
pub(super) struct Admitted {
    pub(super) sites: Arc<Sites>,
    pub(super) key: Key,
}

impl Admitted {
    /// Decides about events of this request; by itself, so that nothing of it lives across any
    /// waiting.
    pub(super) fn with_context<R>(
        &self,
        ingest: &Ingest,
        via: Via,
        policy: Policy,
        decide: impl FnOnce(&Context<'_>) -> R,
    ) -> Result<R, Rejection> {
        let now_ms = ingest.salts.now_ms();
        let keys = ingest.salts.load();
        if !keys.has(now_ms) {
            let detail = "today's key for visitor ids is not known yet";
            return Err(Rejection::new(Rejected::Unavailable, detail));
        }
        let fresh = FreshIds::new(now_ms, Id::new_v4().as_u128());
        Ok(decide(&Context {
            now_ms,
            via,
            policy,
            limits: &ingest.settings.limits,
            sites: &self.sites,
            used_up: &ingest.used_up.load().0,
            allowed_sites: &self.key.sites,
            blocklist: &ingest.blocklist(),
            keys: &keys,
            partitions: ingest.partitions,
            geo: &ingest.geo,
            agents: &ingest.agents,
            fresh: &fresh,
            address: None,
            user_agent: "",
            accept_language: "",
            origin: None,
            opted_out: false,
        }))
    }
}

/// The request of this key, if it may send events.
pub(super) fn key_of(ingest: &Ingest, secret: Option<&str>) -> Result<Admitted, Rejection> {
    let admitted = any_key_of(ingest, secret, "ingest")?;
    match admitted.key.scope {
        Scope::Ingest | Scope::Admin => Ok(admitted),
        Scope::Stats => Err(unauthorized("the key is for statistics: expected one for ingest")),
    }
}

/// The request of this key, if it may change the configuration.
pub(super) fn admin_of(ingest: &Ingest, secret: Option<&str>) -> Result<Admitted, Rejection> {
    let admitted = any_key_of(ingest, secret, "admin")?;
    match admitted.key.scope {
        Scope::Admin => Ok(admitted),
        Scope::Ingest | Scope::Stats => {
            Err(unauthorized("the key may not change the configuration: expected one for admin"))
        }
    }
}

fn any_key_of(ingest: &Ingest, secret: Option<&str>, scope: &str) -> Result<Admitted, Rejection> {
    let unavailable = || Rejection::new(Rejected::Unavailable, "the server is starting");
    let sites = ingest.sites().ok_or_else(unavailable)?;
    let secret = secret.ok_or_else(|| {
        let expected = "expected the header `Authorization: Bearer ffk_…` with a key for";
        unauthorized(&format!("{expected} {scope}"))
    })?;
    let key = sites.key(&secret_hash(secret)).cloned();
    let key =
        key.ok_or_else(|| unauthorized("the key is not known here: it may have been revoked"))?;
    Ok(Admitted { sites, key })
}

fn unauthorized(detail: &str) -> Rejection {
    Rejection::new(Rejected::Unauthorized, detail)
}

/// The secret in the `Authorization` header.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn refuse(rejection: Rejection, retry_after_s: u64) -> (Refused, StatusCode) {
    refuse_whole(Refused { rejection, retry_after_s })
}

fn whole(rejection: Rejection) -> (Refused, StatusCode) {
    let wait_s = if rejection.reason == Rejected::Unavailable { 2 } else { 0 };
    refuse(rejection, wait_s)
}

fn unread(error: BodyError) -> (Refused, StatusCode) {
    match error {
        BodyError::Rejected(rejection) => whole(rejection),
        BodyError::Slow => {
            let rejection = Rejection::new(Rejected::Malformed, "the body came too slowly");
            (whole(rejection).0, StatusCode::REQUEST_TIMEOUT)
        }
    }
}
