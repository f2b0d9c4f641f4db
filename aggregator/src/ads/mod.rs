//! Stage 2, by campaign: what is decided about clicks and conversions when everything about a
//! campaign, or about a transaction, is together. Pure, as stage 1 is.
//!
//! It reads what stage 1 passes on: sums of impressions and views (`ad-deltas`), clicks with their
//! first judgement (`ad-clicks`), conversions (`ad-conversions`). Out come clicks and conversions
//! with their verdict (`judged-events`), later verdicts (`verdicts`), one-minute differences
//! (`ad-windows`, `search-windows`), the current state of ads and campaigns (`ad-performance`), and
//! alerts about budgets. A conversion is keyed by its transaction; its shares go to the campaigns
//! they belong to by `ad-deltas`, which this stage reads itself.
//!
//! Nothing depends on the order of arrival: what counts is the first by time, whenever it comes, and
//! what counted before is taken back by differences.
//!
//! # Layout
//!
//! - [`batch`]: the records of a batch, worked through in their order; [`task`]: one of them.
//! - [`clicks`]: what of them was counted; the rules decide ([`crate::rules`]). [`conversions`]: one
//!   per transaction. [`attribution`]: whose.
//! - [`settle`]: what a batch has changed, counted and written.
//! - [`figures`]: where something counts: [`searches`], [`performance`], [`campaigns`].
//! - [`keys`], [`sums`], [`cut`]: small parts that stage 1 uses, too. [`notes`]: what
//!   stage 1 says later about what it has passed on. [`heard`]: what comes of it. [`upstream`]: how
//!   far stage 1 is.

use std::sync::Arc;

use footfall_event::ads::{AdDelta, Touch, name_hash, normalised_query, partition_of, query_hash};
use footfall_event::record::{self, Event, Judgement};
use footfall_event::time::DAY_MS;
use footfall_event::{Hex64, Topic};
use footfall_topics::RecordBatch;

use crate::core::Core;
use crate::rules::{Candidate, Delta, Facts, Marks, Opinion, RuleSet};
use crate::shard::{BatchStats, Input, RestoreError, Stage};

mod attribution;
mod batch;
mod campaigns;
mod clicks;
mod conversions;
pub(crate) mod cut;
mod figures;
mod heard;
pub(crate) mod keys;
pub(crate) mod notes;
mod performance;
mod searches;
mod settle;
mod store;
pub(crate) mod sums;
mod task;
mod tidy;
mod upstream;

pub(crate) use conversions::conversion_partition;

use batch::Batch;
use clicks::{order_of, order_of_change};
use figures::At;
use keys::Place;
use notes::{ConvertedNote, Note};
use store::State;
use sums::Sums;

/// How much of the past is read again to rebuild a state that has no snapshot: all that the topics
/// keep. Older transactions, and totals since the beginning, live in snapshots only.
const HISTORY_MS: i64 = 7 * DAY_MS;

/// How much a shard may remember.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Clicks.
    pub clicks_max: usize,
    /// Transactions.
    pub transactions_max: usize,
    /// Ads in placements whose performance is followed.
    pub performances_max: usize,
    /// Different searches of a site and UTC day with windows of their own.
    pub searches_max: usize,
}

/// The state of one shard.
#[derive(Clone, Debug)]
pub struct Ads {
    limits: Limits,
    /// How many shards the stage has.
    shards: u32,
    state: State,
    /// Shares of conversions, on their way to their campaigns. Empty between batches.
    shares: Sums,
}

impl Ads {
    /// A stage that has seen nothing.
    pub fn new(limits: Limits) -> Ads {
        let mut state = State::default();
        state.judge = state.judge.with(Arc::default(), limits.clicks_max);
        Ads { limits, shards: 1, state, shares: Sums::default() }
    }

    /// The same as one of so many shards.
    #[must_use]
    pub fn among(self, shards: u32) -> Ads {
        Ads { shards, ..self }
    }

    /// Something happened then. As long as stage 1 doesn't say how far it is, that is how far.
    fn see(&mut self, time: i64, received_at: i64, batch: &mut Batch<'_, '_>) {
        let state = &mut self.state;
        state.clock_ms = state.clock_ms.max(received_at);
        state.newest_ms = state.newest_ms.max(time.min(received_at));
        if state.upstream.is_silent() {
            self.look_again(batch);
        }
    }

    /// Looks at what is due for the rules.
    fn look_again(&mut self, batch: &mut Batch<'_, '_>) {
        let State { clicks, judge, upstream, newest_ms, .. } = &mut self.state;
        let watermark_ms = upstream.watermark(*newest_ms);
        if watermark_ms >= judge.due() {
            for change in judge.close(watermark_ms) {
                clicks.change(order_of_change(&change), change.after, &mut batch.clicks);
            }
        }
        judge.tidy(watermark_ms);
    }

    /// Net impressions of a place, for the rules.
    fn shown(&mut self, shown: &Delta, batch: &mut Batch<'_, '_>) {
        self.see(shown.minute, shown.minute, batch);
        if shown.net_impressions > 0 {
            self.state.judge.count(shown);
        }
    }

    /// Impressions and conversions of a place.
    fn delta(&mut self, delta: &AdDelta<'_>, batch: &mut Batch<'_, '_>) {
        self.shown(&Delta::from(delta), batch);
        let place = Place {
            site: &delta.site,
            campaign: &delta.campaign,
            ad: &delta.ad,
            placement: &delta.placement,
            position: delta.position,
            query: &delta.query,
            query_hash: delta.query_hash.0,
        };
        let currency = delta.currency;
        let at = At { time: delta.minute, clock_ms: self.state.clock_ms, currency };
        let limits = (&self.limits, &mut batch.stats.ads);
        let State { figures, keys, .. } = &mut self.state;
        figures.count(&place, at, (&delta.measures, 1), keys, limits);
    }

    fn click<'a>(
        &mut self,
        input: &'a Input<'a>,
        mut event: Event<'_>,
        judgement: Judgement,
        batch: &mut Batch<'a, '_>,
    ) {
        self.see(event.time, event.received_at, batch);
        let query = normalised_query(&std::mem::take(&mut event.query));
        let State { keys, clicks, judge, .. } = &mut self.state;
        if clicks.has(&order_of(event.time, event.id, name_hash(&event.site))) {
            batch.stats.repeats += 1;
            return;
        }
        let key = keys.intern(&Place {
            site: &event.site,
            campaign: &event.campaign,
            ad: &event.ad,
            placement: &event.placement,
            position: event.position,
            query: &query,
            query_hash: query_hash(&query).0,
        });
        let opinion = Opinion {
            reasons: judgement.reasons.iter().copied().collect(),
            marks: Marks(judgement.marks),
        };
        let account = event.account.map_or(0, |account| account.0);
        let candidate = Candidate::new(&Facts::of(&event), event.position, account, opinion);
        let (reasons, changes) = judge.observe(&candidate);
        clicks.add(&event, key, reasons, &mut batch.clicks);
        batch.new_clicks.push((input, judgement));
        for change in changes {
            clicks.change(order_of_change(&change), change.after, &mut batch.clicks);
        }
    }

    fn conversion(
        &mut self,
        input: &Input<'_>,
        event: &Event<'_>,
        judgement: &Judgement,
        batch: &mut Batch<'_, '_>,
    ) {
        self.see(event.time, event.received_at, batch);
        if judgement.verdict.is_net() {
            let State { conversions, keys, clock_ms, .. } = &mut self.state;
            let new = conversions.add(event, keys, *clock_ms, &mut batch.transactions);
            if let Some(touch) = event.touches.last().filter(|_| new) {
                self.say_converted(event, touch, batch);
            }
        }
        batch.stats.stored += 1;
        batch.out.push(Topic::JudgedEvents, batch.shard, input.key, input.value);
    }

    /// Tells the rules of the click's campaign, which may be another shard's, how long it took.
    fn say_converted(&self, event: &Event<'_>, touch: &Touch<'_>, batch: &mut Batch<'_, '_>) {
        let partition = partition_of(&touch.campaign, &touch.ad, self.shards);
        let note = Note::Converted(ConvertedNote {
            v: record::VERSION,
            campaign: Hex64(name_hash(&touch.campaign)),
            site: Hex64(name_hash(&touch.site)),
            placement: Hex64(name_hash(&touch.placement)),
            clicked_at: touch.at,
            at: event.time,
            received_at: event.received_at,
        });
        batch.out.push_with(Topic::AdClicks, partition, b"", |bytes| {
            serde_json::to_writer(bytes, &note).expect("a note is plain data");
        });
    }
}

impl Stage for Ads {
    fn inputs() -> &'static [Topic] {
        &[Topic::AdDeltas, Topic::AdClicks, Topic::AdConversions]
    }

    fn process(&mut self, batch: &[Input<'_>], shard: u32, out: &mut RecordBatch) -> BatchStats {
        self.process_with(&[], batch, shard, out)
    }

    fn set_rules(&mut self, rules: Arc<RuleSet>) {
        self.state.judge.set_rules(rules);
    }

    fn received_at(record: &[u8]) -> Option<i64> {
        const MINUTE: &[u8] = b"{\"v\":1,\"minute\":";
        let Some(digits) = record.strip_prefix(MINUTE) else {
            return <Core as Stage>::received_at(record);
        };
        let digits = &digits[..digits.iter().position(|byte| !byte.is_ascii_digit())?];
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    fn history_ms() -> i64 {
        HISTORY_MS
    }

    fn snapshot(&self) -> Vec<u8> {
        self.state.store()
    }

    fn restore(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let state = State::load(bytes)?;
        let rules = Arc::clone(self.state.judge.rules());
        let judge = state.judge.with(rules, self.limits.clicks_max);
        self.state = State { judge, ..state };
        Ok(())
    }
}
