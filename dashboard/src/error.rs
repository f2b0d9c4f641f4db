//! What can go wrong in answering, and how it is said: a plain page to people, a problem document
//! to programs. Internals stay in the logs.

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};

use crate::frame;
use crate::words as w;

/// Why a request has no ordinary answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// Something in the address or form can't be right; the text says what, and what would be.
    BadRequest(String),
    /// A program without a valid key.
    Unauthorized,
    /// Not allowed; the text says why.
    Forbidden(String),
    /// No such page, site or table.
    NotFound,
    /// Asked under a name that this dashboard does not answer to without a sign-in.
    WrongHost,
    /// Too many attempts; seconds until the next.
    TooMany(u32),
    /// As many as may be are being served; seconds until it is worth trying again.
    Busy(u32),
    /// The warehouse can't answer now; the text is for whoever runs the server.
    Unavailable(String),
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Problem::BadRequest(_) => StatusCode::BAD_REQUEST,
            Problem::Unauthorized => StatusCode::UNAUTHORIZED,
            Problem::Forbidden(_) => StatusCode::FORBIDDEN,
            Problem::NotFound => StatusCode::NOT_FOUND,
            Problem::WrongHost => StatusCode::MISDIRECTED_REQUEST,
            Problem::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Problem::Busy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Problem::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Heading and sentence.
    fn text(&self) -> (&'static str, String) {
        match self {
            Problem::BadRequest(what) => (w::BAD_REQUEST, what.clone()),
            Problem::Unauthorized => (w::UNAUTHORIZED, w::UNAUTHORIZED_TEXT.into()),
            Problem::Forbidden(why) => (w::FORBIDDEN, why.clone()),
            Problem::NotFound => (w::NOT_FOUND, w::NOT_FOUND_TEXT.into()),
            Problem::WrongHost => (w::WRONG_HOST, w::WRONG_HOST_TEXT.into()),
            Problem::TooMany(seconds) => (w::TOO_MANY, w::too_many(*seconds)),
            Problem::Busy(_) => (w::BUSY, w::BUSY_TEXT.into()),
            Problem::Unavailable(_) => (w::UNAVAILABLE, w::UNAVAILABLE_TEXT.into()),
        }
    }

    /// The answer to a program: RFC 9457.
    pub(crate) fn json(&self) -> Response {
        let (title, detail) = self.text();
        let status = self.status();
        let body = serde_json::json!({
            "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail,
        });
        let mut response = (status, body.to_string()).into_response();
        self.headers(&mut response);
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if *self == Problem::Unauthorized {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }

    fn headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        match self {
            Problem::TooMany(seconds) | Problem::Busy(seconds) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(*seconds));
            }
            Problem::Unavailable(detail) => {
                tracing::warn!(detail, "a page could not be answered");
                headers.insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            }
            _ => {}
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (title, text) = self.text();
        let mut response = frame::plain_page(self.status(), title, &text);
        self.headers(&mut response);
        response
    }
}
