//! Sums per key in windows of event time, as differences: what was added since the last drain.
//!
//! A window is never closed. Whoever reads the differences adds them up, so that an event that comes
//! late corrects its window like any other, and what is kept here is only what has not been written
//! yet.

use std::hash::Hash;

use hashbrown::HashMap;

/// What was added per key and window since the last [`Windows::drain`].
///
/// Not bounded by itself: drain it with each batch.
#[derive(Clone, Debug)]
pub struct Windows<K, V> {
    length_ms: i64,
    /// In the order in which they were first touched, which no hash table may decide.
    list: Vec<(i64, K, V)>,
    places: HashMap<(i64, K), usize>,
}

impl<K: Copy + Eq + Hash, V: Default> Windows<K, V> {
    /// Windows of this length, milliseconds; they begin at multiples of it since 1970.
    ///
    /// # Panics
    /// When the length is not positive.
    pub fn new(length_ms: i64) -> Windows<K, V> {
        assert!(length_ms > 0, "a window has a length");
        Windows { length_ms, list: Vec::new(), places: HashMap::new() }
    }

    /// First moment of the window that holds a time.
    #[inline]
    pub fn start_of(&self, time_ms: i64) -> i64 {
        time_ms.saturating_sub(time_ms.rem_euclid(self.length_ms))
    }

    /// The difference of the key in the window that holds a time, to add to.
    #[inline]
    pub fn at(&mut self, time_ms: i64, key: K) -> &mut V {
        let start = self.start_of(time_ms);
        let list = &mut self.list;
        let place = *self.places.entry((start, key)).or_insert_with(|| {
            list.push((start, key, V::default()));
            list.len() - 1
        });
        &mut self.list[place].2
    }

    /// Windows touched since the last drain.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether none was touched since the last drain.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Takes the differences out, in the order in which they were first touched: first moment of the
    /// window, key, difference.
    pub fn drain(&mut self) -> impl ExactSizeIterator<Item = (i64, K, V)> {
        self.places.clear();
        self.list.drain(..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_begin_at_multiples_of_their_length() {
        let windows = Windows::<u32, i64>::new(10_000);
        for (time, start) in [
            (0, 0),
            (9_999, 0),
            (10_000, 10_000),
            (-1, -10_000),
            (1_700_000_012_345, 1_700_000_010_000),
            (i64::MIN, i64::MIN),
        ] {
            assert_eq!(windows.start_of(time), start, "{time}");
        }
    }

    #[test]
    fn differences_come_out_once_and_in_order() {
        let mut windows = Windows::<u32, i64>::new(10);
        for (time, key) in [(25, 1), (3, 9), (20, 0), (29, 1), (1, 2)] {
            *windows.at(time, key) += 1;
        }
        let drained: Vec<_> = windows.drain().collect();
        assert_eq!(drained, [(20, 1, 2), (0, 9, 1), (20, 0, 1), (0, 2, 1)]);
        assert!(windows.is_empty());
        *windows.at(4, 9) += 1;
        assert_eq!(windows.drain().collect::<Vec<_>>(), [(0, 9, 1)], "late: a difference again");
    }
}
