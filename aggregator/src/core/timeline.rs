//! An event among its visitor's visits.

use footfall_event::limits::{LATENESS_MS, VISIT_GAP_MS};
use footfall_event::record::Via;
use footfall_event::{Activity, Hex64, Judgement};
use xxhash_rust::xxh3::xxh3_64;

use super::people::{Key, Place};
use super::seen::Seen;
use super::visits::{Changes, Entry, Moment, Orphan, View, Visit};
use super::{Core, emit, intern};

impl Core {
    /// Counts the visitor and finds the visit of an event that belongs to one. `invalid` events have
    /// visitors and visits of their own.
    pub(super) fn count_visitor(
        &mut self,
        seen: &Seen<'_>,
        (site, tie): (u64, u64),
        invalid: bool,
        judgement: &mut Judgement,
    ) {
        let Some(visitor) = seen.visitor.filter(|_| seen.activity.extends_visit()) else { return };
        let key = Key::new(site, invalid, visitor.0);
        let person = self.people.person(key, seen.time, self.clock_ms);
        if seen.activity != Activity::Click {
            judgement.new_visitor = u8::from(!person.seen);
            person.seen = true;
            let subject = match seen.activity {
                Activity::Pageview => Some(xxh3_64(seen.path.as_bytes())),
                Activity::Action => Some(!xxh3_64(seen.name.as_bytes())),
                _ => None,
            };
            if let Some(subject) = subject {
                judgement.new_on_path = u8::from(person.is_first(subject));
            }
        }
        let slot = match person.timeline() {
            Some(slot) => slot,
            None => self.begin_timeline(seen, key, site, invalid),
        };
        let history = judgement.late || seen.via == Via::Import;
        let at = Moment { time: seen.time, tie };
        judgement.session = self.visit(seen, slot, at, visitor, history).map(Hex64);
    }

    fn begin_timeline(&mut self, seen: &Seen<'_>, key: Key, site: u64, invalid: bool) -> u32 {
        let previous = self.previous(seen, site, invalid);
        let place = Place { site: self.interner.intern(&seen.site), site_hash: site, invalid };
        self.people.begin_timeline(key, previous, (seen.time, self.clock_ms), place)
    }

    /// The visitor's id of the day before, where a visit of that day is within reach: a chain of
    /// activities that are late by an hour at the most, and then a gap.
    fn previous(&self, seen: &Seen<'_>, site: u64, invalid: bool) -> Option<Key> {
        let since_midnight = seen.time.rem_euclid(footfall_event::time::DAY_MS);
        let previous =
            seen.previous_visitor.filter(|_| since_midnight <= LATENESS_MS + VISIT_GAP_MS);
        previous.map(|previous| Key::new(site, invalid, previous.0))
    }

    /// Adds the activity to its visitor's visits. Returns the visit's id, if it is in one.
    fn visit(
        &mut self,
        seen: &Seen<'_>,
        slot: u32,
        at: Moment,
        visitor: Hex64,
        history: bool,
    ) -> Option<u64> {
        let timeline = &mut self.people.slot(slot).timeline;
        let mut changes = Changes { timeline: slot, list: &mut self.changes };
        let engaged_ms = i64::from(seen.engaged_ms);
        if !seen.activity.opens_visit() {
            let orphan = Orphan { at, history, engaged_ms };
            return timeline.prolong(orphan, self.clock_ms, &mut changes);
        }
        // Where it came from, and with what, matters only if nothing in its visit is earlier.
        let found = timeline.find(at.time, history);
        let first = found.is_none_or(|visit| at < visit.start);
        let is_view = seen.activity == Activity::Pageview;
        let entered = found.and_then(|visit| visit.entry);
        let first_view = is_view && entered.is_none_or(|entry| at < entry.view.at);
        let mut alone = Visit {
            id: at.tie,
            history,
            dirty: false,
            start: at,
            end: at.time,
            visitor: visitor.0,
            context: intern::Symbol::default(),
            entry: None,
            exit: None,
            pageviews: u32::from(is_view),
            others: u32::from(!is_view),
            engaged_ms,
            touched_ms: self.clock_ms,
        };
        if first {
            alone.context = emit::context_of(seen, &mut self.interner, &mut self.scratch);
        }
        if is_view {
            let view = View { at, path: self.interner.intern(&seen.path) };
            alone.exit = Some(view);
            if first_view {
                let origin = emit::origin_of(seen, &mut self.interner, &mut self.scratch);
                alone.entry = Some(Entry { view, origin });
            }
        }
        Some(timeline.open(alone, &mut changes))
    }
}
