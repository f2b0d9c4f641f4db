//! Ingest over a log in a temporary folder, asked as by HTTP, and what its log holds then.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response, StatusCode};
use footfall_event::Event;
use footfall_event::catalog::{Entry, Key, Scope, Site, secret_hash};
use footfall_ingest::geo::Geo;
use footfall_ingest::salts::{Clock, Salts};
use footfall_ingest::{Ingest, Settings, app};
use footfall_topics::catalog::CatalogView;
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::follow::Followed;
use footfall_topics::outbox::{self, Outbox};
use footfall_topics::{Log, Partition, Topic};
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

pub(crate) const KEY: &str = "ffk_test_of_one_site";

pub(crate) const STATS_KEY: &str = "ffk_test_of_statistics";

pub(crate) const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like \
                      Gecko) Chrome/131.0.0.0 Safari/537.36";

pub(crate) struct Server {
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) dir: tempfile::TempDir,
    pub(crate) now: Arc<AtomicI64>,
}

pub(crate) fn clock(now: &Arc<AtomicI64>) -> Clock {
    let now = now.clone();
    Arc::new(move || now.load(Ordering::Relaxed))
}

impl Server {
    pub(crate) fn start(settings: Settings) -> Server {
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

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        app(self.ingest.clone()).oneshot(request).await.unwrap()
    }

    pub(crate) async fn beacon(&self, body: impl Into<Body>) -> Response<Body> {
        self.send(post("/e", body).body_of("203.0.113.7:1000")).await
    }

    pub(crate) async fn api(&self, body: impl Into<Body>) -> (StatusCode, Value) {
        let request = post("/api/v1/events", body)
            .header("authorization", format!("Bearer {KEY}"))
            .body_of("203.0.113.7:1000");
        answer(self.send(request).await).await
    }

    /// Everything in a topic.
    pub(crate) fn records(&self, topic: Topic) -> Vec<Event<'static>> {
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

pub(crate) struct Pending(pub(crate) axum::http::request::Builder, pub(crate) Body);

pub(crate) fn post(path: &str, body: impl Into<Body>) -> Pending {
    let builder = Request::post(path).header("user-agent", CHROME);
    Pending(builder, body.into())
}

impl Pending {
    pub(crate) fn header(self, name: &str, value: impl AsRef<[u8]>) -> Pending {
        Pending(self.0.header(name, value.as_ref()), self.1)
    }

    pub(crate) fn body_of(self, peer: &str) -> Request<Body> {
        let peer: SocketAddr = peer.parse().unwrap();
        self.0.extension(ConnectInfo(peer)).body(self.1).unwrap()
    }
}

pub(crate) async fn answer(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
}

pub(crate) fn header<'r>(response: &'r Response<Body>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

pub(crate) fn page(members: &str) -> String {
    format!(r#"{{"type":"pageview","site":"example.com","url":"https://example.com/a"{members}}}"#)
}
