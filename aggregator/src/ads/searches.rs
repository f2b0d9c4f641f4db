//! Which searches get windows of their own: the first so many of a site and UTC day, so that random
//! search texts can't fill the warehouse. What comes beyond is counted as `(other)`.

use std::collections::BTreeMap;

use footfall_event::time::day_of;
use hashbrown::{HashMap, HashSet};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// What stands for searches beyond the cap.
pub(super) const OTHER: &str = "(other)";

/// Days before the clock's that are remembered. What is said about an older day later (a conversion
/// that is taken back) keeps its search: right, unless the day was full.
const DAYS: i64 = 2;

/// The searches of one shard's last days, by day and site.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Searches {
    days: BTreeMap<i64, HashMap<u64, HashSet<u64>>>,
}

impl Searches {
    /// Whether a search gets windows of its own on the day of a time.
    pub(super) fn admits(&mut self, site: &str, query: u64, at: (i64, i64), max: usize) -> bool {
        let (time, clock_ms) = at;
        let day = day_of(time);
        if day < day_of(clock_ms) - DAYS {
            return true;
        }
        let sites = self.days.entry(day).or_default();
        let seen = sites.entry(xxh3_64(site.as_bytes())).or_default();
        seen.contains(&query) || seen.len() < max && seen.insert(query)
    }

    /// Forgets days that have passed.
    pub(super) fn sweep(&mut self, clock_ms: i64) {
        self.days = self.days.split_off(&(day_of(clock_ms) - DAYS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_has_so_many_searches_and_no_more() {
        let day = footfall_event::time::DAY_MS;
        let mut searches = Searches::default();
        let mut admits = |query, time| searches.admits("a.test", query, (time, 10 * day), 2);
        assert!(admits(1, 10 * day) && admits(2, 10 * day));
        assert!(!admits(3, 10 * day) && admits(1, 10 * day), "the first ones stay");
        assert!(admits(3, 10 * day - 1), "another day");
        assert!(admits(3, 5 * day), "long ago");
        searches.sweep(13 * day);
        assert!(searches.days.is_empty());
    }
}
