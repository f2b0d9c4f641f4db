//! The evidence of a click whose placement is clicked more than usual at this hour of the week.

use std::sync::Arc;

use footfall_event::ads::{AdDelta, Measures};
use footfall_event::{Hex64, VerdictReason};
use footfall_warehouse::WindowBlock;
use serde_json::{Value, json};

use crate::clicks::{NOON, click};
use crate::evidence::{Book, evidence, signal};
use crate::market::{SITE, catalogue};
use crate::world::{World, ms};

/// Net clicks in an hour of a placement of the campaign, from noon on.
fn hour_of(windows: &mut WindowBlock, placement: &str, hour: i64, clicks: i64) {
    // In two places and minutes: what is compared is their sum.
    for (minute, clicks) in [(5, clicks / 3), (50, clicks - clicks / 3)] {
        let measures =
            Measures { impressions: 1_000, clicks, net_clicks: clicks, ..Measures::default() };
        let delta = AdDelta {
            v: footfall_event::record::VERSION,
            minute: ms(NOON) + hour * 3_600_000 + minute * 60_000,
            site: SITE.into(),
            campaign: "boots".into(),
            ad: ["hochkar", "sole"][minute as usize % 2].into(),
            placement: placement.to_owned().into(),
            position: 1,
            query: "".into(),
            query_hash: Hex64(0),
            currency: None,
            measures,
        };
        windows.push_delta(&delta).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_exceeds_the_usual_hour_is_shown_against_its_alarm() {
    use VerdictReason as R;
    let mut world = World::new("evidence_shift").await;
    catalogue(&world).await;
    world.status.set_rules(Arc::new(Book));
    // Two days at forty an hour, and two hours at a hundred. Then nobody clicks for an hour, which is
    // not compared, and another placement is only an hour old.
    let mut windows = WindowBlock::by_ad();
    for hour in 0..48 {
        hour_of(&mut windows, "top", hour, 40);
    }
    for hour in 48..50 {
        hour_of(&mut windows, "top", hour, 100);
        hour_of(&mut windows, "side", hour, 9);
    }
    windows.insert(&world.warehouse, "test/windows").await.unwrap();
    let mut clicked = |hour: i64, placement: &'static str, found: &[R]| {
        click(&mut world, hour * 3_600_000 + 1, found, |event, _| {
            event.placement = placement.into()
        })
    };
    let flagged = [R::RateShift];
    let clicks = [
        clicked(10, "top", &[]),
        clicked(48, "top", &[]),
        clicked(49, "top", &flagged),
        clicked(51, "top", &flagged),
        clicked(50, "side", &[]),
        clicked(50, "nowhere", &[]),
    ];
    world.store().await;
    let mut found = Vec::new();
    for id in clicks {
        let evidence = evidence(&world, id).await;
        let signal = signal(&evidence, "rate_shift");
        found.push(["result", "measured", "value", "limit", "note"].map(|key| signal[key].clone()));
    }
    // Noise is the root of 40 + 1 + 64; an hour adds (100 - 40) / 10.247 - 0.5 = 5.355.
    let sum = |hours: f64| hours * (60.0 / 105f64.sqrt() - 0.5);
    let usual = "100 clicks in the last hour compared, usually 40.0";
    let none = "Needs 24 hours of history, has";
    for (found, (result, measured, value, note)) in found.into_iter().zip([
        ("not_judged", "–", None, format!("{none} 10")),
        ("clear", "CUSUM 0.0", Some(0.0), usual.replace("100", "40")),
        ("fired", "CUSUM 5.4", Some(sum(1.0)), usual.to_owned()),
        ("fired", "CUSUM 10.0", Some(10.0), usual.to_owned()),
        ("not_judged", "–", None, format!("{none} 2")),
        ("not_judged", "–", None, format!("{none} 0")),
    ]) {
        let [of_result, of_measured, of_value, limit, of_note] = found;
        assert_eq!(
            [of_result, of_measured, of_note],
            [result, measured, &note].map(|it| json!(it))
        );
        let near = |value: f64| (of_value.as_f64().unwrap() - value).abs() < 1e-4;
        assert!(value.is_none_or(near), "{of_value}, {value:?}");
        assert_eq!(limit, if value.is_some() { json!(5.0) } else { Value::Null });
    }
    let page = world.get(&format!("/sites/{SITE}/clicks/{}", clicks[2])).await;
    for text in ["CUSUM 5.4", "CUSUM ≥ 5", usual, "Measured: CUSUM 5.4. Fires at: CUSUM ≥ 5."] {
        assert!(page.text.contains(text), "{text} is missing:\n{}", page.text);
    }
}
