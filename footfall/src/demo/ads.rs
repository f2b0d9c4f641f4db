//! The demo's advertisers: their site, what they book, and where the shop shows it.

use std::sync::Arc;

use footfall_event::ads::{Attribution, CostModel};
use footfall_event::catalog::{Ad, Advertiser, Campaign, Catalog, Entry, Placement, Price, Site};
use footfall_event::money::{Currency, Money};

use super::SITE;

/// The advertisers' own site, where conversions happen.
const PARTNERS: &str = "partners.localhost";

/// Id and name.
const ADVERTISERS: &[(&str, &str)] =
    &[("demo-hut-and-hearth", "Hut & Hearth"), ("demo-night-rail", "Night Rail")];

/// What is paid for together.
struct Offer {
    id: &'static str,
    advertiser: &'static str,
    name: &'static str,
    cost_model: CostModel,
    price_cents: i64,
    budget_cents: Option<i64>,
}

const OFFERS: &[Offer] = &[
    Offer {
        id: "demo-hut-nights",
        advertiser: "demo-hut-and-hearth",
        name: "Hut nights",
        cost_model: CostModel::Cpc,
        price_cents: 45,
        budget_cents: Some(250_000),
    },
    Offer {
        id: "demo-hut-weekends",
        advertiser: "demo-hut-and-hearth",
        name: "Hut weekends",
        cost_model: CostModel::Cpa,
        price_cents: 400,
        budget_cents: None,
    },
    Offer {
        id: "demo-sleepers",
        advertiser: "demo-night-rail",
        name: "Sleepers",
        cost_model: CostModel::Cpm,
        price_cents: 420,
        budget_cents: Some(100_000),
    },
];

/// Id, campaign, name, page under `/demo`.
const ADS: &[(&str, &str, &str, &str)] = &[
    ("demo-hut-lake", "demo-hut-nights", "A night by the lake", "huts.html?hut=lake"),
    ("demo-hut-ridge", "demo-hut-nights", "A night on the ridge", "huts.html?hut=ridge"),
    ("demo-hut-weekend", "demo-hut-weekends", "Two nights, one price", "huts.html?hut=weekend"),
    ("demo-sleeper", "demo-sleepers", "Asleep to the Alps", "trains.html?from=tarn"),
];

/// Id, name, positions.
const PLACEMENTS: &[(&str, &str, u16)] = &[
    ("demo-home", "Below the start page", 1),
    ("demo-guides", "Among the guides", 2),
    ("demo-article", "Below an article", 1),
    ("demo-search", "Above search results", 2),
];

/// What is not in the catalogue yet, and the ads whose destination lies at another address than
/// that of this start. Everything else stays as it was changed since.
pub(super) fn missing(catalog: &Catalog, now_ms: i64, url: &str) -> Vec<Entry> {
    let mut missing = Vec::new();
    if !catalog.sites.contains_key(PARTNERS) {
        missing.push(Entry::Site(Site {
            domain: PARTNERS.to_owned(),
            aliases: vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
            created_at: now_ms,
            ..Site::default()
        }));
    }
    for (id, name) in ADVERTISERS.iter().filter(|(id, _)| !catalog.advertisers.contains_key(*id)) {
        missing.push(Entry::Advertiser(Advertiser {
            id: (*id).to_owned(),
            name: (*name).to_owned(),
            removed: false,
            created_at: now_ms,
        }));
    }
    missing.extend(
        OFFERS
            .iter()
            .filter(|offer| !catalog.campaigns.contains_key(offer.id))
            .map(|offer| Entry::Campaign(campaign(offer, now_ms))),
    );
    missing.extend(ADS.iter().filter_map(|(id, campaign, name, page)| {
        let known = catalog.ads.get(*id).map(Arc::as_ref);
        let destination = format!("{url}/demo/{page}");
        if known.is_some_and(|ad| ad.destination == destination) {
            return None;
        }
        let new = || Ad {
            id: (*id).to_owned(),
            campaign: (*campaign).to_owned(),
            name: (*name).to_owned(),
            destination: String::new(),
            paused: false,
            removed: false,
            created_at: now_ms,
        };
        Some(Entry::Ad(Ad { destination, ..known.cloned().unwrap_or_else(new) }))
    }));
    for (id, name, positions) in PLACEMENTS {
        if !catalog.placements.contains_key(*id) {
            missing.push(Entry::Placement(Placement {
                id: (*id).to_owned(),
                site: SITE.to_owned(),
                name: (*name).to_owned(),
                size: None,
                positions: Some(*positions),
                removed: false,
                created_at: now_ms,
            }));
        }
    }
    missing
}

fn campaign(offer: &Offer, now_ms: i64) -> Campaign {
    Campaign {
        id: offer.id.to_owned(),
        site: SITE.to_owned(),
        advertiser: offer.advertiser.to_owned(),
        name: offer.name.to_owned(),
        starts_at: None,
        ends_at: None,
        cost_model: offer.cost_model,
        prices: vec![Price { from: 0, price: euros(offer.price_cents) }],
        budget: offer.budget_cents.map(euros),
        attribution: Attribution::default(),
        paused: false,
        removed: false,
        created_at: now_ms,
    }
}

/// An amount in the currency of everything that is made up here.
pub(crate) fn euros(cents: i64) -> Money {
    let currency = Currency::parse("EUR").expect("three letters");
    Money { micros: cents * 10_000, currency }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_adds_nothing_and_only_follows_the_address() {
        let mut catalog = Catalog::default();
        let put = |catalog: &mut Catalog, entries: Vec<Entry>| {
            for entry in entries {
                let json = serde_json::to_vec(&entry).unwrap();
                catalog.apply(entry.key().as_bytes(), &json).unwrap();
            }
        };
        let first = missing(&catalog, 1, "http://127.0.0.1:8080");
        put(&mut catalog, first);
        assert!(missing(&catalog, 2, "http://127.0.0.1:8080").is_empty());
        for ad in catalog.ads.values() {
            assert!(catalog.campaigns.contains_key(&ad.campaign), "{}", ad.id);
        }
        for campaign in catalog.campaigns.values() {
            assert!(catalog.advertisers.contains_key(&campaign.advertiser), "{}", campaign.id);
        }
        // What the operator changed stays; only where the demo is follows the program.
        let paused = Ad { paused: true, ..Ad::clone(&catalog.ads["demo-sleeper"]) };
        put(&mut catalog, vec![Entry::Ad(paused)]);
        let moved = missing(&catalog, 3, "https://demo.example");
        assert_eq!(moved.len(), ADS.len());
        put(&mut catalog, moved);
        let sleeper = &catalog.ads["demo-sleeper"];
        assert!(sleeper.paused && sleeper.created_at == 1);
        assert_eq!(sleeper.destination, "https://demo.example/demo/trains.html?from=tarn");
    }
}
