//! A dashboard over made-up data, to look at: `cargo run -p footfall-dashboard --example preview`.
//!
//! Starts an engine of its own in a temporary folder, fills two sites (one of them stays empty),
//! listens on a free loopback port (or the one in the first argument) and prints the address.
//! With `login` as second argument it asks for a sign-in and prints the owner's link.

mod ads;
mod evidence;

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use footfall_dashboard::{Dashboard, Freshness, Settings, Status};
use footfall_event::catalog::{Entry, Site};
use footfall_event::money::{Currency, Money};
use footfall_event::record::Device;
use footfall_event::{Activity, Event, Hex64, Id, Judgement, SessionDelta, Verdict, VerdictReason};
use footfall_topics::catalog::CatalogView;
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_warehouse::{EventBlock, SessionBlock, Warehouse, engine};

const DATA: &str = "FOOTFALL_PREVIEW_DATA";
const LISTEN: &str = "FOOTFALL_PREVIEW_LISTEN";
const SITE: &str = "trailmarket.example";
const DAYS: i64 = 60;
const DAY_MS: i64 = 86_400_000;

#[tokio::main]
async fn main() -> Result<()> {
    tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).init();
    if let Ok(data) = std::env::var(DATA) {
        let settings = engine::Settings { data: PathBuf::from(data), ..Default::default() };
        let listener = tokio::net::TcpListener::bind(std::env::var(LISTEN)?).await?;
        return Ok(engine::run(settings, listener, std::future::pending()).await?);
    }
    let folder = tempfile::tempdir()?;
    let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
    let _engine = Command::new(std::env::current_exe()?)
        .env(DATA, folder.path())
        .env(LISTEN, &address)
        .env("FOOTFALL_ENGINE_SUPERVISED", "1")
        .stdin(Stdio::piped())
        .spawn()?;
    let password = engine::password(folder.path(), "footfall")?;
    let warehouse = Warehouse::connect(footfall_warehouse::Settings {
        url: format!("http://{address}"),
        password,
        ..Default::default()
    });
    wait_for(&warehouse).await?;
    warehouse.migrate().await?;
    let log = EmbeddedLog::open(embedded::Settings::new(folder.path().join("log")))?;
    let catalog = CatalogView::follow(log.clone())?;
    let now = jiff::Timestamp::now().as_millisecond();
    for (domain, created_at) in [(SITE, now - 90 * DAY_MS), ("new.trailmarket.example", now)] {
        let timezone = "Europe/Berlin".into();
        let site = Site { domain: domain.into(), timezone, created_at, ..Site::default() };
        catalog.put(&Entry::Site(site)).await?;
    }
    ads::register(&catalog, now).await?;
    fill(&warehouse, now).await?;
    ads::fill(&warehouse, now).await?;
    let click = evidence::fill(&warehouse, now).await?;
    serve(log, catalog, warehouse, click).await
}

async fn wait_for(warehouse: &Warehouse) -> Result<()> {
    for _ in 0..300 {
        if warehouse.ping().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("the engine did not start")
}

async fn serve(
    log: Arc<EmbeddedLog>,
    catalog: CatalogView,
    warehouse: Warehouse,
    click: Id,
) -> Result<()> {
    let port = std::env::args().nth(1).unwrap_or_else(|| "0".into());
    let require_login = std::env::args().nth(2).as_deref() == Some("login");
    let listener = tokio::net::TcpListener::bind(format!("127.0.0.1:{port}")).await?;
    let base_url = format!("http://{}", listener.local_addr()?);
    let settings = Settings { require_login, base_url: base_url.clone(), ..Settings::default() };
    let status = Arc::new(Status::default());
    status.set_rules(Arc::new(evidence::Book::built_in()));
    let writer = status.clone();
    tokio::spawn(async move {
        loop {
            let now = jiff::Timestamp::now().as_millisecond();
            writer.set(Freshness { loaded_up_to: Some(now - 800), ..Freshness::default() });
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    });
    println!("{base_url}/sites/{SITE}");
    println!("{base_url}/sites/{SITE}/clicks/{click}");
    if require_login {
        let link = footfall_dashboard::auth::ensure_owner_link(&catalog, &base_url).await?;
        println!("{}", link.context("there is a password already")?);
    }
    let dashboard = Dashboard::new(log, catalog, warehouse, settings, status)?;
    Ok(axum::serve(listener, footfall_dashboard::app(dashboard)).await?)
}

/// A small deterministic generator: the same pictures every time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    /// One of them, the first ones far more often.
    fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        let least = (0..3).map(|_| self.roll(all.len() as u64)).min().unwrap_or(0);
        all[least as usize]
    }
}

const PATHS: [&str; 14] = [
    "/",
    "/guides/choosing-hiking-boots",
    "/search",
    "/boots/steinbock-hochkar-gtx",
    "/guides/layering-for-late-autumn-above-the-treeline",
    "/tents",
    "/basket",
    "/forum/which-stove-for-minus-ten-and-a-week-without-resupply",
    "/guides/<b>bold</b>",
    "/boots",
    "/jackets",
    "/about",
    "/imprint",
    "/checkout/done",
];
const SOURCES: [(&str, &str); 8] = [
    ("Google", "Organic Search"),
    ("", "Direct"),
    ("newsletter.trailmarket.example", "Email"),
    ("Bing", "Organic Search"),
    ("ChatGPT", "AI Assistants"),
    ("bergfreunde-forum.example", "Referral"),
    ("DuckDuckGo", "Organic Search"),
    ("Instagram", "Organic Social"),
];
const PLACES: [(&str, &str, &str); 10] = [
    ("DE", "Bavaria", "Munich"),
    ("AT", "Tyrol", "Innsbruck"),
    ("CH", "Zurich", "Zurich"),
    ("GB", "England", "London"),
    ("NL", "North Holland", "Amsterdam"),
    ("US", "Colorado", "Denver"),
    ("FR", "Auvergne-Rhône-Alpes", "Grenoble"),
    ("IT", "South Tyrol", "Bolzano"),
    ("SE", "Stockholm", "Stockholm"),
    ("SG", "", "Singapore"),
];
const QUERIES: [&str; 7] = [
    "hiking boots",
    "waterproof jacket women",
    "2 person tent",
    "merino base layer",
    "ultralight tent under 1 kg",
    "gaiters",
    "bivy bag",
];

async fn fill(warehouse: &Warehouse, now: i64) -> Result<()> {
    let mut dice = Dice(7);
    for day in (0..DAYS).rev() {
        let (mut events, mut sessions) = (EventBlock::default(), SessionBlock::default());
        let weekly = if day % 7 < 2 { 80 } else { 100 };
        let visits = (240 + (DAYS - day) * 2) as u64 * weekly / 100 + dice.roll(40);
        let start = now.div_euclid(DAY_MS) * DAY_MS - day * DAY_MS;
        for visit in 0..visits {
            // Few at night, most around noon.
            let hour = (dice.roll(13) + dice.roll(12)) as i64;
            let time = start + hour * 3_600_000 + dice.roll(3_600_000) as i64;
            if time < now {
                one_visit(&mut dice, &mut events, &mut sessions, time, visit)?;
            }
        }
        if day == 0 {
            for visit in 0..37 {
                one_visit(&mut dice, &mut events, &mut sessions, now - 200_000, 10_000 + visit)?;
            }
        }
        if !events.is_empty() {
            events.insert(warehouse, &format!("preview/events/{day}")).await?;
            sessions.insert(warehouse, &format!("preview/sessions/{day}")).await?;
        }
    }
    Ok(())
}

fn one_visit(
    dice: &mut Dice,
    events: &mut EventBlock,
    sessions: &mut SessionBlock,
    time: i64,
    number: u64,
) -> Result<()> {
    let visitor = Hex64(time as u64 * 100_000 + number);
    let verdict = if dice.roll(30) == 0 { Verdict::Invalid } else { Verdict::Valid };
    let views = if dice.roll(10) < 4 { 1 } else { 2 + dice.roll(5) } as i64;
    let paths: Vec<&str> = (0..views).map(|_| dice.pick(&PATHS)).collect();
    let mut send =
        |dice: &mut Dice, activity, offset: i64, change: &dyn Fn(&mut Event<'static>)| {
            let id = Id::from_u128(u128::from(dice.roll(u64::MAX >> 31)) << 64 | time as u128);
            let mut event = Event::new(activity, id, SITE, time + offset);
            event.visitor = Some(visitor);
            change(&mut event);
            let reasons =
                if verdict == Verdict::Invalid { vec![VerdictReason::BotAgent] } else { vec![] };
            let marked = matches!(activity, Activity::Pageview | Activity::Action);
            let (new_visitor, new_on_path) = (0, u8::from(marked));
            let session = Some(visitor);
            event.judged = Some(Judgement {
                verdict,
                reasons,
                rules: 1,
                session,
                new_visitor,
                new_on_path,
                late: false,
                marks: 0,
            });
            events.push_event(&event)
        };
    for (at, path) in paths.iter().enumerate() {
        let offset = at as i64 * 40_000;
        let path = (*path).to_owned();
        send(dice, Activity::Pageview, offset, &|event| event.path = path.clone().into())?;
        let engaged = 5_000 + dice.roll(240_000) as u32;
        send(dice, Activity::Engagement, offset, &|event| {
            (event.path, event.engaged_ms) = (path.clone().into(), engaged);
        })?;
    }
    if dice.roll(4) == 0 {
        let (query, results) = (dice.pick(&QUERIES), dice.roll(12) as u32);
        send(dice, Activity::Search, 1_000, &|event| {
            (event.query, event.results) = (query.into(), Some(results));
        })?;
    }
    if dice.roll(9) == 0 {
        let name = dice.pick(&[
            "add_to_basket",
            "Newsletter sign-up",
            "Order placed",
            "Download: size-chart.pdf",
        ]);
        let micros = dice.roll(200) as i64 * 1_000_000;
        let currency = Currency::parse("EUR").context("a currency")?;
        send(dice, Activity::Action, 2_000, &|event| {
            event.name = name.into();
            if name == "Order placed" {
                event.value = Some(Money { micros, currency });
            }
        })?;
    }
    sessions.push_delta(&visit(dice, &paths, verdict, time, visitor))?;
    Ok(())
}

/// The difference that a whole visit makes.
fn visit(
    dice: &mut Dice,
    paths: &[&str],
    verdict: Verdict,
    time: i64,
    visitor: Hex64,
) -> SessionDelta<'static> {
    let views = paths.len() as i64;
    let mut delta = SessionDelta::new(SITE, visitor, visitor, time);
    delta.verdict = verdict;
    (delta.visits, delta.exits, delta.bounces) = (1, 1, i32::from(views == 1));
    (delta.pageviews, delta.duration_ms) = (views as i32, views * 55_000);
    let one = i32::from(dice.roll(5) > 0);
    (delta.visitors, delta.source_visitors, delta.channel_visitors) = (one, one, one);
    (delta.campaign_visitors, delta.entry_visitors, delta.exit_visitors) = (one, one, one);
    (delta.entry, delta.exit) =
        (paths[0].to_owned().into(), paths[paths.len() - 1].to_owned().into());
    let (source, channel) = dice.pick(&SOURCES);
    (delta.source, delta.channel) = (source.into(), channel.into());
    let (country, region, city) = dice.pick(&PLACES);
    (delta.country, delta.region, delta.city) = (country.into(), region.into(), city.into());
    delta.device = dice.pick(&[Device::Mobile, Device::Desktop, Device::Tablet, Device::Unknown]);
    delta.browser = dice.pick(&["Chrome", "Safari", "Firefox", "Edge"]).into();
    delta.os = dice.pick(&["Android", "iOS", "Windows", "macOS", "Linux"]).into();
    delta.screen = dice.pick(&["xs", "xl", "lg", "md", "xxl"]).into();
    delta.language = dice.pick(&["de", "de-at", "en-gb", "fr"]).into();
    delta.utm_campaign = dice.pick(&["", "", "autumn-sale", "newsletter-48"]).into();
    delta
}
