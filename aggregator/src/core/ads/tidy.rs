//! What stage 1 forgets of ads, and when: between batches, by the shard's own time.

use footfall_event::limits::LATENESS_MS;

use super::views::VIEW_MS;
use super::{AdLimits, Ads};
use crate::shard::AdStats;

/// Budgets remembered, so that each is said once. One that is forgotten is said again.
const BUDGETS_MAX: usize = 100_000;

impl Ads {
    /// Between batches: drops the oldest when there is too much.
    pub(in crate::core) fn bound(&mut self, clock_ms: i64, limits: &AdLimits) -> u64 {
        let mut forgotten = 0;
        if self.views.len() > limits.impressions_max {
            forgotten += self.views.forget(i64::MIN, limits.impressions_max);
        }
        if self.devices.len() > limits.impressions_max {
            forgotten += self.devices.forget(clock_ms, limits.impressions_max);
        }
        if self.budgets.len() > BUDGETS_MAX {
            self.budgets.clear();
        }
        forgotten
    }

    /// Now and then, by the shard's own time: drops what can't matter any more.
    pub(in crate::core) fn sweep(&mut self, clock_ms: i64) {
        self.views.forget(clock_ms - VIEW_MS - LATENESS_MS, usize::MAX);
        self.devices.forget(clock_ms, usize::MAX);
        if self.keys.is_due() {
            let old = self.keys.begin_collection();
            self.views.keep_keys(&old, &mut self.keys);
            self.devices.keep_keys(&old, &mut self.keys);
            self.keys.end_collection();
        }
    }

    pub(in crate::core) fn stats(&self, stats: &mut AdStats) {
        stats.impressions = (self.views.len() + self.devices.len()) as u64;
        stats.keys = self.keys.len() as u64;
    }
}
