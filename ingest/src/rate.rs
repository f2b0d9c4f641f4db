//! How much one network may send: a bounded table of token buckets.
//!
//! A bucket is one number, the moment at which it would be full again (the "generic cell rate
//! algorithm"); a bucket that is full needs no entry.

use std::collections::HashMap;
use std::sync::Mutex;

use crate::settings::RateSettings;

const SHARDS: usize = 32;
/// Networks that are remembered at the same time, in each shard.
const ENTRIES_MAX: usize = 8_192;

/// The buckets.
pub(crate) struct Rate {
    /// Microseconds that one beacon takes to refill; 0: no limit.
    refill_us: u64,
    /// Microseconds that the whole bucket takes.
    full_us: u64,
    shards: Vec<Mutex<HashMap<u64, u64>>>,
}

impl Rate {
    pub(crate) fn new(settings: &RateSettings) -> Rate {
        let refill_us = 1_000_000u64.checked_div(u64::from(settings.beacons_per_second));
        let refill_us = refill_us.map_or(0, |us| us.max(1));
        Rate {
            refill_us,
            full_us: refill_us * u64::from(settings.burst.max(1)),
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }

    /// Takes one beacon out of a network's bucket.
    ///
    /// # Errors
    /// When it is empty: the seconds to wait.
    pub(crate) fn take(&self, network: u64, now_us: u64) -> Result<(), u64> {
        if self.refill_us == 0 {
            return Ok(());
        }
        let shard = &self.shards[network as usize % SHARDS];
        let mut full_at = shard.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if full_at.len() >= ENTRIES_MAX && !full_at.contains_key(&network) {
            full_at.retain(|_, moment| *moment > now_us);
            if full_at.len() >= ENTRIES_MAX {
                crate::metrics::rate_table_full();
                return Ok(());
            }
        }
        let moment = full_at.entry(network).or_insert(now_us);
        let next = (*moment).max(now_us) + self.refill_us;
        if next > now_us + self.full_us {
            return Err((next - now_us - self.full_us).div_ceil(1_000_000));
        }
        *moment = next;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bursts_then_a_steady_rate() {
        let rate = Rate::new(&RateSettings { beacons_per_second: 10, burst: 5 });
        for _ in 0..5 {
            assert_eq!(rate.take(1, 1_000), Ok(()));
        }
        assert_eq!(rate.take(1, 1_000), Err(1));
        assert_eq!(rate.take(2, 1_000), Ok(()));
        assert_eq!(rate.take(1, 101_000), Ok(()));
        assert_eq!(rate.take(1, 101_000), Err(1));
    }

    #[test]
    fn the_table_is_bounded_and_no_limit_is_no_limit() {
        let rate = Rate::new(&RateSettings { beacons_per_second: 1, burst: 1 });
        for network in 0..2 * (SHARDS * ENTRIES_MAX) as u64 {
            assert_eq!(rate.take(network, 0), Ok(()));
        }
        let entries: usize = rate.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(entries <= SHARDS * ENTRIES_MAX);
        let none = Rate::new(&RateSettings { beacons_per_second: 0, burst: 0 });
        assert!((0..10_000).all(|_| none.take(1, 0).is_ok()));
    }
}
