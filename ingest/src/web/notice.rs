//! Short answers for people and programs alike, by what they accept.

use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use serde_json::json;

use super::reply::reply;
use super::request;

/// A plain page, or a problem (RFC 9457) for who asks for JSON. `text` is ours, without markup.
pub(super) fn notice(headers: &HeaderMap, status: StatusCode, text: &str) -> Response<Body> {
    let title = status.canonical_reason().unwrap_or_default();
    let accept = request::text(headers, header::ACCEPT);
    let mut response = if accept.contains("json") && !accept.contains("text/html") {
        let problem = json!({
            "type": "about:blank", "title": title, "status": status.as_u16(), "detail": text,
        });
        reply(status, "application/problem+json", problem.to_string())
    } else {
        let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
        let page = format!(
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width\"><title>{title}</title>\
             <h1>{title}</h1><p>{escaped}</p></html>\n"
        );
        reply(status, "text/html; charset=utf-8", page)
    };
    // The page has nothing to run and nothing to load.
    let policy = HeaderValue::from_static("default-src 'none'");
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    response
}
