//! Pages and lists about ads: exact figures, rates with intervals, money per currency.

use std::collections::BTreeMap;

use footfall_event::ads::{
    AdDelta, Attribution, Billing, CostModel, Measures, normalised_query, query_hash,
};
use footfall_event::catalog::{Ad, Advertiser, Campaign, Entry, Placement, Price};
use footfall_event::money::{Currency, Money};
use footfall_event::record::Device;
use footfall_event::{Activity, Id, Verdict, VerdictReason};
use footfall_warehouse::WindowBlock;
use http::StatusCode;
use serde_json::{Value, json};

use crate::world::{World, ms, now};

pub(crate) const SITE: &str = "example.com";
pub(crate) const WEEK: &str = "period=custom&from=2026-11-01&to=2026-11-07";

pub(crate) fn currency(code: &str) -> Currency {
    Currency::parse(code).unwrap()
}

fn campaign(id: &str, name: &str, model: CostModel) -> Campaign {
    let euros = |micros| Money { micros, currency: currency("EUR") };
    Campaign {
        id: id.into(),
        site: SITE.into(),
        advertiser: "acme".into(),
        name: name.into(),
        starts_at: Some(ms("2026-10-01T00:00:00Z")),
        ends_at: None,
        cost_model: model,
        prices: vec![Price { from: 0, price: euros(420_000) }],
        budget: Some(euros(10_000_000)),
        attribution: Attribution::default(),
        paused: false,
        removed: false,
        created_at: 1,
    }
}

pub(crate) async fn catalogue(world: &World) {
    world.site(SITE, "").await;
    let put = async |entry| world.catalog.put(&entry).await.unwrap();
    let name = "Acme <b>".to_owned();
    put(Entry::Advertiser(Advertiser { id: "acme".into(), name, removed: false, created_at: 1 }))
        .await;
    put(Entry::Campaign(campaign("boots", "Boots & more", CostModel::Cpc))).await;
    put(Entry::Campaign(campaign("later", "Not yet shown", CostModel::Cpm))).await;
    for (id, name) in [("hochkar", "Hochkar <i>GTX</i>"), ("sole", "")] {
        put(Entry::Ad(Ad {
            id: id.into(),
            campaign: "boots".into(),
            name: name.into(),
            destination: "https://shop.example/boots".into(),
            paused: false,
            removed: false,
            created_at: 1,
        }))
        .await;
    }
    put(Entry::Placement(Placement {
        id: "top".into(),
        site: SITE.into(),
        name: "Above the list".into(),
        size: Some((728, 90)),
        positions: Some(2),
        removed: false,
        created_at: 1,
    }))
    .await;
}

pub(crate) fn delta(time: &str, ad: &str, position: u16, measures: Measures) -> AdDelta<'static> {
    AdDelta {
        v: footfall_event::record::VERSION,
        minute: footfall_event::ads::delta::minute_of(ms(time)),
        site: SITE.into(),
        campaign: "boots".into(),
        ad: ad.to_owned().into(),
        placement: "top".into(),
        position,
        query: "".into(),
        query_hash: query_hash(""),
        currency: Some(currency("EUR")),
        measures,
    }
}

fn shown(impressions: i64, clicks: i64, invalid: i64) -> Measures {
    Measures {
        impressions,
        net_impressions: impressions,
        measurable: impressions,
        viewable: impressions / 2,
        clicks,
        net_clicks: clicks - invalid,
        invalid_clicks: BTreeMap::from([(VerdictReason::DuplicateClick, invalid)]),
        cost_micros: (clicks - invalid) * 420_000,
        ..Measures::default()
    }
}

pub(crate) async fn store(world: &World, token: &str, deltas: &[AdDelta<'_>]) {
    let (mut by_ad, mut by_search) = (WindowBlock::by_ad(), WindowBlock::by_search());
    for delta in deltas {
        match delta.query_hash.0 {
            0 => by_ad.push_delta(delta).unwrap(),
            _ => by_search.push_delta(delta).unwrap(),
        }
    }
    by_ad.insert(&world.warehouse, token).await.unwrap();
    by_search.insert(&world.warehouse, token).await.unwrap();
}

/// Two ads of one campaign in two positions; a third ad that the catalogue does not know.
async fn market(name: &str) -> World {
    let world = World::new(name).await;
    catalogue(&world).await;
    let mut chf = delta("2026-11-03T10:00:00Z", "hochkar", 1, Measures::default());
    chf.currency = Some(currency("CHF"));
    // Half a millionth goes to the even neighbour: 2.5 → 2.
    chf.measures.cost_per_mille_micros = 2_500;
    chf.measures.revenue_micros = 5_000_000;
    chf.measures.click_conversions_micros = 1_500_000;
    let mut unknown = delta("2026-11-04T10:00:00Z", "stray", 0, shown(10, 1, 0));
    (unknown.campaign, unknown.placement) = ("".into(), "".into());
    let mut taken_back = delta("2026-11-03T10:05:00Z", "hochkar", 1, Measures::default());
    // A click that was found to be invalid later.
    (taken_back.measures.net_clicks, taken_back.measures.cost_micros) = (-1, -420_000);
    taken_back.measures.invalid_clicks = BTreeMap::from([(VerdictReason::BotAgent, 1)]);
    let windows = [
        delta("2026-11-03T10:00:00Z", "hochkar", 1, shown(1_000, 41, 10)),
        delta("2026-11-03T11:00:00Z", "hochkar", 2, shown(1_000, 10, 0)),
        delta("2026-11-05T23:59:00Z", "sole", 1, shown(1_000, 30, 0)),
        delta("2026-10-28T10:00:00Z", "sole", 1, shown(500, 5, 0)),
        chf,
        taken_back,
        unknown,
    ];
    store(&world, "windows", &windows).await;
    world
}

fn searched(time: &str, query: &str, measures: Measures) -> AdDelta<'static> {
    let mut delta = delta(time, "hochkar", 0, measures);
    let normalised = normalised_query(query);
    delta.query_hash = query_hash(&normalised);
    delta.query = normalised.into();
    delta.placement = "".into();
    delta
}

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
    tokio::time::sleep(std::time::Duration::from_millis(450)).await;
    let next = world.json(&format!("/sites/{SITE}/now-ads.json")).await;
    assert_ne!(look["version"], next["version"]);
    let page = world.json(&format!("/sites/{SITE}/ads.json?period=today")).await;
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
