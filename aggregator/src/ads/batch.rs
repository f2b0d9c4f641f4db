//! One batch: its records in the order of what happened, and what they change together.

use footfall_event::Topic;
use footfall_event::record::Judgement;
use footfall_topics::{Partition, RecordBatch};

use super::store::State;
use super::task::{Task, read};
use super::{Ads, clicks, conversions};
use crate::core::dead_letter;
use crate::rules::Delta;
use crate::shard::{BatchStats, Input};

/// What a batch changes, until all of it is known.
pub(super) struct Batch<'a, 'o> {
    pub(super) shard: u32,
    pub(super) out: &'o mut RecordBatch,
    pub(super) stats: BatchStats,
    pub(super) clicks: Vec<clicks::Touched>,
    /// The records of the new ones among them, in the same order.
    pub(super) new_clicks: Vec<(&'a Input<'a>, Judgement)>,
    pub(super) transactions: Vec<conversions::Touched>,
}

impl Batch<'_, '_> {
    fn dead(&mut self, input: &Input<'_>, reason: &'static str, detail: &str) {
        self.stats.dead_letters += 1;
        let from = (Partition { topic: input.topic, number: self.shard }, input.offset);
        dead_letter(self.out, from, reason, detail, input.value);
    }
}

impl Ads {
    /// [`Stage::process`], and net impressions that no record tells of. For when nothing else of what
    /// stage 1 has counted matters: they only go to the rules.
    pub(crate) fn process_with(
        &mut self,
        shown: &[Delta],
        batch: &[Input<'_>],
        shard: u32,
        out: &mut RecordBatch,
    ) -> BatchStats {
        let stats = BatchStats { records: batch.len() as u64, ..BatchStats::default() };
        let (clicks, new_clicks, transactions) = Default::default();
        let mut work = Batch { shard, out, stats, clicks, new_clicks, transactions };
        let mut tasks: Vec<_> = shown.iter().map(|shown| (Task::Shown(*shown), None)).collect();
        for input in batch {
            match read(input) {
                Ok(task) => tasks.push((task, Some((input.topic, input.offset)))),
                Err(why) => work.dead(input, "unreadable", &why),
            }
        }
        tasks.sort_by_key(|(task, place)| (task.turn(), *place));
        for (task, _) in tasks {
            match task {
                Task::Shown(shown) => self.shown(&shown, &mut work),
                Task::Delta(delta) => self.delta(&delta, &mut work),
                Task::Budget(set) => {
                    self.state.clock_ms = self.state.clock_ms.max(set.at);
                    self.state.figures.campaigns.set_budget(&set);
                }
                Task::Event(input, event) => {
                    let (event, judgement) = *event;
                    match input.topic {
                        Topic::AdClicks => self.click(input, event, judgement, &mut work),
                        _ => self.conversion(input, &event, &judgement, &mut work),
                    }
                }
                Task::Note(topic, note) => self.note(topic, note, &mut work),
            }
        }
        self.settle_clicks(&mut work);
        self.settle_transactions(&mut work);
        let State { figures, keys, clock_ms, .. } = &mut self.state;
        figures.write(keys, *clock_ms, (shard, self.shards), work.out);
        let mut stats = work.stats;
        self.tidy(&mut stats.ads);
        stats.clock_ms = self.state.clock_ms;
        stats.watermark_ms = self.state.newest_ms;
        stats
    }
}
