//! `GET|PUT|DELETE /api/v1/{advertisers,campaigns,ads,placements}/{id}`.

use footfall_event::Topic;
use footfall_topics::{Log, Partition};
use serde_json::{Value, json};

use crate::{ADMIN_KEY, INGEST_KEY, Server, header, json as answer};

async fn ask(server: &Server, method: &str, path: &str, key: &str, body: Value) -> (u16, Value) {
    let bearer = format!("Bearer {key}");
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let path = format!("/api/v1/{path}");
    let response = server.ask(method, &path, &[("authorization", &bearer)], &body).await;
    let (status, said) = answer(response).await;
    (status.as_u16(), said)
}

#[tokio::test(flavor = "multi_thread")]
async fn things_are_added_changed_and_taken_off() {
    let server = Server::start();
    let put = |path: &'static str, body| ask(&server, "PUT", path, ADMIN_KEY, body);
    assert_eq!(put("advertisers/acme", json!({ "name": "Acme" })).await.0, 200);
    let campaign = json!({
        "site": "news.example", "advertiser": "acme", "cost_model": "cpm", "price": "2.50",
        "currency": "EUR", "budget": "100", "ends_at": "2030-01-01T00:00:00+01:00",
    });
    let (status, said) = put("campaigns/spring", campaign).await;
    assert_eq!(
        (status, &said["cost_model"], &said["budget"]["micros"]),
        (200, &"cpm".into(), &100_000_000.into())
    );
    let ad = json!({ "campaign": "spring", "destination": "https://acme.example/" });
    assert_eq!(put("ads/rain", ad).await.0, 200);
    assert_eq!(
        put("placements/foot", json!({ "site": "blog.example", "size": "300x250" })).await.0,
        200
    );
    // In force at once, for who clicks.
    let response = server.get("/c/rain", &[]).await;
    assert!(header(&response, "location").starts_with("https://acme.example/?ffclid="));
    // What is left out stays.
    let (_, said) = put("campaigns/spring", json!({ "paused": true })).await;
    assert_eq!((&said["paused"], &said["advertiser"]), (&true.into(), &"acme".into()));
    assert_eq!(
        ask(&server, "GET", "ads/rain", ADMIN_KEY, Value::Null).await.1["campaign"],
        "spring"
    );
    assert_eq!(ask(&server, "DELETE", "ads/rain", ADMIN_KEY, Value::Null).await.0, 200);
    assert_eq!(server.get("/c/rain", &[]).await.status(), 404);
    assert_eq!(ask(&server, "GET", "ads/rain", ADMIN_KEY, Value::Null).await.0, 404);
    assert_eq!(ask(&server, "DELETE", "ads/rain", ADMIN_KEY, Value::Null).await.0, 404);
    // Its id is still known: conversions may name it.
    assert!(server.catalog.load().ads["rain"].removed);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_refused_and_what_is_wrong_is_said() {
    let server = Server::start();
    let ad = || json!({ "campaign": "winter", "destination": "https://acme.example/" });
    for (method, path, key, body, status, said) in [
        ("PUT", "ads/x", INGEST_KEY, ad(), 401, "admin"),
        ("PUT", "ads/x", "ffk_no", ad(), 401, "not known"),
        ("PUT", "ads/x%20y", ADMIN_KEY, ad(), 422, "can't be an id"),
        ("PUT", "ads/x", ADMIN_KEY, json!({ "campaign": "none" }), 422, "no campaign"),
        ("PUT", "ads/x", ADMIN_KEY, json!({ "campaign": "winter" }), 422, "empty"),
        ("PUT", "ads/x", ADMIN_KEY, json!({ "campain": "winter" }), 400, "unknown field"),
        ("PUT", "ads/x", ADMIN_KEY, json!("x"), 400, "can't be read"),
        ("PUT", "campaigns/x", ADMIN_KEY, json!({ "site": "no.example" }), 422, "no site"),
        (
            "PUT",
            "placements/x",
            ADMIN_KEY,
            json!({ "site": "news.example", "size": "3" }),
            422,
            "300x250",
        ),
        ("GET", "campaigns/none", ADMIN_KEY, Value::Null, 404, "no campaign none"),
    ] {
        let (found, problem) = ask(&server, method, path, key, body).await;
        assert_eq!(found, status, "{method} {path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_budget_is_heard_of_between_the_stages() {
    let server = Server::start();
    let put = |body| ask(&server, "PUT", "campaigns/winter", ADMIN_KEY, body);
    for budget in ["50", "50", "", "70"] {
        assert_eq!(put(json!({ "budget": budget })).await.0, 200);
    }
    let number =
        footfall_event::ads::partition_of("winter", "", server.log.partitions(Topic::AdDeltas));
    let partition = Partition { topic: Topic::AdDeltas, number };
    let mut reader = server.log.reader().unwrap();
    reader.assign(partition, 0).unwrap();
    let mut budgets = Vec::new();
    while budgets.len() < 3 {
        for chunk in reader.poll(1 << 20, std::time::Duration::from_secs(5)).unwrap() {
            budgets.extend(chunk.iter().map(|record| {
                let said: Value = serde_json::from_slice(record.value).unwrap();
                assert_eq!((record.key, &said["budget_of"]), (&b"winter"[..], &"winter".into()));
                assert!(said["at"].as_i64().unwrap() > 0);
                said["budget"]["micros"].as_i64()
            }));
        }
    }
    assert_eq!(budgets, [Some(50_000_000), None, Some(70_000_000)]);
}
