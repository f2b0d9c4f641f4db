//! What stage 1 forgets of ads, and when: between batches, by the shard's own time.

use footfall_event::limits::LATENESS_MS;

use super::clicks::CLICK_MS;
use super::shown::IMPRESSION_MS;
use super::{AdLimits, Ads};
use crate::shard::AdStats;

/// Budgets remembered, so that each is said once. One that is forgotten is said again.
const BUDGETS_MAX: usize = 100_000;

impl Ads {
    /// Between batches: drops the oldest when there is too much.
    pub(in crate::core) fn bound(&mut self, clock_ms: i64, limits: &AdLimits) -> u64 {
        let mut forgotten = 0;
        if self.impressions.is_full(limits.impressions_max) {
            forgotten += self.impressions.forget(i64::MIN, limits.impressions_max);
        }
        if self.devices.len() > limits.impressions_max {
            forgotten += self.devices.forget(clock_ms, limits.impressions_max);
        }
        if self.clicks.len() > limits.clicks_max {
            forgotten += self.clicks.forget(i64::MIN, limits.clicks_max * 9 / 10);
        }
        if self.budgets.len() > BUDGETS_MAX {
            self.budgets.clear();
        }
        forgotten
    }

    /// Now and then, by the shard's own time: drops what can't matter any more.
    pub(in crate::core) fn sweep(&mut self, clock_ms: i64) {
        self.impressions.forget(clock_ms - IMPRESSION_MS - LATENESS_MS, usize::MAX);
        self.clicks.forget(clock_ms - CLICK_MS, usize::MAX);
        self.devices.forget(clock_ms, usize::MAX);
        if self.keys.is_due() {
            let old = self.keys.begin_collection();
            self.impressions.keep_keys(&old, &mut self.keys);
            self.clicks.keep_keys(&old, &mut self.keys);
            self.devices.keep_keys(&old, &mut self.keys);
            self.keys.end_collection();
        }
    }

    pub(in crate::core) fn stats(&self, stats: &mut AdStats) {
        stats.impressions = (self.impressions.len() + self.devices.len()) as u64;
        stats.clicks = self.clicks.len() as u64;
        stats.keys = self.keys.len() as u64;
    }
}
