//! Exact figures, on pages and in exports.

use footfall_dashboard::{Freshness, Settings};
use footfall_event::money::{Currency, Money};
use footfall_event::record::Device;
use footfall_event::{Activity, Hex64, Verdict};
use http::StatusCode;

use crate::world::{World, ms, now};

const SITE: &str = "example.com";
const WEEK: &str = "period=custom&from=2026-11-01&to=2026-11-07";

/// Two people and a bot on 3 November, one person the week before.
async fn small_world() -> World {
    let mut world = World::new("small").await;
    world.site(SITE, "").await;
    let at = |clock: &str| ms(&format!("2026-11-03T{clock}:00Z"));
    world.pageview(SITE, at("10:00"), "/");
    world.pageview(SITE, at("10:05"), "/pricing");
    world.pageview(SITE, at("11:00"), "/");
    world.bot(SITE, at("12:00"));
    world.pageview(SITE, ms("2026-10-27T10:00:00Z"), "/");
    world.event(Activity::Engagement, SITE, at("10:04"), |event, _| {
        (event.path, event.engaged_ms) = ("/".into(), 30_000);
    });
    world.event(Activity::Search, SITE, at("10:06"), |event, _| {
        (event.query, event.results) = ("  Größe   42 ".into(), Some(0));
    });
    world.event(Activity::Search, SITE, at("10:07"), |event, _| {
        (event.query, event.results) = ("größe 42".into(), Some(3));
    });
    for (visitor, new, currency) in [(1, 1, "EUR"), (1, 0, "EUR"), (2, 1, "CHF")] {
        world.event(Activity::Action, SITE, at("10:08"), |event, judged| {
            event.visitor = Some(Hex64(visitor));
            judged.new_on_path = new;
            event.name = "order".into();
            let currency = Currency::parse(currency).unwrap();
            event.value = Some(Money { micros: 12_500_000, currency });
        });
    }
    world.visit(SITE, at("10:00"), |visit| {
        (visit.bounces, visit.pageviews, visit.duration_ms) = (0, 2, 360_000);
        (visit.source, visit.channel) = ("Google".into(), "Organic Search".into());
        (visit.exit, visit.country, visit.device) =
            ("/pricing".into(), "DE".into(), Device::Mobile);
        (visit.region, visit.city) = ("Bavaria".into(), "Munich".into());
    });
    world.visit(SITE, at("11:00"), |visit| {
        (visit.country, visit.device) = ("AT".into(), Device::Desktop);
    });
    world.visit(SITE, at("12:00"), |visit| visit.verdict = Verdict::Invalid);
    world.visit(SITE, ms("2026-10-27T10:00:00Z"), |_| {});
    world.store().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_exact_net_and_gross() {
    let world = small_world().await;
    let net = world.json(&format!("/sites/{SITE}.json?{WEEK}")).await;
    let expected = serde_json::json!({
        "visitors": 2, "visits": 2, "pageviews": 3, "bounces": 1,
        "views_per_visit": 1.5, "bounce_rate": 0.5, "visit_duration_s": 180.0,
    });
    assert_eq!(net["current"], expected);
    assert_eq!(net["previous"]["visitors"], 1);
    assert_eq!(net["compared_with"]["from"], "2026-10-25");
    assert_eq!(net["invalid_pageviews"]["bot_agent"], 1);
    assert_eq!(net["series"].as_array().unwrap().len(), 7);
    assert_eq!(net["series"][2]["pageviews"], 3);
    let gross = world.json(&format!("/sites/{SITE}.json?{WEEK}&counting=gross")).await;
    assert_eq!(gross["current"]["visitors"], 3);
    assert_eq!(gross["current"]["pageviews"], 4);
    let pages = serde_json::json!([
        {"path": "/", "visitors": 2, "pageviews": 2, "engaged_ms": 30_000},
        {"path": "/pricing", "visitors": 1, "pageviews": 1, "engaged_ms": 0},
    ]);
    assert_eq!(net["pages"], pages);
    assert_eq!(
        net["sources"],
        serde_json::json!([
            {"source": "", "visitors": 1, "visits": 1},
            {"source": "Google", "visitors": 1, "visits": 1},
        ])
    );
    assert_eq!(
        net["searches"],
        serde_json::json!([{"query": "größe 42", "searches": 2, "no_result": 1}])
    );
    assert_eq!(
        net["actions"],
        serde_json::json!([{"action": "order", "visitors": 2, "total": 3, "value": "CHF 12.5 + EUR 25"}])
    );
    let cities = world.json(&format!("/sites/{SITE}/locations.json?{WEEK}&locations=cities")).await;
    assert_eq!(cities["rows"][1]["city"], "Munich");
    assert_eq!(cities["total_rows"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_and_tab_is_answered_and_says_the_same() {
    let world = small_world_again("pages").await;
    let page = world.get(&format!("/sites/{SITE}?{WEEK}")).await;
    assert_eq!(page.status, StatusCode::OK);
    for text in [
        "<span class=\"v\">1.50</span>",
        "<span class=\"v\">50.0%</span>",
        "<span class=\"v\">3m 00s</span>",
        "100.0%</span> from 1",
        "Net counts leave out",
        "1 from declared bots",
        "Direct or unknown",
        ">Germany<",
        "€25.00",
    ] {
        assert!(page.text.contains(text), "{text} is missing:\n{}", page.text);
    }
    assert!(!page.text.contains("style=") && !page.text.contains("<script>"), "inline");
    for (panel, tabs) in [
        ("pages", &["top", "entry", "exit"][..]),
        ("sources", &["referrers", "channels", "campaigns"]),
        ("locations", &["countries", "regions", "cities", "languages"]),
        ("devices", &["size", "browser", "system", "screen"]),
        ("searches", &["top", "no_result"]),
        ("actions", &["all"]),
    ] {
        for tab in tabs {
            for extension in ["", ".csv", ".json"] {
                let address = format!("/sites/{SITE}/{panel}{extension}?{WEEK}&{panel}={tab}");
                let answer = world.get(&address).await;
                assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.text);
            }
        }
    }
    for metric in ["visits", "pageviews", "views_per_visit", "bounce_rate", "visit_duration"] {
        for interval in ["hour", "day"] {
            let address = format!("/sites/{SITE}?{WEEK}&metric={metric}&interval={interval}");
            assert_eq!(world.get(&address).await.status, StatusCode::OK, "{address}");
        }
    }
    for period in
        ["today", "yesterday", "7d", "28d", "91d", "month", "last_month", "year", "12mo", "all"]
    {
        let answer =
            world.get(&format!("/sites/{SITE}?period={period}&comparison=year_over_year")).await;
        assert_eq!(answer.status, StatusCode::OK, "{period}");
        assert!(!answer.text.contains("can’t be read"), "{period}");
    }
    let csv = world.get(&format!("/sites/{SITE}.csv?{WEEK}")).await;
    assert!(
        csv.text.contains("2026-11-03T00:00:00+00:00,2,2,3,1.5000,0.5000,180.0000\r\n"),
        "{}",
        csv.text
    );
    let list = world.get("/").await;
    assert!(list.text.contains(SITE), "{}", list.text);
    assert!(world.get(&format!("/sites/{SITE}/setup")).await.text.contains("/js/footfall.js"));
}

async fn small_world_again(name: &str) -> World {
    let mut world = World::new(name).await;
    world.site(SITE, "").await;
    let at = |clock: &str| ms(&format!("2026-11-03T{clock}:00Z"));
    world.pageview(SITE, at("10:00"), "/");
    world.pageview(SITE, at("10:05"), "/pricing");
    world.pageview(SITE, at("11:00"), "/");
    world.bot(SITE, at("12:00"));
    world.event(Activity::Search, SITE, at("10:06"), |event, _| {
        (event.query, event.results) = ("boots".into(), Some(0));
    });
    for new in [1, 0] {
        world.event(Activity::Action, SITE, at("10:08"), |event, judged| {
            judged.new_on_path = new;
            event.name = "order".into();
            let currency = Currency::parse("EUR").unwrap();
            event.value = Some(Money { micros: 12_500_000, currency });
        });
    }
    world.visit(SITE, at("10:00"), |visit| {
        (visit.bounces, visit.pageviews, visit.duration_ms) = (0, 2, 360_000);
        (visit.country, visit.utm_campaign) = ("DE".into(), "spring".into());
    });
    world.visit(SITE, at("11:00"), |_| {});
    world.visit(SITE, ms("2026-10-27T10:00:00Z"), |_| {});
    world.store().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn days_are_those_of_the_sites_time_zone() {
    let mut world = World::new("zones").await;
    for (site, zone) in [("berlin.example", "Europe/Berlin"), ("delhi.example", "Asia/Kolkata")] {
        world.site(site, zone).await;
    }
    // 25 October has 25 hours in Berlin: from 22:00 UTC the day before to 23:00 UTC.
    for time in [
        "2026-10-24T21:59:59Z",
        "2026-10-24T22:00:00Z",
        "2026-10-25T12:00:00Z",
        "2026-10-25T22:59:59Z",
        "2026-10-25T23:00:00Z",
    ] {
        world.pageview("berlin.example", ms(time), "/");
        world.visit("berlin.example", ms(time), |_| {});
    }
    // Midnight in Delhi is half past six in the evening in UTC.
    for time in [
        "2026-11-02T18:29:59Z",
        "2026-11-02T18:30:00Z",
        "2026-11-03T18:29:59Z",
        "2026-11-03T18:30:00Z",
    ] {
        world.pageview("delhi.example", ms(time), "/");
        world.visit("delhi.example", ms(time), |_| {});
    }
    world.store().await;
    let day = "period=custom&from=2026-10-25&to=2026-10-25&interval=hour";
    let berlin = world.json(&format!("/sites/berlin.example.json?{day}")).await;
    assert_eq!(berlin["current"]["visitors"], 3);
    assert_eq!(berlin["current"]["pageviews"], 3);
    assert_eq!(berlin["pages"][0]["pageviews"], 3);
    assert_eq!(berlin["previous"]["visits"], 1);
    assert_eq!(berlin["series"].as_array().unwrap().len(), 25);
    assert_eq!(berlin["series"][24]["visits"], 1);
    let day = "period=custom&from=2026-11-03&to=2026-11-03&interval=hour";
    let delhi = world.json(&format!("/sites/delhi.example.json?{day}")).await;
    assert_eq!(delhi["current"]["visits"], 2);
    assert_eq!(delhi["sources"][0]["visits"], 2);
    assert_eq!(delhi["series"][0]["visits"], 1);
    assert_eq!(delhi["series"][23]["pageviews"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn today_is_compared_up_to_the_same_minute_and_says_who_is_there() {
    const DAY_MS: i64 = 86_400_000;
    let mut world = World::new("today").await;
    world.site(SITE, "").await;
    let now = now();
    if !(600_000..DAY_MS - 600_000).contains(&(now % DAY_MS)) {
        return; // Around midnight "two minutes later" is another day.
    }
    for time in [now - DAY_MS - 120_000, now - DAY_MS + 120_000, now - 60_000] {
        world.pageview(SITE, time, "/");
        world.visit(SITE, time, |_| {});
    }
    world.store().await;
    let today = world.json(&format!("/sites/{SITE}.json?period=today")).await;
    assert_eq!(today["current"]["visits"], 1);
    assert_eq!(today["previous"]["visits"], 1);
    assert_eq!(today["previous"]["pageviews"], 1);
    let look = world.json(&format!("/sites/{SITE}/now.json")).await;
    assert_eq!(look["now"], 1);
    world.pageview(SITE, now, "/next");
    world.store().await;
    tokio::time::sleep(std::time::Duration::from_millis(450)).await;
    let next = world.json(&format!("/sites/{SITE}/now.json")).await;
    assert_ne!(look["version"], next["version"]);
    let page = world.get(&format!("/sites/{SITE}?period=today&refresh=10")).await;
    assert!(page.text.contains("data-live=") && page.text.contains(">/next<"));
    assert_eq!(page.header("refresh"), "10");
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_names_stay_text() {
    let mut world = World::new("hostile").await;
    world.site(SITE, "").await;
    let long = format!("/{}", "x".repeat(2_000));
    let time = ms("2026-11-03T10:00:00Z");
    for path in ["/<script>alert(1)</script>", "/עברית\u{202e}gpj.exe", long.as_str(), "=1+1,\"x\""]
    {
        world.pageview(SITE, time, path);
        world.visit(SITE, time, |_| {});
    }
    world.event(Activity::Action, SITE, time, |event, _| event.name = "=cmd|' /C calc'!A0".into());
    world.event(Activity::Search, SITE, time, |event, _| event.query = "' OR 1=1 --".into());
    world.store().await;
    let page = world.get(&format!("/sites/{SITE}?{WEEK}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains("<script>alert"));
    assert!(page.text.contains("&#60;script&#62;alert(1)"), "{}", page.text);
    assert!(page.text.contains("<bdi>/עברית"));
    let csv = world.get(&format!("/sites/{SITE}/pages.csv?{WEEK}")).await;
    assert!(csv.text.contains("\"'=1+1,\"\"x\"\"\",1,1,0\r\n"), "{}", csv.text);
    assert!(csv.header("content-disposition").starts_with("attachment"));
    let csv = world.get(&format!("/sites/{SITE}/actions.csv?{WEEK}")).await;
    assert!(csv.text.contains("\"'=cmd|"), "{}", csv.text);
    for address in
        ["/sites/%27%20OR%201=1", "/sites/example.com/pages.sql", "/sites/nosuch.example"]
    {
        assert_eq!(world.get(address).await.status, StatusCode::NOT_FOUND, "{address}");
    }
    let wrong = world.get(&format!("/sites/{SITE}/pages.json?period=%3Cscript%3E")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(wrong.header("content-type"), "application/problem+json");
    let wrong = world.get(&format!("/sites/{SITE}?period=%3Cscript%3E")).await;
    assert!(wrong.text.contains("28d") && !wrong.text.contains("<script>"), "{}", wrong.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_yet_and_the_warehouse_away() {
    let world = World::new("empty").await;
    let first = world.get("/").await;
    assert!(first.text.contains("footfall site add"), "{}", first.text);
    world.site(SITE, "").await;
    let page = world.get(&format!("/sites/{SITE}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("No visits yet"), "{}", page.text);

    let world = World::without_engine(Settings::default());
    world.site(SITE, "").await;
    let page = world.get(&format!("/sites/{SITE}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("Figures are delayed"), "{}", page.text);
    assert!(page.text.contains("Nothing is lost"));
    let json = world.get(&format!("/sites/{SITE}.json")).await;
    assert_eq!(json.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(json.header("retry-after"), "5");
    // What the program knows is said, with the time in the site's zone.
    world.status.set(Freshness {
        engine_down_since: Some(ms("2026-11-21T09:38:04Z")),
        loaded_up_to: Some(ms("2026-11-21T09:38:02Z")),
        waiting: Some(2_318),
    });
    let page = world.get(&format!("/sites/{SITE}")).await;
    assert!(page.text.contains("has not answered since 09:38"), "{}", page.text);
    assert!(page.text.contains("2,318 so far"));
}
