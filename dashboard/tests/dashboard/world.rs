//! Engine, log, catalogue and events.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use footfall_dashboard::{Dashboard, Settings, Status};
use footfall_event::ads::Revision;
use footfall_event::catalog::{Entry, Site};
use footfall_event::{Activity, Event, Hex64, Id, Judgement, SessionDelta, Verdict, VerdictReason};
use footfall_topics::catalog::CatalogView;
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_warehouse::engine;
use footfall_warehouse::{EventBlock, SessionBlock, VerdictBlock, Warehouse};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use tower::ServiceExt;

const DATA: &str = "FOOTFALL_TEST_ENGINE_DATA";
const LISTEN: &str = "FOOTFALL_TEST_ENGINE_LISTEN";

/// What the child does.
pub(crate) fn run_engine() {
    let Ok(data) = std::env::var(DATA) else { return };
    let settings = engine::Settings { data: PathBuf::from(data), ..Default::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let address = std::env::var(LISTEN).unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        engine::run(settings, listener, std::future::pending()).await
    });
    std::process::exit(i32::from(result.is_err()));
}

/// Address and password of one engine for all tests; it ends with this process.
fn engine() -> (String, String) {
    static ENGINE: OnceLock<(String, String)> = OnceLock::new();
    let start = || {
        let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("dashboard-engine");
        if data.exists() {
            std::fs::remove_dir_all(&data).unwrap();
        }
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "engine_child", "--ignored", "--nocapture"]);
        command.env(DATA, &data).env(LISTEN, &address).env("FOOTFALL_ENGINE_SUPERVISED", "1");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        // Kept open on purpose: the child ends when it closes, with this process.
        std::mem::forget(child);
        for _ in 0..600 {
            if std::net::TcpStream::connect(&address).is_ok() {
                return (format!("http://{address}"), engine::password(&data, "footfall").unwrap());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        panic!("the engine did not start");
    };
    ENGINE.get_or_init(start).clone()
}

/// A dashboard over a database and a log of its own.
pub(crate) struct World {
    pub(crate) app: Router,
    pub(crate) log: Arc<EmbeddedLog>,
    pub(crate) dashboard: Arc<Dashboard>,
    pub(crate) catalog: CatalogView,
    pub(crate) status: Arc<Status>,
    pub(crate) warehouse: Warehouse,
    events: EventBlock,
    sessions: SessionBlock,
    verdicts: VerdictBlock,
    replays: VerdictBlock,
    next: u128,
    _folder: tempfile::TempDir,
}

impl World {
    /// With the engine.
    pub(crate) async fn new(name: &str) -> World {
        let (url, password) = tokio::task::spawn_blocking(engine).await.unwrap();
        let warehouse = Warehouse::connect(footfall_warehouse::Settings {
            url,
            password,
            database: format!("test_{name}"),
            ..Default::default()
        });
        warehouse.migrate().await.unwrap();
        // A machine that has much else to do must not make a figure fail.
        World::over(warehouse, Settings { query_seconds_max: 60, ..Settings::default() })
    }

    /// Without any: nothing listens there.
    pub(crate) fn without_engine(settings: Settings) -> World {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("http://127.0.0.1:{port}");
        World::over(
            Warehouse::connect(footfall_warehouse::Settings { url, ..Default::default() }),
            settings,
        )
    }

    fn over(warehouse: Warehouse, settings: Settings) -> World {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(embedded::Settings::new(folder.path())).unwrap();
        let catalog = CatalogView::follow(log.clone()).unwrap();
        let status = Arc::new(Status::default());
        let dashboard = Dashboard::new(
            log.clone(),
            catalog.clone(),
            warehouse.clone(),
            settings,
            status.clone(),
        )
        .unwrap();
        World {
            app: footfall_dashboard::app(dashboard.clone()),
            log,
            dashboard,
            catalog,
            status,
            warehouse,
            events: EventBlock::default(),
            sessions: SessionBlock::default(),
            verdicts: VerdictBlock::default(),
            replays: VerdictBlock::of_replay(),
            next: 1,
            _folder: folder,
        }
    }

    /// Registers a site that is not young any more.
    pub(crate) async fn site(&self, domain: &str, timezone: &str) {
        let site = Site {
            domain: domain.into(),
            timezone: timezone.into(),
            created_at: 1,
            ..Site::default()
        };
        self.catalog.put(&Entry::Site(site)).await.unwrap();
    }

    /// Adds a judged event, changed by `change`. Its id.
    pub(crate) fn event(
        &mut self,
        activity: Activity,
        site: &str,
        time: i64,
        change: impl FnOnce(&mut Event<'static>, &mut Judgement),
    ) -> Id {
        let mut event = Event::new(activity, Id::from_u128(self.next), site.to_owned(), time);
        self.next += 1;
        event.visitor = Some(Hex64(1));
        let mut judgement = Judgement {
            verdict: Verdict::Valid,
            reasons: Vec::new(),
            rules: 1,
            session: Some(Hex64(1)),
            new_visitor: 0,
            new_on_path: 0,
            late: false,
            marks: 0,
        };
        change(&mut event, &mut judgement);
        event.judged = Some(judgement);
        self.events.push_event(&event).unwrap();
        event.id
    }

    /// Adds a verdict given later.
    pub(crate) fn revise(&mut self, revision: &Revision<'_>) {
        self.verdicts.push(&serde_json::to_vec(revision).unwrap()).unwrap();
    }

    /// Adds what other rules said.
    pub(crate) fn replay(&mut self, revision: &Revision<'_>) {
        self.replays.push(&serde_json::to_vec(revision).unwrap()).unwrap();
    }

    /// Adds a page view by a visitor that is new on its path.
    pub(crate) fn pageview(&mut self, site: &str, time: i64, path: &str) {
        self.event(Activity::Pageview, site, time, |event, judged| {
            event.path = path.to_owned().into();
            judged.new_on_path = 1;
        });
    }

    /// Adds a page view of a declared bot.
    pub(crate) fn bot(&mut self, site: &str, time: i64) {
        self.event(Activity::Pageview, site, time, |event, judged| {
            event.path = "/".into();
            (judged.verdict, judged.new_on_path) = (Verdict::Invalid, 1);
            judged.reasons = vec![VerdictReason::BotAgent];
        });
    }

    /// Adds a visit of one page view by a visitor of its own, changed by `change`.
    pub(crate) fn visit(
        &mut self,
        site: &str,
        start: i64,
        change: impl FnOnce(&mut SessionDelta<'static>),
    ) {
        let number = self.next as u64;
        self.next += 1;
        let mut delta = SessionDelta::new(site, Hex64(number), Hex64(number), start);
        (delta.visits, delta.bounces, delta.pageviews, delta.visitors) = (1, 1, 1, 1);
        delta.source_visitors = 1;
        delta.channel_visitors = 1;
        delta.campaign_visitors = 1;
        delta.entry_visitors = 1;
        (delta.exits, delta.exit_visitors) = (1, 1);
        (delta.entry, delta.exit) = ("/".into(), "/".into());
        change(&mut delta);
        // The activity with which its visitor is new; an engagement, so that nothing else counts.
        let (verdict, new) = (delta.verdict, u8::from(delta.visitors > 0));
        self.event(Activity::Engagement, site, start, |_, judged| {
            (judged.verdict, judged.new_visitor) = (verdict, new);
        });
        self.sessions.push_delta(&delta).unwrap();
    }

    /// Stores what was added.
    pub(crate) async fn store(&mut self) {
        let token = format!("test/{}", self.next);
        if !self.events.is_empty() {
            self.events.insert(&self.warehouse, &token).await.unwrap();
        }
        if !self.sessions.is_empty() {
            self.sessions.insert(&self.warehouse, &token).await.unwrap();
        }
        if !self.verdicts.is_empty() {
            self.verdicts.insert(&self.warehouse, &token).await.unwrap();
        }
        if !self.replays.is_empty() {
            self.replays.insert(&self.warehouse, &token).await.unwrap();
        }
        self.replays.clear();
        self.events.clear();
        self.sessions.clear();
        self.verdicts.clear();
    }

    /// The answer to a request.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = Response::into_parts(response);
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// The answer to a `GET` from this machine.
    pub(crate) async fn get(&self, address: &str) -> Answer {
        let request = Request::get(address).header("host", "localhost:8080");
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The JSON at an address.
    pub(crate) async fn json(&self, address: &str) -> serde_json::Value {
        let answer = self.get(address).await;
        assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.text);
        serde_json::from_str(&answer.text).unwrap()
    }
}

/// A response, read.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// A header's text; empty when it is missing.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Milliseconds since 1970 of an RFC 3339 text.
pub(crate) fn ms(text: &str) -> i64 {
    footfall_event::time::parse_rfc3339(text).unwrap()
}

/// Milliseconds since 1970, now.
pub(crate) fn now() -> i64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap()
        .as_millis()
        .try_into()
        .unwrap()
}
