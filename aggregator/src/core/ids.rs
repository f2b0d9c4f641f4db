//! De-duplication: the ids of a shard's events, remembered for a window.
//!
//! # Why no id can come back after it was forgotten
//!
//! An id is remembered under its event's `time` *T* and forgotten when *T* falls behind the
//! *horizon*; an event whose own *T* is behind the horizon is refused (`too_old`). A sender that
//! repeats an event repeats its time: both copies have the same *T*, up to the jitter of the
//! clock correction ([`JITTER_MS`]). So if a copy is not refused, its *T* is not behind the
//! horizon, and then the other copy's id, kept under the same *T*, has not been forgotten. This
//! holds whatever delayed either copy (spool, Kafka away, a shard that was down), since neither
//! side of the argument looks at a clock.
//!
//! The horizon is the shard's clock (the largest `received_at` it has seen) minus the window plus
//! an hour. The ingest refuses what is older than the window when it is received, so only an event
//! that was *also* delayed by more than an hour behind its shard's newest can be refused here.
//! When `ids_max` is reached, the horizon moves up instead: the memory stays bounded, and what can
//! no longer be told from a repeat is set aside, not counted twice. The last [`PROTECTED_MS`] are
//! never forgotten, so a burst can't make the present "too old"; the table then holds at the most
//! what a shard can take in those minutes.
//!
//! Two kinds of events have no time of their own to be found by: those without `time` (it is set
//! on receipt) are found within the window from one receipt to the other, imports (any age) are
//! kept under `received_at` and never refused.
//!
//! # Size
//!
//! 112 bits of a hash of (site, id) and 16 bits of minute, plus one byte of the table: 20 to 39
//! bytes an id, depending on how full the table is. At 10^9 ids the chance that any event was ever
//! taken for a repeat of another is below 10^-15; fewer bits would make lost events likely.

use std::collections::VecDeque;

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_128_with_seed;

const MINUTE_MS: i64 = 60_000;

/// How far the times of two copies of one event may differ: the clock correction depends on how
/// long the request took.
const JITTER_MS: i64 = 2 * MINUTE_MS;

/// Ids of the last minutes are never forgotten.
const PROTECTED_MS: i64 = 5 * MINUTE_MS;

/// How much longer than the window ids are remembered.
const ALLOWANCE_MS: i64 = 60 * MINUTE_MS;

/// The table is swept when the clock has moved this far.
const SWEEP_MS: i64 = 30 * MINUTE_MS;

/// What is known about an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    /// Not seen before; it is remembered from now on.
    New,
    /// Seen before.
    Repeat,
    /// Too old to tell.
    TooOld,
}

/// The ids of one shard.
#[derive(Clone, Debug)]
pub(super) struct Ids {
    table: HashTable<u128>,
    /// Ids per minute from `first_minute` on.
    per_minute: VecDeque<u32>,
    first_minute: i64,
    /// Times before this are forgotten.
    horizon_ms: i64,
    swept_at_ms: i64,
    window_ms: i64,
    ids_max: usize,
}

impl Ids {
    pub(super) fn new(window_ms: i64, ids_max: usize) -> Ids {
        Ids {
            table: HashTable::new(),
            per_minute: VecDeque::new(),
            first_minute: 0,
            horizon_ms: i64::MIN,
            swept_at_ms: i64::MIN,
            window_ms,
            ids_max,
        }
    }

    /// The hash by which an event is known.
    pub(super) fn fingerprint(site: u64, id: uuid::Uuid) -> u128 {
        xxh3_128_with_seed(id.as_bytes(), site)
    }

    /// Looks an id up and remembers it. `time_ms` is the event's time, or for imports when it was
    /// received (`refuse` is false then).
    pub(super) fn check(&mut self, fingerprint: u128, time_ms: i64, refuse: bool) -> Known {
        if refuse && time_ms < self.horizon_ms.saturating_add(JITTER_MS) {
            return Known::TooOld;
        }
        let minute = time_ms.div_euclid(MINUTE_MS);
        let found = self.table.find(hash_of(fingerprint), |entry| entry >> 16 == fingerprint >> 16);
        if found.is_some() {
            return Known::Repeat;
        }
        let entry = (fingerprint & !0xffff) | u128::from(minute as u16);
        self.table.insert_unique(hash_of(fingerprint), entry, |entry| hash_of(*entry));
        self.count(minute);
        Known::New
    }

    /// Something of where an id is or will be.
    pub(super) fn glance(&self, fingerprint: u128) -> u64 {
        let found = self.table.find(hash_of(fingerprint), |entry| *entry == fingerprint);
        u64::from(found.is_some())
    }

    fn count(&mut self, minute: i64) {
        if self.per_minute.is_empty() {
            self.first_minute = minute;
        }
        // 45 days is what 16 bits of minutes can tell apart; real spans are a day and an hour.
        while minute < self.first_minute && self.per_minute.len() < 65_000 {
            self.per_minute.push_front(0);
            self.first_minute -= 1;
        }
        let index = (minute - self.first_minute).clamp(0, 65_000) as usize;
        if index >= self.per_minute.len() {
            self.per_minute.resize(index + 1, 0);
        }
        self.per_minute[index] += 1;
    }

    /// Forgets what is behind the window of the shard's clock. To be called between batches, so
    /// that it happens at the same place when the batches are replayed.
    pub(super) fn forget(&mut self, clock_ms: i64) {
        let horizon = clock_ms.saturating_sub(self.window_ms + ALLOWANCE_MS);
        let full = self.table.len() > self.ids_max;
        if !full && clock_ms < self.swept_at_ms.saturating_add(SWEEP_MS) {
            // Ids behind the horizon may stay until the next sweep; refusing them begins then, too.
            return;
        }
        self.swept_at_ms = clock_ms;
        let mut horizon = horizon.max(self.horizon_ms);
        if full {
            horizon = horizon.max(self.horizon_for_room(clock_ms));
        }
        if horizon > self.horizon_ms {
            self.horizon_ms = horizon;
            self.drop_before(horizon.div_euclid(MINUTE_MS));
        }
    }

    /// A horizon that frees a tenth, but not the protected minutes.
    fn horizon_for_room(&self, clock_ms: i64) -> i64 {
        let surplus = self.table.len() - self.ids_max * 9 / 10;
        let mut freed = 0usize;
        let mut minute = self.first_minute;
        for count in &self.per_minute {
            if freed >= surplus {
                break;
            }
            freed += *count as usize;
            minute += 1;
        }
        (minute * MINUTE_MS).min(clock_ms - PROTECTED_MS)
    }

    fn drop_before(&mut self, minute: i64) {
        let behind = minute - self.first_minute;
        if behind <= 0 {
            return;
        }
        let behind = (behind as usize).min(self.per_minute.len());
        self.per_minute.drain(..behind);
        let first = self.first_minute;
        self.first_minute = minute;
        // An entry holds its minute modulo 2^16; measured from the first one, it is unambiguous.
        self.table.retain(|entry| {
            let from_first = (*entry as u16).wrapping_sub(first as u16);
            i64::from(from_first) >= minute - first
        });
        if self.table.capacity() > 4 * self.table.len().max(1024) {
            self.table.shrink_to(2 * self.table.len(), |entry| hash_of(*entry));
        }
    }

    /// Number of ids remembered.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// For a snapshot: horizon, last sweep, first minute, ids per minute, and all entries.
    pub(super) fn store(&self, out: &mut Vec<u8>) {
        for value in [self.horizon_ms, self.swept_at_ms, self.first_minute] {
            out.extend_from_slice(&value.to_le_bytes());
        }
        out.extend_from_slice(&(self.per_minute.len() as u64).to_le_bytes());
        for count in &self.per_minute {
            out.extend_from_slice(&count.to_le_bytes());
        }
        out.extend_from_slice(&(self.table.len() as u64).to_le_bytes());
        out.reserve(self.table.len() * 16);
        for entry in &self.table {
            out.extend_from_slice(&entry.to_le_bytes());
        }
    }

    /// The reverse of [`Ids::store`]; `None` when the bytes are not whole.
    pub(super) fn load(&mut self, mut bytes: &[u8]) -> Option<()> {
        fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
            let (head, rest) = bytes.split_first_chunk::<N>()?;
            *bytes = rest;
            Some(*head)
        }
        self.horizon_ms = i64::from_le_bytes(take(&mut bytes)?);
        self.swept_at_ms = i64::from_le_bytes(take(&mut bytes)?);
        self.first_minute = i64::from_le_bytes(take(&mut bytes)?);
        let minutes = u64::from_le_bytes(take(&mut bytes)?);
        self.per_minute.clear();
        for _ in 0..minutes {
            self.per_minute.push_back(u32::from_le_bytes(take(&mut bytes)?));
        }
        let count = usize::try_from(u64::from_le_bytes(take(&mut bytes)?)).ok()?;
        if bytes.len() != count.checked_mul(16)? {
            return None;
        }
        self.table = HashTable::with_capacity(count);
        for chunk in bytes.chunks_exact(16) {
            let entry = u128::from_le_bytes(chunk.try_into().ok()?);
            self.table.insert_unique(hash_of(entry), entry, |entry| hash_of(*entry));
        }
        Some(())
    }
}

/// The table's hash: bits of the fingerprint that both a new one and a stored entry have.
fn hash_of(fingerprint: u128) -> u64 {
    (fingerprint >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * MINUTE_MS;
    const NOW: i64 = 1_795_255_200_000;

    fn ids(ids_max: usize) -> Ids {
        Ids::new(24 * HOUR, ids_max)
    }

    fn id(n: u128) -> u128 {
        Ids::fingerprint(7, uuid::Uuid::from_u128(n))
    }

    #[test]
    fn a_repeat_is_known_until_its_time_is_refused() {
        let mut ids = ids(1_000_000);
        assert_eq!(ids.check(id(1), NOW, true), Known::New);
        for hours in 0..60 {
            let clock = NOW + hours * HOUR;
            ids.forget(clock);
            let known = ids.check(id(1), NOW, true);
            assert_ne!(known, Known::New, "after {hours} h");
            assert_eq!(known == Known::TooOld, hours >= 25, "after {hours} h");
        }
        assert_eq!(ids.len(), 0);
    }

    #[test]
    fn sites_do_not_share_ids() {
        let mut ids = ids(10);
        let uuid = uuid::Uuid::from_u128(5);
        assert_eq!(ids.check(Ids::fingerprint(1, uuid), NOW, true), Known::New);
        assert_eq!(ids.check(Ids::fingerprint(2, uuid), NOW, true), Known::New);
    }

    #[test]
    fn full_it_forgets_the_oldest_and_refuses_what_it_forgot() {
        let mut ids = ids(10_000);
        let mut n = 0;
        let mut clock = NOW;
        for _ in 0..100 {
            clock += MINUTE_MS;
            for _ in 0..500 {
                n += 1;
                assert_eq!(ids.check(id(n), clock, true), Known::New);
            }
            ids.forget(clock);
            assert!(ids.len() <= 10_500, "{}", ids.len());
        }
        for k in 1..=n {
            let time = NOW + (k as i64 - 1) / 500 * MINUTE_MS + MINUTE_MS;
            assert_ne!(ids.check(id(k), time, true), Known::New, "id {k}");
        }
        assert_eq!(ids.check(id(n + 1), clock, true), Known::New, "the present is never refused");
    }

    #[test]
    fn a_burst_does_not_make_the_present_too_old() {
        let mut ids = ids(100);
        for n in 0..1_000 {
            assert_eq!(ids.check(id(n), NOW, true), Known::New);
        }
        ids.forget(NOW);
        assert_eq!(ids.check(id(1), NOW, true), Known::Repeat);
        assert_eq!(ids.check(id(2_000), NOW, true), Known::New);
    }

    #[test]
    fn storing_keeps_everything() {
        let mut before = ids(1_000);
        for n in 0..500 {
            before.check(id(n), NOW + (n as i64) * MINUTE_MS, true);
        }
        before.forget(NOW + 500 * MINUTE_MS);
        let mut bytes = Vec::new();
        before.store(&mut bytes);
        let mut after = ids(1_000);
        assert_eq!(after.load(&bytes), Some(()));
        for n in 0..500 {
            let time = NOW + (n as i64) * MINUTE_MS;
            assert_eq!(before.check(id(n), time, true), after.check(id(n), time, true));
        }
        assert_eq!(after.load(&bytes[..bytes.len() - 1]), None);
    }
}
