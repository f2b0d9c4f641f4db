//! Pages and lists about ads: exact figures, rates with intervals, money per currency.

use std::time::{Duration, Instant};

use footfall_event::ads::{Billing, CostModel, Measures};
use footfall_event::money::Money;
use footfall_event::record::Device;
use footfall_event::{Activity, Id, Verdict};
use http::StatusCode;
use serde_json::{Value, json};

use crate::market::{SITE, WEEK, catalogue, currency, delta, market, searched, shown, store};
use crate::world::{World, ms, now};

#[tokio::test(flavor = "multi_thread")]
async fn figures_are_exact_and_currencies_stay_apart() {
    let world = market("ads_figures").await;
    let net = world.json(&format!("/sites/{SITE}/ads.json?{WEEK}")).await;
    let current = &net["current"];
    for (name, expected) in [
        ("impressions", json!(3_010)),
        ("clicks", json!(82)),
        ("net_clicks", json!(71)),
        ("viewable_rate", json!(0.5)),
        ("ctr", json!(0.023588)),
        ("ctr_low", json!(0.018743)),
        ("ctr_high", json!(0.029647)),
        ("click_conversions", json!(1.5)),
        ("cost", json!("CHF 0.000002 + EUR 29.82")),
        ("revenue", json!("CHF 5")),
    ] {
        assert_eq!(current[name], expected, "{name}: {current}");
    }
    assert_eq!(net["previous"]["clicks"], 5);
    assert_eq!(net["removed"], json!({"duplicate_click": 10, "bot_agent": 1}));
    assert_eq!(net["series"][2]["net_clicks"], 40);
    let gross = world.json(&format!("/sites/{SITE}/ads.json?{WEEK}&counting=gross")).await;
    assert_eq!(gross["current"]["ctr"], json!(0.027243));
    let campaigns = net["campaigns"].as_array().unwrap();
    let names: Vec<_> = campaigns.iter().map(|row| row["campaign"].as_str().unwrap()).collect();
    assert_eq!(names, ["boots", "", "later"], "one without figures comes from the catalogue");
    let ads = world.json(&format!("/sites/{SITE}/campaigns.json?{WEEK}&campaigns=ads")).await;
    assert_eq!(ads["total_rows"], 3);
    assert_eq!(ads["rows"][0]["ad"], "hochkar");
    assert_eq!(ads["rows"][0]["net_clicks"], 40);
    let address = format!("/sites/{SITE}/campaigns.json?{WEEK}&campaigns=advertisers");
    let sums = world.json(&address).await;
    assert_eq!(sums["rows"][0]["name"], "Acme <b>");
    assert_eq!(sums["rows"][0]["net_clicks"], 70);
    let one = world.json(&format!("/sites/{SITE}/ads/sole.json?{WEEK}")).await;
    assert_eq!(one["current"]["net_clicks"], 30);
    assert_eq!(one["positions"].as_array().unwrap().len(), 1);
    let of_campaign = world.json(&format!("/sites/{SITE}/campaigns/boots.json?{WEEK}")).await;
    assert_eq!(of_campaign["current"]["clicks"], 81);
    assert_eq!(of_campaign["ads"].as_array().unwrap().len(), 2);
    let csv = world.get(&format!("/sites/{SITE}/ads.csv?{WEEK}")).await;
    assert!(csv.text.contains("2026-11-05T00:00:00+00:00,1000,1000,1000,500,0.5,30,30,0.03,"));
}

#[tokio::test(flavor = "multi_thread")]
async fn standing_first_is_no_merit() {
    let world = World::new("ads_mix").await;
    catalogue(&world).await;
    // Whatever stands first is clicked four times as often.
    let at = "2026-11-03T10:00:00Z";
    let windows = [
        delta(at, "hochkar", 1, shown(9_000, 360, 0)),
        delta(at, "hochkar", 2, shown(1_000, 10, 0)),
        delta(at, "sole", 1, shown(1_000, 40, 0)),
        delta(at, "sole", 2, shown(9_000, 90, 0)),
    ];
    store(&world, "windows", &windows).await;
    let list = world.json(&format!("/sites/{SITE}/campaigns.json?{WEEK}&campaigns=ads")).await;
    let rate = |row: usize, name: &str| list["rows"][row][name].as_f64().unwrap();
    assert!(rate(0, "ctr") > 2.5 * rate(1, "ctr"), "{list}");
    assert_eq!(rate(0, "ctr_same_mix"), rate(1, "ctr_same_mix"), "{list}");
    let page = world.get(&format!("/sites/{SITE}/ads?{WEEK}&rate=same_mix&campaigns=ads")).await;
    assert!(page.text.contains("Same positions"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn searches_have_their_texts_and_the_rest_comes_last() {
    let world = market("ads_searches").await;
    let at = "2026-11-03T10:00:00Z";
    let mut by_hash = searched(at, "hiking boots", Measures::default());
    by_hash.query = "".into();
    by_hash.measures.click_conversions_micros = 1_000_000;
    let rows = [
        searched(at, " Hiking  BOOTS", shown(100, 9, 1)),
        searched(at, "(other)", shown(10_000, 90, 0)),
        by_hash,
    ];
    store(&world, "searches", &rows).await;
    let list = world.json(&format!("/sites/{SITE}/criteria.json?{WEEK}")).await;
    assert_eq!(list["rows"][0]["query"], "hiking boots");
    assert_eq!(list["rows"][0]["net_clicks"], 8);
    assert_eq!(list["rows"][0]["click_conversions"], json!(1.0));
    assert_eq!(list["rows"][1]["query"], "(other)");
    let none = world.json(&format!("/sites/{SITE}/criteria.json?{WEEK}&ad=sole")).await;
    assert_eq!(none["rows"], json!([]));
}

/// A click on `hochkar`, so many milliseconds after its impression.
fn click(world: &mut World, time: i64, delay: Option<i64>, verdict: Verdict) {
    world.event(Activity::Click, SITE, time, |event, judged| {
        (event.ad, event.campaign) = ("hochkar".into(), "boots".into());
        event.device = Device::Mobile;
        event.country = "AT".into();
        event.impression_at = delay.map_or(0, |delay| time - delay);
        event.impression = Some(Id::from_u128(5));
        let price = Money { micros: 420_000, currency: currency("EUR") };
        event.billing = Some(Billing { model: CostModel::Cpc, price });
        judged.verdict = verdict;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ads_page_knows_its_audience() {
    let mut world = market("ads_audience").await;
    let time = ms("2026-11-03T10:00:00Z");
    for (delay, verdict) in [
        (Some(800), Verdict::Valid),
        (Some(40_000), Verdict::Flagged),
        (Some(40_000), Verdict::Invalid),
        (None, Verdict::Valid),
    ] {
        click(&mut world, time, delay, verdict);
    }
    world.event(Activity::Impression, SITE, time, |event, _| {
        (event.ad, event.campaign) = ("hochkar".into(), "boots".into());
        event.device = Device::Mobile;
    });
    world.store().await;
    let list = |name: &str| format!("/sites/{SITE}/{name}.json?{WEEK}&ad=hochkar");
    let devices = world.json(&list("ad-devices")).await;
    let mobile = json!({
        "device": "mobile", "impressions": 1, "net_impressions": 1, "clicks": 4, "net_clicks": 3,
    });
    assert_eq!(devices["rows"], json!([mobile]));
    let countries = world.json(&list("ad-countries")).await;
    assert_eq!(countries["rows"][0]["country"], "AT");
    let delays = world.json(&list("time-to-click")).await;
    let row = |at: usize| {
        (delays["rows"][at]["time_to_click"].clone(), delays["rows"][at]["net_clicks"].clone())
    };
    assert_eq!(row(0), (json!("Impression’s time not known"), json!(1)));
    assert_eq!(row(1), (json!("under 1 s"), json!(1)));
    assert_eq!(row(2), (json!("30 s to 2 min"), json!(1)));
    // The invalid click would have cost its price.
    let page = world.get(&format!("/sites/{SITE}/campaigns/boots?{WEEK}")).await;
    for text in
        ["€0.42", "From gross to net", "Second click on the same impression", "Boots &#38; more"]
    {
        assert!(page.text.contains(text), "{text} is missing:\n{}", page.text);
    }
    // 29.82 + 2.10 of 10 are spent.
    assert!(page.text.contains("Budget used up"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_and_list_is_answered_without_scripts() {
    let world = market("ads_pages").await;
    let mut pages = vec!["ads".to_owned(), "campaigns/boots".into(), "ads/hochkar".into()];
    pages.extend(["campaigns/later", "ads/stray", "campaigns/never-heard-of"].map(str::to_owned));
    for list in [
        "campaigns",
        "positions",
        "removed",
        "placements",
        "criteria",
        "ad-devices",
        "ad-countries",
        "time-to-click",
    ] {
        pages.push(list.to_owned());
    }
    for page in &pages {
        for extension in ["", ".json", ".csv"] {
            let address = format!("/sites/{SITE}/{page}{extension}?{WEEK}");
            let answer = world.get(&address).await;
            assert_eq!(answer.status, StatusCode::OK, "{address}: {}", answer.text);
            assert!(!answer.text.contains("can’t be read"), "{address}");
            assert!(!answer.text.contains("could not answer"), "{address}: {}", answer.text);
            if extension.is_empty() {
                let html = &answer.text;
                assert!(!html.contains("style=") && !html.contains("<script>"), "{address}");
                assert!(!html.contains("NaN") && !html.contains("<i>GTX"), "{address}");
            }
        }
    }
    for measure in ["clicks", "impressions", "viewable", "ctr", "conversions", "spend"] {
        for counting in ["net", "gross"] {
            for rows in ["campaigns", "ads", "advertisers"] {
                let address = format!(
                    "/sites/{SITE}/ads?{WEEK}&measure={measure}&counting={counting}&campaigns={rows}"
                );
                let answer = world.get(&address).await;
                assert_eq!(answer.status, StatusCode::OK, "{address}");
                assert!(!answer.text.contains("could not answer"), "{address}");
            }
        }
    }
    for (address, status) in [
        ("ads?measure=luck", StatusCode::BAD_REQUEST),
        ("placements.json?campaign=a%2Fb", StatusCode::BAD_REQUEST),
        ("ads/%3Cscript%3E", StatusCode::NOT_FOUND),
        ("campaigns/a%20b.json", StatusCode::NOT_FOUND),
    ] {
        let answer = world.get(&format!("/sites/{SITE}/{address}")).await;
        assert_eq!(answer.status, status, "{address}: {}", answer.text);
    }
    assert_eq!(world.get("/sites/nosuch.example/ads").await.status, StatusCode::NOT_FOUND);
    let address = format!("/sites/{SITE}/ads?period=custom&from=2025-01-01&to=2025-01-02");
    assert!(world.get(&address).await.text.contains("No ads were shown in this period"));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_of_half_hour_zones_are_read_from_the_minutes() {
    let world = market("ads_zones").await;
    world.site("delhi.example", "Asia/Kolkata").await;
    // Midnight in Delhi is half past six in the evening in UTC.
    let times = [
        "2026-11-02T18:29:00Z",
        "2026-11-02T18:30:00Z",
        "2026-11-03T18:29:00Z",
        "2026-11-03T18:30:00Z",
    ];
    let mut windows = times.map(|time| delta(time, "hochkar", 1, shown(10, 1, 0)));
    for window in &mut windows {
        window.site = "delhi.example".into();
    }
    store(&world, "delhi", &windows).await;
    let day = "period=custom&from=2026-11-03&to=2026-11-03&interval=hour";
    let answer = world.json(&format!("/sites/delhi.example/ads.json?{day}")).await;
    assert_eq!(answer["current"]["net_clicks"], 2);
    assert_eq!(answer["series"][0]["net_clicks"], 1);
    assert_eq!(answer["placements"][0]["net_clicks"], 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_new_is_seen_at_once() {
    let world = World::new("ads_live").await;
    catalogue(&world).await;
    let at = footfall_event::time::format_rfc3339(now());
    store(&world, "one", &[delta(&at, "hochkar", 1, shown(10, 1, 0))]).await;
    let look = world.json(&format!("/sites/{SITE}/now-ads.json")).await;
    let page = world.get(&format!("/sites/{SITE}/ads?period=today")).await;
    let version = format!("data-version=\"{}\"", look["version"]);
    assert!(page.text.contains(&version), "{version}");
    store(&world, "two", &[delta(&at, "hochkar", 1, shown(0, 1, 0))]).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while look["version"] == world.json(&format!("/sites/{SITE}/now-ads.json")).await["version"] {
        assert!(Instant::now() < deadline, "the version stays {}", look["version"]);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The day by its name: today may be over by now.
    let day = &at[..10];
    let page =
        world.json(&format!("/sites/{SITE}/ads.json?period=custom&from={day}&to={day}")).await;
    assert_eq!(page["current"]["net_clicks"], Value::from(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_could_not_be_read_is_not_shown_as_none() {
    let world = World::without_engine(footfall_dashboard::Settings::default());
    catalogue(&world).await;
    for page in ["ads", "campaigns/boots", "ads/hochkar", "placements"] {
        let answer = world.get(&format!("/sites/{SITE}/{page}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{page}");
        assert!(answer.text.contains("Figures are delayed"), "{page}: {}", answer.text);
        for lie in ["<span class=\"v\">0", "0% of", "No impressions yet", "No ads were shown"] {
            assert!(!answer.text.contains(lie), "{page} says {lie}: {}", answer.text);
        }
    }
    let json = world.get(&format!("/sites/{SITE}/ads.json")).await;
    assert_eq!(json.status, StatusCode::SERVICE_UNAVAILABLE);
}
