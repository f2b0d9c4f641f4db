//! The events API.

use axum::http::StatusCode;
use footfall_ingest::Settings;
use footfall_topics::Topic;
use serde_json::{Value, json};

use crate::server::{KEY, STATS_KEY, Server, answer, header, page, post};

#[tokio::test(flavor = "multi_thread")]
async fn the_api_says_what_was_wrong_with_each_event() {
    let server = Server::start(Settings::default());
    let id = "01935a4e-0000-7000-8000-000000000001";
    let good = page(&format!(",\"id\":\"{id}\",\"ip\":\"198.51.100.1\""));
    let wrong = page(&format!(",\"id\":\"{id}\",\"colour\":1"));
    let other = page("").replace("\"example.com\"", "\"other.test\"");
    let expected = |rejected: Value| json!({"accepted":1,"dropped":[],"rejected":rejected});
    for body in [
        format!("[{good},{wrong},{other}]"),
        format!("{{\"events\":[{good},{wrong},{other}]}}"),
        format!("{good}\n\n{wrong}\r\n{other}\n"),
    ] {
        let (status, found) = server.api(body).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        let rejected = json!([
            {"index":1,"id":id,"reason":"unknown_field","detail":"there is no field \"colour\""},
            {"index":2,"reason":"forbidden_site","detail":"the key is not for the site \"other.test\""},
        ]);
        assert_eq!(found, expected(rejected));
    }
    let (status, found) = server.api(format!("{good}\n{{\"type\":\n\u{feff}\n")).await;
    assert_eq!((status, found["accepted"].as_u64()), (StatusCode::ACCEPTED, Some(1)));
    assert_eq!(found["rejected"][0]["reason"], "malformed");
    let (status, found) = server.api(format!("[{wrong}]")).await;
    assert_eq!((status, &found["accepted"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!(0)));
    let (status, problem) = server.api(format!("[{good},{{\"a\":nul}}]")).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::BAD_REQUEST, &json!("malformed")));
    let (status, problem) = server.api(vec![b'['; 1 << 20]).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::BAD_REQUEST, &json!("malformed")));
    let (status, problem) = server.api(format!("[{}]", vec!["{}"; 10_001].join(","))).await;
    assert_eq!((status, &problem["reason"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("too_many")));
    assert_eq!(server.records(Topic::Pageviews).len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_asked_for_before_the_body_is_read() {
    let server = Server::start(Settings::default());
    for (authorization, said) in [
        ("", "expected the header"),
        ("Basic abc", "expected the header"),
        ("Bearer ffk_unheard_of", "not known here"),
        (&format!("Bearer {STATS_KEY}"), "for statistics"),
    ] {
        let request = post("/api/v1/events", "nonsense").header("authorization", authorization);
        let response = server.send(request.body_of("203.0.113.7:1")).await;
        assert_eq!(header(&response, "www-authenticate"), "Bearer");
        let (status, problem) = answer(response).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED);
        assert!(problem["detail"].as_str().unwrap().contains(said), "{problem}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn compressed_bodies_and_bombs() {
    use async_compression::tokio::write::{BrotliEncoder, GzipEncoder, ZstdEncoder};
    use tokio::io::AsyncWriteExt;

    async fn compress(encoding: &str, bytes: &[u8]) -> Vec<u8> {
        macro_rules! with {
            ($encoder:ident) => {{
                let mut encoder = $encoder::new(Vec::new());
                encoder.write_all(bytes).await.unwrap();
                encoder.shutdown().await.unwrap();
                encoder.into_inner()
            }};
        }
        match encoding {
            "gzip" => with!(GzipEncoder),
            "br" => with!(BrotliEncoder),
            _ => with!(ZstdEncoder),
        }
    }

    let mut settings = Settings::default();
    settings.limits.api_decompressed_bytes_max = 1 << 20;
    let server = Server::start(settings);
    let send = async |encoding: &str, body: Vec<u8>| {
        let request = post("/api/v1/events", body)
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-encoding", encoding);
        answer(server.send(request.body_of("203.0.113.7:1")).await).await
    };
    for encoding in ["gzip", "br", "zstd"] {
        let body = compress(encoding, page("").as_bytes()).await;
        let (status, found) = send(encoding, body.clone()).await;
        assert_eq!((status, &found["accepted"]), (StatusCode::ACCEPTED, &json!(1)), "{encoding}");
        let (status, found) = send(encoding, body[..body.len() / 2].to_vec()).await;
        assert_eq!((status, &found["reason"]), (StatusCode::BAD_REQUEST, &json!("malformed")));
        let bomb = compress(encoding, &vec![b' '; 4 << 20]).await;
        let (status, found) = send(encoding, bomb).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{encoding} {found}");
    }
    let (status, found) = send("compress", page("").into_bytes()).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(found["detail"].as_str().unwrap().contains("expected gzip, br, zstd"));
}
