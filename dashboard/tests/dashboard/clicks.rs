//! Lists of clicks and what advertisers are credited: verdicts in force, money by reason.

use std::collections::BTreeMap;

use footfall_event::ads::{Billing, CostModel, Measures, Proof, Revision};
use footfall_event::money::Money;
use footfall_event::record::Device;
use footfall_event::{Activity, Event, Hex64, Id, Judgement, Verdict, VerdictReason};
use http::StatusCode;
use serde_json::{Value, json};

use crate::market::{SITE, WEEK, catalogue, currency, delta, store};
use crate::world::{World, ms};

pub(crate) const NOON: &str = "2026-11-03T12:00:00Z";

/// A click on `hochkar` so many milliseconds after noon, with a signed impression.
pub(crate) fn click(
    world: &mut World,
    after_ms: i64,
    reasons: &[VerdictReason],
    change: impl FnOnce(&mut Event<'static>, &mut Judgement),
) -> Id {
    let time = ms(NOON) + after_ms;
    world.event(Activity::Click, SITE, time, |event, judged| {
        (event.ad, event.campaign) = ("hochkar".into(), "boots".into());
        (event.placement, event.position) = ("top".into(), 2);
        (event.network, event.visitor) = (Some(Hex64(7)), Some(Hex64(70)));
        event.user_agent = "Mozilla/5.0".into();
        (event.device, event.country) = (Device::Mobile, "AT".into());
        event.proof = Proof::Signed;
        event.impression = Some(Id::from_u128(500));
        event.impression_at = time - 6_130;
        let price = Money { micros: 420_000, currency: currency("EUR") };
        event.billing = Some(Billing { model: CostModel::Cpc, price });
        judged.reasons = reasons.to_vec();
        let worst = reasons.iter().map(|reason| reason.verdict()).max();
        judged.verdict = worst.unwrap_or(Verdict::Valid);
        change(event, judged);
    })
}

pub(crate) fn revise(
    world: &mut World,
    id: Id,
    after_ms: i64,
    reasons: &[VerdictReason],
    order: i64,
) {
    let worst = reasons.iter().map(|reason| reason.verdict()).max();
    world.revise(&Revision {
        v: footfall_event::record::VERSION,
        site: SITE.into(),
        id,
        time: ms(NOON) + after_ms,
        rules: 2,
        verdict: worst.unwrap_or(Verdict::Valid),
        reasons: reasons.to_vec(),
        decided_at: ms(NOON) + after_ms + 60_000 + order,
    });
}

/// Seven clicks: three valid at the end, one flagged, three invalid.
pub(crate) async fn judged(name: &str) -> World {
    use VerdictReason as R;
    let mut world = World::new(name).await;
    catalogue(&world).await;
    click(&mut world, 0, &[], |_, _| {});
    click(
        &mut world,
        1_310,
        &[R::DoubleClick, R::DuplicateClick, R::VisitorAdDuplicate],
        |_, _| {},
    );
    // Nothing shows that there was an impression: it can't be decided.
    click(&mut world, 5_000, &[R::NoImpression], |event, _| {
        (event.proof, event.impression, event.impression_at) = (Proof::None, None, 0);
    });
    let later = click(&mut world, 10_000, &[], |_, _| {});
    revise(&mut world, later, 10_000, &[R::FastClick], 0);
    revise(&mut world, later, 10_000, &[R::FastClick, R::Churn], 1);
    let restored = click(&mut world, 20_000, &[R::BotAgent], |_, _| {});
    revise(&mut world, restored, 20_000, &[], 0);
    // Flagged for one reason and invalid for another: it counts under the other.
    click(&mut world, 30_000, &[R::FastClick, R::HiddenAd], |event, _| {
        event.ad = "sole".into();
        event.placement = "=top".into();
    });
    click(&mut world, 40_000, &[], |event, _| event.network = None);
    world.store().await;
    let mut measures = Measures {
        impressions: 100,
        net_impressions: 100,
        clicks: 7,
        net_clicks: 4,
        cost_micros: 4 * 420_000,
        ..Measures::default()
    };
    measures.invalid_clicks =
        BTreeMap::from([(R::DoubleClick, 1), (R::Churn, 1), (R::HiddenAd, 1)]);
    store(&world, "windows", &[delta(NOON, "hochkar", 2, measures)]).await;
    world
}

async fn list(world: &World, query: &str) -> Value {
    world.json(&format!("/sites/{SITE}/clicks.json?{WEEK}{query}")).await
}

fn column<'a>(list: &'a Value, name: &str) -> Vec<&'a str> {
    list["rows"].as_array().unwrap().iter().map(|row| row[name].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_say_the_verdict_in_force() {
    let world = judged("clicks_list").await;
    let all = list(&world, "").await;
    assert_eq!(all["total_rows"], 7);
    let verdicts = ["valid", "invalid", "valid", "invalid", "flagged", "invalid", "valid"];
    assert_eq!(column(&all, "verdict"), verdicts, "newest first");
    let reasons = ["", "hidden_ad", "", "churn", "no_impression", "double_click", ""];
    assert_eq!(column(&all, "reason"), reasons);
    let corrected = &all["rows"][3];
    for (name, expected) in [
        ("first_verdict", json!("valid")),
        ("reasons", json!(["fast_click", "churn"])),
        ("rules", json!(2)),
        ("price", json!("0.42")),
        ("position", json!(2)),
        ("time", json!("2026-11-03T12:00:10.000Z")),
    ] {
        assert_eq!(corrected[name], expected, "{name}: {corrected}");
    }
    for (query, rows) in [
        ("&verdict=valid", 3),
        ("&verdict=flagged", 1),
        ("&verdict=invalid", 3),
        ("&verdict=invalid&reason=hidden_ad", 1),
        ("&verdict=invalid&reason=fast_click", 0),
        ("&campaign=boots&ad=sole", 1),
        ("&campaign=other", 0),
        ("&page=2", 7),
    ] {
        let found = list(&world, query).await;
        let expected = if query == "&page=2" { 0 } else { rows };
        assert_eq!(found["total_rows"], rows, "{query}");
        assert_eq!(found["rows"].as_array().unwrap().len(), expected, "{query}");
    }
    let csv = world.get(&format!("/sites/{SITE}/clicks.csv?{WEEK}&ad=sole")).await;
    assert!(csv.text.contains(",\"'=top\",2,AT,mobile,invalid,invalid,hidden_ad,"), "{}", csv.text);
    for query in ["verdict=bad", "reason=luck", "page=0"] {
        let answer = world.get(&format!("/sites/{SITE}/clicks?{query}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}");
    }
    let page = world.get(&format!("/sites/{SITE}/clicks?{WEEK}&verdict=invalid")).await;
    for text in ["3 invalid clicks", "Invalid 3", "Flagged 1", "Hidden ad", "€0.42", "12:00:01.310"]
    {
        assert!(page.text.contains(text), "{text} is missing:\n{}", page.text);
    }
    assert!(!page.text.contains("style=") && !page.text.contains("<i>GTX"), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credit_report_lists_every_invalid_click_and_adds_up() {
    let world = judged("clicks_credit").await;
    let get = async |of: &str| {
        let answer = world.get(&format!("/sites/{SITE}/{of}/credit.csv?{WEEK}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{of}: {}", answer.text);
        answer
    };
    let report = get("campaigns/boots").await;
    assert!(report.header("content-disposition").contains("credit-boots-2026-11-01"));
    let lines: Vec<&str> = report.text.split_terminator("\r\n").collect();
    let sentence = VerdictReason::DoubleClick.sentence();
    let id = Id::from_u128(2);
    let first =
        format!("{id},2026-11-03T12:00:01.310Z,hochkar,top,2,double_click,{sentence},0.42,EUR,1");
    assert_eq!(
        lines[0],
        "click,time,ad,placement,position,reason,sentence,credited,currency,rules"
    );
    assert_eq!(lines[1], first);
    assert!(lines[2].contains(",churn,") && lines[2].ends_with(",0.42,EUR,2"), "{}", lines[2]);
    assert_eq!(lines.len(), 8, "{}", report.text);
    assert_eq!(lines[4], "total,,,,,double_click,1 invalid click,0.42,EUR,");
    assert_eq!(lines[7], "total,,,,,,3 invalid clicks,1.26,EUR,");
    let of_ad = get("ads/sole").await;
    assert!(of_ad.text.ends_with("total,,,,,,1 invalid click,0.42,EUR,\r\n"), "{}", of_ad.text);
    let of_nobody = get("campaigns/later").await;
    assert!(of_nobody.text.ends_with("\r\ntotal,,,,,,0 invalid clicks,0,,\r\n"));
    let answer = world.get(&format!("/sites/{SITE}/campaigns/a%20b/credit.csv")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_says_what_each_reason_saved_and_how_sure_it_is() {
    let world = judged("clicks_campaign").await;
    let page = world.get(&format!("/sites/{SITE}/campaigns/boots?{WEEK}")).await;
    // Five of seven: the one without an impression and the one without a network can't be decided.
    for text in [
        "71.4%",
        "5 of 7 clicks had enough data to judge. The other 2 count as net.",
        "−€1.26",
        "€2.94",
        "verdict=invalid&#38;reason=churn",
        "1 click first counted, then judged invalid with hindsight, 1 the other way round",
        "Of it flagged, under review",
        "/campaigns/boots/credit.csv?period=custom",
        "<abbr title=\"Sophisticated",
    ] {
        assert!(page.text.contains(text), "{text} is missing:\n{}", page.text);
    }
    let of_ad = world.get(&format!("/sites/{SITE}/ads/hochkar?{WEEK}")).await;
    assert!(of_ad.text.contains("/ads/hochkar/credit.csv?"), "{}", of_ad.text);
}
