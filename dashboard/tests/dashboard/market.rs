//! A site's ads with windows whose sums are known.

use std::collections::BTreeMap;

use footfall_event::VerdictReason;
use footfall_event::ads::{
    AdDelta, Attribution, CostModel, Measures, normalised_query, query_hash,
};
use footfall_event::catalog::{Ad, Advertiser, Campaign, Entry, Placement, Price};
use footfall_event::money::{Currency, Money};
use footfall_warehouse::WindowBlock;

use crate::world::{World, ms};

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

pub(crate) fn shown(impressions: i64, clicks: i64, invalid: i64) -> Measures {
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
pub(crate) async fn market(name: &str) -> World {
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

pub(crate) fn searched(time: &str, query: &str, measures: Measures) -> AdDelta<'static> {
    let mut delta = delta(time, "hochkar", 0, measures);
    let normalised = normalised_query(query);
    delta.query_hash = query_hash(&normalised);
    delta.query = normalised.into();
    delta.placement = "".into();
    delta
}
