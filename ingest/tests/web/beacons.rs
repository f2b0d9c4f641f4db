//! Beacons and the pixel.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use footfall_ingest::Settings;
use footfall_topics::{Log, Topic};
use http_body_util::BodyExt;

use crate::server::{CHROME, Pending, Server, answer, header, page, post};

#[tokio::test(flavor = "multi_thread")]
async fn a_beacon_is_stored_when_it_is_answered() {
    let server = Server::start(Settings::default());
    let response = server.beacon(page(",\"title\":\"Hello\"")).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&response, "footfall-accepted"), "1");
    assert_eq!(header(&response, "access-control-allow-origin"), "*");
    assert_eq!(header(&response, "footfall-rejected"), "");
    let stored = server.records(Topic::Pageviews);
    assert_eq!(stored.len(), 1);
    assert_eq!((&*stored[0].title, &*stored[0].browser), ("Hello", "Chrome"));
    assert!(stored[0].visitor.is_some() && stored[0].network.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn beacons_that_are_not_taken_say_why() {
    let server = Server::start(Settings::default());
    for (body, status, reason) in [
        ("".to_owned(), 400, "malformed"),
        ("hello".into(), 400, "malformed"),
        ("[{]".into(), 400, "malformed"),
        ("[{\"a\":tru}]".into(), 400, "malformed"),
        ("[]x".into(), 400, "malformed"),
        ("{\"type\":\"visit\"}".into(), 422, "unknown_type"),
        (page("").replace("example.com\"", "nowhere.test\""), 422, "unknown_site"),
        (page(",\"time\":5"), 422, "too_old"),
        ("[".repeat(10_000) + &"]".repeat(10_000), 400, "malformed"),
        (page(&format!(",\"title\":\"{}\"", "x".repeat(33_000))), 413, "too_large"),
        (page(&format!(",\"title\":\"{}\"", "x".repeat(70_000))), 413, "too_large"),
    ] {
        let response = server.beacon(body.clone()).await;
        let start = &body[..body.len().min(60)];
        assert_eq!(response.status().as_u16(), status, "{start}");
        assert_eq!(header(&response, "footfall-rejected"), reason, "{start}");
        assert_eq!(header(&response, "content-type"), "application/problem+json");
        let (_, problem) = answer(response).await;
        assert_eq!(problem["reason"], reason, "{problem}");
        assert!(!problem["detail"].as_str().unwrap().is_empty());
    }
    let foreign = post("/e", page("")).header("origin", "https://evil.test");
    let response = server.send(foreign.body_of("203.0.113.7:1")).await;
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(header(&response, "footfall-rejected"), "foreign_origin");
    let asks = post("/e", page("")).header("sec-gpc", "1");
    let response = server.send(asks.body_of("203.0.113.7:1")).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&response, "footfall-dropped"), "opted_out");
    assert_eq!(header(&response, "footfall-accepted"), "0");
    let mixed = format!("[{},{{}},{}]", page(""), page(",\"title\":\"\\ud83d\""));
    let response = server.beacon(mixed).await;
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    assert_eq!(header(&response, "footfall-accepted"), "2");
    assert_eq!(header(&response, "footfall-rejected"), "missing_field");
    let stored = server.records(Topic::Pageviews);
    assert_eq!(stored.len(), 2);
    assert!(stored.iter().any(|event| event.title == "\u{fffd}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pixel_is_an_image_whatever_happens() {
    let server = Server::start(Settings::default());
    let get = |uri: &str| {
        let builder = Request::get(uri).header("user-agent", CHROME);
        Pending(builder.header("referer", "https://example.com/from"), Body::empty())
    };
    for (uri, status, name, value) in [
        ("/e.gif?site=example.com&title=a%20b&nope=1", 200, "footfall-accepted", "1"),
        ("/e.gif?site=nowhere.test", 422, "footfall-rejected", "unknown_site"),
        ("/e.gif", 422, "footfall-rejected", "missing_field"),
    ] {
        let response = server.send(get(uri).body_of("203.0.113.7:1")).await;
        assert_eq!(response.status().as_u16(), status, "{uri}");
        assert_eq!(header(&response, name), value, "{uri}");
        assert_eq!(header(&response, "content-type"), "image/gif");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"GIF89a") && body.ends_with(b";"));
    }
    let stored = server.records(Topic::Pageviews);
    assert_eq!((&*stored[0].path, &*stored[0].title), ("/from", "a b"));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_network_may_send_only_so_much() {
    let mut settings = Settings::default();
    (settings.rate.beacons_per_second, settings.rate.burst) = (1, 3);
    let server = Server::start(settings);
    for _ in 0..3 {
        assert_eq!(server.beacon(page("")).await.status(), StatusCode::ACCEPTED);
    }
    let response = server.beacon(page("")).await;
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&response, "retry-after"), "1");
    assert_eq!(header(&response, "footfall-rejected"), "rate_limited");
    let other = post("/e", page("")).body_of("203.0.113.8:1");
    assert_eq!(server.send(other).await.status(), StatusCode::ACCEPTED);
    assert_eq!(server.api(page("")).await.0, StatusCode::ACCEPTED);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_log_is_said_and_not_counted_as_stored() {
    let server = Server::start(Settings::default());
    assert_eq!(server.ingest.ready(), Ok(()));
    server.log.close(Duration::from_secs(5));
    let response = server.beacon(page("")).await;
    assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&response, "footfall-rejected"), "unavailable");
    assert!(!header(&response, "retry-after").is_empty());
    assert!(server.ingest.ready().is_err());
}
