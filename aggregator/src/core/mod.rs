//! Stage 1, by network: what is decided about an event. Pure.
//!
//! A batch of records goes in, and the records to write come out: parse → de-duplicate → judge →
//! sessionise → emit. There is no clock, no random number and no I/O here; time comes from the
//! events, and nothing depends on the order of a hash table. So the same batches give the same
//! bytes again, which is what makes replay and recovery silent.
//!
//! # Layout
//!
//! - [`seen`]: the part of a record that is looked at. [`scan`]: the short way to it.
//! - [`ahead`]: has the next records' state fetched from memory before it is needed.
//! - [`ids`]: de-duplication, and the proof that no id comes back.
//! - [`judge`]: puts events before the rules ([`crate::rules`]).
//! - [`visits`]: the algebra of visits. [`people`]: who has which visits, and has been counted.
//!   [`timeline`]: an event among its visitor's visits.
//! - [`ads`]: what only ad events do; clicks and conversions go on to stage 2 ([`crate::ads`]).
//! - [`emit`]: what is written. [`intern`]: texts, once. [`shelf`]: a list that isn't moved.
//!   [`store`]: snapshots.
//!
//! # Time
//!
//! The *watermark* is the newest event time in the shard, never ahead of the receipt; what comes
//! more than an hour behind it is late. The *clock* is the newest receipt. Imports move neither:
//! they are history, whatever their age, and are never late or too old.

use std::sync::Arc;

use footfall_event::Topic;
use footfall_event::limits::{AGE_MS_MAX, LATENESS_MS, RECORD_BYTES_MAX, VISIT_GAP_MS};
use footfall_event::record::{self, Via, append_judgement};
use footfall_topics::{Partition, RecordBatch};

use crate::ads::notes::ReachedNote;
use crate::rules::{Delta, JudgeLimits, NetworkJudge, RuleSet};
use crate::shard::{BatchStats, Input, RestoreError, Stage};

mod ads;
mod ahead;
mod emit;
mod ids;
mod intern;
mod judge;
mod people;
mod scan;
mod seen;
mod shelf;
mod store;
mod timeline;
mod visits;

pub use ads::AdLimits;
pub(crate) use emit::dead_letter;

use ads::{AdEvent, Ads};
use ahead::{Ahead, Read, STRIP};
use ids::{Ids, Known};
use intern::Interner;
use people::People;
use seen::glance;
use visits::Change;

/// Old state is dropped when the clock has moved this far, milliseconds.
const SWEEP_MS: i64 = 5 * 60 * 1_000;

/// Stage 2 is told that the watermark has moved into another span of this length, milliseconds: short
/// beside the minutes that it waits before it compares clicks.
const REACHED_STEP_MS: i64 = 10_000;

/// How much of the past a shard's state covers: what must be replayed to rebuild it from nothing.
pub const HISTORY_MS: i64 = AGE_MS_MAX + LATENESS_MS + VISIT_GAP_MS;

/// How much a core may remember.
#[derive(Clone, Copy, Debug)]
pub struct CoreLimits {
    /// How long ids are remembered, milliseconds.
    pub window_ms: i64,
    /// Ids remembered per shard.
    pub ids_max: usize,
    /// Visitor ids remembered per shard.
    pub visitors_max: usize,
    /// What is remembered of ads.
    pub ads: AdLimits,
    /// What the rules remember.
    pub judge: JudgeLimits,
}

/// The state of one shard.
#[derive(Clone, Debug)]
pub struct Core {
    limits: CoreLimits,
    ids: Ids,
    people: People,
    interner: Interner,
    ads: Ads,
    judge: NetworkJudge,
    /// How many shards stage 2 has.
    shards: u32,
    watermark_ms: i64,
    clock_ms: i64,
    swept_at_ms: i64,
    changes: Vec<Change>,
    scratch: Vec<u8>,
}

/// Where a record stands in its batch, as the order in which a batch is worked through: by time, then
/// topic, then offset (below 2^56). One number compares faster than three.
fn turn(input: &Input<'_>) -> u128 {
    let time = glance(input.value, b"\"time\":").unwrap_or(0);
    let place = (input.topic as u64) << 56 | input.offset & (u64::MAX >> 8);
    // Glanced times are not negative.
    u128::from(time as u64) << 64 | u128::from(place)
}

impl Core {
    /// A core that has seen nothing.
    pub fn new(limits: CoreLimits) -> Core {
        Core {
            limits,
            ids: Ids::new(limits.window_ms, limits.ids_max),
            people: People::default(),
            interner: Interner::default(),
            ads: Ads::default(),
            judge: NetworkJudge::new(Arc::default(), limits.judge),
            shards: 1,
            watermark_ms: i64::MIN,
            clock_ms: i64::MIN,
            swept_at_ms: i64::MIN,
            changes: Vec::new(),
            scratch: Vec::new(),
        }
    }

    /// The same, its clicks, conversions and differences going to so many shards of stage 2.
    #[must_use]
    pub fn among(self, shards: u32) -> Core {
        Core { shards, ..self }
    }

    /// One record: judged and written, or set aside, or found to be a repeat.
    fn record(
        &mut self,
        ahead: &Ahead<'_>,
        shard: u32,
        out: &mut RecordBatch,
        stats: &mut BatchStats,
    ) {
        let Ahead { input, read, outcome } = ahead;
        let from = (Partition { topic: input.topic, number: shard }, input.offset);
        if input.value.len() > RECORD_BYTES_MAX {
            // Nothing that we accept gets this large, and what is written must fit into the log.
            stats.dead_letters += 1;
            let detail = format!("{} bytes, at most {RECORD_BYTES_MAX}", input.value.len());
            return dead_letter(out, from, "too_large", &detail, input.value);
        }
        if let Err(error) = outcome {
            stats.dead_letters += 1;
            return dead_letter(out, from, "unreadable", &error.to_string(), input.value);
        }
        let Read { seen, fields, site, fingerprint } = read;
        let (site, fingerprint, fields) = (*site, *fingerprint, fields.as_deref());
        let import = seen.via == Via::Import;
        self.clock_ms = self.clock_ms.max(seen.received_at);
        let kept_under = if import { seen.received_at } else { seen.time };
        match self.ids.check(fingerprint, kept_under, !import) {
            Known::New => {}
            Known::Repeat => {
                stats.repeats += 1;
                return;
            }
            Known::TooOld => {
                stats.dead_letters += 1;
                let detail = "older than ids are remembered: it can't be told from a repeat";
                return dead_letter(out, from, "too_old", detail, input.value);
            }
        }
        let late = !import && seen.time < self.watermark_ms.saturating_sub(LATENESS_MS);
        if !import {
            self.watermark_ms = self.watermark_ms.max(seen.time.min(seen.received_at));
            self.look_again(out);
        }
        stats.stored += 1;
        stats.late += u64::from(late);
        let (mut judgement, invalid) = self.judge(seen, fields, site, out);
        judgement.late = late;
        self.count_visitor(seen, (site, fingerprint as u64), invalid, &mut judgement);
        if let Some(fields) = fields {
            let (clock_ms, shards) = (self.clock_ms, self.shards);
            let event =
                AdEvent { input, seen, fields, site, judgement, clock_ms, shard, shards, out };
            return self.ads.take(event);
        }
        out.push_with(Topic::JudgedEvents, shard, input.key, |bytes| {
            append_judgement(input.value, &judgement, bytes);
        });
    }

    /// The net impressions of each place, minute by minute, since the last call: of batches whose
    /// output doesn't take them as records of `ad-deltas`.
    pub(crate) fn take_shown(&mut self) -> impl Iterator<Item = Delta> {
        self.ads.take_shown()
    }

    /// How far this shard is.
    fn reached(&self, shard: u32, rests: bool) -> ReachedNote {
        let (at, received_at) = (self.watermark_ms, self.clock_ms);
        ReachedNote { v: record::VERSION, shard, at, received_at, rests }
    }

    /// Between batches, by the shard's own time: drops what can't matter any more.
    fn tidy(&mut self, stats: &mut BatchStats) {
        self.ids.forget(self.clock_ms);
        if self.clock_ms >= self.swept_at_ms.saturating_add(SWEEP_MS) {
            self.swept_at_ms = self.clock_ms;
            self.people.sweep(
                self.watermark_ms.saturating_sub(LATENESS_MS),
                self.clock_ms - LATENESS_MS - VISIT_GAP_MS,
                self.clock_ms - AGE_MS_MAX - LATENESS_MS,
            );
            self.ads.sweep(self.clock_ms);
        }
        stats.visitors_forgotten += self.people.evict(self.limits.visitors_max) as u64;
        stats.ads.forgotten += self.ads.bound(self.clock_ms, &self.limits.ads);
        if self.interner.is_due() {
            self.people.keep_texts(&mut self.interner);
        }
    }
}

impl Stage for Core {
    fn inputs() -> &'static [Topic] {
        &Topic::ACTIVITIES
    }

    fn process(&mut self, batch: &[Input<'_>], shard: u32, out: &mut RecordBatch) -> BatchStats {
        let mut stats = BatchStats { records: batch.len() as u64, ..BatchStats::default() };
        let before_ms = self.watermark_ms;
        let mut order: Vec<(u128, u32)> = Vec::with_capacity(batch.len());
        order.extend(batch.iter().zip(0..).map(|(input, index)| (turn(input), index)));
        // The stable sort is the one that makes use of runs, of which there are a few per topic.
        order.sort_by_key(|(turn, _)| *turn);
        // For an event its copy is written and most often a difference of its visit, of half its size.
        let bytes: usize = batch.iter().map(|input| input.value.len()).sum();
        out.reserve(batch.len() * 9 / 4, bytes * 7 / 4);
        let mut strip = Vec::with_capacity(STRIP);
        for turns in order.chunks(STRIP) {
            let inputs = turns.iter().map(|(_, index)| &batch[*index as usize]);
            Ahead::fill(&mut strip, inputs);
            self.look_ahead(&strip);
            for ahead in &strip {
                self.record(ahead, shard, out, &mut stats);
            }
        }
        emit::differences(
            &mut self.changes,
            &mut self.people,
            &self.interner,
            shard,
            self.clock_ms,
            out,
        );
        self.ads.write(self.shards, out);
        if before_ms.div_euclid(REACHED_STEP_MS) < self.watermark_ms.div_euclid(REACHED_STEP_MS) {
            self.reached(shard, false).write(self.shards, out);
        }
        self.tidy(&mut stats);
        self.ads.stats(&mut stats.ads);
        let [_, impressions, clicks] = self.judge.remembered();
        stats.ads.impressions += impressions as u64;
        stats.ads.clicks = clicks as u64;
        stats.ids = self.ids.len() as u64;
        stats.visitors = self.people.len() as u64;
        stats.timelines = self.people.timelines() as u64;
        stats.clock_ms = self.clock_ms;
        stats.watermark_ms = self.watermark_ms;
        stats
    }

    fn rest(&self, shard: u32, out: &mut RecordBatch) {
        if self.watermark_ms > i64::MIN {
            self.reached(shard, true).write(self.shards, out);
        }
    }

    fn set_rules(&mut self, rules: Arc<RuleSet>) {
        self.judge.set_rules(rules);
    }

    fn received_at(record: &[u8]) -> Option<i64> {
        glance(record, b"\"received_at\":")
    }

    fn history_ms() -> i64 {
        HISTORY_MS
    }

    fn snapshot(&self) -> Vec<u8> {
        self.store()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        self.load(bytes)
    }
}
