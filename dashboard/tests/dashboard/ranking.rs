//! `GET /api/v1/ads/ranking`: who may be shown, who may ask, and what is learned from the topic.

use axum::body::Body;
use footfall_dashboard::Settings;
use footfall_event::Topic;
use footfall_event::catalog::{Entry, Key, Scope, secret_hash};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::world::{World, now};

/// Registers something as a command would.
pub(crate) async fn put(world: &World, entry: Value) {
    world.catalog.put(&serde_json::from_value::<Entry>(entry).unwrap()).await.unwrap();
}

/// Makes a key that may read figures.
pub(crate) async fn key(world: &World, secret: &str, sites: &[&str]) {
    let key = Key {
        id: secret.to_owned(),
        sha256: secret_hash(secret),
        sites: sites.iter().map(|site| (*site).to_owned()).collect(),
        scope: Scope::Stats,
        created_at: 1,
    };
    world.catalog.put(&Entry::Key(key)).await.unwrap();
}

/// Writes one record.
pub(crate) fn write(world: &World, topic: Topic, partition: u32, key: &str, value: &[u8]) {
    let mut batch = footfall_topics::RecordBatch::new();
    batch.push(topic, partition, key.as_bytes(), value);
    footfall_topics::append_blocking(world.log.as_ref(), batch).unwrap();
}

/// What stage 2 says about an ad in placement `top`.
pub(crate) fn performance(ad: &str, impressions: u32, clicks: u32) -> (String, Vec<u8>) {
    let record = json!({
        "kind": "ad", "v": 1, "site": "a.test", "campaign": "c", "ad": ad, "placement": "top",
        "total": {}, "as_of": now(),
        "positions": [{
            "position": 1, "net_impressions": impressions, "net_clicks": clicks,
            "recent_impressions": f64::from(impressions), "recent_clicks": f64::from(clicks),
        }],
    });
    (format!("ad/c/{ad}/top/a.test"), record.to_string().into_bytes())
}

/// Two sites, a placement and ads on the first.
pub(crate) async fn market() -> World {
    let world = World::without_engine(Settings {
        require_login: true,
        base_url: "https://stats.test/".into(),
        feeds_max: 3,
        ..Settings::default()
    });
    for site in ["a.test", "b.test"] {
        world.site(site, "").await;
        let id = if site == "a.test" { "top" } else { "other" };
        put(&world, json!({"kind": "placement", "id": id, "site": site, "created_at": 1})).await;
    }
    let soon = now() + 3_600_000;
    for (id, site, more) in [
        ("c", "a.test", json!({})),
        ("later", "a.test", json!({"starts_at": soon})),
        ("halted", "a.test", json!({"paused": true})),
        ("spent", "a.test", json!({})),
        ("foreign", "b.test", json!({})),
    ] {
        let mut entry = json!({
            "kind": "campaign", "id": id, "site": site, "cost_model": "cpc", "created_at": 1,
        });
        entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        put(&world, entry).await;
        for ad in ["1", "2"] {
            put(
                &world,
                json!({
                    "kind": "ad", "id": format!("{id}{ad}"), "campaign": id, "created_at": 1,
                    "destination": "https://shop.test/",
                }),
            )
            .await;
        }
    }
    put(
        &world,
        json!({
            "kind": "ad", "id": "c3", "campaign": "c", "created_at": 1, "paused": true,
            "destination": "https://shop.test/",
        }),
    )
    .await;
    key(&world, "ffk_a", &["a.test"]).await;
    key(&world, "ffk_b", &["b.test"]).await;
    world
}

async fn ask(world: &World, key: &str, query: &str) -> (StatusCode, Value) {
    let request = Request::get(format!("/api/v1/ads/ranking?{query}"))
        .header("authorization", format!("Bearer {key}"));
    let answer = world.send(request.body(Body::empty()).unwrap()).await;
    (answer.status, serde_json::from_str(&answer.text).unwrap())
}

fn names(answer: &Value) -> Vec<&str> {
    let ads = answer["ads"].as_array().unwrap_or_else(|| panic!("{answer}"));
    ads.iter().map(|ad| ad["ad"].as_str().unwrap()).collect()
}

/// Asks until it holds: topics are followed, and models are a second old at most.
async fn until(world: &World, query: &str, holds: impl Fn(&Value) -> bool) -> Value {
    for _ in 0..200 {
        let (status, answer) = ask(world, "ffk_a", query).await;
        if status == StatusCode::OK && holds(&answer) {
            return answer;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("never: {:?}", ask(world, "ffk_a", query).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn ads_that_may_be_shown_are_ranked_by_what_was_clicked() {
    let world = market().await;
    let spent = json!({
        "kind": "campaign", "v": 1, "campaign": "spent", "spent": [], "paused": "budget", "as_of": 1,
    });
    write(&world, Topic::AdPerformance, 0, "campaign/spent", spent.to_string().as_bytes());
    let (name, record) = performance("c1", 10_000, 20);
    write(&world, Topic::AdPerformance, 1, &name, &record);
    let (name, record) = performance("c2", 10_000, 900);
    write(&world, Topic::AdPerformance, 0, &name, &record);
    // A draw without evidence can give the same order: both records must have been read.
    let read = |answer: &Value| {
        let known = |ad: &Value| ad["recent_impressions"].as_f64() > Some(9_000.0);
        names(answer).len() == 2
            && answer["ads"].as_array().is_some_and(|ads| ads.iter().all(known))
    };
    let answer = until(&world, "placement=top", read).await;
    assert_eq!(names(&answer), ["c2", "c1"]);
    assert_eq!((&answer["site"], &answer["placement"]), (&json!("a.test"), &json!("top")));
    let best = &answer["ads"][0];
    assert_eq!(best["campaign"], "c");
    assert_eq!(best["click"], "https://stats.test/c/c2?placement=top");
    let rate = best["expected_ctr"].as_f64().unwrap();
    let (low, high) = (&best["interval"][0], &best["interval"][1]);
    assert!((rate - 0.09).abs() < 0.003, "{best}");
    assert!(low.as_f64() < Some(rate) && Some(rate) < high.as_f64(), "{best}");
    assert_eq!(answer["positions"][0], json!({"position": 1, "examination": 1.0}));

    // Under one search it is the other way round.
    let minute = now() / 60_000 * 60_000;
    for (ad, clicks) in [("c1", 400), ("c2", 1)] {
        let delta = json!({
            "v": 1, "minute": minute, "site": "a.test", "campaign": "c", "ad": ad,
            "query": "red boots", "query_hash": footfall_event::ads::query_hash("red boots"),
            "measures": {"net_impressions": 2_000, "net_clicks": clicks},
        });
        write(&world, Topic::SearchWindows, 0, "c", delta.to_string().as_bytes());
    }
    let query = "placement=top&query=+Red++BOOTS&n=1";
    let by_query = |answer: &Value| {
        answer["ads"].as_array().is_some_and(|ads| ads.iter().all(|ad| ad["by_query"] == true))
    };
    until(&world, "placement=top&query=red+boots", by_query).await;
    let answer = until(&world, query, by_query).await;
    assert_eq!(names(&answer), ["c1"]);
    assert_eq!(
        answer["ads"][0]["click"],
        "https://stats.test/c/c1?placement=top&query=red%20boots"
    );
    assert_eq!(names(&ask(&world, "ffk_a", "placement=top&query=socks").await.1), ["c2", "c1"]);

    // Halted by hand: gone within two seconds.
    put(
        &world,
        json!({
            "kind": "ad", "id": "c2", "campaign": "c", "created_at": 1, "paused": true,
            "destination": "https://shop.test/",
        }),
    )
    .await;
    until(&world, "placement=top", |answer| names(answer) == ["c1"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_can_not_be_answered_say_why() {
    let world = market().await;
    until(&world, "placement=top", |answer| !names(answer).is_empty()).await;
    for (key, query, status, detail) in [
        ("ffk_a", "", 400, "placement=ID"),
        ("ffk_a", "placement=", 400, "placement=ID"),
        ("ffk_a", "placement=top&n=0", 400, "1 to 1000"),
        ("ffk_a", "placement=top&n=x", 400, "1 to 1000"),
        ("ffk_a", "placement=nowhere", 404, ""),
        ("ffk_a", "placement=other", 404, ""),
        ("ffk_b", "placement=top", 404, ""),
        ("ffk_x", "placement=top", 401, "footfall key add --scope stats"),
    ] {
        let (found, answer) = ask(&world, key, query).await;
        assert_eq!(found.as_u16(), status, "{key} {query}: {answer}");
        assert!(answer["detail"].as_str().unwrap().contains(detail), "{answer}");
    }
    let long = format!("placement=top&query={}", "x".repeat(600));
    assert_eq!(ask(&world, "ffk_a", &long).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(names(&ask(&world, "ffk_b", "placement=other").await.1).len(), 2);
}
