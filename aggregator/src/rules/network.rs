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
/// Minutes whose impressions are counted apart: a click's last look is ten minutes after it, and
/// events may be five minutes ahead.
const MINUTES: usize = 16;

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

/// Impressions, by the minute: the last ones apart, older ones together.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Shown {
    newest: u32,
    minutes: [u16; MINUTES],
    older: u32,
}

impl Shown {
    fn add(&mut self, time: i64) {
        let minute = minute_of(time);
        if minute > self.newest {
            let by = ((minute - self.newest) as usize).min(MINUTES);
            let gone = self.minutes[MINUTES - by..].iter().map(|count| u32::from(*count)).sum();
            self.older = self.older.saturating_add(gone);
            self.minutes.copy_within(..MINUTES - by, by);
            self.minutes[..by].fill(0);
            self.newest = minute;
        }
        match self.minutes.get_mut((self.newest - minute) as usize) {
            Some(count) => *count = count.saturating_add(1),
            None => self.older = self.older.saturating_add(1),
        }
    }

    /// Impressions until the end of the minute of a time. All of them have come when a click of that
    /// time is looked at, and while it may be looked at they are counted apart from later ones.
    fn until(&self, time: i64) -> u32 {
        let later = (self.newest.saturating_sub(minute_of(time)) as usize).min(MINUTES);
        self.older + self.minutes[later..].iter().map(|count| u32::from(*count)).sum::<u32>()
    }
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
        let sign = who << 32 | minute;
        let is_full = self.live.len() >= LIVE_MAX;
        match self.live.iter_mut().find(|known| **known >> 32 == who) {
            Some(known) => *known = sign.min(*known),
            None if !is_full => {
                self.live.reserve_exact(usize::from(self.live.is_empty()));
                self.live.push(sign);
            }
            None => {
                // The first ones stay, whatever came first.
                let order = |sign: u64| sign.rotate_left(32);
                let last = self.live.iter_mut().max_by_key(|known| order(**known));
                if let Some(last) = last.filter(|last| order(sign) < order(**last)) {
                    *last = sign;
                }
            }
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

    /// Impressions until the end of that minute.
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
        const MINUTE: i64 = 60_000;
        let times = [0, 1, MINUTE - 1, MINUTE, 2 * MINUTE, 2 * MINUTE + 5, 15 * MINUTE];
        let mut forwards = Shown::default();
        let mut backwards = Shown::default();
        times.iter().for_each(|time| forwards.add(*time));
        times.iter().rev().for_each(|time| backwards.add(*time));
        for shown in [forwards, backwards] {
            for (time, count) in [(0, 3), (MINUTE, 4), (2 * MINUTE, 6), (99 * MINUTE, 7)] {
                assert_eq!(shown.until(time), count, "{shown:?}");
            }
            // The minute is not over: what is still to come in it counts, too.
            assert_eq!(shown.until(MINUTE - 1), 3);
        }
        let mut far = forwards;
        far.add(100 * MINUTE);
        assert_eq!((far.until(99 * MINUTE), far.until(100 * MINUTE)), (7, 8));
        far.add(0);
        assert_eq!(far.until(100 * MINUTE), 9);
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
        // The people at the other site are among the first, too.
        assert_eq!(network.live(60_000), LIVE_MAX as u32 - 1);
    }

    #[test]
    fn of_too_many_the_first_are_known_in_any_order() {
        let signs: Vec<(u64, i64)> = (0..3_000).map(|n| (n, n as i64 * 7_919 % 3_000)).collect();
        let known = |signs: &mut dyn Iterator<Item = &(u64, i64)>| {
            let mut network = Network::new(0);
            signs.for_each(|(n, minute)| network.lives(n << 40, 0, minute * 60_000));
            network.live.sort_unstable();
            network.live
        };
        let forwards = known(&mut signs.iter());
        assert_eq!(forwards, known(&mut signs.iter().rev()));
        assert_eq!(forwards, known(&mut signs.iter().chain(&signs)));
        assert!(forwards.iter().all(|sign| sign & 0xffff_ffff < LIVE_MAX as u64));
    }
}
