//! `GET /api/v1/feeds/{topic}`: what comes, to whom, from where on, and how it ends.

use std::time::Duration;

use axum::body::Body;
use footfall_event::Topic;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::ranking::{key, market, performance, write};
use crate::world::World;

/// An open feed and what has come of it.
struct Feed {
    body: Body,
    text: String,
}

async fn open(world: &World, key: &str, address: &str, headers: &[(&str, &str)]) -> (u16, Feed) {
    let mut request = Request::get(format!("/api/v1/feeds/{address}"))
        .header("authorization", format!("Bearer {key}"))
        .header("accept-encoding", "gzip");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::empty()).unwrap();
    let response = world.app.clone().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    assert!(response.headers().get("content-encoding").is_none());
    (status, Feed { body: response.into_body(), text: String::new() })
}

impl Feed {
    /// Reads until a text has come.
    async fn until(&mut self, text: &str) -> &str {
        while !self.text.contains(text) {
            let frame = tokio::time::timeout(Duration::from_secs(20), self.body.frame()).await;
            let frame = frame.unwrap_or_else(|_| panic!("no {text:?} in {:?}", self.text));
            let frame = frame.unwrap_or_else(|| panic!("ended without {text:?}: {:?}", self.text));
            let bytes = frame.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&bytes).unwrap());
        }
        &self.text
    }

    /// Everything up to the end.
    async fn rest(mut self) -> String {
        let rest = tokio::time::timeout(Duration::from_secs(30), self.body.collect()).await;
        self.text.push_str(std::str::from_utf8(&rest.unwrap().unwrap().to_bytes()).unwrap());
        self.text
    }
}

fn click(site: &str, number: u32) -> Vec<u8> {
    json!({"v": 1, "site": site, "number": number}).to_string().into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_goes_on_where_it_was_left() {
    let world = market().await;
    write(&world, Topic::Clicks, 0, "", &click("a.test", 0));
    let (status, mut feed) = open(&world, "ffk_a", "clicks", &[]).await;
    assert_eq!(status, 200);
    // What was there before is not asked for, and records of other sites are not seen.
    tokio::task::block_in_place(|| {
        write(&world, Topic::Clicks, 0, "", &click("b.test", 1));
        write(&world, Topic::Clicks, 0, "", &click("a.test", 2));
        write(&world, Topic::Clicks, 1, "", &click("a.test", 3));
    });
    feed.until("\"number\":2").await;
    let text = feed.until("\"number\":3").await.to_owned();
    assert!(!text.contains("b.test") && !text.contains("\"number\":0"), "{text}");
    let id = text.lines().rfind(|line| line.starts_with("id: ")).unwrap()[4..].to_owned();
    assert!(id.starts_with("0-3,1-1"), "{id}");
    drop(feed);
    write(&world, Topic::Clicks, 0, "", &click("a.test", 4));
    let (_, mut feed) = open(&world, "ffk_a", "clicks", &[("last-event-id", &id)]).await;
    let text = feed.until("\"number\":4").await;
    assert!(!text.contains("\"number\":2") && !text.contains("\"number\":3"), "{text}");

    let lines = [("accept", "application/x-ndjson")];
    let (_, mut feed) = open(&world, "ffk_a", "clicks?from=start", &lines).await;
    feed.until("\"number\":3").await;
    let text = feed.until("\"number\":4").await;
    let numbers = text.lines().filter_map(|line| {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_ne!(line["record"]["site"], "b.test");
        line["record"]["number"].as_u64()
    });
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    assert_eq!(numbers, [0, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn performance_begins_with_the_current_state() {
    let world = market().await;
    for clicks in 1..=3 {
        let (name, record) = performance("c1", 100, clicks);
        write(&world, Topic::AdPerformance, 1, &name, &record);
    }
    let campaign = |campaign: &str| {
        let record =
            json!({"kind": "campaign", "v": 1, "campaign": campaign, "spent": [], "as_of": 1});
        record.to_string().into_bytes()
    };
    write(&world, Topic::AdPerformance, 0, "campaign/c", &campaign("c"));
    write(&world, Topic::AdPerformance, 0, "campaign/foreign", &campaign("foreign"));
    let (_, mut feed) = open(&world, "ffk_a", "ad-performance", &[]).await;
    let text = feed.until("event: current").await;
    assert_eq!(text.matches("\"kind\":\"ad\"").count(), 1, "the last record of the key: {text}");
    assert!(text.contains("\"net_clicks\":3") && text.contains("\"campaign\":\"c\""), "{text}");
    assert!(!text.contains("foreign"), "{text}");
    let (name, record) = performance("c1", 100, 4);
    write(&world, Topic::AdPerformance, 1, &name, &record);
    feed.until("\"net_clicks\":4").await;

    // As the server stops, every feed says so and ends.
    world.dashboard.stop_feeds();
    assert!(feed.rest().await.ends_with("event: end\ndata: {\"reason\":\"stopping\"}\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_takes_nothing_is_cut_off_with_a_word() {
    let world = market().await;
    let (_, mut feed) = open(&world, "ffk_a", "clicks", &[]).await;
    let large = json!({"site": "a.test", "filler": "x".repeat(30_000)}).to_string();
    for _ in 0..40 {
        write(&world, Topic::Clicks, 0, "", large.as_bytes());
    }
    feed.until("filler").await;
    tokio::time::sleep(Duration::from_secs(12)).await;
    let text = feed.rest().await;
    assert!(text.ends_with("event: end\ndata: {\"reason\":\"too_slow\"}\n\n"));
    assert!(text.matches("filler").count() < 40, "what waits is bounded");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_and_internals_are_refused_and_feeds_are_bounded() {
    let world = market().await;
    key(&world, "ffk_all", &[]).await;
    for topic in Topic::ALL {
        let internal = ["catalog", "salts", "blocklist", "shards", "batches", "snapshots"]
            .contains(&topic.name())
            || ["ad-deltas", "ad-clicks", "ad-conversions"].contains(&topic.name());
        let (status, _) = open(&world, "ffk_all", topic.name(), &[]).await;
        // Closed ones free their place within half a second.
        if status == 503 {
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            assert_eq!(open(&world, "ffk_all", topic.name(), &[]).await.0, 200);
        } else {
            assert_eq!(status, if internal { 403 } else { 200 }, "{}", topic.name());
        }
    }
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    for (key, address, headers, expected) in [
        ("ffk_x", "clicks", &[][..], 401),
        ("ffk_a", "nothing", &[], 404),
        ("ffk_a", "clicks?site=b.test", &[], 403),
        ("ffk_a", "clicks?from=middle", &[], 400),
        ("ffk_a", "clicks", &[("last-event-id", "nonsense")], 400),
    ] {
        assert_eq!(open(&world, key, address, headers).await.0, expected, "{key} {address}");
    }
    let open_ones = [
        open(&world, "ffk_all", "clicks", &[]).await,
        open(&world, "ffk_all", "views?site=a.test", &[]).await,
        open(&world, "ffk_a", "dead-letters", &[]).await,
    ];
    assert!(open_ones.iter().all(|(status, _)| *status == 200));
    let (status, feed) = open(&world, "ffk_a", "clicks", &[]).await;
    assert_eq!(status, 503);
    assert!(feed.rest().await.contains("feeds_max"));
    // A key that is revoked ends its feeds.
    world.catalog.remove("key/ffk_a").await.unwrap();
    let [_, _, (_, feed)] = open_ones;
    assert!(feed.rest().await.ends_with("{\"reason\":\"unauthorized\"}\n\n"));
    assert_eq!(open(&world, "ffk_a", "clicks", &[]).await.0, StatusCode::UNAUTHORIZED.as_u16());
}
