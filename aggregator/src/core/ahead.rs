//! Has what the next records need of the state fetched from memory before it is needed.
//!
//! What is remembered of millions of visitors is spread over far more memory than the processor's
//! caches hold, so nearly every look at it waits for memory, some hundred times as long as the work
//! itself takes. The processor waits for several places at once when the looks don't depend on each
//! other. So a strip of records is read first, then everything they need is looked at, and only then
//! are they worked on, one after the other. Looking changes nothing: outputs are the same without it.

use std::hint::black_box;

use footfall_event::record::RecordError;
use xxhash_rust::xxh3::xxh3_64;

use super::Core;
use super::ads::Fields;
use super::ids::Ids;
use super::people::{Key, People};
use super::scan::scan;
use super::seen::Seen;
use super::visits::Change;
use crate::shard::Input;

/// Records that are read ahead of their turn: as many as the nearest cache has room for.
pub(super) const STRIP: usize = 32;

/// What is looked at of a record.
pub(super) struct Read<'a> {
    pub(super) seen: Seen<'a>,
    /// Of an ad event.
    pub(super) fields: Option<Box<Fields<'a>>>,
    /// Hash of the site.
    pub(super) site: u64,
    /// The hash by which the event is known.
    pub(super) fingerprint: u128,
}

impl<'a> Read<'a> {
    /// Of which nothing was read yet.
    pub(super) fn empty() -> Read<'a> {
        Read { seen: Seen::empty(), fields: None, site: 0, fingerprint: 0 }
    }

    /// Reads a record, where nothing was read yet: it is too large to be passed around.
    ///
    /// # Errors
    /// When the bytes are not a record of this version.
    fn read(&mut self, record: &'a [u8]) -> Result<(), RecordError> {
        let Read { seen, fields, site, fingerprint } = self;
        if scan(record, seen, fields).is_none() {
            *seen = Seen::parse(record)?;
            *fields = None;
            if seen.activity.is_ad() {
                *fields = Some(Box::new(Fields::parse(record)?));
            }
        }
        seen.check()?;
        if let Some(fields) = fields {
            fields.hash_names();
        }
        *site = xxh3_64(seen.site.as_bytes());
        *fingerprint = Ids::fingerprint(*site, seen.id);
        Ok(())
    }

    /// Whose visit it most likely belongs to.
    fn key(&self) -> Option<Key> {
        let visitor = self.seen.visitor.filter(|_| self.seen.activity.extends_visit())?;
        Some(Key::new(self.site, !self.seen.bot.is_empty(), visitor.0))
    }
}

/// A record that is read ahead of its turn.
pub(super) struct Ahead<'a> {
    pub(super) input: &'a Input<'a>,
    pub(super) read: Read<'a>,
    pub(super) outcome: Result<(), RecordError>,
}

impl<'a> Ahead<'a> {
    /// Reads the records of a strip, in place of what was there.
    pub(super) fn fill(strip: &mut Vec<Ahead<'a>>, inputs: impl Iterator<Item = &'a Input<'a>>) {
        strip.clear();
        for input in inputs {
            strip.push(Ahead { input, read: Read::empty(), outcome: Ok(()) });
            let ahead = strip.last_mut().expect("just put there");
            ahead.outcome = ahead.read.read(input.value);
        }
    }
}

impl Core {
    /// Looks at everything that these records need.
    pub(super) fn look_ahead(&self, strip: &[Ahead<'_>]) {
        let mut timelines = [0; STRIP];
        let mut touched = 0;
        for (Ahead { read, .. }, timeline) in strip.iter().zip(&mut timelines) {
            touched ^= self.ids.glance(read.fingerprint);
            *timeline = read.key().map_or(u32::MAX, |key| self.people.glance(key));
        }
        for timeline in timelines {
            touched ^= self.people.glance_at(timeline);
        }
        black_box(touched);
    }
}

/// Looks at everything that the differences of these visits need.
pub(super) fn look_at_changed(people: &People, strip: &[Change]) {
    let mut keys = [None; STRIP];
    for (change, key) in strip.iter().zip(&mut keys) {
        *key = people.changed(change);
    }
    black_box(keys.iter().flatten().fold(0, |touched, key| touched ^ people.glance_counts(*key)));
}
