//! Whatever a request says, a click leads to what the catalogue or a genuine token names, or
//! nowhere.

use axum::http::StatusCode;
use footfall_event::Id;
use footfall_event::ads::Token;

use crate::{NOW, SECRET, Server, header};

/// What open redirects and header injections are made of.
const EVIL: [&str; 26] = [
    "https://evil.example/",
    "//evil.example/",
    "\\\\evil.example",
    "/\\evil.example",
    "https:evil.example",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "%0d%0aLocation:%20https://evil.example/",
    "%250d%250aLocation:%2520https://evil.example/",
    "\r\nLocation: https://evil.example/",
    "%E5%98%8D%E5%98%8ALocation:evil.example",
    "%00",
    "%09//evil.example",
    "@evil.example",
    "user:pw@evil.example",
    ".evil.example",
    ":80@evil.example",
    "?next=https://evil.example",
    "#@evil.example",
    "..%2f..%2f..%2f@evil.example",
    "%2e%2e/",
    "ⓔvil.example",
    "evil。example",
    "\u{202e}elpmaxe.live",
];

fn percent_encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn leads_home(location: &str) -> bool {
    let Some(rest) = location.strip_prefix("https://shop.example/boots?") else { return false };
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte);
    rest.bytes().all(is_plain)
}

#[tokio::test(flavor = "multi_thread")]
async fn no_parameter_leads_elsewhere() {
    let server = Server::start();
    for evil in EVIL {
        let (once, twice) = (percent_encoded(evil), percent_encoded(&percent_encoded(evil)));
        for value in [&once, &twice, &"x".repeat(60_000), &format!("{once}{}", "y".repeat(5_000))] {
            for name in [
                "placement",
                "position",
                "query",
                "impression",
                "request",
                "url",
                "destination",
                "next",
            ] {
                let path = format!("/c/boots?{name}={value}");
                let response = server.get(&path, &[]).await;
                assert_eq!(response.status(), StatusCode::FOUND, "{name} {evil}");
                assert!(leads_home(header(&response, "location")), "{name} {evil}");
                assert_eq!(response.headers().get_all("location").iter().count(), 1);
            }
        }
        let response = server.get(&format!("/c/{once}"), &[]).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "location")),
            (404, ""),
            "{evil}"
        );
        let response = server.get(&format!("/c/s/{once}"), &[]).await;
        assert_eq!(
            (response.status().as_u16(), header(&response, "location")),
            (400, ""),
            "{evil}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_header_leads_elsewhere() {
    let server = Server::start();
    for (name, value) in [
        ("host", "evil.example"),
        ("host", "shop.example@evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "javascript"),
        ("forwarded", "host=evil.example;proto=http"),
        ("x-original-url", "https://evil.example/"),
        ("x-rewrite-url", "//evil.example/"),
        ("referer", "https://evil.example/"),
        ("referer", "javascript:alert(1)"),
        ("origin", "https://evil.example"),
    ] {
        let response = server.get("/c/boots", &[(name, value)]).await;
        assert_eq!(response.status(), StatusCode::FOUND, "{name}: {value}");
        assert!(leads_home(header(&response, "location")), "{name}: {value}");
    }
    let response = server.get("http://evil.example/c/boots", &[("host", "other.example")]).await;
    assert!(leads_home(header(&response, "location")));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_leads_to_what_is_no_destination() {
    let server = Server::start();
    for evil in EVIL {
        let token = |destination: String, query: String| {
            let token = Token {
                impression: Id::from_u128(5),
                time: NOW,
                ad: "boots".into(),
                destination,
                query,
                ..Token::default()
            };
            format!("/c/s/{}", token.sign("k1", &SECRET))
        };
        // One that is genuine may lead anywhere that is an address, and evil's own is one.
        if evil != "https://evil.example/" {
            let response = server.get(&token(evil.to_owned(), String::new()), &[]).await;
            assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{evil}");
        }
        for host in [format!("https://shop.example{evil}"), format!("https://{evil}.shop.example/")]
        {
            let response = server.get(&token(host.clone(), String::new()), &[]).await;
            let location = header(&response, "location");
            let rest = location.strip_prefix("https://shop.example").unwrap_or_default();
            // A host that goes on (`shop.example.evil.example`) is what the signer wrote.
            let as_written = location.starts_with(&host[..host.len().min(30)]);
            let home = rest.starts_with(['/', '?', '#']) || as_written;
            assert!(response.status() == StatusCode::BAD_REQUEST || home, "{host} -> {location}");
            assert!(!location.contains('@') || location.find('@') > location.find("example/"));
        }
        let response = server.get(&token(String::new(), evil.to_owned()), &[]).await;
        assert!(leads_home(header(&response, "location")), "{evil}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_not_be_a_destination_is_not_stored() {
    let server = Server::start();
    let key = format!("Bearer {}", crate::ADMIN_KEY);
    let headers = [("authorization", &*key)];
    for evil in EVIL.into_iter().filter(|evil| *evil != "https://evil.example/") {
        let body = serde_json::json!({ "campaign": "winter", "destination": evil }).to_string();
        let response = server.ask("PUT", "/api/v1/ads/evil", &headers, &body).await;
        assert_eq!(response.status().as_u16(), 422, "{evil}");
    }
    assert_eq!(server.get("/c/evil", &[]).await.status(), StatusCode::NOT_FOUND);
}
