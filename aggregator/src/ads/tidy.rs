//! What stage 2 forgets, and when: between batches, by the shard's own time.

use super::Ads;
use super::clicks::CLICK_MS;
use crate::shard::AdStats;

/// Old state is dropped when the clock has moved this far, milliseconds.
const SWEEP_MS: i64 = 5 * 60 * 1_000;

impl Ads {
    /// Drops what can't matter any more, and the oldest where there is too much.
    pub(super) fn tidy(&mut self, stats: &mut AdStats) {
        let (limits, state) = (&self.limits, &mut self.state);
        let clock_ms = state.clock_ms;
        if clock_ms >= state.swept_at_ms.saturating_add(SWEEP_MS) {
            state.swept_at_ms = clock_ms;
            state.clicks.forget(clock_ms - CLICK_MS, usize::MAX);
            state.conversions.sweep(clock_ms);
            state.figures.sweep(clock_ms);
        }
        if state.clicks.len() > limits.clicks_max {
            stats.forgotten += state.clicks.forget(i64::MIN, limits.clicks_max);
        }
        stats.forgotten += state.conversions.bound(limits.transactions_max);
        stats.forgotten += state.figures.performances.bound(limits.performances_max);
        if state.keys.is_due() {
            let old = state.keys.begin_collection();
            state.clicks.keep_keys(&old, &mut state.keys);
            state.conversions.keep_keys(&old, &mut state.keys);
            state.figures.performances.keep_keys(&old, &mut state.keys);
            state.keys.end_collection();
        }
        stats.clicks = state.clicks.len() as u64;
        stats.transactions = state.conversions.len() as u64;
        stats.performances = state.figures.performances.len() as u64;
        stats.keys = state.keys.len() as u64;
    }
}
