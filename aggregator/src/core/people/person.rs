//! What is remembered of one visitor id: the paths viewed, the values of the dimensions, and where its
//! timeline is.

use footfall_event::time::day_of;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The dimensions whose visitors are counted once per value.
#[derive(Clone, Copy, Debug)]
pub(in crate::core) enum Dimension {
    /// Having a visit at all.
    Any,
    Source,
    Channel,
    Campaign,
    Entry,
    Exit,
}

/// How many visits of a visitor have a value of a dimension.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Count {
    /// Hash of the value; the dimension is its seed.
    value: u64,
    visits: u32,
}

impl Count {
    fn hash(dimension: Dimension, value: &str) -> u64 {
        xxh3_64_with_seed(value.as_bytes(), dimension as u64)
    }
}

/// Dimensions of a visit: who has one visit has so many counts.
const COUNTS_USUAL: usize = 6;

/// What is remembered of one visitor id.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::core) struct Person {
    /// The UTC day of the id.
    pub(super) day: i64,
    /// The shard's clock when it was last looked up.
    pub(super) touched_ms: i64,
    /// Whether an event of its own came (else it is only known from the next day's events).
    pub(in crate::core) seen: bool,
    /// Hashes of the paths viewed.
    paths: SmallVec<[u64; 4]>,
    counts: Vec<Count>,
    pub(super) timeline: u32,
}

/// The timeline of who has none.
pub(super) const NO_TIMELINE: u32 = u32::MAX;

/// Paths remembered of one visitor id. Nobody reads that many pages in a day; beyond it a path
/// counts as viewed before.
const PATHS_MAX: usize = 4_096;

impl Person {
    pub(super) fn new(time_ms: i64) -> Person {
        Person {
            day: day_of(time_ms),
            touched_ms: 0,
            seen: false,
            paths: SmallVec::new(),
            counts: Vec::new(),
            timeline: NO_TIMELINE,
        }
    }

    /// Whether this is the visitor's first view of the path, or first action of the name, of
    /// which this is the hash (a name's is inverted, so that the two can't be mistaken).
    pub(in crate::core) fn is_first(&mut self, path: u64) -> bool {
        // A handful of paths is the rule: looking through them is faster than any table.
        let new = !self.paths.contains(&path) && self.paths.len() < PATHS_MAX;
        if new {
            self.paths.push(path);
        }
        new
    }

    /// One more visit with this value; 1 when it is the first.
    pub(in crate::core) fn gain(&mut self, dimension: Dimension, value: &str) -> i32 {
        let value = Count::hash(dimension, value);
        if let Some(count) = self.counts.iter_mut().find(|count| count.value == value) {
            count.visits += 1;
            return 0;
        }
        if self.counts.capacity() == 0 {
            self.counts.reserve_exact(COUNTS_USUAL);
        }
        self.counts.push(Count { value, visits: 1 });
        1
    }

    /// One visit fewer with this value; -1 when it was the last.
    pub(in crate::core) fn lose(&mut self, dimension: Dimension, value: &str) -> i32 {
        let value = Count::hash(dimension, value);
        let found = self.counts.iter().position(|count| count.value == value);
        let Some(index) = found else { return 0 };
        self.counts[index].visits -= 1;
        if self.counts[index].visits > 0 {
            return 0;
        }
        self.counts.swap_remove(index);
        -1
    }

    /// The number of the person's timeline, if there is one.
    pub(in crate::core) fn timeline(&self) -> Option<u32> {
        (self.timeline != NO_TIMELINE).then_some(self.timeline)
    }

    /// Something of the counts.
    pub(super) fn glance(&self) -> u64 {
        self.counts.first().map_or(0, |count| count.value)
    }
}
