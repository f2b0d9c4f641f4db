//! Windows, verdicts, and what events of ads carry.

use std::collections::BTreeMap;

use footfall_event::ads::{AdDelta, Measures, Revision, Touch, query_hash};
use footfall_event::ads::{Attribution, Billing, CostModel, Proof};
use footfall_event::money::{Currency, Money};
use footfall_event::{Activity, Event, Hex64, Id, Verdict, VerdictReason};
use footfall_warehouse::{EventBlock, VerdictBlock, WindowBlock};

use crate::child;
use crate::sample::{DAY, NOON, event};

fn delta(n: i64, query: &str) -> AdDelta<'static> {
    let measures = Measures {
        impressions: 10 * n,
        net_impressions: 9 * n,
        measurable: 8 * n,
        viewable: 7 * n,
        clicks: 3,
        net_clicks: 1,
        invalid_clicks: BTreeMap::from([
            (VerdictReason::BotAgent, 1),
            (VerdictReason::DuplicateClick, 1),
        ]),
        click_conversions_micros: 1_500_000,
        view_conversions_micros: -500_000,
        revenue_micros: -7,
        cost_micros: 250_000,
        cost_per_mille_micros: 3_000_000,
    };
    AdDelta {
        v: 1,
        minute: NOON + n * 60_000,
        site: "example.com".into(),
        campaign: "spring".into(),
        ad: format!("ad-{n}").into(),
        placement: "top".into(),
        position: n as u16,
        query: query.to_owned().into(),
        query_hash: query_hash(query),
        currency: Currency::parse("EUR"),
        measures,
    }
}

#[tokio::test]
async fn windows_and_verdicts_arrive_once() {
    let warehouse = child::database("windows").await;
    let mut by_ad = WindowBlock::by_ad();
    let mut by_search = WindowBlock::by_search();
    let mut verdicts = VerdictBlock::default();
    for n in 1..=3 {
        by_ad.push(&serde_json::to_vec(&delta(n, "")).unwrap()).unwrap();
        let searched = AdDelta { placement: "".into(), position: 0, ..delta(n, "rote schuhe") };
        by_search.push(&serde_json::to_vec(&searched).unwrap()).unwrap();
        let revision = Revision {
            v: 1,
            site: "example.com".into(),
            id: Id::from_u128(n as u128),
            time: NOON,
            rules: 1,
            verdict: Verdict::Invalid,
            reasons: vec![VerdictReason::DuplicateClick, VerdictReason::NoImpression],
            decided_at: NOON + n,
        };
        verdicts.push(&serde_json::to_vec(&revision).unwrap()).unwrap();
    }
    for _ in 0..2 {
        by_ad.insert(&warehouse, "ad-windows/0/0-2").await.unwrap();
        by_search.insert(&warehouse, "search-windows/0/0-2").await.unwrap();
        verdicts.insert(&warehouse, "verdicts/0/0-2").await.unwrap();
    }
    let sums = "sum(impressions) = 60 AND sum(net_impressions) = 54 AND sum(measurable) = 48 AND sum(viewable) = 42 \
        AND sum(clicks) = 9 AND sum(net_clicks) = 3 AND sumMap(invalid_clicks) = map('bot_agent', 3, 'duplicate_click', 3) \
        AND sum(conversions) = 3 AND sum(revenue_micros) = -21 AND round(sum(cost), 6) = 0.759 AND any(currency) = 'EUR' \
        AND min(minute) = '2026-11-20 12:01:00'";
    let check = async |sql: String| assert_eq!(warehouse.number(&sql).await.unwrap(), 1, "{sql}");
    check(format!("SELECT toUInt64({sums} AND groupArray(position) = [1, 2, 3] AND any(placement) = 'top') FROM (SELECT * , conversions, cost FROM ad_windows ORDER BY minute)")).await;
    let hash = query_hash("rote schuhe").0;
    check(format!("SELECT toUInt64({sums} AND any(query_hash) = {hash} AND any(query) = 'rote schuhe') FROM search_windows")).await;
    check("SELECT toUInt64(count() = 3 AND any(reasons) = ['duplicate_click', 'no_impression'] AND max(decided_at) = '2026-11-20 12:00:00.003' AND any(verdict) = 'invalid') FROM verdicts".to_owned()).await;
    // What other rules say stands apart.
    let mut replay = VerdictBlock::of_replay();
    let revision = Revision {
        v: 1,
        site: "example.com".into(),
        id: Id::from_u128(1),
        time: NOON,
        rules: 2,
        verdict: Verdict::Flagged,
        reasons: vec![VerdictReason::NoImpression],
        decided_at: NOON + DAY,
    };
    replay.push(&serde_json::to_vec(&revision).unwrap()).unwrap();
    for _ in 0..2 {
        replay.insert(&warehouse, "replay/2/0").await.unwrap();
    }
    check(
        "SELECT toUInt64(count() = 1 AND any(rules) = 2 AND any(verdict) = 'flagged') FROM replays"
            .to_owned(),
    )
    .await;
    assert_eq!(warehouse.number("SELECT count() FROM verdicts").await.unwrap(), 3);
    // The roll-ups count once, too.
    let by_day = "SELECT toUInt64(sum(clicks)) FROM ad_windows WHERE site = 'example.com' AND day >= '2000-01-01' GROUP BY ad, placement ORDER BY ad LIMIT 1 SETTINGS force_optimize_projection = 1";
    assert_eq!(warehouse.number(by_day).await.unwrap(), 3);
    let by_query = "SELECT toUInt64(sum(clicks)) FROM search_windows WHERE site = 'example.com' AND day >= '2000-01-01' GROUP BY query_hash SETTINGS force_optimize_projection = 1";
    assert_eq!(warehouse.number(by_query).await.unwrap(), 9);
}

#[tokio::test]
async fn what_ad_events_carry_arrives() {
    let warehouse = child::database("ads").await;
    let billing = Billing {
        model: CostModel::Cpc,
        price: Money { micros: 250_000, currency: Currency::parse("EUR").unwrap() },
    };
    let touch = Touch {
        click: Id::from_u128(5),
        at: NOON - 9,
        site: "news.example".into(),
        campaign: "spring".into(),
        ad: "a1".into(),
        placement: "top".into(),
        position: 2,
        impression: Some(Id::from_u128(6)),
        query_hash: Hex64(7),
        billing: Some(billing),
        attribution: Attribution::default(),
    };
    let mut block = EventBlock::default();
    let mut of = |activity, change: &dyn Fn(&mut Event<'static>)| {
        let mut event = event(1, NOON);
        event.activity = activity;
        (event.campaign, event.billing) = ("spring".into(), Some(billing));
        change(&mut event);
        block.push(&event.to_json()).unwrap();
    };
    of(Activity::Click, &|event| {
        (event.proof, event.impression_at) = (Proof::Expired, NOON - 5);
        event.found = vec![VerdictReason::NotRunning, VerdictReason::PositionUnknown];
    });
    of(Activity::Impression, &|event| {
        (event.target, event.measurable) = ("shop.example".into(), true);
    });
    of(Activity::Conversion, &|event| {
        event.touches = vec![touch.clone(), touch.clone()];
        event.view_through = Some(touch.clone());
    });
    block.insert(&warehouse, "ads").await.unwrap();
    let sql = "SELECT toUInt64(count()) FROM events WHERE campaign = 'spring' AND billing_model = 'cpc' AND price_micros = 250000 AND price_currency = 'EUR' AND (\
        (type = 'click' AND proof = 'expired' AND toUnixTimestamp64Milli(impression_at) = toUnixTimestamp64Milli(time) - 5 AND found = ['not_running', 'position_unknown'] AND touches = '') \
        OR (type = 'impression' AND target = 'shop.example' AND measurable AND proof = '') \
        OR (type = 'conversion' AND JSONExtractString(touches, 2, 'placement') = 'top' AND JSONExtractInt(view_through, 'position') = 2))";
    assert_eq!(warehouse.number(sql).await.unwrap(), 3);
}
