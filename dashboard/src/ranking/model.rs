//! One placement's ranking: beliefs about every ad that may be shown, and a draw from them.

use std::collections::HashMap;
use std::sync::Arc;

use footfall_event::catalog::{Ad, Campaign, Catalog};
use rand::Rng;

use super::belief::{Belief, prior, since_change};
use super::evidence::{Cell, Evidence, Performance};
use super::position::Examination;
use super::searches::SearchCounts;

/// An ad's rate under one search counts of its own from so many impressions on.
const SEARCH_IMPRESSIONS_MIN: f64 = 20.0;

/// The ads of each site's campaigns, so that a placement's need not be looked for in all of them.
#[derive(Debug, Default)]
pub struct SiteAds {
    by_site: HashMap<String, Vec<Offer>>,
}

/// An ad and its campaign.
pub type Offer = (Arc<Ad>, Arc<Campaign>);

impl SiteAds {
    /// Groups a catalogue's ads; those that are halted or removed are left out.
    pub fn of(catalog: &Catalog) -> SiteAds {
        let mut by_site: HashMap<String, Vec<Offer>> = HashMap::new();
        for ad in catalog.ads.values() {
            if let Some(offer) = offer(catalog, ad) {
                match by_site.get_mut(&offer.1.site) {
                    Some(offers) => offers.push(offer),
                    None => drop(by_site.insert(offer.1.site.clone(), vec![offer])),
                }
            }
        }
        SiteAds { by_site }
    }
}

/// The ad with its campaign, unless one of them is halted by hand or removed.
fn offer(catalog: &Catalog, ad: &Arc<Ad>) -> Option<Offer> {
    let campaign = catalog.campaigns.get(&ad.campaign)?;
    let halted = ad.paused || ad.removed || campaign.paused || campaign.removed;
    (!halted).then(|| (ad.clone(), campaign.clone()))
}

/// An ad that may be shown, and what is believed about it.
#[derive(Clone, Debug)]
struct Candidate {
    offer: Offer,
    belief: Belief,
    /// Recent net impressions as if at position 1, and clicks.
    recent: (f64, f64),
    /// Expected impressions at position 1 per impression, on average.
    exposure: f64,
}

/// Everything that a ranking for one placement needs, computed ahead.
#[derive(Clone, Debug)]
pub struct Model {
    examination: Examination,
    prior: Belief,
    candidates: Vec<Candidate>,
}

/// One ad of an answer.
#[derive(Clone, Debug)]
pub struct Ranked {
    /// The ad.
    pub ad: Arc<Ad>,
    /// Its campaign.
    pub campaign: Arc<Campaign>,
    /// The rate that was drawn, by which the ads are in order.
    pub score: f64,
    /// What is believed about the rate.
    pub belief: Belief,
    /// Recent net impressions as if at position 1, and net clicks.
    pub recent: (f64, f64),
    /// Whether the belief is about this search, not about all.
    pub by_search: bool,
}

impl Model {
    /// Estimates the positions, the prior and the ads' beliefs. The candidates are the ads of the
    /// site's campaigns, and those of other sites' that have been shown in the placement.
    pub fn build(
        catalog: &Catalog,
        ads: &SiteAds,
        performance: &Performance,
        (site, placement): (&str, &str),
        now_ms: i64,
    ) -> Model {
        let known: Vec<(&Evidence, Vec<Vec<Cell>>)> = performance
            .placement(placement)
            .into_iter()
            .flat_map(|ads| ads.values())
            .map(|evidence| (&**evidence, evidence.segments(now_ms)))
            .collect();
        let items: Vec<Vec<Cell>> =
            known.iter().flat_map(|(_, segments)| segments.iter().cloned()).collect();
        let examination = Examination::estimate(&items);
        // An ad may have moved from one campaign to another: what it did counts together.
        let mut recent: HashMap<&str, (f64, f64, f64)> = HashMap::new();
        for (evidence, segments) in &known {
            let normalised: Vec<_> =
                segments.iter().map(|cells| examination.normalised(cells)).collect();
            let from = since_change(&normalised);
            let shown: f64 = segments[from..].iter().flatten().map(|cell| cell.impressions).sum();
            let sum = recent.entry(&evidence.ad).or_default();
            for (expected, clicks) in &normalised[from..] {
                sum.0 += expected;
                sum.1 += clicks;
            }
            sum.2 += shown;
        }
        let rates: Vec<(f64, f64)> = recent.values().map(|it| (it.0, it.1)).collect();
        let mut model = Model { examination, prior: prior(&rates), candidates: Vec::new() };
        let own = ads.by_site.get(site).map_or(&[][..], Vec::as_slice);
        for offer in own.iter().filter(|offer| performance.halted(&offer.1.id).is_none()) {
            model.add(offer.clone(), recent.remove(offer.0.id.as_str()));
        }
        let mut others: Vec<_> = recent.into_iter().collect();
        others.sort_unstable_by_key(|(ad, _)| *ad);
        for (ad, sums) in others {
            let foreign =
                catalog.ads.get(ad).and_then(|ad| offer(catalog, ad)).filter(|offer| {
                    offer.1.site != site && performance.halted(&offer.1.id).is_none()
                });
            if let Some(offer) = foreign {
                model.add(offer, Some(sums));
            }
        }
        model
    }

    fn add(&mut self, offer: Offer, recent: Option<(f64, f64, f64)>) {
        let (expected, clicks, shown) = recent.unwrap_or_default();
        self.candidates.push(Candidate {
            offer,
            belief: self.prior.after(expected, clicks),
            recent: (expected, clicks),
            exposure: if shown > 0.0 { expected / shown } else { 1.0 },
        });
    }

    /// Draws a rate for each ad whose campaign runs and returns the best `n`, best first: Thompson
    /// sampling, which shows each ad as often as it is likely to be the best (Thompson, "On the
    /// likelihood that one unknown probability exceeds another", Biometrika 1933; Chapelle, Li, "An
    /// empirical evaluation of Thompson sampling", NIPS 2011).
    pub fn rank(
        &self,
        search: Option<&SearchCounts>,
        n: usize,
        now_ms: i64,
        random: &mut impl Rng,
    ) -> Vec<Ranked> {
        let running = self.candidates.iter().filter(|it| it.offer.1.runs(now_ms));
        let mut drawn: Vec<(f64, Belief, bool, &Candidate)> = running
            .map(|candidate| {
                let (belief, by_search) = candidate.belief_under(search, now_ms);
                (belief.draw(random), belief, by_search, candidate)
            })
            .collect();
        if n < drawn.len() && n > 0 {
            drawn.select_nth_unstable_by(n - 1, |a, b| b.0.total_cmp(&a.0));
        }
        drawn.truncate(n);
        drawn.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
        let ranked = drawn.into_iter().map(|(score, belief, by_search, candidate)| Ranked {
            ad: candidate.offer.0.clone(),
            campaign: candidate.offer.1.clone(),
            score,
            belief,
            recent: candidate.recent,
            by_search,
        });
        ranked.collect()
    }

    /// How much each position matters.
    pub fn examination(&self) -> &Examination {
        &self.examination
    }

    /// What is believed about an ad that was never shown here.
    pub fn prior(&self) -> Belief {
        self.prior
    }
}

impl Candidate {
    /// The belief under a search: what is known about the ad in all makes the prior, worth a few
    /// clicks, for what is known about it under this search. Whether there is enough of the latter.
    fn belief_under(&self, search: Option<&SearchCounts>, now_ms: i64) -> (Belief, bool) {
        let counts = search.and_then(|search| search.of(&self.offer.0.id, now_ms));
        match counts {
            Some((shown, clicks)) if shown >= SEARCH_IMPRESSIONS_MIN => {
                (self.belief.as_prior().after(shown * self.exposure, clicks), true)
            }
            _ => (self.belief, false),
        }
    }
}
