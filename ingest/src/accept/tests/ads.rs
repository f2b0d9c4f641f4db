//! What ingest adds to the events of ads.

use footfall_event::VerdictReason as R;
use footfall_event::ads::{Attribution, Billing, ClickId, CostModel, name_hash, query_hash};
use footfall_event::catalog::{Ad, Campaign, ClickKey, Placement, Price};
use footfall_event::money::{Currency, Money};
use footfall_event::record::Text;

use super::*;
use crate::accept::ads::secret_bytes;

const HOUR: i64 = 3_600_000;

fn eur(micros: i64) -> Money {
    Money { micros, currency: Currency::parse("EUR").unwrap() }
}

/// Two prices (0.25 from the beginning, 0.30 since an hour ago), a budget, a flight that ended
/// a minute ago for the second campaign.
fn ad_catalog() -> Catalog {
    let mut catalog = catalog(Exclusions::default(), false);
    let campaign = Campaign {
        id: "winter".into(),
        site: "example.com".into(),
        advertiser: String::new(),
        name: String::new(),
        starts_at: None,
        ends_at: None,
        cost_model: CostModel::Cpc,
        prices: vec![
            Price { from: 0, price: eur(250_000) },
            Price { from: NOW - HOUR, price: eur(300_000) },
        ],
        budget: Some(eur(100_000_000)),
        attribution: Attribution::default(),
        paused: false,
        removed: false,
        created_at: 0,
    };
    let ended = Campaign {
        id: "ended".into(),
        ends_at: Some(NOW - 60_000),
        prices: Vec::new(),
        ..campaign.clone()
    };
    let ad = |id: &str, campaign: &str| Ad {
        id: id.into(),
        campaign: campaign.into(),
        name: String::new(),
        destination: "https://www.shop.test:8443/{ad}?c={clickid}".into(),
        paused: false,
        removed: false,
        created_at: 0,
    };
    let placement = |id: &str, site: &str, positions| Placement {
        id: id.into(),
        site: site.into(),
        name: String::new(),
        size: None,
        positions,
        removed: false,
        created_at: 0,
    };
    let other = Site { domain: "other.test".into(), ..Site::default() };
    for entry in [
        Entry::Site(other),
        Entry::Campaign(campaign),
        Entry::Campaign(ended),
        Entry::Ad(ad("boots", "winter")),
        Entry::Ad(ad("gloves", "ended")),
        Entry::Ad(Ad { paused: true, ..ad("hats", "winter") }),
        Entry::Ad(Ad { removed: true, ..ad("socks", "winter") }),
        Entry::Placement(placement("top", "example.com", Some(3))),
        Entry::Placement(placement("side", "example.com", None)),
        Entry::Placement(placement("theirs", "other.test", None)),
        Entry::ClickKey(ClickKey { number: 7, secret: [Hex64(1); 4], created_at: 1 }),
    ] {
        catalog.apply_entry(entry);
    }
    catalog
}

fn event(members: &str) -> String {
    format!(r#"{{"site":"example.com",{members}}}"#)
}

#[test]
fn impressions_and_clicks_carry_what_the_catalogue_says() {
    let fixture = Fixture::of(&ad_catalog());
    let context = fixture.context();
    let json = r#""type":"impression","ad":"boots","placement":"top","position":2,"query":"Boots",
        "measurable":true"#;
    let impression = accepted(&event(json), &context);
    let price = |micros| Some(Billing { model: CostModel::Cpc, price: eur(micros) });
    assert_eq!((&*impression.campaign, impression.billing), ("winter", price(300_000)));
    assert_eq!((impression.budget, &*impression.target), (Some(eur(100_000_000)), "shop.test"));
    assert_eq!((impression.view_days, impression.measurable), (1, true));
    assert_eq!((&*impression.placement, impression.position), ("top", 2));
    assert!(impression.found.is_empty() && impression.proof == Default::default());

    let before = format!(r#""type":"click","ad":"boots","time":{}"#, NOW - HOUR - 1);
    let click = accepted(&event(&before), &context);
    assert_eq!((&*click.campaign, click.billing), ("winter", price(250_000)));
    assert_eq!((click.budget.is_some(), &*click.target, click.view_days), (true, "", 0));

    let view = r#""type":"view","ad":"boots","impression":"01935a4e-0000-7000-8000-000000000001""#;
    let view = accepted(&event(view), &context);
    assert_eq!((&*view.campaign, view.billing, view.measurable), ("winter", None, false));
}

#[test]
fn what_is_wrong_with_ad_placement_and_position_is_found() {
    let catalog = ad_catalog();
    let mut fixture = Fixture::of(&catalog);
    for (members, campaign, placement, position, found) in [
        (r#""ad":"boots""#, "winter", "", 0, &[][..]),
        (r#""ad":"nobody","placement":"top","position":1"#, "", "top", 1, &[]),
        (r#""ad":"hats""#, "winter", "", 0, &[R::NotRunning]),
        (r#""ad":"socks""#, "winter", "", 0, &[R::NotRunning]),
        (r#""ad":"gloves""#, "ended", "", 0, &[R::NotRunning]),
        (r#""ad":"boots","placement":"top","position":3"#, "winter", "top", 3, &[]),
        (
            r#""ad":"boots","placement":"top","position":4"#,
            "winter",
            "top",
            0,
            &[R::PositionUnknown],
        ),
        (r#""ad":"boots","placement":"side","position":400"#, "winter", "side", 400, &[]),
        (
            r#""ad":"boots","placement":"none","position":2"#,
            "winter",
            "",
            2,
            &[R::PlacementUnknown],
        ),
        (r#""ad":"boots","placement":"a/b""#, "winter", "", 0, &[R::PlacementUnknown]),
        (r#""ad":"boots","placement":"theirs""#, "winter", "", 0, &[R::PlacementUnknown]),
        (
            r#""ad":"hats","placement":"top","position":9"#,
            "winter",
            "top",
            0,
            &[R::NotRunning, R::PositionUnknown],
        ),
    ] {
        let click = accepted(&event(&format!(r#""type":"click",{members}"#)), &fixture.context());
        assert_eq!((&*click.campaign, &*click.placement), (campaign, placement), "{members}");
        assert_eq!((click.position, &*click.found), (position, found), "{members}");
    }
    // A flight's end decides by the click's own time; only clicks have to do with running.
    let late = format!(r#""type":"click","ad":"gloves","time":{}"#, NOW - 60_001);
    assert!(accepted(&event(&late), &fixture.context()).found.is_empty());
    let impression = accepted(&event(r#""type":"impression","ad":"hats""#), &fixture.context());
    assert!(impression.found.is_empty());
    fixture.used_up.insert("winter".into());
    let click = accepted(&event(r#""type":"click","ad":"boots""#), &fixture.context());
    assert_eq!(click.found, [R::NotRunning]);
    for ad in ["a/b", "..", "ü", "a b"] {
        let json = event(&format!(r#""type":"impression","ad":"{ad}""#));
        assert_eq!(rejected(&json, &fixture.context()).reason, Rejected::InvalidField, "{ad}");
    }
}

fn click_id(click: u128, at: i64, ad: &str, placement: &str) -> ClickId {
    ClickId {
        click: Id::from_u128(click),
        at,
        site: name_hash("example.com"),
        ad: name_hash(ad),
        placement: name_hash(placement),
        position: 2,
        impression: Id::from_u128(99),
        query: query_hash("boots"),
    }
}

#[test]
fn conversions_carry_the_clicks_that_their_ids_name() {
    let fixture = Fixture::of(&ad_catalog());
    let context = fixture.context();
    let secret = secret_bytes(&[Hex64(1); 4]);
    let sign = |id: ClickId| id.sign(7, &secret);
    let first = sign(click_id(1, NOW - 2 * HOUR, "boots", "top"));
    let second = sign(click_id(2, NOW - HOUR, "gloves", ""));
    let touches = |click: &str| {
        let json = event(&format!(r#""type":"conversion","goal":"sale","click":"{click}""#));
        accepted(&json, &context).touches
    };
    let clicks = |click: &str| -> Vec<u128> {
        touches(click).iter().map(|touch| touch.click.as_u128()).collect()
    };
    let [touch] = &*touches(&first) else { panic!() };
    assert_eq!((&*touch.site, &*touch.campaign, &*touch.ad), ("example.com", "winter", "boots"));
    assert_eq!((&*touch.placement, touch.position), ("top", 2));
    assert_eq!((touch.at, touch.impression), (NOW - 2 * HOUR, Some(Id::from_u128(99))));
    assert_eq!(touch.query_hash, query_hash("boots"));
    assert_eq!(touch.attribution, Attribution::default());
    // The price at the conversion's time, not at the click's.
    assert_eq!(touch.billing, Some(Billing { model: CostModel::Cpc, price: eur(300_000) }));

    assert_eq!(clicks(&format!("{first},{second}")), [1, 2]);
    assert_eq!(clicks(&format!("{second}, {first},{second}")), [1, 2]);
    let removed = sign(click_id(3, NOW, "socks", ""));
    assert_eq!(clicks(&removed), [3]);
    let bad = |id: ClickId| sign(id);
    for (left_out, why) in [
        (String::new(), "none"),
        ("x".repeat(120), "no click id"),
        (first.replace(&first[5..6], if &first[5..6] == "A" { "B" } else { "A" }), "changed"),
        (click_id(1, NOW, "boots", "").sign(8, &secret), "another key's number"),
        (click_id(1, NOW, "boots", "").sign(7, b"other"), "another secret"),
        (bad(click_id(1, NOW, "nobody", "")), "an unknown ad"),
        (bad(click_id(1, NOW, "boots", "none")), "an unknown placement"),
        (bad(ClickId { site: 5, ..click_id(1, NOW, "boots", "") }), "an unknown site"),
    ] {
        assert!(clicks(&left_out).is_empty(), "{why}");
        if !left_out.is_empty() {
            assert_eq!(clicks(&format!("{left_out},{second}")), [2], "{why}");
        }
    }
}

#[test]
fn what_only_the_redirect_may_say_is_no_field() {
    let fixture = Fixture::of(&ad_catalog());
    let api = Context { policy: Policy::API, via: Via::Api, ..fixture.context() };
    for field in [r#""proof":"signed""#, r#""impression_at":5"#, r#""found":["expired"]"#] {
        let json = event(&format!(r#""type":"click","ad":"boots",{field}"#));
        assert_eq!(rejected(&json, &api).reason, Rejected::UnknownField, "{field}");
        let click = accepted(&json, &fixture.context());
        assert_eq!((click.proof, click.impression_at), (Default::default(), 0));
        assert!(click.found.is_empty());
    }
    let json = event(r#""type":"click","ad":"boots","measurable":true"#);
    assert!(rejected(&json, &api).detail.contains("measurable does not belong"));
    let none: Text<'_> = accepted(&event(r#""type":"conversion","goal":"g""#), &api).click;
    assert_eq!(none, "");
}
