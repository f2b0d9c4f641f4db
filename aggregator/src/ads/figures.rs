//! Where a difference counts: in the windows by ad, in those by search, in the ad's performance and
//! in its campaign's spending.

use footfall_event::Topic;
use footfall_event::ads::{Measures, query_hash};
use footfall_event::money::Currency;
use footfall_topics::RecordBatch;
use serde::{Deserialize, Serialize};

use super::Limits;
use super::campaigns::Campaigns;
use super::keys::{Keys, Place};
use super::performance::Performances;
use super::searches::{OTHER, Searches};
use super::sums::Sums;
use crate::shard::AdStats;

/// The figures of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Figures {
    searches: Searches,
    pub(super) performances: Performances,
    pub(super) campaigns: Campaigns,
    #[serde(skip)]
    by_ad: Sums,
    #[serde(skip)]
    by_search: Sums,
}

/// When something is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    /// Its own time.
    pub(super) time: i64,
    pub(super) clock_ms: i64,
    pub(super) currency: Option<Currency>,
}

impl Figures {
    /// Counts `factor` times the measures.
    pub(super) fn count(
        &mut self,
        place: &Place<'_>,
        at: At,
        (measures, factor): (&Measures, i64),
        keys: &mut Keys,
        (limits, stats): (&Limits, &mut AdStats),
    ) {
        let At { time, clock_ms, currency } = at;
        let by_ad = keys.intern(&Place { query: "", query_hash: 0, ..*place });
        self.by_ad.of(time, by_ad, currency).add(measures, factor);
        if place.query_hash != 0 {
            let when = (time, clock_ms);
            let admitted =
                self.searches.admits(place.site, place.query_hash, when, limits.searches_max);
            stats.other_searches += u64::from(!admitted);
            let (query, hash) = match admitted {
                true => (place.query, place.query_hash),
                false => (OTHER, query_hash(OTHER).0),
            };
            let search = Place { placement: "", position: 0, query, query_hash: hash, ..*place };
            let by_search = keys.intern(&search);
            self.by_search.of(time, by_search, currency).add(measures, factor);
        }
        let minute = footfall_event::ads::delta::minute_of(time);
        self.performances.add(place, (minute, clock_ms), (measures, factor), keys);
        self.campaigns.add(place.campaign, (time, currency), (measures, factor));
    }

    /// Writes what a batch has changed.
    pub(super) fn write(
        &mut self,
        keys: &Keys,
        clock_ms: i64,
        (shard, shards): (u32, u32),
        out: &mut RecordBatch,
    ) {
        for (topic, sums) in
            [(Topic::AdWindows, &mut self.by_ad), (Topic::SearchWindows, &mut self.by_search)]
        {
            for delta in sums.drain(keys) {
                out.push_with(topic, shard, delta.ad.as_bytes(), |bytes| {
                    serde_json::to_writer(bytes, &delta).expect("a difference is plain data");
                });
            }
        }
        self.performances.write(keys, shard, out);
        self.campaigns.write(clock_ms, (shard, shards), out);
    }

    pub(super) fn sweep(&mut self, clock_ms: i64) {
        self.searches.sweep(clock_ms);
    }
}
