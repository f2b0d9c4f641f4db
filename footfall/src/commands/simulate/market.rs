//! The ads of the made-up shop: its own products, sponsored. Which one is shown where, who looks at
//! it, who clicks. Shops call that retail media; it needs no second site.

use footfall_event::ads::{Attribution, CostModel};
use footfall_event::catalog::{Ad, Advertiser, Campaign, Entry, Placement, Price};

use super::dice::Dice;
use super::pages::{Kind, Pages};
use crate::demo::ads::euros;

const ADVERTISER: &str = "sim-outdoor-brands";

/// Id, cost model, price and budget in cents.
const CAMPAIGNS: &[(&str, CostModel, i64, Option<i64>)] = &[
    ("sim-clicks", CostModel::Cpc, 35, Some(5_000_000)),
    ("sim-reach", CostModel::Cpm, 380, Some(2_000_000)),
    ("sim-sales", CostModel::Cpa, 450, None),
];

/// Id, campaign, and how many of those who look at it click on it.
const ADS: &[(&str, usize, f64)] = &[
    ("sim-ad-1", 0, 0.045),
    ("sim-ad-2", 0, 0.030),
    ("sim-ad-3", 0, 0.018),
    ("sim-ad-4", 1, 0.010),
    ("sim-ad-5", 1, 0.006),
    ("sim-ad-6", 2, 0.024),
];

/// Id and how much of it is in view at each position, for long enough to count.
const PLACEMENTS: &[(&str, &[f64])] = &[
    ("sim-top", &[0.86]),
    ("sim-results", &[0.88, 0.74, 0.55, 0.41]),
    ("sim-article", &[0.52, 0.44]),
];
const TOP: usize = 0;
const RESULTS: usize = 1;
const ARTICLE: usize = 2;

/// Each position is looked at by so many of those who look at the one before.
const EXAMINED: f64 = 0.72;
/// Whoever searches means to buy.
const SEARCHER: f64 = 1.8;
/// Declared bots follow a link to an ad on so many of their pages.
const BOT_CLICKS: f64 = 0.008;

/// An ad that is shown to somebody.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    /// Which one of the visit's impressions it is.
    pub(super) number: u32,
    /// Index of the ad.
    ad: usize,
    /// Index of the placement.
    placement: usize,
    /// From 1.
    pub(super) position: u16,
    /// What was searched, if anything.
    pub(super) query: String,
}

/// What somebody does about an ad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// It was not in view for long enough.
    Overlooked,
    /// It was.
    Viewable,
    /// And it was clicked.
    Clicked,
}

/// The ads, each for a page of the shop.
#[derive(Clone, Debug)]
pub(super) struct Market {
    targets: Vec<usize>,
}

impl Market {
    /// The ads of a seed, for products of the shop.
    pub(super) fn new(seed: u64, pages: &Pages) -> Market {
        let mut dice = Dice::new(seed ^ 0x6d61_726b_6574);
        let mut targets = Vec::with_capacity(ADS.len());
        while targets.len() < ADS.len() {
            let page = pages.popular(&mut dice);
            if pages.get(page).kind == Kind::Product && !targets.contains(&page) {
                targets.push(page);
            }
        }
        Market { targets }
    }

    /// The ads that a page shows, best position first.
    pub(super) fn show(
        &self,
        page: usize,
        pages: &Pages,
        query: &str,
        dice: &mut Dice,
        next_number: &mut u32,
    ) -> Vec<Shown> {
        let placement = if page == pages.results {
            RESULTS
        } else {
            match pages.get(page).path.as_str() {
                path if path.starts_with("/guides/") => ARTICLE,
                path if path.matches('/').count() == 1 && page < pages.results => TOP,
                _ => return Vec::new(),
            }
        };
        let first = dice.below(ADS.len());
        (0..PLACEMENTS[placement].1.len())
            .map(|slot| {
                *next_number += 1;
                Shown {
                    number: *next_number,
                    ad: (first + slot) % ADS.len(),
                    placement,
                    position: slot as u16 + 1,
                    query: if placement == RESULTS { query.to_owned() } else { String::new() },
                }
            })
            .collect()
    }

    /// What a person does about an ad.
    pub(super) fn interest(shown: &Shown, dice: &mut Dice) -> Interest {
        let slot = usize::from(shown.position) - 1;
        if !dice.chance(PLACEMENTS[shown.placement].1[slot]) {
            return Interest::Overlooked;
        }
        let searcher = if shown.query.is_empty() { 1.0 } else { SEARCHER };
        let clicks = ADS[shown.ad].2 * EXAMINED.powi(slot as i32) * searcher;
        if dice.chance(clicks) { Interest::Clicked } else { Interest::Viewable }
    }

    /// Whether a bot follows one of the links to ads on a page.
    pub(super) fn bot_clicks(dice: &mut Dice) -> bool {
        dice.chance(BOT_CLICKS)
    }

    /// The page to which an ad leads.
    pub(super) fn target(&self, shown: &Shown) -> usize {
        self.targets[shown.ad]
    }

    /// What the catalogue has to have.
    pub(super) fn entries(&self, site: &str, pages: &Pages, now_ms: i64) -> Vec<Entry> {
        let mut entries = vec![Entry::Advertiser(Advertiser {
            id: ADVERTISER.to_owned(),
            name: "Simulated brands".to_owned(),
            removed: false,
            created_at: now_ms,
        })];
        for (id, cost_model, price, budget) in CAMPAIGNS {
            entries.push(Entry::Campaign(Campaign {
                id: (*id).to_owned(),
                site: site.to_owned(),
                advertiser: ADVERTISER.to_owned(),
                name: String::new(),
                starts_at: None,
                ends_at: None,
                cost_model: *cost_model,
                prices: vec![Price { from: 0, price: euros(*price) }],
                budget: budget.map(euros),
                attribution: Attribution::default(),
                paused: false,
                removed: false,
                created_at: now_ms,
            }));
        }
        for ((id, campaign, _), target) in ADS.iter().zip(&self.targets) {
            let page = pages.get(*target);
            entries.push(Entry::Ad(Ad {
                id: (*id).to_owned(),
                campaign: CAMPAIGNS[*campaign].0.to_owned(),
                name: page.title.clone(),
                destination: format!("http://{site}{}", page.path),
                paused: false,
                removed: false,
                created_at: now_ms,
            }));
        }
        for (id, positions) in PLACEMENTS {
            entries.push(Entry::Placement(Placement {
                id: (*id).to_owned(),
                site: site.to_owned(),
                name: String::new(),
                size: None,
                positions: Some(positions.len() as u16),
                removed: false,
                created_at: now_ms,
            }));
        }
        entries
    }
}

impl Shown {
    /// The ad's id.
    pub(super) fn ad(&self) -> &'static str {
        ADS[self.ad].0
    }

    /// The placement's id.
    pub(super) fn placement(&self) -> &'static str {
        PLACEMENTS[self.placement].0
    }
}

#[cfg(test)]
mod tests {
    use footfall_event::catalog::Catalog;

    use super::*;

    #[test]
    fn the_catalogue_gets_all_that_is_shown() {
        let pages = Pages::new(1);
        let market = Market::new(1, &pages);
        let mut catalog = Catalog::default();
        for entry in market.entries("shop.test", &pages, 5) {
            catalog.apply_entry(entry);
        }
        assert_eq!(catalog.ads.len(), ADS.len());
        for ad in catalog.ads.values() {
            assert!(catalog.campaigns.contains_key(&ad.campaign), "{}", ad.id);
            assert!(ad.destination.starts_with("http://shop.test/"), "{}", ad.destination);
        }
        let (mut dice, mut number) = (Dice::new(1), 0);
        for shown in market.show(pages.results, &pages, "", &mut dice, &mut number) {
            let placement = &catalog.placements[shown.placement()];
            assert!(placement.positions >= Some(shown.position));
            assert!(catalog.ads.contains_key(shown.ad()));
        }
    }

    #[test]
    fn the_first_position_is_clicked_most_whichever_ad_is_in_it() {
        let pages = Pages::new(1);
        let market = Market::new(1, &pages);
        let (mut dice, mut number) = (Dice::new(1), 0);
        let mut clicks = [0u32; 4];
        for _ in 0..40_000 {
            for shown in market.show(pages.results, &pages, "boots", &mut dice, &mut number) {
                if Market::interest(&shown, &mut dice) == Interest::Clicked {
                    clicks[usize::from(shown.position) - 1] += 1;
                }
            }
        }
        assert!(clicks.is_sorted_by(|a, b| a > b), "{clicks:?}");
        assert!((800..2_500).contains(&clicks[0]), "{clicks:?} of 40,000 in the first position");
    }
}
