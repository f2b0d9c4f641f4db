//! The evidence of one click: its signals with their values, its verdicts, the clicks around it.

use std::sync::Arc;

use footfall_dashboard::{RuleBook, Terms, Threshold};
use footfall_event::ads::{Proof, Touch};
use footfall_event::{Activity, Hex64, Id, VerdictReason};
use http::{Request, StatusCode};
use serde_json::{Value, json};

use crate::clicks::{NOON, click, revise};
use crate::market::{SITE, catalogue};
use crate::world::{World, ms};

/// The thresholds that matter here, as the built-in rules have them.
#[derive(Debug)]
pub(crate) struct Book;

impl RuleBook for Book {
    fn terms(&self, _site: &str, campaign: &str) -> Terms {
        let of = |section, key, value: &str| Threshold {
            section,
            key,
            value: value.to_owned(),
            meaning: "what it means",
        };
        let within = if campaign == "boots" { "2000" } else { "1" };
        Terms {
            version: 2,
            thresholds: vec![
                of("shared_address", "household", "4"),
                of("double_click", "within_ms", within),
                of("visitor_ad_duplicate", "within_s", "3600"),
                of("network_rate", "per_minute", "20"),
                of("network_rate", "per_hour", "30"),
                of("network_rate", "per_day", "60"),
                of("regular_timing", "gaps", "8"),
                of("regular_timing", "variation", "0.4"),
                of("fast_click", "sooner_ms", "800"),
                of("rate_shift", "slack", "0.5"),
                of("rate_shift", "alarm", "5"),
                of("rate_shift", "hours", "24"),
                of("hidden_ad", "usual", "0.06"),
                of("hidden_ad", "strange", "0.9"),
            ],
            ..Terms::default()
        }
    }

    /// Version 4 was in force once, with a wider window; version 1 is not known any more.
    fn terms_of(&self, version: u32, site: &str, campaign: &str) -> Option<Terms> {
        let mut terms = Terms { version, ..self.terms(site, campaign) };
        let within = terms.thresholds.iter_mut().find(|it| it.key == "within_ms")?;
        match version {
            2 => {}
            4 => within.value = "3000".to_owned(),
            _ => return None,
        }
        Some(terms)
    }
}

/// A double-click after a view, with a neighbour on the same network and one on another site.
async fn case(name: &str) -> (World, [Id; 3]) {
    use VerdictReason as R;
    let mut world = World::new(name).await;
    catalogue(&world).await;
    world.site("other.example", "").await;
    world.status.set_rules(Arc::new(Book));
    let noon = ms(NOON);
    let shown = world.event(Activity::Impression, SITE, noon - 6_130, |event, _| {
        (event.ad, event.campaign) = ("hochkar".into(), "boots".into());
        (event.placement, event.network) = ("top".into(), Some(Hex64(7)));
        event.measurable = true;
    });
    world.event(Activity::View, SITE, noon - 5_070, |event, _| {
        (event.ad, event.placement) = ("hochkar".into(), "top".into());
        (event.network, event.visitor) = (Some(Hex64(7)), Some(Hex64(70)));
        event.impression = Some(shown);
        (event.viewable_ms, event.visible_pct) = (4_800, Some(82));
    });
    let neighbour = click(&mut world, -174_000, &[R::NoImpression], |event, _| {
        (event.ad, event.visitor) = ("sole".into(), Some(Hex64(71)));
        (event.proof, event.impression, event.impression_at) = (Proof::None, None, 0);
    });
    let first = click(&mut world, 0, &[], |event, _| {
        event.impression = Some(shown);
        event.impression_at = noon - 6_130;
    });
    let second = click(&mut world, 1_310, &[], |event, _| {
        event.impression = Some(shown);
        event.impression_at = noon - 6_130;
        (event.asn, event.as_organization) = (3320, "Deutsche <Telekom>".into());
        event.url = "https://example.com/search?q=boots".into();
    });
    let found = [R::DoubleClick, R::DuplicateClick, R::VisitorAdDuplicate];
    revise(&mut world, second, 1_310, &found, 0);
    world.event(Activity::Click, "other.example", noon + 5_000, |event, _| {
        (event.ad, event.network) = ("elsewhere".into(), Some(Hex64(7)));
    });
    // The day before, and so another network's.
    click(&mut world, -90_000_000, &[], |_, _| {});
    world.event(Activity::Conversion, SITE, noon + 600_000, |event, _| {
        event.goal = "order".into();
        event.touches = vec![Touch {
            click: first,
            at: noon,
            site: SITE.into(),
            campaign: "boots".into(),
            ad: "hochkar".into(),
            placement: "top".into(),
            position: 2,
            impression: Some(shown),
            ..Touch::default()
        }];
    });
    world.store().await;
    (world, [neighbour, first, second])
}

pub(crate) async fn evidence(world: &World, id: Id) -> Value {
    world.json(&format!("/sites/{SITE}/clicks/{id}.json")).await
}

pub(crate) fn signal<'a>(evidence: &'a Value, name: &str) -> &'a Value {
    let mut all = evidence["signals"].as_array().unwrap().iter();
    all.find(|signal| signal["signal"] == name).unwrap_or_else(|| panic!("{name}: {evidence}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_have_their_values_beside_their_thresholds() {
    let (world, [_, first, second]) = case("evidence_signals").await;
    let found = evidence(&world, second).await;
    for (name, result, measured, value, limit) in [
        ("double_click", "fired", "1.31 s after", json!(1310.0), json!(2000.0)),
        ("visitor_ad_duplicate", "fired", "1.31 s after", json!(1310.0), json!(3_600_000.0)),
        ("duplicate_click", "fired", "2nd", json!(2.0), json!(2.0)),
        ("fast_click", "clear", "7.44 s", json!(7440.0), json!(800.0)),
        ("network_rate", "clear", "2 a minute", json!(2.0), json!(20.0)),
        ("datacentre_network", "clear", "AS3320", Value::Null, Value::Null),
        ("bot_agent", "clear", "no", Value::Null, Value::Null),
        ("regular_timing", "not_judged", "2 gaps", Value::Null, Value::Null),
        ("impossible_travel", "not_judged", "–", Value::Null, Value::Null),
        ("no_impression", "clear", "named", Value::Null, Value::Null),
        ("hidden_ad", "clear", "0.0%", json!(0.0), json!(0.9)),
    ] {
        let signal = signal(&found, name);
        let said = [&signal["result"], &signal["measured"], &signal["value"], &signal["limit"]];
        assert_eq!(said, [&json!(result), &json!(measured), &value, &limit], "{name}: {signal}");
    }
    assert_eq!(signal(&found, "double_click")["thresholds"][0]["value"], "2000");
    let note = signal(&found, "hidden_ad")["note"].as_str().unwrap();
    assert!(note.contains("in view for 4.8 s, 82%"), "{note}");
    let of_first = evidence(&world, first).await;
    for (name, measured) in [("double_click", "none before"), ("duplicate_click", "1st")] {
        let signal = signal(&of_first, name);
        assert_eq!((&signal["result"], &signal["measured"]), (&json!("clear"), &json!(measured)));
    }
    assert_eq!(of_first["conversions"][0]["goal"], "order");
    assert_eq!(found["conversions"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_has_its_record_its_verdicts_and_its_neighbours() {
    let (world, [neighbour, first, second]) = case("evidence_record").await;
    let found = evidence(&world, second).await;
    for (name, expected) in [
        ("verdict", json!("invalid")),
        ("counted_under", json!("double_click")),
        ("rules", json!(2)),
        ("thresholds_of_rules", json!(2)),
    ] {
        assert_eq!(found[name], expected, "{name}");
    }
    let record = &found["click"];
    for (name, expected) in [
        ("id", json!(second.to_string())),
        ("ad", json!("hochkar")),
        ("network", json!("0000000000000007")),
        ("url", json!("https://example.com/search?q=boots")),
        ("price_micros", json!(420_000)),
        ("position", json!(2)),
        ("pageview", Value::Null),
    ] {
        assert_eq!(record[name], expected, "{name}: {record}");
    }
    assert!(record.get("ip").is_none() && record.get("address").is_none(), "{record}");
    let reason = &found["reasons"][0];
    assert_eq!(reason["sentence"], VerdictReason::DoubleClick.sentence());
    assert_eq!([&reason["class"], &reason["tier"]], [&json!("GIVT"), &json!("filter")]);
    assert_eq!(reason["counted_here"], true);
    let history = found["history"].as_array().unwrap();
    let said: Vec<_> = history.iter().map(|said| (&said["verdict"], &said["rules"])).collect();
    assert_eq!(said, [(&json!("valid"), &json!(1)), (&json!("invalid"), &json!(2))]);
    assert_eq!(history[0]["decided_at"], Value::Null);
    assert_eq!(history[1]["in_force"], true);
    // Those of this site; another site's are nobody's business here.
    let near: Vec<_> = found["neighbours"].as_array().unwrap().iter().collect();
    let ids: Vec<_> = near.iter().map(|near| near["click"].as_str().unwrap()).collect();
    assert_eq!(ids, [neighbour.to_string(), first.to_string()]);
    assert_eq!([&near[0]["same_visitor"], &near[1]["same_visitor"]], [&json!(false), &json!(true)]);
    assert!(!found.to_string().contains("elsewhere"), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn thresholds_are_those_of_the_rules_that_judged() {
    let (mut world, _) = case("evidence_rules").await;
    let by = async |world: &mut World, after_ms: i64, rules: u32| {
        let id = click(world, after_ms, &[], |_, judged| judged.rules = rules);
        world.store().await;
        evidence(world, id).await
    };
    for (after_ms, rules, known, fires) in [(60_000, 4, 4, "≤ 3 s"), (120_000, 1, 2, "≤ 2 s")] {
        let found = by(&mut world, after_ms, rules).await;
        assert_eq!(
            [&found["rules"], &found["thresholds_of_rules"]],
            [&json!(rules), &json!(known)]
        );
        assert_eq!(signal(&found, "double_click")["fires_at"], fires);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_tells_it_to_people() {
    let (world, [neighbour, first, second]) = case("evidence_page").await;
    let page = world.get(&format!("/sites/{SITE}/clicks/{second}")).await;
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    for text in [
        "Click of 3 Nov 2026, 12:00:01.310",
        "Not counted, never billed: double-click",
        "Rules v2, judged again 1 m later",
        "Measured: 1.31 s after. Fires at: ≤ 2 s.",
        "counted here",
        "Worth €0.42",
        "12:00:01.310, 7.44 s after the impression",
        "82% of its pixels",
        "AS3320 Deutsche &#60;Telekom&#62;",
        "0000…0007",
        "−1.31 s",
        "1 of its clicks that day were on other sites",
        "No conversion",
        "Same network, other visitor",
        &format!("/clicks/{first}\""),
        &format!("/clicks/{neighbour}\""),
        &format!("/clicks/{second}.json"),
    ] {
        assert!(page.text.contains(text), "{text} is missing:\n{}", page.text);
    }
    for never in ["style=", "<script>", "NaN", "<Telekom>", "can’t be read"] {
        assert!(!page.text.contains(never), "{never}");
    }
    // A flagged one is counted, and says so.
    let page = world.get(&format!("/sites/{SITE}/clicks/{neighbour}")).await;
    assert!(page.text.contains("Counted, under review: click without an impression"));
    // Its rules are others than those whose thresholds are shown.
    assert!(page.text.contains("Rules v1 judged this click."), "{}", page.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_asks_for_what_is_not_there_is_told_so() {
    let (mut world, [_, _, second]) = case("evidence_missing").await;
    // An id of version 7 that says another time than its event: whoever chose it was free to.
    let told = Id::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    click(&mut world, 0, &[], |event, _| event.id = told);
    world.store().await;
    assert_eq!(evidence(&world, told).await["click"]["id"], told.to_string());
    let none = Id::from_u128(999);
    for (path, status) in [
        (format!("/sites/{SITE}/clicks/{none}"), StatusCode::NOT_FOUND),
        (format!("/sites/{SITE}/clicks/{none}.json"), StatusCode::NOT_FOUND),
        (format!("/sites/{SITE}/clicks/{second}.csv"), StatusCode::NOT_FOUND),
        (format!("/sites/{SITE}/clicks/%3Cscript%3E"), StatusCode::NOT_FOUND),
        (format!("/sites/other.example/clicks/{second}"), StatusCode::NOT_FOUND),
        (format!("/api/v1/clicks/{second}?site={SITE}"), StatusCode::OK),
        (format!("/api/v1/clicks/{second}"), StatusCode::BAD_REQUEST),
        (format!("/api/v1/clicks/{none}?site={SITE}"), StatusCode::NOT_FOUND),
    ] {
        let answer = world.get(&path).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
        assert!(!answer.text.contains("<script>"), "{path}");
    }
    let foreign = Request::get(format!("/api/v1/clicks/{second}?site={SITE}"))
        .header("authorization", "Bearer ffk_nobodys")
        .body(axum::body::Body::empty())
        .unwrap();
    assert_eq!(world.send(foreign).await.status, StatusCode::UNAUTHORIZED);
    let away = World::without_engine(footfall_dashboard::Settings::default());
    catalogue(&away).await;
    let answer = away.get(&format!("/sites/{SITE}/clicks/{second}")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
}
