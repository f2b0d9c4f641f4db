//! Two versions of the rules side by side: what other rules would have said, and what that is worth.

use footfall_event::ads::Revision;
use footfall_event::{Id, Verdict, VerdictReason};
use http::StatusCode;
use serde_json::json;

use crate::clicks::{NOON, judged};
use crate::market::{SITE, WEEK};
use crate::world::{World, ms};

/// What rules version 3 say of the clicks of [`judged`], by their number; of a run so many seconds
/// later.
fn try_on(world: &mut World, click: u128, after_ms: i64, reasons: &[VerdictReason], run: i64) {
    let worst = reasons.iter().map(|reason| reason.verdict()).max();
    world.replay(&Revision {
        v: footfall_event::record::VERSION,
        site: SITE.into(),
        id: Id::from_u128(click),
        time: ms(NOON) + after_ms,
        rules: 3,
        verdict: worst.unwrap_or(Verdict::Valid),
        reasons: reasons.to_vec(),
        decided_at: ms("2026-11-10T00:00:00Z") + run * 1_000,
    });
}

/// Six of seven clicks are judged anew: one is lost, one is won, one has another reason.
async fn tried(name: &str) -> World {
    use VerdictReason as R;
    let mut world = judged(name).await;
    // An earlier run of the same version that said something else.
    try_on(&mut world, 1, 0, &[R::BotAgent], 0);
    try_on(&mut world, 1, 0, &[], 1);
    try_on(&mut world, 2, 1_310, &[R::DuplicateClick], 1);
    try_on(&mut world, 3, 5_000, &[R::ClickFlooding, R::NoImpression], 1);
    try_on(&mut world, 4, 10_000, &[R::FastClick], 1);
    try_on(&mut world, 5, 20_000, &[], 1);
    try_on(&mut world, 6, 30_000, &[R::FastClick, R::HiddenAd], 1);
    world.store().await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_compared_click_by_click() {
    let world = tried("compare_json").await;
    let found = world.json(&format!("/sites/{SITE}/rules.json?{WEEK}")).await;
    for (name, expected) in [
        ("version", json!(3)),
        ("clicks", json!(7)),
        ("compared", json!(6)),
        ("changed", json!(3)),
        ("no_longer_counted", json!(1)),
        ("counted_again", json!(1)),
    ] {
        assert_eq!(found[name], expected, "{name}: {found}");
    }
    let amount = |clicks, worth| json!({"clicks": clicks, "worth": {"EUR": worth}});
    let net = json!({"in_force": amount(3, "1.26"), "tried": amount(3, "1.26"), "change": amount(0, "0")});
    assert_eq!(found["net"], net);
    let mut reasons: Vec<_> = found["by_reason"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let clicks = |side: &str| row[side]["clicks"].as_i64().unwrap_or(0);
            (row["reason"].as_str().unwrap(), clicks("in_force"), clicks("tried"))
        })
        .collect();
    reasons.sort_unstable();
    let expected = [
        ("churn", 1, 0),
        ("click_flooding", 0, 1),
        ("double_click", 1, 0),
        ("duplicate_click", 0, 1),
        ("hidden_ad", 1, 1),
    ];
    assert_eq!(reasons, expected);
    // Those whose counting changes come first.
    let changes = found["changes"].as_array().unwrap();
    let said: Vec<_> = changes
        .iter()
        .map(|row| (row["verdict"].as_str().unwrap(), row["new_verdict"].as_str().unwrap()))
        .collect();
    let expected = [("invalid", "flagged"), ("flagged", "invalid"), ("invalid", "invalid")];
    assert_eq!(said, expected);
    let of_ad = world.json(&format!("/sites/{SITE}/rules.json?{WEEK}&ad=sole")).await;
    assert_eq!([&of_ad["compared"], &of_ad["changed"]], [&json!(1), &json!(0)]);
    let csv = world.get(&format!("/sites/{SITE}/rules.csv?{WEEK}&version=3")).await;
    assert_eq!(csv.text.lines().count(), 4, "{}", csv.text);
    assert!(csv.text.contains(",flagged,no_impression,invalid,click_flooding,0.42,EUR"));
    // Nothing of this counts.
    let list = world.json(&format!("/sites/{SITE}/clicks.json?{WEEK}&verdict=invalid")).await;
    assert_eq!(list["total_rows"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_say_what_would_change() {
    let world = tried("compare_page").await;
    let page = world.get(&format!("/sites/{SITE}/rules?{WEEK}")).await;
    for text in [
        "Rules v3 beside those in force",
        "3 clicks change",
        "1 of 7 clicks in this period were not judged by both",
        "With v3",
        "Placement with clicks and no impressions",
        "Boots &#38; more",
        "Tried only",
    ] {
        assert!(page.text.contains(text), "{text} is missing:\n{}", page.text);
    }
    assert!(!page.text.contains("style=") && !page.text.contains("NaN"), "{}", page.text);
    let campaign = world.get(&format!("/sites/{SITE}/campaigns/boots?{WEEK}")).await;
    let link = "campaign=boots&#38;version=3\">Compare with v3";
    assert!(campaign.text.contains(link), "{}", campaign.text);
    let click = world.get(&format!("/sites/{SITE}/clicks/{}", Id::from_u128(4))).await;
    assert!(click.text.contains("What other rules say"), "{}", click.text);
    let click = world.json(&format!("/sites/{SITE}/clicks/{}.json", Id::from_u128(1))).await;
    assert_eq!(click["other_rules"][0]["verdict"], "valid", "the last run of a version holds");
    for (query, status) in [
        ("version=4", StatusCode::BAD_REQUEST),
        ("version=x", StatusCode::BAD_REQUEST),
        ("version=3", StatusCode::OK),
    ] {
        let answer = world.get(&format!("/sites/{SITE}/rules?{WEEK}&{query}")).await;
        assert_eq!(answer.status, status, "{query}: {}", answer.text);
    }
    let never = "period=custom&from=2025-01-01&to=2025-01-02";
    let page = world.get(&format!("/sites/{SITE}/rules?{never}")).await;
    assert!(page.text.contains("No other rules were tried on this period"), "{}", page.text);
    let json = world.get(&format!("/sites/{SITE}/rules.json?{never}")).await;
    assert_eq!(json.status, StatusCode::NOT_FOUND);
}
