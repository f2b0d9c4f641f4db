//! A bounded map that forgets by generations: what was not touched for one to two lifetimes is
//! gone, and when it gets too full the older half goes early.
//!
//! Forgetting depends on the time of events and on the number of keys, never on where a hash table
//! keeps them: the same input forgets the same keys everywhere. Generations end at fixed moments,
//! whichever event comes first.

use serde::{Deserialize, Serialize};

use crate::folding::FoldedMap;

type Map<V> = FoldedMap<u64, V>;

const DAY_MS: i64 = 86_400_000;
/// So long before midnight events of the next day may come, from clocks that are ahead.
const AHEAD_MS: i64 = 600_000;
/// So long after midnight nobody asks for the day before any more.
const MORNING_MS: i64 = 3 * 3_600_000;

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "V: Serialize + serde::de::DeserializeOwned")]
pub(crate) struct Recent<V> {
    young: Map<V>,
    old: Map<V>,
    lifetime_ms: i64,
    max: usize,
    turned_at: i64,
}

impl<V> Recent<V> {
    /// Keeps values for at least `lifetime_ms` after they were touched, unless there are more than
    /// `max`.
    pub(crate) fn new(lifetime_ms: i64, max: usize) -> Recent<V> {
        let (young, old) = (Map::default(), Map::default());
        Recent { young, old, lifetime_ms, max: max.max(2), turned_at: i64::MIN }
    }

    /// Keeps no more than so many from now on.
    pub(crate) fn set_max(&mut self, max: usize) {
        self.max = max.max(2);
    }

    /// The value of a key.
    pub(crate) fn get(&self, key: u64) -> Option<&V> {
        self.young.get(&key).or_else(|| self.old.get(&key))
    }

    /// The value of a key, made when it is not there; it is young again.
    pub(crate) fn touch(&mut self, key: u64, new: impl FnOnce() -> V) -> &mut V {
        if self.young.len() >= self.max / 2 && !self.young.contains_key(&key) {
            self.turn();
        }
        // A young map without an old one needs no second look.
        let old = if self.old.is_empty() { None } else { self.old.remove(&key) };
        match old {
            Some(value) => {
                self.young.insert(key, value);
                self.young.get_mut(&key).expect("just put there")
            }
            None => self.young.entry(key).or_insert_with(new),
        }
    }

    /// To be called now and then with the watermark.
    pub(crate) fn tidy(&mut self, now: i64) {
        let begun = now.saturating_sub(now.rem_euclid(self.lifetime_ms));
        if self.turned_at != i64::MIN {
            // After two of them nothing is left.
            for _ in 0..((begun - self.turned_at) / self.lifetime_ms).min(2) {
                self.turn();
            }
        }
        self.turned_at = self.turned_at.max(begun);
    }

    /// The same for keys that mean something during one UTC day and a little after it, such as keyed
    /// hashes: each is kept for as long as it can be asked for, whenever it was touched last.
    pub(crate) fn tidy_days(&mut self, now: i64) {
        let before = std::mem::replace(&mut self.turned_at, now);
        if before == i64::MIN {
            return;
        }
        let evening = |at: i64| (at + AHEAD_MS).div_euclid(DAY_MS);
        let morning = |at: i64| (at - MORNING_MS).div_euclid(DAY_MS);
        let is_over = morning(now) > morning(before);
        // Which of the two came last.
        let is_evening = evening(now) > morning(now);
        if is_over && is_evening {
            self.old = Map::default();
        }
        for _ in 0..(evening(now) - evening(before)).min(2) {
            self.turn();
        }
        if is_over && !is_evening {
            self.old = Map::default();
        }
    }

    fn turn(&mut self) {
        self.old = std::mem::take(&mut self.young);
    }

    /// How many values there are.
    pub(crate) fn len(&self) -> usize {
        self.young.len() + self.old.len()
    }

    /// All values, in no order.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.young.values().chain(self.old.values())
    }

    /// Bytes of the tables themselves.
    pub(crate) fn bytes(&self) -> usize {
        let slots = |map: &Map<V>| map.capacity() * 8 / 7;
        (slots(&self.young) + slots(&self.old)) * (size_of::<(u64, V)>() + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_live_for_a_lifetime_at_least_and_two_at_most() {
        let mut recent = Recent::new(100, 1_000);
        recent.tidy(0);
        recent.touch(1, || "kept");
        recent.touch(2, || "left alone");
        recent.tidy(99);
        assert_eq!(recent.len(), 2);
        recent.tidy(100);
        recent.touch(1, || "new");
        assert_eq!(recent.get(2), Some(&"left alone"));
        recent.tidy(200);
        assert_eq!(recent.get(1), Some(&"kept"));
        assert_eq!(recent.get(2), None);
    }

    #[test]
    fn generations_end_at_fixed_moments() {
        for moments in [&[0, 90, 110, 190, 210][..], &[30, 99, 199, 210], &[0, 210], &[5, 100, 210]]
        {
            let mut recent = Recent::new(100, 10);
            recent.tidy(moments[0]);
            recent.touch(1, || ());
            for now in &moments[1..] {
                assert!(recent.get(1).is_some(), "{moments:?}");
                recent.tidy(*now);
            }
            assert!(recent.get(1).is_none(), "{moments:?}");
        }
    }

    #[test]
    fn what_means_something_for_a_day_is_kept_for_all_of_it() {
        const HOUR_MS: i64 = 3_600_000;
        let at = |hour: i64| 20_000 * DAY_MS + hour * HOUR_MS;
        let kept = |touched: i64, moments: &[i64]| {
            let mut recent = Recent::new(DAY_MS, 10);
            recent.tidy_days(touched);
            recent.touch(1, || ());
            moments.iter().for_each(|now| recent.tidy_days(*now));
            recent.get(1).is_some()
        };
        // From the first moment of the day, or just before, to the end of it and a little longer.
        for touched in [at(0) - AHEAD_MS, at(0), at(1), at(12), at(24) - AHEAD_MS - 1] {
            for moments in [&[at(2), at(12), at(23)][..], &[at(3), at(24), at(27) - 1], &[at(26)]] {
                let moments: Vec<_> = moments.iter().copied().filter(|m| *m > touched).collect();
                assert!(kept(touched, &moments), "{touched} {moments:?}");
            }
            for moments in [&[at(24), at(27)][..], &[at(27)], &[at(47)], &[at(50)], &[at(90)]] {
                assert!(!kept(touched, moments), "{touched} {moments:?}");
            }
        }
    }

    #[test]
    fn there_are_never_more_than_allowed() {
        let mut recent = Recent::new(i64::MAX, 100);
        for key in 0..10_000 {
            recent.touch(key, || key);
            assert!(recent.len() <= 100);
            assert_eq!(recent.get(key), Some(&key));
        }
    }
}
