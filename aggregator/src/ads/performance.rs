//! What `ad-performance` says about ads: how each did in each placement, since the beginning and of
//! late.

use footfall_event::Topic;
use footfall_event::ads::Measures;
use footfall_event::ads::performance::{AdState, HALF_LIFE_MS, Performance, PositionState};
use footfall_event::record;
use footfall_topics::RecordBatch;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::cut::keep_newest;
use super::keys::{KeyId, Keys, Place};

/// Positions followed of one ad in one placement. What stands further down is counted as unknown
/// (0): nobody shows more.
const POSITIONS_MAX: usize = 64;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Ad {
    #[serde(with = "as_json")]
    total: Measures,
    positions: Vec<PositionState>,
    /// When the decayed counts hold.
    as_of: i64,
    /// The shard's clock at the last change.
    touched_ms: i64,
    #[serde(skip)]
    touched: bool,
}

impl Ad {
    fn add(&mut self, position: u16, minute: i64, measures: &Measures, factor: i64) {
        let counted = Measures {
            revenue_micros: 0,
            cost_micros: 0,
            cost_per_mille_micros: 0,
            ..measures.clone()
        };
        self.total.add(&counted, factor);
        if self.positions.is_empty() || minute > self.as_of {
            let decay = weight(minute - self.as_of);
            for state in &mut self.positions {
                state.recent_impressions *= decay;
                state.recent_clicks *= decay;
            }
            self.as_of = minute;
        }
        let weight = weight(self.as_of - minute) * factor as f64;
        let known = self.positions.iter().any(|state| state.position == position);
        let room = known || self.positions.len() < POSITIONS_MAX;
        let position = if room { position } else { 0 };
        let at = self.positions.binary_search_by_key(&position, |state| state.position);
        let at = at.unwrap_or_else(|at| {
            self.positions.insert(at, PositionState { position, ..PositionState::default() });
            at
        });
        let state = &mut self.positions[at];
        state.net_impressions += measures.net_impressions * factor;
        state.net_clicks += measures.net_clicks * factor;
        state.recent_impressions += measures.net_impressions as f64 * weight;
        state.recent_clicks += measures.net_clicks as f64 * weight;
    }
}

/// In snapshots: measures leave out zeros, which only a format that names its members can read.
mod as_json {
    use footfall_event::ads::Measures;
    use serde::{Deserialize, Deserializer, Serializer, de::Error, ser};

    pub(super) fn serialize<S: Serializer>(total: &Measures, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&serde_json::to_string(total).map_err(ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Measures, D::Error> {
        serde_json::from_str(&String::deserialize(from)?).map_err(Error::custom)
    }
}

/// What is left after so long.
fn weight(age_ms: i64) -> f64 {
    0.5f64.powf(age_ms as f64 / HALF_LIFE_MS as f64)
}

/// The ads of one shard, by site, campaign, ad and placement.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Performances {
    ads: HashMap<KeyId, Ad>,
    #[serde(skip)]
    touched: Vec<KeyId>,
}

impl Performances {
    /// Adds `factor` times a difference.
    pub(super) fn add(
        &mut self,
        place: &Place<'_>,
        (minute, clock_ms): (i64, i64),
        (measures, factor): (&Measures, i64),
        keys: &mut Keys,
    ) {
        let key = keys.intern(&Place { position: 0, query: "", query_hash: 0, ..*place });
        let ad = self.ads.entry(key).or_default();
        ad.add(place.position, minute, measures, factor);
        ad.touched_ms = clock_ms;
        if !std::mem::replace(&mut ad.touched, true) {
            self.touched.push(key);
        }
    }

    /// Writes the state of what changed in a batch.
    pub(super) fn write(&mut self, keys: &Keys, shard: u32, out: &mut RecordBatch) {
        for key in self.touched.drain(..) {
            let Some(ad) = self.ads.get_mut(&key) else { continue };
            ad.touched = false;
            let place = keys.place(key);
            let state = Performance::Ad(AdState {
                v: record::VERSION,
                site: place.site.into(),
                campaign: place.campaign.into(),
                ad: place.ad.into(),
                placement: place.placement.into(),
                total: ad.total.clone(),
                positions: ad.positions.clone(),
                as_of: ad.as_of,
            });
            out.push_with(Topic::AdPerformance, shard, state.key().as_bytes(), |bytes| {
                serde_json::to_writer(bytes, &state).expect("finite numbers and texts");
            });
        }
    }

    /// Forgets those that changed longest ago, when there are more than `max`. How many.
    pub(super) fn bound(&mut self, max: usize) -> u64 {
        let before = self.ads.len();
        if let Some(cut) = keep_newest(self.ads.values().map(|ad| ad.touched_ms), max) {
            self.ads.retain(|_, ad| ad.touched_ms >= cut);
        }
        (before - self.ads.len()) as u64
    }

    /// Number of ads in placements that are followed.
    pub(super) fn len(&self) -> usize {
        self.ads.len()
    }

    pub(super) fn keep_keys(&mut self, old: &Keys, keys: &mut Keys) {
        let ads = std::mem::take(&mut self.ads).into_iter();
        self.ads = ads
            .map(|(mut key, ad)| {
                keys.keep(old, &mut key);
                (key, ad)
            })
            .collect();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_counts_halve_and_corrections_take_back() {
        let mut ad = Ad::default();
        let click = Measures { clicks: 1, net_clicks: 1, cost_micros: 9, ..Measures::default() };
        let shown = Measures { impressions: 2, net_impressions: 2, ..Measures::default() };
        ad.add(2, 0, &shown, 1);
        ad.add(2, HALF_LIFE_MS, &click, 1);
        assert_eq!(ad.positions[0].recent_impressions, 1.0);
        assert_eq!(ad.positions[0].recent_clicks, 1.0);
        // A late one weighs what it would weigh had it come in time.
        ad.add(2, 0, &shown, 1);
        assert_eq!((ad.as_of, ad.positions[0].recent_impressions), (HALF_LIFE_MS, 2.0));
        ad.add(1, 2 * HALF_LIFE_MS, &shown, 1);
        assert_eq!(ad.positions[1].recent_impressions, 1.0);
        assert_eq!((ad.positions[0].position, ad.positions[0].net_impressions), (1, 2));
        ad.add(2, HALF_LIFE_MS, &click, -1);
        assert_eq!(ad.positions[1].recent_clicks, 0.0);
        let total = Measures { impressions: 6, net_impressions: 6, ..Measures::default() };
        assert_eq!(ad.total, total, "without money");
    }

    #[test]
    fn positions_are_bounded() {
        let mut ad = Ad::default();
        let shown = Measures { net_impressions: 1, ..Measures::default() };
        for position in 1..=1_000 {
            ad.add(position, 0, &shown, 1);
        }
        assert!(ad.positions.len() <= POSITIONS_MAX + 1);
        assert_eq!(ad.positions.iter().map(|state| state.net_impressions).sum::<i64>(), 1_000);
    }
}
