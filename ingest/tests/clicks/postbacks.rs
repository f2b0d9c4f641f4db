//! `GET|POST /postback`.

use axum::http::StatusCode;
use footfall_event::record::ConversionStatus;
use footfall_event::{Event, Topic};
use serde_json::json;

use crate::{INGEST_KEY, Server, ffclid, header, json as answer};

async fn click(server: &Server) -> String {
    let response = server.get("/c/boots?placement=top&position=1", &[]).await;
    ffclid(header(&response, "location")).to_owned()
}

fn one(server: &Server, transaction: &str) -> Event<'static> {
    let all = server.records(Topic::Conversions);
    all.into_iter().find(|event| event.transaction == transaction).expect("it is stored")
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_of_common_trackers_are_understood() {
    let server = Server::start();
    let id = click(&server).await;
    for (transaction, query, status) in [
        (
            "t1",
            format!("click={id}&goal=sale&transaction=t1&amount=12.50&currency=EUR&status=sale"),
            Some(ConversionStatus::Sale),
        ),
        ("t2", format!("cid={id}&goal=sale&payout=12.50&txid=t2"), None),
        (
            "t3",
            format!("subid={id}&goal=sale&tid=t3&payout=12.50&status=lead&currency=eur"),
            Some(ConversionStatus::Lead),
        ),
        (
            "t4",
            format!(
                "cnv_id={id}&goal=sale&tid=t4&payout=12.50&cnv_status=approved&cnv_currency=EUR"
            ),
            Some(ConversionStatus::Sale),
        ),
        (
            "t5",
            format!("clickid={id}&goal=sale&tid=t5&payout=12.50&status=declined&sub9={{x}}"),
            Some(ConversionStatus::Rejected),
        ),
    ] {
        let response = server.get(&format!("/postback?key={INGEST_KEY}&{query}"), &[]).await;
        let (code, said) = answer(response).await;
        assert_eq!(
            (code.as_u16(), &said["accepted"], &said["clicks"]),
            (200, &1.into(), &1.into())
        );
        let event = one(&server, transaction);
        assert_eq!((&*event.goal, event.status, event.touches.len()), ("sale", status, 1));
        let value = event.value.unwrap();
        assert_eq!((value.micros, value.currency.as_str()), (12_500_000, "EUR"));
        // The publisher's site, by the click.
        assert_eq!((&*event.site, &*event.touches[0].ad), ("blog.example", "boots"));
        assert!(event.network.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_macros_that_were_not_filled_in() {
    let server = Server::start();
    let id = click(&server).await;
    let bearer = format!("Bearer {INGEST_KEY}");
    let key = [("authorization", &*bearer)];
    let body = format!("cid={id}&payout={{payout}}&txid=f1&site=news.example&et=");
    let response = server.ask("POST", "/postback", &key, &body).await;
    assert_eq!(answer(response).await.0, StatusCode::OK);
    let event = one(&server, "f1");
    assert_eq!((&*event.goal, event.value, &*event.site), ("conversion", None, "news.example"));
    let body = json!({ "click": id, "amount": 5, "transaction": "j1", "x": null }).to_string();
    let response = server.ask("POST", "/postback", &key, &body).await;
    assert_eq!(answer(response).await.0, StatusCode::OK);
    assert_eq!(one(&server, "j1").value.unwrap().micros, 5_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_and_not_stored() {
    let server = Server::start();
    let id = click(&server).await;
    for (query, status, reason) in [
        (format!("click={id}"), 401, "unauthorized"),
        (format!("key=ffk_no&click={id}"), 401, "unauthorized"),
        (format!("key={INGEST_KEY}&click=none&txid=1"), 422, "missing_field"),
        (format!("key={INGEST_KEY}&site=nowhere.example"), 422, "unknown_site"),
        (format!("key={INGEST_KEY}&site=news.example&payout=5"), 422, "missing_field"),
        (format!("key={INGEST_KEY}&click={id}&payout=5,50"), 422, "invalid_field"),
        (format!("key={INGEST_KEY}&click={id}&status=maybe"), 422, "invalid_field"),
        (format!("key={INGEST_KEY}&click={id}&txid={}", "x".repeat(600)), 413, "too_large"),
    ] {
        let (code, problem) = answer(server.get(&format!("/postback?{query}"), &[]).await).await;
        assert_eq!((code.as_u16(), &problem["reason"]), (status, &reason.into()), "{problem}");
    }
    assert!(server.records(Topic::Conversions).is_empty());
    // A click id that is not ours leaves the conversion unattributed, and the answer says so.
    let query = format!("/postback?key={INGEST_KEY}&site=news.example&cid=abc&txid=u1");
    let (code, said) = answer(server.get(&query, &[]).await).await;
    assert_eq!((code.as_u16(), &said["clicks"]), (200, &0.into()));
}
