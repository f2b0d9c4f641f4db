//! Answers.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, Response, StatusCode};
use footfall_event::Rejected;
use serde_json::json;

use crate::accept::Rejection;

pub(super) const ACCEPTED: &str = "footfall-accepted";
pub(super) const DROPPED: &str = "footfall-dropped";
pub(super) const REJECTED: &str = "footfall-rejected";

/// An answer with a body of one type.
pub(super) fn reply(
    status: StatusCode,
    content_type: &'static str,
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// An answer that refuses the request as a whole (RFC 9457).
pub(super) fn problem(
    status: StatusCode,
    rejection: &Rejection,
    retry_after_s: Option<u64>,
) -> Response<Body> {
    let body = json!({
        "type": "about:blank",
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "reason": rejection.reason.as_str(),
        "detail": rejection.detail,
    });
    let mut response = reply(status, "application/problem+json", body.to_string());
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

/// The status that stands for a reason when nothing could be taken.
pub(super) fn status_of(reason: Rejected) -> StatusCode {
    match reason {
        Rejected::Malformed => StatusCode::BAD_REQUEST,
        Rejected::TooLarge | Rejected::TooMany => StatusCode::PAYLOAD_TOO_LARGE,
        Rejected::UnknownType
        | Rejected::UnknownField
        | Rejected::MissingField
        | Rejected::InvalidField
        | Rejected::InvalidTime
        | Rejected::TooOld
        | Rejected::InFuture
        | Rejected::UnknownSite => StatusCode::UNPROCESSABLE_ENTITY,
        Rejected::ForeignOrigin | Rejected::ForbiddenSite => StatusCode::FORBIDDEN,
        Rejected::Unauthorized => StatusCode::UNAUTHORIZED,
        Rejected::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Rejected::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}
