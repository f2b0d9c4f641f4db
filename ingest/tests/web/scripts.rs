//! The script's files.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use footfall_ingest::Settings;

use crate::server::{Pending, Server, header};

#[tokio::test(flavor = "multi_thread")]
async fn the_scripts_may_be_kept_under_their_hash() {
    let server = Server::start(Settings::default());
    let get = |uri: &str| Pending(Request::get(uri), Body::empty()).body_of("203.0.113.7:1");
    let mut etags = Vec::new();
    for name in ["footfall", "footfall-ads"] {
        let response = server.send(get(&format!("/js/{name}.js"))).await;
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "content-type"), "text/javascript; charset=utf-8");
        assert_eq!(header(&response, "access-control-allow-origin"), "*", "a module needs it");
        let etag = header(&response, "etag").to_owned();
        let hashed = format!("/js/{name}.{}.js", etag.trim_matches('"'));
        let response = server.send(get(&hashed)).await;
        assert!(header(&response, "cache-control").contains("immutable"));
        let request = Request::get(format!("/js/{name}.js")).header("if-none-match", &etag);
        let response = server.send(Pending(request, Body::empty()).body_of("203.0.113.7:1")).await;
        assert_eq!(response.status(), StatusCode::NOT_MODIFIED);
        etags.push(etag.trim_matches('"').to_owned());
    }
    let swapped = format!("footfall.{}.js", etags[1]);
    for other in ["other.js", "footfall.js.js", "footfall-.js", "footfall..js", &swapped] {
        let response = server.send(get(&format!("/js/{other}"))).await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND, "{other}");
    }
}
