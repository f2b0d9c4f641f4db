//! What is remembered of visitors: who has been seen today, which paths, which values of the
//! dimensions, and the timeline of visits.
//!
//! A visitor id lives one UTC day; the next day's events carry both ids, which is how a visit goes
//! on across midnight: the new id is led to the old one's timeline. Valid and invalid events are
//! kept apart (the class is part of the key), so net figures don't depend on invalid ones.

use footfall_event::time::DAY_MS;
use serde::{Deserialize, Serialize, Serializer};

use super::intern::{Interner, Symbol};
use super::shelf::Shelf;
use super::visits::{Change, Timeline};
use crate::folding::FoldedMap;

mod person;

use person::NO_TIMELINE;
pub(super) use person::{Dimension, Person};

/// A visitor of a site, net or invalid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Key {
    site: u64,
    visitor: u64,
}

impl Key {
    /// `site` is the hash of the site's domain.
    pub(super) fn new(site: u64, invalid: bool, visitor: u64) -> Key {
        Key { site: site & !1 | u64::from(invalid), visitor }
    }
}

/// A timeline and who leads to it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Slot {
    /// The ids of two days at the most; `None` in both: the slot is free.
    keys: [Option<Key>; 2],
    pub(super) site: Symbol,
    pub(super) site_hash: u64,
    pub(super) invalid: bool,
    pub(super) timeline: Timeline,
}

/// Everybody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored")]
pub(super) struct People {
    #[serde(serialize_with = "as_list")]
    map: FoldedMap<Key, Person>,
    slots: Shelf<Slot>,
    free: Vec<u32>,
}

/// What a snapshot holds.
#[derive(Deserialize)]
struct Stored {
    map: Vec<(Key, Person)>,
    slots: Shelf<Slot>,
    free: Vec<u32>,
}

/// A new timeline's fixed part.
pub(super) struct Place {
    pub(super) site: Symbol,
    pub(super) site_hash: u64,
    pub(super) invalid: bool,
}

impl People {
    /// The person of a key, made when new. `time_ms` is the event's.
    pub(super) fn person(&mut self, key: Key, time_ms: i64, clock_ms: i64) -> &mut Person {
        let person = self.map.entry(key).or_insert_with(|| Person::new(time_ms));
        person.touched_ms = clock_ms;
        person
    }

    /// The number of a key's timeline, for [`People::glance_at`].
    pub(super) fn glance(&self, key: Key) -> u32 {
        self.map.get(&key).map_or(NO_TIMELINE, |person| person.timeline)
    }

    /// Something from all over a timeline.
    pub(super) fn glance_at(&self, number: u32) -> u64 {
        let Some(slot) = self.slots.get(number) else { return 0 };
        let visit = slot.timeline.visits.first();
        slot.site_hash ^ visit.map_or(0, |visit| visit.id ^ visit.visitor ^ visit.end as u64)
    }

    /// Who a visit that changed counts for.
    pub(super) fn changed(&self, change: &Change) -> Option<Key> {
        let slot = &self.slots[change.timeline];
        let visit = slot.timeline.visits.first()?;
        Some(Key::new(slot.site_hash, slot.invalid, visit.visitor))
    }

    /// Something of a person's counts.
    pub(super) fn glance_counts(&self, key: Key) -> u64 {
        self.map.get(&key).map_or(0, Person::glance)
    }

    /// Gives a person that has none a timeline: that of its id of the day before (`previous`, given
    /// only where that day's visits are within reach), or a new one. Returns its number.
    pub(super) fn begin_timeline(
        &mut self,
        key: Key,
        previous: Option<Key>,
        event: (i64, i64),
        place: Place,
    ) -> u32 {
        let (time_ms, clock_ms) = event;
        let older = previous
            .and_then(|previous| self.person(previous, time_ms - DAY_MS, clock_ms).timeline());
        let slot = older.unwrap_or_else(|| self.new_slot(place));
        if let Some(previous) = previous {
            self.lead(previous, slot);
        }
        self.lead(key, slot);
        slot
    }

    fn new_slot(&mut self, place: Place) -> u32 {
        let slot = Slot {
            keys: [None; 2],
            site: place.site,
            site_hash: place.site_hash,
            invalid: place.invalid,
            timeline: Timeline::default(),
        };
        match self.free.pop() {
            Some(number) => {
                self.slots[number] = slot;
                number
            }
            None => {
                self.slots.push(slot);
                u32::try_from(self.slots.len() - 1).expect("visitors_max is far below 2^32")
            }
        }
    }

    /// Leads a visitor id to a timeline. A third id pushes out the oldest, whose day is long over.
    fn lead(&mut self, key: Key, number: u32) {
        let slot = &mut self.slots[number];
        if slot.keys.contains(&Some(key)) {
            return;
        }
        let pushed_out = slot.keys[0];
        slot.keys = [slot.keys[1], Some(key)];
        if let Some(person) = pushed_out.and_then(|old| self.map.get_mut(&old)) {
            person.timeline = NO_TIMELINE;
        }
        if let Some(person) = self.map.get_mut(&key) {
            person.timeline = number;
        }
    }

    /// A timeline by its number.
    pub(super) fn slot(&mut self, number: u32) -> &mut Slot {
        &mut self.slots[number]
    }

    fn release(&mut self, number: u32) {
        let slot = std::mem::take(&mut self.slots[number]);
        for key in slot.keys.into_iter().flatten() {
            if let Some(person) = self.map.get_mut(&key) {
                person.timeline = NO_TIMELINE;
            }
        }
        self.free.push(number);
    }

    fn is_used(slot: &Slot) -> bool {
        slot.keys.iter().any(Option::is_some)
    }

    /// Drops visits before `in_time_ms` (history: left alone since `touched_ms`), and persons whose
    /// id's day was over at `over_ms` and who were left alone as well.
    pub(super) fn sweep(&mut self, in_time_ms: i64, touched_ms: i64, over_ms: i64) {
        for number in 0..self.slots.len() as u32 {
            let slot = &mut self.slots[number];
            if Self::is_used(slot) && !slot.timeline.prune(in_time_ms, touched_ms) {
                self.release(number);
            }
        }
        self.map.retain(|_, person| {
            person.timeline != NO_TIMELINE
                || person.touched_ms >= touched_ms
                || (person.day + 1).saturating_mul(DAY_MS) >= over_ms
        });
    }

    /// When there are more than `visitors_max`, forgets a tenth: who was left alone longest. How
    /// many were forgotten.
    pub(super) fn evict(&mut self, visitors_max: usize) -> usize {
        if self.map.len() <= visitors_max {
            return 0;
        }
        let surplus = self.map.len() - visitors_max + visitors_max / 10;
        let mut touched: Vec<i64> = self.map.values().map(|person| person.touched_ms).collect();
        let (_, threshold, _) = touched.select_nth_unstable(surplus.min(self.map.len() - 1));
        let threshold = *threshold;
        // By what they hold, not by where the table keeps them: the same everywhere. Those at the
        // threshold itself stay unless that would forget nobody.
        let newest = self.map.values().all(|person| person.touched_ms >= threshold);
        let before = self.map.len();
        let mut timelines = Vec::new();
        self.map.retain(|_, person| {
            let stays =
                person.touched_ms > threshold || (!newest && person.touched_ms == threshold);
            if !stays && person.timeline != NO_TIMELINE {
                timelines.push(person.timeline);
            }
            stays
        });
        timelines.sort_unstable();
        timelines.dedup();
        for number in timelines {
            self.release(number);
        }
        before - self.map.len()
    }

    /// Number of visitor ids remembered.
    pub(super) fn len(&self) -> usize {
        self.map.len()
    }

    /// Number of visitors whose visits can still grow.
    pub(super) fn timelines(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Brings the texts still in use over into a fresh interner.
    pub(super) fn keep_texts(&mut self, interner: &mut Interner) {
        let old = interner.begin_collection();
        for slot in self.slots.iter_mut() {
            interner.keep(&old, &mut slot.site);
            for visit in &mut slot.timeline.visits {
                interner.keep(&old, &mut visit.context);
                if let Some(entry) = &mut visit.entry {
                    interner.keep(&old, &mut entry.view.path);
                    interner.keep(&old, &mut entry.origin);
                }
                if let Some(exit) = &mut visit.exit {
                    interner.keep(&old, &mut exit.path);
                }
            }
        }
        interner.end_collection();
    }
}

/// Where the table keeps them says nothing: what is stored is a list.
fn as_list<S: Serializer>(map: &FoldedMap<Key, Person>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(map)
}

impl From<Stored> for People {
    fn from(stored: Stored) -> People {
        People { map: stored.map.into_iter().collect(), slots: stored.slots, free: stored.free }
    }
}
