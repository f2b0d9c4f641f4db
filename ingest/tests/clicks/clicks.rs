//! `GET /c/{ad}`: redirected, recorded, or neither.

use axum::http::StatusCode;
use footfall_event::ads::{Proof, name_hash, query_hash};
use footfall_event::record::Via;
use footfall_event::{Id, Topic, VerdictReason};

use crate::{NOW, Server, ffclid, header, json, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_click_is_redirected_and_recorded() {
    let server = Server::start();
    let path = "/c/boots?placement=top&position=2&query=Rote%20Stiefel&request=r1\
                &impression=01935a4e-0000-7000-8000-000000000001";
    let response = server.get(path, &[("referer", "https://www.blog.example/post?a=b")]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    let location = header(&response, "location");
    let start = "https://shop.example/boots?utm_source=news&k=Rote%20Stiefel&ffclid=";
    assert!(location.starts_with(start) && location.ends_with("#top"), "{location}");
    let id = ffclid(location);
    assert!(id.len() <= 120);
    for (name, value) in [
        ("cache-control", "no-cache, no-store, must-revalidate"),
        ("pragma", "no-cache"),
        ("expires", "0"),
        ("x-robots-tag", "noindex, nofollow"),
        ("referrer-policy", "strict-origin-when-cross-origin"),
    ] {
        assert_eq!(header(&response, name), value);
    }
    let impression = Id::parse_str("01935a4e-0000-7000-8000-000000000001").unwrap();
    let says = server.click_id(id).unwrap();
    assert_eq!((says.at, says.position, says.impression), (NOW, 2, impression));
    assert_eq!((says.ad, says.placement), (name_hash("boots"), name_hash("top")));
    assert_eq!((says.site, says.query), (name_hash("blog.example"), query_hash("rote stiefel")));
    let clicks = server.records(Topic::Clicks);
    let [click] = &*clicks else { panic!("{}", clicks.len()) };
    assert_eq!((click.id, click.via, click.time), (says.click, Via::Redirect, NOW));
    assert_eq!((&*click.site, &*click.ad, &*click.campaign), ("blog.example", "boots", "winter"));
    assert_eq!((&*click.placement, click.position), ("top", 2));
    assert_eq!((&*click.query, &*click.request), ("Rote Stiefel", "r1"));
    assert_eq!((click.impression, click.proof), (Some(impression), Proof::None));
    assert_eq!((&*click.host, &*click.path), ("blog.example", "/post"));
    assert_eq!(click.billing.unwrap().price.micros, 250_000);
    assert!(click.found.is_empty() && click.network.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_site_is_the_placements_else_the_pages_else_the_campaigns() {
    let server = Server::start();
    for (query, referer, site, found) in [
        ("placement=top", "https://news.example/", "blog.example", &[][..]),
        ("", "https://www.blog.example/", "blog.example", &[]),
        ("", "https://paper.test/", "news.example", &[]),
        ("", "https://elsewhere.example/", "news.example", &[]),
        ("", "", "news.example", &[]),
        ("", "not an address", "news.example", &[]),
        (
            "placement=none",
            "https://blog.example/",
            "blog.example",
            &[VerdictReason::PlacementUnknown],
        ),
        ("placement=top&position=4", "", "blog.example", &[VerdictReason::PositionUnknown]),
        ("position=first", "", "news.example", &[VerdictReason::PositionUnknown]),
        ("position=0", "", "news.example", &[VerdictReason::PositionUnknown]),
        ("position=99999999999", "", "news.example", &[VerdictReason::PositionUnknown]),
        ("impression=7", "", "news.example", &[]),
    ] {
        let before = server.records(Topic::Clicks);
        let response = server.get(&format!("/c/plain?{query}"), &[("referer", referer)]).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{query} {referer}");
        let known: Vec<Id> = before.iter().map(|click| click.id).collect();
        let now = server.records(Topic::Clicks);
        let click = now.iter().find(|click| !known.contains(&click.id)).unwrap();
        assert_eq!((&*click.site, &*click.found), (site, found), "{query} {referer}");
        assert_eq!(click.position, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_clicked_is_not_counted() {
    let server = Server::start();
    let head = server.ask("HEAD", "/c/boots", &[], "").await;
    assert_eq!(head.status(), StatusCode::FOUND);
    assert!(header(&head, "location").starts_with("https://shop.example/boots?"));
    for (name, value) in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch;anonymous-client-ip"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
        ("x-purpose", "preview"),
    ] {
        let response = server.get("/c/boots", &[(name, value)]).await;
        assert_eq!(response.status(), StatusCode::SERVICE_UNAVAILABLE, "{name}: {value}");
        assert_eq!(header(&response, "location"), "");
        assert!(header(&response, "cache-control").contains("no-store"));
    }
    for (path, status) in [("/c/nobody", 404), ("/c/..", 404), ("/c/a%2Fb", 404), ("/c/%00", 404)] {
        assert_eq!(server.get(path, &[]).await.status(), status, "{path}");
    }
    assert_eq!(server.ask("POST", "/c/boots", &[], "").await.status(), 405);
    assert!(server.records(Topic::Clicks).is_empty());
    let response = server.get("/c/boots?noredirect=1", &[]).await;
    assert_eq!((response.status().as_u16(), header(&response, "location")), (204, ""));
    assert_eq!(server.records(Topic::Clicks).len(), 1);
    let robots = server.get("/robots.txt", &[]).await;
    assert_eq!(text(robots).await, "User-agent: *\nDisallow: /c/\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_not_to_be_counted_is_led_on_without_a_trace() {
    let server = Server::start();
    let response = server.get("/c/boots", &[("sec-gpc", "1")]).await;
    assert_eq!(response.status(), StatusCode::FOUND);
    assert_eq!(header(&response, "location"), "https://shop.example/boots?utm_source=news&k=#top");
    assert!(server.records(Topic::Clicks).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_a_page_and_programs_a_problem() {
    let server = Server::start();
    let response = server.get("/c/nobody", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!(header(&response, "content-type"), "text/html; charset=utf-8");
    assert!(header(&response, "cache-control").contains("no-store"));
    assert!(text(response).await.contains("This ad is not here"));
    let response = server.get("/c/nobody", &[("accept", "application/json")]).await;
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let (status, problem) = json(response).await;
    assert_eq!((status.as_u16(), &problem["status"]), (404, &404.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_clicks_have_other_ids() {
    let server = Server::start();
    let mut ids = std::collections::HashSet::new();
    for _ in 0..20 {
        let response = server.get("/c/plain", &[]).await;
        let location = header(&response, "location").to_owned();
        assert!(location.starts_with("http://shop.example:8080/?ffclid="), "{location}");
        ids.insert(server.click_id(ffclid(&location)).unwrap().click);
    }
    let stored: std::collections::HashSet<Id> =
        server.records(Topic::Clicks).iter().map(|click| click.id).collect();
    assert_eq!((ids.len(), stored), (20, ids));
}
