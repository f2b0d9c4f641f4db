//! The endpoints over a real log in a temporary folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use footfall_event::blocklist::{BlockEntry, Subject};
use footfall_event::catalog::{Entry, Key, Scope, Site, secret_hash};
use footfall_event::{Event, VerdictReason};
use footfall_ingest::geo::Geo;
use footfall_ingest::salts::{Clock, Salts};
use footfall_ingest::{Ingest, Settings, app};
use footfall_topics::catalog::CatalogView;
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::follow::Followed;
use footfall_topics::outbox::{self, Outbox};
use footfall_topics::{Log, Partition, RecordBatch, Topic};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

const KEY: &str = "ffk_test_of_one_site";
const STATS_KEY: &str = "ffk_test_of_statistics";
const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/131.0.0.0 Safari/537.36";

struct Server {
    ingest: Arc<Ingest>,
    log: Arc<EmbeddedLog>,
    dir: tempfile::TempDir,
    now: Arc<AtomicI64>,
}

fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = now.clone();
    Arc::new(move || now.load(Ordering::Relaxed))
}

impl Server {
    fn start(settings: Settings) -> Server {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(embedded::Settings::new(dir.path())).unwrap();
        let catalog = CatalogView::follow(log.clone()).unwrap();
        catalog.ensure_partition_key_blocking().unwrap();
        let site = Site { domain: "example.com".into(), ..Site::default() };
        catalog.put_blocking(&Entry::Site(site)).unwrap();
        let other = Site { domain: "other.test".into(), ..Site::default() };
        catalog.put_blocking(&Entry::Site(other)).unwrap();
        for (secret, scope) in [(KEY, Scope::Ingest), (STATS_KEY, Scope::Stats)] {
            let sha256 = secret_hash(secret);
            let sites = vec!["example.com".into()];
            let key = Key { id: secret.into(), sha256, sites, scope, created_at: 0 };
            catalog.put_blocking(&Entry::Key(key)).unwrap();
        }
        let now = Arc::new(AtomicI64::new(1_795_255_200_000));
        let salts = Salts::follow(log.clone(), clock(&now)).unwrap();
        let dyn_log: Arc<dyn Log> = log.clone();
        let blocked = Followed::follow(&dyn_log, Topic::Blocklist).unwrap();
        let outbox = outbox::Settings::new(dir.path().join("outbox"));
        let outbox = Outbox::open(log.clone(), outbox).unwrap();
        let geo = Geo::none();
        let ingest =
            Ingest::new(log.clone(), outbox, catalog, blocked, geo, salts, settings).unwrap();
        Server { ingest, log, dir, now }
    }

    async fn send(&self, request: Request<Body>) -> Response<Body> {
        app(self.ingest.clone()).oneshot(request).await.unwrap()
    }

    async fn beacon(&self, body: impl Into<Body>) -> Response<Body> {
        self.send(post("/e", body).body_of("203.0.113.7:1000")).await
    }

    async fn api(&self, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = post("/api/v1/events", body)
            .header("authorization", format!("Bearer {KEY}"))
            .body_of("203.0.113.7:1000");
        answer(self.send(request).await).await
    }

    /// Everything in a topic.
    fn records(&self, topic: Topic) -> Vec<Event<'static>> {
        let mut reader = self.log.reader().unwrap();
        let mut ends = 0;
        for number in 0..self.log.partitions(topic) {
            let partition = Partition { topic, number };
            let offsets = self.log.offsets(partition).unwrap();
            ends += offsets.end - offsets.start;
            reader.assign(partition, 0).unwrap();
        }
        let mut events = Vec::new();
        while (events.len() as u64) < ends {
            for chunk in reader.poll(1 << 20, Duration::from_secs(5)).unwrap() {
                for record in chunk.iter() {
                    let record = record.value.to_vec().leak();
                    events.push(Event::from_json(record).unwrap());
                }
            }
        }
        events
    }
}

struct Pending(axum::http::request::Builder, Body);

fn post(path: &str, body: impl Into<Body>) -> Pending {
    let builder = Request::post(path).header("user-agent", CHROME);
    Pending(builder, body.into())
}

impl Pending {
    fn header(self, name: &str, value: impl AsRef<[u8]>) -> Pending {
        Pending(self.0.header(name, value.as_ref()), self.1)
    }

    fn body_of(self, peer: &str) -> Request<Body> {
        let peer: SocketAddr = peer.parse().unwrap();
        self.0.extension(ConnectInfo(peer)).body(self.1).unwrap()
    }
}

async fn answer(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

fn header<'r>(response: &'r Response<Body>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

fn page(members: &str) -> String {
    format!(r#"{{"type":"pageview","site":"example.com","url":"https://example.com/a"{members}}}"#)
}

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

#[test]
fn only_trusted_proxies_are_believed() {
    let settings = Settings {
        trusted_proxies: vec!["10.0.0.0/8".into(), "192.0.2.1".into()],
        ..Settings::default()
    };
    let server = Server::start(settings);
    for (peer, forwarded, expected) in [
        ("203.0.113.7", &["198.51.100.1"][..], "203.0.113.7"),
        ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
        ("10.0.0.1", &["1.1.1.1, 198.51.100.1, 10.9.9.9"], "198.51.100.1"),
        ("10.0.0.1", &["1.1.1.1", "198.51.100.1, 192.0.2.1"], "198.51.100.1"),
        ("10.0.0.1", &["198.51.100.1:5000"], "198.51.100.1"),
        ("10.0.0.1", &["[2001:db8::1]:443"], "2001:db8::1"),
        ("10.0.0.1", &["nonsense"], "10.0.0.1"),
        ("10.0.0.1", &["198.51.100.1, nonsense"], "10.0.0.1"),
        ("10.0.0.1", &[], "10.0.0.1"),
    ] {
        let found = server.ingest.client_address(peer.parse().unwrap(), forwarded.iter().copied());
        assert_eq!(found, expected.parse::<std::net::IpAddr>().unwrap(), "{peer} {forwarded:?}");
    }
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

#[tokio::test(flavor = "multi_thread")]
async fn who_is_blocked_is_marked_within_a_second() {
    let server = Server::start(Settings::default());
    server.beacon(page("")).await;
    let entry = BlockEntry {
        v: 1,
        subject: Subject::Address,
        value: "203.0.113.0/24".into(),
        allow: false,
        until: None,
        by: "test".into(),
        why: String::new(),
        at: 0,
    };
    let mut batch = RecordBatch::new();
    batch.push(Topic::Blocklist, 0, entry.key().as_bytes(), &entry.to_json());
    footfall_topics::append(server.log.as_ref(), batch).await.unwrap();
    let until = Instant::now() + Duration::from_secs(1);
    while server.ingest.blocklist().is_empty() && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.beacon(page("")).await;
    let found: Vec<_> =
        server.records(Topic::Pageviews).into_iter().map(|event| event.found).collect();
    assert_eq!(found, [vec![], vec![VerdictReason::Blocklisted]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_address_is_left_anywhere_in_the_log() {
    let server = Server::start(Settings {
        trusted_proxies: vec!["10.0.0.0/8".into()],
        ..Settings::default()
    });
    let v6 = "2001:db8:a1b2:c3d4:1122:3344:5566:7788";
    let addresses = ["203.0.113.77", "198.51.100.88", "192.0.2.99", v6];
    server.send(post("/e", page("")).body_of(&format!("{}:7", addresses[0]))).await;
    let proxied = post("/e", page("")).header("x-forwarded-for", addresses[1]);
    server.send(proxied.body_of("10.1.2.3:7")).await;
    for address in &addresses[2..] {
        let (status, _) = server.api(page(&format!(",\"ip\":\"{address}\""))).await;
        assert_eq!(status, StatusCode::ACCEPTED);
    }
    assert_eq!(server.records(Topic::Pageviews).len(), 4);
    server.log.close(Duration::from_secs(10));
    let mut needles: Vec<Vec<u8>> = Vec::new();
    for address in addresses {
        needles.push(address.as_bytes().to_vec());
        match address.parse().unwrap() {
            std::net::IpAddr::V4(v4) => {
                // Four bytes may come up by chance in megabytes of compressed data: with a
                // neighbour that a binary form would have, they don't.
                needles.push([&[4][..], &v4.octets()].concat());
                needles.push([&[0xff, 0xff][..], &v4.octets()].concat());
            }
            std::net::IpAddr::V6(v6) => needles.push(v6.octets().to_vec()),
        }
    }
    let mut folders = vec![server.dir.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            files += 1;
            for needle in &needles {
                let found = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(!found, "{} holds {}", path.display(), needle.escape_ascii());
            }
        }
    }
    assert!(files > 0);
}

#[test]
fn keys_change_at_midnight_and_everybody_agrees() {
    let server = Server::start(Settings::default());
    let day_ms = footfall_event::time::DAY_MS;
    let today = footfall_event::time::day_of(server.now.load(Ordering::Relaxed));
    let second = Salts::follow(server.log.clone(), clock(&server.now)).unwrap();
    let first_key = second.load().of_day(today).unwrap();
    let wait_for = |what: &dyn Fn() -> bool| {
        let until = std::time::Instant::now() + Duration::from_secs(10);
        while !what() {
            assert!(std::time::Instant::now() < until, "not within 10 s");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    // Ten minutes before midnight tomorrow's key is there, and it is another.
    server.now.store((today + 1) * day_ms - 600_000, Ordering::Relaxed);
    wait_for(&|| second.load().of_day(today + 1) != Some(first_key));
    let next_key = second.load().of_day(today + 1).unwrap();
    // Somebody who starts now learns the same keys.
    let third = Salts::follow(server.log.clone(), clock(&server.now)).unwrap();
    assert_eq!(third.load().of_day(today), Some(first_key));
    wait_for(&|| third.load().of_day(today + 1) == Some(next_key));
    // After the second midnight the first is forgotten.
    server.now.store((today + 2) * day_ms + 1, Ordering::Relaxed);
    wait_for(&|| second.load().of_day(today).is_none());
    assert_eq!(second.load().of_day(today + 1), Some(next_key));
}

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
