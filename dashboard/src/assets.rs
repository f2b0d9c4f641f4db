//! The files that pages refer to: one stylesheet, one script, the map, the mark. Each is served
//! under a name with its hash, so a browser keeps it for ever and never sees an old one.

use std::sync::LazyLock;

use axum::Router;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};

/// A file and its hashed name.
pub(crate) struct Asset {
    /// The address: `/assets/look-0123456789ab.css`.
    pub(crate) href: String,
    kind: &'static str,
    body: &'static [u8],
}

/// All of them, by what they are for.
pub(crate) struct Assets {
    pub(crate) look: Asset,
    pub(crate) live: Asset,
    pub(crate) map: Asset,
    pub(crate) mark: Asset,
}

/// Made once: the hashes never change while the program runs.
pub(crate) static ASSETS: LazyLock<Assets> = LazyLock::new(|| Assets {
    look: asset("look", "css", "text/css; charset=utf-8", include_bytes!("../assets/look.css")),
    live: asset(
        "live",
        "js",
        "text/javascript; charset=utf-8",
        include_bytes!("../assets/live.js"),
    ),
    map: asset("map", "svg", "image/svg+xml", include_bytes!("../assets/map.svg")),
    mark: asset("mark", "svg", "image/svg+xml", include_bytes!("../assets/mark.svg")),
});

fn asset(name: &str, extension: &str, kind: &'static str, body: &'static [u8]) -> Asset {
    let hash = hex::encode(&Sha256::digest(body)[..6]);
    Asset { href: format!("/assets/{name}-{hash}.{extension}"), kind, body }
}

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new().route("/assets/{name}", get(serve))
}

async fn serve(Path(name): Path<String>) -> Response {
    let assets = &*ASSETS;
    let found = [&assets.look, &assets.live, &assets.map, &assets.mark]
        .into_iter()
        .find(|asset| asset.href.strip_prefix("/assets/") == Some(name.as_str()));
    let Some(asset) = found else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static(asset.kind)),
        (header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable")),
    ];
    (headers, asset.body).into_response()
}
