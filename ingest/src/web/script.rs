//! `GET /js/…`: the script, and the file for ads that it imports where a page needs it; each also
//! under a name with its hash, which never changes and may be kept for ever.

use std::sync::LazyLock;

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};

use super::reply::reply;

/// A file under `/js`.
struct File {
    /// Its name without `.js`.
    stem: &'static str,
    content: &'static [u8],
    /// Hexadecimal hash of the content.
    hash: String,
}

static FILES: LazyLock<[File; 2]> = LazyLock::new(|| {
    [
        File::new("footfall", include_bytes!("../../../js-snippet/dist/footfall.js")),
        File::new("footfall-ads", include_bytes!("../../../js-snippet/dist/footfall-ads.js")),
    ]
});

impl File {
    fn new(stem: &'static str, content: &'static [u8]) -> File {
        File { stem, content, hash: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(content)) }
    }

    /// How long a browser may keep it under this name; `None` when it hasn't this name.
    fn caching(&self, name: &str) -> Option<&'static str> {
        let rest = name.strip_prefix(self.stem)?.strip_suffix(".js")?;
        match rest.strip_prefix('.') {
            None if rest.is_empty() => Some("public, max-age=3600"),
            Some(hash) if hash == self.hash => Some("public, max-age=31536000, immutable"),
            _ => None,
        }
    }
}

/// `GET /js/{name}`.
pub(super) async fn script(Path(name): Path<String>, headers: HeaderMap) -> Response<Body> {
    let found = FILES.iter().find_map(|file| Some((file, file.caching(&name)?)));
    let Some((file, caching)) = found else {
        let body = "There is no such script: expected /js/footfall.js\n";
        return reply(StatusCode::NOT_FOUND, "text/plain; charset=utf-8", body);
    };
    let etag = format!("\"{}\"", file.hash);
    let known = headers.get(header::IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|list| list.contains(&etag)) {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response
    } else {
        reply(StatusCode::OK, "text/javascript; charset=utf-8", file.content)
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
    format!("footfall.{}.js", FILES[0].hash)
}
