//! A bounded map that forgets by generations: what was not touched for one to two lifetimes is
//! gone, and when it gets too full the older half goes early.
//!
//! Forgetting depends on the time of events and on the number of keys, never on where a hash table
//! keeps them: the same input forgets the same keys everywhere.

use serde::{Deserialize, Serialize};

use crate::folding::FoldedMap;

type Map<V> = FoldedMap<u64, V>;

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
        if self.turned_at == i64::MIN {
            self.turned_at = now;
        } else if now >= self.turned_at.saturating_add(self.lifetime_ms) {
            self.turn();
            self.turned_at = now;
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
    fn there_are_never_more_than_allowed() {
        let mut recent = Recent::new(i64::MAX, 100);
        for key in 0..10_000 {
            recent.touch(key, || key);
            assert!(recent.len() <= 100);
            assert_eq!(recent.get(key), Some(&key));
        }
    }
}
