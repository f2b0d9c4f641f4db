//! `GET /js/footfall.js`: the script, and the same under a name with its hash, which never
//! changes and may be kept for ever.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::reply::reply;

static SCRIPT: &[u8] = include_bytes!("../../../js-snippet/dist/footfall.js");

static HASH: LazyLock<String> =
    LazyLock::new(|| format!("{:016x}", xxhash_rust::xxh3::xxh3_64(SCRIPT)));

/// `GET /js/{name}`.
pub(super) async fn script(Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    let hash = &*HASH;
    let hashed = name.strip_prefix("footfall.").and_then(|rest| rest.strip_suffix(".js"));
    let caching = match (&*name, hashed) {
        ("footfall.js", _) => "public, max-age=3600",
        (_, Some(named)) if named == hash => "public, max-age=31536000, immutable",
        _ => {
            let body = "There is no such script: expected /js/footfall.js\n";
            return reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", body);
        }
    };
    let etag = format!("\"{hash}\"");
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|list| list.contains(&etag)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        reply(StatusCode::OK, "text/javascript; charset=utf-8", SCRIPT)
    };
    let out = response.headers_mut();
    out.insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    out.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    out.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let cross_origin = HeaderValue::from_static("cross-origin");
    out.insert(header::HeaderName::from_static("cross-origin-resource-policy"), cross_origin);
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(header::ETAG, etag);
    }
    response
}

/// The script's name with its hash.
pub fn hashed_name() -> String {
    format!("footfall.{}.js", &*HASH)
}
