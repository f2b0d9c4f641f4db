//! How ads do under the same search criteria: recent counts by site and search, from the topic
//! `search-windows`.
//!
//! The topic is read from its beginning in the background; until that is done, and for searches that
//! are seldom, ads are ranked by what is known about them in all. Its records know no position.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use footfall_event::Topic;
use footfall_event::ads::performance::HALF_LIFE_MS;
use footfall_event::ads::{AdDelta, name_hash, query_hash};
use footfall_topics::{Chunk, Log, LogError, Partition, Reader};

use super::evidence::fading;
use crate::query::now_ms;

/// Searches (by site) that are remembered; the least recent are forgotten beyond.
const SEARCHES_MAX: usize = 100_000;
/// Ads of one search; further ones are ranked without it.
const ADS_MAX: usize = 1_000;
/// Older counts have faded to nothing.
const AGE_MS_MAX: i64 = 12 * HALF_LIFE_MS;
const POLL_BYTES: usize = 1 << 20;
const POLL_TIMEOUT: Duration = Duration::from_secs(1);

/// Recent counts of the ads under one search.
#[derive(Clone, Debug, Default)]
pub struct SearchCounts {
    ads: HashMap<u64, Faded>,
    touched_at: i64,
}

/// Impressions and clicks as they count at a time.
#[derive(Clone, Copy, Debug, Default)]
struct Faded {
    impressions: f64,
    clicks: f64,
    at: i64,
}

impl SearchCounts {
    /// Net impressions and clicks of an ad, faded to a time.
    pub fn of(&self, ad: &str, now_ms: i64) -> Option<(f64, f64)> {
        let counts = self.ads.get(&name_hash(ad))?;
        let factor = fading(now_ms - counts.at);
        Some((counts.impressions.max(0.0) * factor, counts.clicks.max(0.0) * factor))
    }

    /// Adds what happened at a time.
    pub fn add(&mut self, ad: &str, (impressions, clicks): (i64, i64), at: i64) {
        let ad = name_hash(ad);
        if self.ads.len() >= ADS_MAX && !self.ads.contains_key(&ad) {
            return;
        }
        let counts = self.ads.entry(ad).or_default();
        let (old, new) = (fading(at - counts.at), fading(counts.at - at));
        counts.impressions = counts.impressions * old + impressions as f64 * new;
        counts.clicks = counts.clicks * old + clicks as f64 * new;
        counts.at = counts.at.max(at);
        self.touched_at = self.touched_at.max(at);
    }
}

/// All searches, by the hashes of site and criteria.
#[derive(Default)]
pub(crate) struct Searches {
    counts: RwLock<HashMap<(u64, u64), Arc<SearchCounts>>>,
    ended: AtomicBool,
}

impl Searches {
    /// Counts of one search on a site. The criteria are normalised already.
    pub(crate) fn of(&self, site: &str, normalised: &str) -> Option<Arc<SearchCounts>> {
        let key = (name_hash(site), query_hash(normalised).0);
        self.counts.read().unwrap_or_else(|poisoned| poisoned.into_inner()).get(&key).cloned()
    }

    /// Ends [`Searches::follow`].
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
    }

    /// Follows the topic until it is told to end. Blocks.
    pub(crate) fn follow(&self, log: &dyn Log) -> Result<(), LogError> {
        let mut reader: Box<dyn Reader> = log.reader()?;
        for number in 0..log.partitions(Topic::SearchWindows) {
            reader.assign(Partition { topic: Topic::SearchWindows, number }, 0)?;
        }
        while !self.ended.load(Ordering::Acquire) {
            let chunks = reader.poll(POLL_BYTES, POLL_TIMEOUT)?;
            self.apply(&chunks, now_ms());
        }
        Ok(())
    }

    fn apply(&self, chunks: &[Chunk], now_ms: i64) {
        let mut all = self.counts.write().unwrap_or_else(|poisoned| poisoned.into_inner());
        for record in chunks.iter().flat_map(Chunk::iter) {
            let Ok(delta) = serde_json::from_slice::<AdDelta<'_>>(record.value) else { continue };
            let counts = (delta.measures.net_impressions, delta.measures.net_clicks);
            let old = delta.minute < now_ms - AGE_MS_MAX;
            if counts == (0, 0) || delta.query_hash.0 == 0 || old {
                continue;
            }
            let key = (name_hash(&delta.site), delta.query_hash.0);
            Arc::make_mut(all.entry(key).or_default()).add(&delta.ad, counts, delta.minute);
        }
        if all.len() > SEARCHES_MAX {
            let mut times: Vec<i64> = all.values().map(|counts| counts.touched_at).collect();
            let (_, middle, _) = times.select_nth_unstable(SEARCHES_MAX / 2);
            let middle = *middle;
            all.retain(|_, counts| counts.touched_at > middle);
        }
    }
}

#[cfg(test)]
mod tests {
    use footfall_event::ads::Measures;

    use super::*;

    fn delta(query: &str, clicks: i64, minute: i64) -> Vec<u8> {
        let delta = AdDelta {
            v: 1,
            minute,
            site: "s.test".into(),
            campaign: "c".into(),
            ad: "a".into(),
            placement: "".into(),
            position: 0,
            query: query.to_owned().into(),
            query_hash: query_hash(query),
            currency: None,
            measures: Measures { net_impressions: 100, net_clicks: clicks, ..Measures::default() },
        };
        serde_json::to_vec(&delta).unwrap()
    }

    #[test]
    fn counts_add_up_and_fade_in_any_order() {
        let now = 100 * HALF_LIFE_MS;
        let mut chunk = Chunk::new(Partition { topic: Topic::SearchWindows, number: 0 }, 0);
        chunk.push(0, b"", &delta("boots", 8, now));
        chunk.push(1, b"", &delta("boots", 4, now - HALF_LIFE_MS));
        chunk.push(2, b"", &delta("boots", 9, now - 20 * HALF_LIFE_MS));
        chunk.push(3, b"", &delta("", 9, now));
        chunk.push(4, b"", b"no record");
        let searches = Searches::default();
        searches.apply(&[chunk], now);
        let boots = searches.of("s.test", "boots").unwrap();
        assert_eq!(boots.of("a", now), Some((150.0, 10.0)));
        assert_eq!(boots.of("a", now + HALF_LIFE_MS), Some((75.0, 5.0)));
        assert_eq!(boots.of("b", now), None);
        assert!(searches.of("s.test", "").is_none() && searches.of("t.test", "boots").is_none());
    }
}
