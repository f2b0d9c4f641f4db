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
//! - [`clicks`]: one per impression. [`conversions`]: one per transaction. [`attribution`]: whose.
//! - [`settle`]: what a batch has changed, counted and written.
//! - [`figures`]: where something counts: [`searches`], [`performance`], [`campaigns`].
//! - [`keys`], [`sums`], [`reasons`], [`cut`]: small parts that stage 1 uses, too. [`notes`]: what
//!   stage 1 says later about what it has passed on.

use footfall_event::Topic;
use footfall_event::ads::performance::BudgetSet;
use footfall_event::ads::{AdDelta, normalised_query, query_hash};
use footfall_event::limits::RECORD_BYTES_MAX;
use footfall_event::record::{Event, Judgement};
use footfall_event::time::DAY_MS;
use footfall_topics::{Partition, RecordBatch};

use crate::core::{Core, dead_letter};
use crate::shard::{BatchStats, Input, RestoreError, Stage};

mod attribution;
mod campaigns;
mod clicks;
mod conversions;
pub(crate) mod cut;
mod figures;
pub(crate) mod keys;
pub(crate) mod notes;
mod performance;
pub(crate) mod reasons;
mod searches;
mod settle;
mod store;
pub(crate) mod sums;
mod tidy;

pub(crate) use conversions::conversion_partition;

use attribution::Contact;
use clicks::order_of;
use conversions::transaction_key;
use figures::At;
use keys::Place;
use notes::{Note, is_note};
use reasons::Reasons;
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

/// What a batch changes, until all of it is known.
struct Batch<'a, 'o> {
    shard: u32,
    out: &'o mut RecordBatch,
    stats: BatchStats,
    clicks: Vec<clicks::Touched>,
    /// The records of the new ones among them, in the same order.
    new_clicks: Vec<(&'a Input<'a>, Judgement)>,
    transactions: Vec<conversions::Touched>,
}

impl Batch<'_, '_> {
    fn dead(&mut self, input: &Input<'_>, reason: &'static str, detail: &str) {
        self.stats.dead_letters += 1;
        let from = (Partition { topic: input.topic, number: self.shard }, input.offset);
        dead_letter(self.out, from, reason, detail, input.value);
    }
}

impl Ads {
    /// A stage that has seen nothing.
    pub fn new(limits: Limits) -> Ads {
        Ads { limits, shards: 1, state: State::default(), shares: Sums::default() }
    }

    /// The same as one of so many shards.
    #[must_use]
    pub fn among(self, shards: u32) -> Ads {
        Ads { shards, ..self }
    }

    fn see(&mut self, time: i64, received_at: i64) {
        self.state.clock_ms = self.state.clock_ms.max(received_at);
        self.state.watermark_ms = self.state.watermark_ms.max(time.min(received_at));
    }

    /// A difference, or a campaign's budget.
    fn delta(&mut self, input: &Input<'_>, batch: &mut Batch<'_, '_>) {
        let delta = match serde_json::from_slice::<AdDelta<'_>>(input.value) {
            Ok(delta) => delta,
            Err(error) => match serde_json::from_slice::<BudgetSet<'_>>(input.value) {
                Ok(set) => {
                    self.see(set.at, set.at);
                    return self.state.figures.campaigns.set_budget(&set);
                }
                Err(_) => return batch.dead(input, "unreadable", &error.to_string()),
            },
        };
        self.see(delta.minute, delta.minute);
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
        self.see(event.time, event.received_at);
        let query = normalised_query(&std::mem::take(&mut event.query));
        let State { keys, clicks, .. } = &mut self.state;
        let key = keys.intern(&Place {
            site: &event.site,
            campaign: &event.campaign,
            ad: &event.ad,
            placement: &event.placement,
            position: event.position,
            query: &query,
            query_hash: query_hash(&query).0,
        });
        let reasons: Reasons = judgement.reasons.iter().copied().collect();
        if clicks.add(&event, key, reasons, &mut batch.clicks) {
            batch.new_clicks.push((input, judgement));
        } else {
            batch.stats.repeats += 1;
        }
    }

    fn conversion(
        &mut self,
        input: &Input<'_>,
        event: &Event<'_>,
        judgement: &Judgement,
        batch: &mut Batch<'_, '_>,
    ) {
        self.see(event.time, event.received_at);
        if judgement.verdict.is_net() {
            let State { conversions, keys, clock_ms, .. } = &mut self.state;
            conversions.add(event, keys, *clock_ms, &mut batch.transactions);
        }
        batch.stats.stored += 1;
        batch.out.push(Topic::JudgedEvents, batch.shard, input.key, input.value);
    }

    fn note(&mut self, input: &Input<'_>, batch: &mut Batch<'_, '_>) {
        let State { clicks, conversions, keys, clock_ms, .. } = &mut self.state;
        let known = match serde_json::from_slice::<Note<'_>>(input.value) {
            Ok(Note::Click(note)) => {
                *clock_ms = (*clock_ms).max(note.received_at);
                let order = order_of(note.time, note.id, &note.site);
                clicks.change(order, &mut batch.clicks, |reasons| {
                    note.add.map(|reason| reasons.insert(reason));
                    note.remove.map(|reason| reasons.remove(reason));
                })
            }
            Ok(Note::Conversion(note)) => {
                *clock_ms = (*clock_ms).max(note.received_at);
                let key = transaction_key(&note.site, &note.goal, &note.transaction, note.id);
                let view = Contact::new(&note.view_through, keys);
                let touched = &mut batch.transactions;
                conversions.seen_before((key, note.time, note.id), view, *clock_ms, touched)
            }
            Err(error) => return batch.dead(input, "unreadable", &error.to_string()),
        };
        batch.stats.ads.corrections_lost += u64::from(!known);
    }
}

/// An event that stage 1 has judged, and its judgement.
fn read<'a>(input: &'a Input<'a>) -> Result<(Event<'a>, Judgement), String> {
    if input.value.len() > 2 * RECORD_BYTES_MAX {
        return Err(format!("{} bytes", input.value.len()));
    }
    let mut event = Event::from_json(input.value).map_err(|error| error.to_string())?;
    let judgement = event.judged.take().ok_or("the event was not judged")?;
    match memchr::memmem::rfind(input.value, b",\"judged\":{") {
        Some(_) => Ok((event, judgement)),
        None => Err("the judgement is not the last member".to_owned()),
    }
}

impl Stage for Ads {
    fn inputs() -> &'static [Topic] {
        &[Topic::AdDeltas, Topic::AdClicks, Topic::AdConversions]
    }

    fn process(&mut self, batch: &[Input<'_>], shard: u32, out: &mut RecordBatch) -> BatchStats {
        let stats = BatchStats { records: batch.len() as u64, ..BatchStats::default() };
        let (clicks, new_clicks, transactions) = Default::default();
        let mut work = Batch { shard, out, stats, clicks, new_clicks, transactions };
        let mut events = Vec::new();
        let mut notes = Vec::new();
        for input in batch {
            match input.topic {
                Topic::AdDeltas => self.delta(input, &mut work),
                _ if is_note(input.value) => notes.push(input),
                _ => match read(input) {
                    Ok((event, judgement)) => events.push((input, event, judgement)),
                    Err(why) => work.dead(input, "unreadable", &why),
                },
            }
        }
        events.sort_by_key(|(input, event, _)| (event.time, event.id, input.topic, input.offset));
        for (input, event, judgement) in events {
            match input.topic {
                Topic::AdClicks => self.click(input, event, judgement, &mut work),
                _ => self.conversion(input, &event, &judgement, &mut work),
            }
        }
        // After the events that they are about.
        for input in notes {
            self.note(input, &mut work);
        }
        self.settle_clicks(&mut work);
        self.settle_transactions(&mut work);
        let State { figures, keys, clock_ms, .. } = &mut self.state;
        figures.write(keys, *clock_ms, (shard, self.shards), work.out);
        let mut stats = work.stats;
        self.tidy(&mut stats.ads);
        stats.clock_ms = self.state.clock_ms;
        stats.watermark_ms = self.state.watermark_ms;
        stats
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
        self.state = State::load(bytes)?;
        Ok(())
    }
}
