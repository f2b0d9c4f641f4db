//! Clicks, postbacks and the catalogue's endpoints over a real log in a temporary folder.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod catalogue;
mod clicks;
mod found;
mod postbacks;
mod tokens;
mod vectors;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use footfall_event::Event;
use footfall_event::ads::{ClickId, CostModel};
use footfall_event::catalog::edit::{AdRequest, CampaignRequest, PlacementRequest};
use footfall_event::catalog::{Catalog, Entry, Key, Scope, Site, TokenKey, secret_hash};
use footfall_ingest::geo::{Geo, GeoSettings};
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

pub(crate) const NOW: i64 = 1_795_255_200_000;
pub(crate) const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                                 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
/// Bytes of the token key `k1`.
pub(crate) const SECRET: [u8; 32] = [7; 32];
pub(crate) const INGEST_KEY: &str = "ffk_test_of_ingest";
pub(crate) const ADMIN_KEY: &str = "ffk_test_of_admin";

pub(crate) struct Server {
    pub(crate) ingest: Arc<Ingest>,
    pub(crate) log: Arc<EmbeddedLog>,
    outbox: Arc<Outbox>,
    pub(crate) catalog: CatalogView,
    _dir: tempfile::TempDir,
}

fn entries() -> Vec<Entry> {
    let mut catalog = Catalog::default();
    for (domain, alias) in [("news.example", "paper.test"), ("blog.example", "")] {
        let aliases = if alias.is_empty() { Vec::new() } else { vec![alias.to_owned()] };
        let site = Site { domain: domain.into(), aliases, ..Site::default() };
        catalog.apply_entry(Entry::Site(site));
    }
    let campaign = CampaignRequest {
        site: Some("news.example".into()),
        cost_model: Some(CostModel::Cpc),
        price: Some("0.25".into()),
        currency: Some("EUR".into()),
        ..CampaignRequest::default()
    };
    let campaign = campaign.apply("winter", None, &catalog, 0).unwrap();
    catalog.apply_entry(Entry::Campaign(campaign));
    for (id, destination) in [
        ("boots", "https://shop.example/boots?utm_source=news&k={keyword}#top"),
        ("plain", "http://shop.example:8080"),
        ("through", "https://track.example/?to={lpurl}&c={clickid}"),
    ] {
        let ad = AdRequest {
            campaign: Some("winter".into()),
            destination: Some(destination.into()),
            ..AdRequest::default()
        };
        catalog.apply_entry(Entry::Ad(ad.apply(id, None, &catalog, 0).unwrap()));
    }
    let placement = PlacementRequest {
        site: Some("blog.example".into()),
        positions: Some(3),
        ..PlacementRequest::default()
    };
    let placement = placement.apply("top", None, &catalog, 0).unwrap();
    catalog.apply_entry(Entry::Placement(placement));
    for (id, sites) in [("k1", vec![]), ("k2", vec!["news.example".to_owned()])] {
        let secret = hex::encode(SECRET);
        catalog.apply_entry(Entry::TokenKey(TokenKey {
            id: id.into(),
            secret,
            sites,
            created_at: 0,
        }));
    }
    for (secret, scope) in [(INGEST_KEY, Scope::Ingest), (ADMIN_KEY, Scope::Admin)] {
        let sha256 = secret_hash(secret);
        let key = Key { id: secret.into(), sha256, sites: Vec::new(), scope, created_at: 0 };
        catalog.apply_entry(Entry::Key(key));
    }
    let kinds = footfall_event::catalog::KINDS;
    kinds.iter().flat_map(|kind| catalog.entries_of(kind, 0)).collect()
}

impl Server {
    pub(crate) fn start() -> Server {
        let dir = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(embedded::Settings::new(dir.path().join("log"))).unwrap();
        let catalog = CatalogView::follow(log.clone()).unwrap();
        catalog.ensure_partition_key_blocking().unwrap();
        catalog.ensure_click_key_blocking().unwrap();
        catalog.put_all_blocking(&entries()).unwrap();
        let now = Arc::new(AtomicI64::new(NOW));
        let clock: Clock = Arc::new(move || now.load(Ordering::Relaxed));
        let salts = Salts::follow(log.clone(), clock).unwrap();
        let source: Arc<dyn Log> = log.clone();
        let blocked = Followed::follow(&source, Topic::Blocklist).unwrap();
        let outbox =
            Outbox::open(log.clone(), outbox::Settings::new(dir.path().join("outbox"))).unwrap();
        // One autonomous system, and no countries.
        let (systems, nowhere) = (dir.path().join("asn.csv"), dir.path().join("none.mmdb"));
        std::fs::write(&systems, "5.9.0.0,5.9.255.255,24940,Hetzner\n").unwrap();
        let geo = GeoSettings { off: false, city: vec![nowhere], asn: vec![systems] };
        let (geo, settings) = (Geo::new(&geo), Settings::default());
        let ingest = Ingest::new(
            log.clone(),
            outbox.clone(),
            catalog.clone(),
            blocked,
            geo,
            salts,
            settings,
        );
        Server { ingest: ingest.unwrap(), log, outbox, catalog, _dir: dir }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Response<Body> {
        app(self.ingest.clone()).oneshot(request).await.unwrap()
    }

    /// `GET`, with further headers.
    pub(crate) async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
        self.ask("GET", path, headers, "").await
    }

    pub(crate) async fn ask(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Response<Body> {
        let mut request = Request::builder().method(method).uri(path).header("user-agent", CHROME);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Everything in a topic, once all clicks are there.
    pub(crate) fn records(&self, topic: Topic) -> Vec<Event<'static>> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.outbox.waiting() > 0 {
            assert!(Instant::now() < deadline, "the log does not get the clicks");
            std::thread::sleep(Duration::from_millis(1));
        }
        let mut reader = self.log.reader().unwrap();
        let mut left = 0;
        for number in 0..self.log.partitions(topic) {
            let partition = Partition { topic, number };
            let offsets = self.log.offsets(partition).unwrap();
            left += offsets.end - offsets.start;
            reader.assign(partition, 0).unwrap();
        }
        let mut events = Vec::new();
        while (events.len() as u64) < left {
            for chunk in reader.poll(1 << 20, Duration::from_secs(5)).unwrap() {
                for record in chunk.iter() {
                    events.push(Event::from_json(record.value.to_vec().leak()).unwrap());
                }
            }
        }
        events
    }

    /// What a click id says, if this server made it.
    pub(crate) fn click_id(&self, text: &str) -> Option<ClickId> {
        let catalog = self.catalog.load();
        let secret = |number: u8| {
            let secret = catalog.click_keys.get(&number)?.secret;
            Some(secret.iter().flat_map(|word| word.0.to_be_bytes()).collect::<Vec<u8>>())
        };
        ClickId::verify(text, secret).ok()
    }
}

pub(crate) fn header<'r>(response: &'r Response<Body>, name: &str) -> &'r str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

pub(crate) async fn text(response: Response<Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

pub(crate) async fn json(response: Response<Body>) -> (StatusCode, Value) {
    let status = response.status();
    (status, serde_json::from_str(&text(response).await).unwrap_or(Value::Null))
}

/// The click id in an address.
pub(crate) fn ffclid(location: &str) -> &str {
    let rest = location.split_once("ffclid=").unwrap_or_else(|| panic!("{location}")).1;
    &rest[..rest.find(['&', '#']).unwrap_or(rest.len())]
}
