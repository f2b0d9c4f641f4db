//! What is remembered of one network (an address) during the day that its hash lives: who has shown
//! signs of life, how much it was shown, and its clicks.
//!
//! Everything can be asked *as of* a time, so that a judgement made later, or of events that came
//! in another order, is the same.

use serde::{Deserialize, Serialize};

/// Visitors with signs of life that are told apart. More than these have no limit that matters.
const LIVE_MAX: usize = 1_024;
/// Clicks of one network that are remembered; the oldest quarter goes first.
const CLICKS_MAX: usize = 2_048;
/// Impressions are counted in steps of so many milliseconds.
const STEP_MS: i64 = 5 * 60 * 1_000;

/// A click, as its network remembers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    pub(crate) time: i64,
    pub(crate) id: u128,
    pub(crate) visitor: u32,
    pub(crate) ad: u32,
    pub(crate) site: u32,
    pub(crate) campaign: u32,
    pub(crate) placement: u32,
    pub(crate) impression: u32,
}

/// Impressions, in steps of five minutes: the last four apart, older ones together.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Shown {
    newest: i32,
    steps: [u16; 4],
    older: u32,
}

impl Shown {
    fn add(&mut self, time: i64) {
        let step = step_of(time);
        if step > self.newest {
            for _ in 0..(step - self.newest).min(4) {
                self.older = self.older.saturating_add(u32::from(self.steps[3]));
                self.steps = [0, self.steps[0], self.steps[1], self.steps[2]];
            }
            self.newest = step;
        }
        match self.steps.get_mut((self.newest - step) as usize) {
            Some(count) => *count = count.saturating_add(1),
            None => self.older = self.older.saturating_add(1),
        }
    }

    /// Impressions until the end of the step of a time.
    fn until(&self, time: i64) -> u32 {
        let later = (self.newest - step_of(time)).clamp(0, 4) as usize;
        self.older + self.steps[later..].iter().map(|count| u32::from(*count)).sum::<u32>()
    }
}

fn step_of(time: i64) -> i32 {
    i32::try_from(time.div_euclid(STEP_MS)).unwrap_or(i32::MAX)
}

/// A visitor of a site, as it is remembered.
const fn who(visitor: u64, site: u64) -> u64 {
    visitor >> 40 << 8 | site >> 56
}

/// Minutes since 1970, as they fit beside a visitor.
fn minute_of(time: i64) -> u32 {
    time.div_euclid(60_000).clamp(0, i64::from(u32::MAX)) as u32
}

/// See the module.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Network {
    first_minute: u32,
    shown: Shown,
    /// 24 bits of the visitor's hash, 8 of the site's, and the minute of the first sign of life.
    live: Vec<u64>,
    clicks: Vec<Note>,
}

impl Network {
    pub(crate) fn new(time: i64) -> Network {
        Network {
            first_minute: minute_of(time),
            shown: Shown::default(),
            live: Vec::new(),
            clicks: Vec::new(),
        }
    }

    /// It was seen at this time.
    pub(crate) fn seen(&mut self, time: i64) {
        self.first_minute = self.first_minute.min(minute_of(time));
    }

    /// An ad was shown there.
    pub(crate) fn shown(&mut self, time: i64) {
        self.shown.add(time);
    }

    /// A visitor read, looked or did something.
    pub(crate) fn lives(&mut self, visitor: u64, site: u64, time: i64) {
        let minute = u64::from(minute_of(time));
        let who = who(visitor, site);
        let full = self.live.len() >= LIVE_MAX;
        match self.live.iter_mut().find(|known| **known >> 32 == who) {
            Some(known) => {
                *known = *known & !u64::from(u32::MAX) | (*known & 0xffff_ffff).min(minute)
            }
            None if !full => {
                self.live.reserve_exact(usize::from(self.live.is_empty()));
                self.live.push(who << 32 | minute);
            }
            None => {}
        }
    }

    /// Adds a click; one that is there already is left alone. Returns whether it was new.
    pub(crate) fn click(&mut self, note: Note) -> bool {
        let at = self.clicks.partition_point(|other| (other.time, other.id) < (note.time, note.id));
        if self.clicks.get(at).is_some_and(|other| (other.time, other.id) == (note.time, note.id)) {
            return false;
        }
        self.clicks.insert(at, note);
        if self.clicks.len() > CLICKS_MAX {
            self.clicks.drain(..CLICKS_MAX / 4);
        }
        true
    }

    /// Whether this visitor had shown signs of life by then: before its minute began, since what
    /// came in the course of it may not be there yet.
    pub(crate) fn is_live(&self, visitor: u64, site: u64, until: i64) -> bool {
        let minute = u64::from(minute_of(until));
        let who = who(visitor, site);
        self.live.iter().any(|known| known >> 32 == who && known & 0xffff_ffff < minute)
    }

    /// How many visitors had shown signs of life by then (as [`Network::is_live`]), at the site where
    /// there were most: a visitor has another hash at each site.
    pub(crate) fn live(&self, until: i64) -> u32 {
        let minute = u64::from(minute_of(until));
        let mut sites = [0u16; 256];
        for known in self.live.iter().filter(|known| *known & 0xffff_ffff < minute) {
            sites[(known >> 32 & 0xff) as usize] += 1;
        }
        sites.into_iter().max().map_or(0, u32::from)
    }

    /// Impressions until about then.
    pub(crate) fn impressions(&self, until: i64) -> u32 {
        self.shown.until(until)
    }

    /// Whether it had not been seen a minute before.
    pub(crate) fn is_new(&self, time: i64) -> bool {
        self.first_minute.saturating_add(1) >= minute_of(time)
    }

    /// The clicks later than `after` and not later than `until`, in their order.
    pub(crate) fn clicks(&self, after: i64, until: i64) -> &[Note] {
        let from = self.clicks.partition_point(|note| note.time <= after);
        let to = self.clicks.partition_point(|note| note.time <= until);
        &self.clicks[from..to.max(from)]
    }

    /// The clicks before one, in their order.
    pub(crate) fn before(&self, time: i64, id: u128) -> &[Note] {
        &self.clicks[..self.clicks.partition_point(|note| (note.time, note.id) < (time, id))]
    }

    /// Bytes beside its own.
    pub(crate) fn bytes(&self) -> usize {
        self.live.capacity() * 8 + self.clicks.capacity() * size_of::<Note>()
    }
}

/// How many different values notes have, as [`distinct_of`].
pub(crate) fn distinct(notes: &[Note], enough: usize, of: impl Fn(&Note) -> u32) -> usize {
    distinct_of(notes.iter(), enough, of)
}

/// How many different values there are; no more than `enough`, nor than anybody needs to know.
pub(crate) fn distinct_of<'a>(
    notes: impl Iterator<Item = &'a Note>,
    enough: usize,
    of: impl Fn(&Note) -> u32,
) -> usize {
    const LOOKED_AT: usize = 256;
    let mut found = [0u32; LOOKED_AT];
    let mut count = 0;
    for note in notes.take(LOOKED_AT) {
        let value = of(note);
        if !found[..count].contains(&value) {
            found[count] = value;
            count += 1;
            if count >= enough {
                break;
            }
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(time: i64, id: u128) -> Note {
        Note { time, id, visitor: 1, ad: 1, site: 1, campaign: 1, placement: 1, impression: 1 }
    }

    #[test]
    fn impressions_are_counted_as_of_a_time_in_any_order() {
        let times = [0, 1, STEP_MS - 1, STEP_MS, 2 * STEP_MS, 2 * STEP_MS + 5, 3 * STEP_MS];
        let mut forwards = Shown::default();
        let mut backwards = Shown::default();
        times.iter().for_each(|time| forwards.add(*time));
        times.iter().rev().for_each(|time| backwards.add(*time));
        for shown in [forwards, backwards] {
            for (time, count) in [(0, 3), (STEP_MS, 4), (2 * STEP_MS, 6), (9 * STEP_MS, 7)] {
                assert_eq!(shown.until(time), count, "{shown:?}");
            }
        }
        let mut far = forwards;
        far.add(100 * STEP_MS);
        assert_eq!((far.until(99 * STEP_MS), far.until(100 * STEP_MS)), (7, 8));
        far.add(0);
        assert_eq!(far.until(100 * STEP_MS), 9);
    }

    #[test]
    fn clicks_are_kept_in_their_order_once_and_not_too_many() {
        let mut network = Network::new(0);
        for (time, id) in [(5, 1), (3, 2), (5, 0), (5, 1), (3, 2)] {
            network.click(note(time, id));
        }
        let order: Vec<_> = network.clicks.iter().map(|note| (note.time, note.id)).collect();
        assert_eq!(order, [(3, 2), (5, 0), (5, 1)]);
        assert_eq!(network.clicks(3, 5).len(), 2);
        assert_eq!(network.clicks(2, 4).len(), 1);
        assert_eq!(network.clicks(5, 3).len(), 0);
        assert_eq!(network.before(5, 1).len(), 2);
        for id in 0..10_000 {
            network.click(note(10, id));
        }
        assert!(network.clicks.len() <= CLICKS_MAX);
    }

    #[test]
    fn life_counts_from_its_first_sign_whatever_came_first() {
        let mut network = Network::new(0);
        let visitor = |n: u64| n << 40;
        network.lives(visitor(1), 0, 600_000);
        network.lives(visitor(2), 0, 60_000);
        network.lives(visitor(1), 0, 120_000);
        // The same two people at another site.
        network.lives(visitor(3), 1 << 56, 0);
        for (until, live) in
            [(59_999, 0), (60_000, 1), (179_999, 1), (180_000, 2), (i64::MAX / 2, 2)]
        {
            assert_eq!(network.live(until), live, "{until}");
        }
        assert!(
            network.is_live(visitor(1), 0, 180_000) && !network.is_live(visitor(1), 0, 179_999)
        );
        for n in 0..5_000 {
            network.lives(visitor(n), 0, 0);
        }
        assert_eq!(network.live(60_000), LIVE_MAX as u32 - 1);
    }
}
