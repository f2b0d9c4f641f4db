//! The algebra of visits: which activities belong together, whatever order they come in.
//!
//! A visit is a longest chain of one visitor's activities without a gap over 30 minutes that begins
//! with a page view, search or action. Adding an activity can only make visits grow or melt
//! together, never part: an opener is a chain of its own that joins its neighbours, any other
//! activity prolongs the visit that it falls into. So no list of activities is needed; a visit's
//! totals and its two outermost page views suffice, and two visits that turn out to be one are added
//! up. What does not open a visit and has none to join (an [`Orphan`]) is kept as long as a page
//! view could still come that it belongs to. The result is a function of the *set* of activities:
//! the property test in `tests/core.rs` shuffles them.
//!
//! Activities that come after the bounded lateness, and imports, form visits apart (`history`),
//! by the same rules among themselves: the past that was counted is not rewritten.

use footfall_event::limits::VISIT_GAP_MS;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::intern::Symbol;

/// A place in the order of activities that does not depend on their arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Moment {
    /// Milliseconds since 1970.
    pub(super) time: i64,
    /// Hash of the event's id: orders what happened in the same millisecond.
    pub(super) tie: u64,
}

/// A page view, as far as a visit needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct View {
    pub(super) at: Moment,
    pub(super) path: Symbol,
}

/// The first page view of a visit, and where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) view: View,
    /// Host, source, channel, referrer's host and `utm_*`, packed.
    pub(super) origin: Symbol,
}

/// One visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Visit {
    pub(super) id: u64,
    /// Apart from what came in time.
    pub(super) history: bool,
    /// Already noted as changed in this batch.
    pub(super) dirty: bool,
    pub(super) start: Moment,
    /// Time of the last activity, milliseconds since 1970.
    pub(super) end: i64,
    /// Visitor id of the first activity.
    pub(super) visitor: u64,
    /// Browser, system, device, screen, language and place of the first activity, packed.
    pub(super) context: Symbol,
    pub(super) entry: Option<Entry>,
    pub(super) exit: Option<View>,
    pub(super) pageviews: u32,
    /// Searches and actions.
    pub(super) others: u32,
    pub(super) engaged_ms: i64,
    /// The shard's clock when it last changed.
    pub(super) touched_ms: i64,
}

/// An activity without a visit that could still get one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Orphan {
    pub(super) at: Moment,
    pub(super) history: bool,
    pub(super) engaged_ms: i64,
}

/// The visits of one visitor on one site.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Timeline {
    /// One is the rule: it lies where the timeline does.
    pub(super) visits: SmallVec<[Visit; 1]>,
    pub(super) orphans: Vec<Orphan>,
}

/// A visit that changed: its id, and how it was before the batch (`None`: it was not).
#[derive(Clone, Copy, Debug)]
pub(super) struct Change {
    pub(super) timeline: u32,
    pub(super) visit: u64,
    pub(super) before: Option<Visit>,
}

/// The changes of one batch, in the order in which the visits were first touched.
pub(super) struct Changes<'a> {
    pub(super) timeline: u32,
    pub(super) list: &'a mut Vec<Change>,
}

impl Changes<'_> {
    fn touch(&mut self, visit: &mut Visit) {
        if !visit.dirty {
            let before = Some(*visit);
            self.list.push(Change { timeline: self.timeline, visit: visit.id, before });
            visit.dirty = true;
        }
    }

    fn open(&mut self, visit: &mut Visit) {
        self.list.push(Change { timeline: self.timeline, visit: visit.id, before: None });
        visit.dirty = true;
    }
}

impl Visit {
    /// Path of the last page view; the empty text while there is none.
    pub(super) fn exit_path(&self) -> Symbol {
        self.exit.map(|view| view.path).unwrap_or_default()
    }

    /// Whether an activity at this time continues the visit or is continued by it.
    fn reaches(&self, time: i64) -> bool {
        time >= self.start.time - VISIT_GAP_MS && time <= self.end + VISIT_GAP_MS
    }

    /// Adds what another part of the same chain has.
    fn absorb(&mut self, other: &Visit) {
        if other.start < self.start {
            self.start = other.start;
            self.visitor = other.visitor;
            self.context = other.context;
        }
        self.end = self.end.max(other.end);
        self.entry = match (self.entry, other.entry) {
            (Some(a), Some(b)) => Some(if b.view.at < a.view.at { b } else { a }),
            (a, b) => a.or(b),
        };
        self.exit = match (self.exit, other.exit) {
            (Some(a), Some(b)) => Some(if b.at > a.at { b } else { a }),
            (a, b) => a.or(b),
        };
        self.pageviews += other.pageviews;
        self.others += other.others;
        self.engaged_ms += other.engaged_ms;
        self.touched_ms = self.touched_ms.max(other.touched_ms);
    }

    fn extend(&mut self, orphan: &Orphan) {
        self.end = self.end.max(orphan.at.time);
        self.engaged_ms += orphan.engaged_ms;
    }
}

impl Timeline {
    /// The visit that an opener at this time would continue: its own entry and context matter only
    /// if it comes before that visit's, so the caller need not make them otherwise.
    pub(super) fn find(&self, time: i64, history: bool) -> Option<&Visit> {
        self.visits.iter().find(|visit| visit.history == history && visit.reaches(time))
    }

    /// Adds an opener, given as the visit that it would be alone. Returns the id of its visit.
    pub(super) fn open(&mut self, mut alone: Visit, changes: &mut Changes<'_>) -> u64 {
        let (history, time) = (alone.history, alone.start.time);
        let found =
            self.visits.iter().position(|visit| visit.history == history && visit.reaches(time));
        let index = match found {
            Some(index) => {
                changes.touch(&mut self.visits[index]);
                self.visits[index].absorb(&alone);
                index
            }
            None => {
                changes.open(&mut alone);
                self.visits.push(alone);
                self.visits.len() - 1
            }
        };
        self.join_neighbours(index, changes)
    }

    /// Adds an activity that can't open a visit. Returns the id of its visit, if it has one.
    pub(super) fn prolong(
        &mut self,
        orphan: Orphan,
        clock_ms: i64,
        changes: &mut Changes<'_>,
    ) -> Option<u64> {
        let found = self.visits.iter().position(|visit| {
            visit.history == orphan.history
                && orphan.at.time >= visit.start.time
                && visit.reaches(orphan.at.time)
        });
        let Some(index) = found else {
            self.orphans.push(orphan);
            return None;
        };
        changes.touch(&mut self.visits[index]);
        self.visits[index].extend(&orphan);
        self.visits[index].touched_ms = clock_ms;
        Some(self.join_neighbours(index, changes))
    }

    /// After a visit grew: takes in the orphans and the visits that it now reaches.
    fn join_neighbours(&mut self, mut index: usize, changes: &mut Changes<'_>) -> u64 {
        while self.visits.len() > 1 || !self.orphans.is_empty() {
            let mut grown = self.visits[index];
            let before = (self.visits.len(), self.orphans.len());
            self.orphans.retain(|orphan| {
                let joins = orphan.history == grown.history
                    && orphan.at.time >= grown.start.time
                    && orphan.at.time <= grown.end + VISIT_GAP_MS;
                if joins {
                    grown.extend(orphan);
                }
                !joins
            });
            let neighbour = self.visits.iter().enumerate().position(|(other, visit)| {
                other != index
                    && visit.history == grown.history
                    && visit.start.time <= grown.end + VISIT_GAP_MS
                    && grown.start.time <= visit.end + VISIT_GAP_MS
            });
            self.visits[index] = grown;
            if let Some(other) = neighbour {
                index = self.melt(index, other, changes);
            }
            if before == (self.visits.len(), self.orphans.len()) {
                break;
            }
        }
        self.visits[index].id
    }

    /// Makes two visits one, under the id of the one that began first. Returns its index.
    fn melt(&mut self, a: usize, b: usize, changes: &mut Changes<'_>) -> usize {
        let (first, second) =
            if self.visits[a].start <= self.visits[b].start { (a, b) } else { (b, a) };
        changes.touch(&mut self.visits[second]);
        changes.touch(&mut self.visits[first]);
        let gone = self.visits[second];
        self.visits[first].absorb(&gone);
        self.visits.swap_remove(second);
        if first == self.visits.len() { second } else { first }
    }

    /// Drops what no activity can join any more: times before `in_time_ms` only come as history, and
    /// history that was left alone until `touched_ms` is complete. Whether anything is left.
    pub(super) fn prune(&mut self, in_time_ms: i64, touched_ms: i64) -> bool {
        self.visits.retain(|visit| {
            if visit.history {
                visit.touched_ms >= touched_ms
            } else {
                visit.end + VISIT_GAP_MS >= in_time_ms
            }
        });
        // Orphans of history are few and bounded with their timeline; they go with the watermark.
        self.orphans.retain(|orphan| orphan.at.time >= in_time_ms);
        !self.visits.is_empty() || !self.orphans.is_empty()
    }
}
