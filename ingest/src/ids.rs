//! Fresh ids for events that bring none.

use std::cell::Cell;

use footfall_event::Id;

/// Makes UUIDv7s of one moment from one random number: the random part counts up, so that any
/// number of ids of a request are distinct and sort in the order of their events.
pub struct FreshIds {
    now_ms: u64,
    random: Cell<u128>,
}

impl FreshIds {
    /// Ids of this moment (milliseconds since 1970). `random` must come from a good source and be
    /// used once.
    pub fn new(now_ms: i64, random: u128) -> FreshIds {
        FreshIds { now_ms: now_ms.max(0) as u64, random: Cell::new(random) }
    }

    /// The next one.
    pub fn next(&self) -> Id {
        let random = self.random.get();
        self.random.set(random.wrapping_add(1));
        let mut tail = [0; 10];
        tail.copy_from_slice(&random.to_be_bytes()[6..]);
        uuid::Builder::from_unix_timestamp_millis(self.now_ms, &tail).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_of_version_7() {
        let fresh = FreshIds::new(1_795_255_200_123, u128::MAX - 5);
        let ids: std::collections::HashSet<_> = (0..10_000).map(|_| fresh.next()).collect();
        assert_eq!(ids.len(), 10_000);
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
