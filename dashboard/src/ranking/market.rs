//! A market to learn in: people who like some ads better than others and see the first positions
//! best, ads chosen by the ranking, and the records that the aggregator would write about it.
//!
//! What the ranking sees is what it sees in use: records of `ad-performance`, once a second at most.

use std::sync::Arc;

use footfall_event::ads::performance::{
    AdState, HALF_LIFE_MS, Performance as Record, PositionState,
};
use footfall_event::catalog::{Catalog, Entry};
use footfall_topics::follow::Fold;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

use super::{Model, Performance, SiteAds};

const ADS: usize = 20;
const POSITIONS: usize = 4;
/// How often people look at each position.
const EXAMINED: [f64; POSITIONS] = [0.9, 0.55, 0.35, 0.2];
const START_MS: i64 = 1_800_000_000_000;

struct Market {
    catalog: Arc<Catalog>,
    ads: SiteAds,
    performance: Performance,
    /// How likely an ad is clicked when it is looked at.
    liked: Vec<f64>,
    states: Vec<Vec<PositionState>>,
    as_of: Vec<i64>,
    now: i64,
    /// Time between two pages, milliseconds.
    pace_ms: i64,
    random: SmallRng,
}

/// How the ads of a page are chosen.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Ranking,
    Chance,
}

impl Market {
    fn new(seed: u64, pace_ms: i64) -> Market {
        let mut catalog = Catalog::default();
        let mut put = |value: serde_json::Value| {
            let entry: Entry = serde_json::from_value(value.clone()).unwrap();
            catalog.apply(entry.key().as_bytes(), value.to_string().as_bytes()).unwrap();
        };
        put(serde_json::json!({
            "kind": "campaign", "id": "c", "site": "s.test", "cost_model": "cpc", "created_at": 1,
        }));
        for ad in 0..ADS {
            put(serde_json::json!({
                "kind": "ad", "id": format!("ad-{ad}"), "campaign": "c", "created_at": 1,
                "destination": "https://shop.test/",
            }));
        }
        let mut random = SmallRng::seed_from_u64(seed);
        // From 0.4 % to 8 %: few are liked much.
        let mut liked: Vec<f64> =
            (0..ADS).map(|ad| 0.004 * 20f64.powf(ad as f64 / (ADS - 1) as f64)).collect();
        liked.shuffle(&mut random);
        Market {
            ads: SiteAds::of(&catalog),
            catalog: Arc::new(catalog),
            performance: Performance::default(),
            liked,
            states: vec![Vec::new(); ADS],
            as_of: vec![START_MS; ADS],
            now: START_MS,
            pace_ms,
            random,
        }
    }

    /// Shows ads until so many impressions were made; returns clicks per thousand.
    fn run(&mut self, impressions: usize, by: By) -> f64 {
        let mut clicks = 0;
        let mut model = self.model();
        let mut told_at = self.now;
        let mut changed = [false; ADS];
        for _ in 0..impressions / POSITIONS {
            self.now += self.pace_ms;
            if self.now - told_at >= 1_000.max(self.pace_ms * 25) {
                told_at = self.now;
                self.tell(&mut changed);
                model = self.model();
            }
            let page: Vec<usize> = match by {
                By::Ranking => model
                    .rank(None, POSITIONS, self.now, &mut self.random)
                    .iter()
                    .map(|ranked| ranked.ad.id[3..].parse().unwrap())
                    .collect(),
                By::Chance => {
                    let mut all: Vec<usize> = (0..ADS).collect();
                    all.partial_shuffle(&mut self.random, POSITIONS).0.to_vec()
                }
            };
            for (at, ad) in page.into_iter().enumerate() {
                let clicked = self.random.random_bool(EXAMINED[at] * self.liked[ad]);
                self.count(ad, at as u16 + 1, clicked);
                changed[ad] = true;
                clicks += usize::from(clicked);
            }
        }
        clicks as f64 * 1_000.0 / impressions as f64
    }

    /// What stage 2 keeps.
    fn count(&mut self, ad: usize, position: u16, clicked: bool) {
        let factor = 0.5f64.powf((self.now - self.as_of[ad]) as f64 / HALF_LIFE_MS as f64);
        self.as_of[ad] = self.now;
        let positions = &mut self.states[ad];
        for state in positions.iter_mut() {
            state.recent_impressions *= factor;
            state.recent_clicks *= factor;
        }
        let place = positions.iter().position(|state| state.position == position);
        let place = place.unwrap_or_else(|| {
            positions.push(PositionState { position, ..PositionState::default() });
            positions.len() - 1
        });
        let state = &mut positions[place];
        state.net_impressions += 1;
        state.net_clicks += i64::from(clicked);
        state.recent_impressions += 1.0;
        state.recent_clicks += f64::from(u8::from(clicked));
    }

    /// Writes the records of the ads that changed.
    fn tell(&mut self, changed: &mut [bool; ADS]) {
        for ad in (0..ADS).filter(|ad| std::mem::take(&mut changed[*ad])) {
            let record = Record::Ad(AdState {
                v: 1,
                site: "s.test".into(),
                campaign: "c".into(),
                ad: format!("ad-{ad}").into(),
                placement: "top".into(),
                total: Default::default(),
                positions: self.states[ad].clone(),
                as_of: self.as_of[ad],
            });
            let json = serde_json::to_vec(&record).unwrap();
            self.performance.apply(record.key().as_bytes(), &json).unwrap();
        }
    }

    fn model(&self) -> Model {
        Model::build(&self.catalog, &self.ads, &self.performance, ("s.test", "top"), self.now)
    }

    /// The best are the worst from now on.
    fn turn(&mut self) {
        let mut sorted = self.liked.clone();
        sorted.sort_by(f64::total_cmp);
        for liked in &mut self.liked {
            let rank = sorted.iter().position(|value| value == liked).unwrap();
            *liked = sorted[ADS - 1 - rank];
        }
    }
}

/// A quiet site, and one where all of it happens within minutes, far less than counts take to fade.
#[test]
fn the_ranking_learns_and_follows() {
    for (seed, pace_ms) in [(1, 1_500), (2, 20)] {
        let chance = Market::new(seed, pace_ms).run(100_000, By::Chance);
        let mut market = Market::new(seed, pace_ms);
        let learned = market.run(100_000, By::Ranking);
        assert!(learned >= 1.5 * chance, "{learned:.1} clicks per 1,000, by chance {chance:.1}");

        let examination = market.model().examination().clone();
        for (at, truth) in EXAMINED.iter().enumerate() {
            let (found, truth) = (examination.of(at as u16 + 1), truth / EXAMINED[0]);
            assert!((found / truth - 1.0).abs() < 0.25, "position {}: {found:.3}", at + 1);
        }

        market.turn();
        market.run(50_000, By::Ranking);
        let followed = market.run(50_000, By::Ranking);
        assert!(followed >= 1.5 * chance, "{followed:.1} after the change, by chance {chance:.1}");
        println!("by chance {chance:.1}, learned {learned:.1}, after the change {followed:.1}");
    }
}

#[test]
fn thousands_of_ads_are_ranked_within_milliseconds() {
    let mut market = Market::new(3, 1_000);
    let mut catalog = Catalog::clone(&market.catalog);
    for ad in ADS..5_000 {
        let mut more = catalog.ads["ad-0"].as_ref().clone();
        more.id = format!("ad-{ad}");
        catalog.ads.insert(more.id.clone(), Arc::new(more));
    }
    market.ads = SiteAds::of(&catalog);
    market.catalog = Arc::new(catalog);
    let model = market.model();
    let began = std::time::Instant::now();
    let ranked = model.rank(None, 10, market.now, &mut market.random);
    let took = began.elapsed();
    assert_eq!(ranked.len(), 10);
    assert!(ranked.windows(2).all(|pair| pair[0].score >= pair[1].score));
    // Unoptimised and on a busy machine; optimised it is some tenth.
    assert!(took < std::time::Duration::from_millis(100), "{took:?}");
}
