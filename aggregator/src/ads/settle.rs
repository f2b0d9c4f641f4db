//! The end of a batch: everything about its clicks and transactions is known, so what changed is
//! counted and written.

use footfall_event::ads::{Measures, Revision, name_hash, partition_of};
use footfall_event::money::Money;
use footfall_event::record::{self, Judgement, append_judgement};
use footfall_event::{Topic, Verdict, VerdictReason};

use super::attribution::Share;
use super::clicks::{Click, Order};
use super::conversions::Counts;
use super::figures::At;
use super::store::State;
use super::{Ads, Batch};
use crate::rules::Reasons;
use crate::shard::{AdStats, Input};

impl Ads {
    /// Everything about the batch's clicks is known: counts and writes them.
    pub(super) fn settle_clicks(&mut self, batch: &mut Batch<'_, '_>) {
        let mut new = std::mem::take(&mut batch.new_clicks).into_iter();
        for touched in std::mem::take(&mut batch.clicks) {
            let record = touched.before.is_none().then(|| new.next());
            let State { clicks, clock_ms, keys, judge, .. } = &mut self.state;
            let click = clicks.settle(&touched.order, *clock_ms);
            let Some(click) = click else { continue };
            let place = keys.place(click.key);
            let of = judge.rules().of(name_hash(place.site), name_hash(place.campaign));
            let verdict = of.verdict(click.reasons);
            // What was counted is taken back, whatever the rules have become meanwhile.
            let before = std::mem::replace(&mut click.invalid, of.first_invalid(click.reasons));
            let click = *click;
            if let Some(record) = record {
                let (input, judgement) = record.expect("a record for each new click");
                self.count_click(&click, click.invalid, 1, &mut batch.stats.ads);
                self.write_click(input, judgement, (verdict, click.reasons), batch);
            } else if touched.before != Some(click.reasons) {
                if before != click.invalid {
                    self.count_click(&click, before, -1, &mut batch.stats.ads);
                    self.count_click(&click, click.invalid, 1, &mut batch.stats.ads);
                }
                self.write_revision(&touched.order, &click, verdict, batch);
            }
        }
    }

    fn count_click(
        &mut self,
        click: &Click,
        invalid: Option<VerdictReason>,
        factor: i64,
        stats: &mut AdStats,
    ) {
        let State { keys, figures, clock_ms, .. } = &mut self.state;
        let place = keys.copy(click.key);
        let (currency, measures) = click.measures(invalid);
        let at = At { time: click.time, clock_ms: *clock_ms, currency };
        figures.count(&place.place(), at, (&measures, factor), keys, (&self.limits, stats));
    }

    fn write_revision(
        &self,
        &(time, id, _): &Order,
        click: &Click,
        verdict: Verdict,
        batch: &mut Batch<'_, '_>,
    ) {
        batch.stats.ads.corrected += 1;
        let revision = Revision {
            v: record::VERSION,
            site: self.state.keys.place(click.key).site.into(),
            id,
            time,
            rules: self.state.judge.rules().version(),
            verdict,
            reasons: click.reasons.iter().collect(),
            decided_at: click.decided_at,
        };
        batch.out.push_with(Topic::Verdicts, batch.shard, id.as_bytes(), |bytes| {
            serde_json::to_writer(bytes, &revision).expect("a revision is plain data");
        });
    }

    /// Writes a new click with its verdict; as it came, if stage 1 had the last word.
    fn write_click(
        &self,
        input: &Input<'_>,
        mut judgement: Judgement,
        (verdict, reasons): (Verdict, Reasons),
        batch: &mut Batch<'_, '_>,
    ) {
        batch.stats.stored += 1;
        let rules = self.state.judge.rules().version();
        if judgement.rules == rules && judgement.reasons.iter().copied().eq(reasons.iter()) {
            return batch.out.push(Topic::JudgedEvents, batch.shard, input.key, input.value);
        }
        (judgement.verdict, judgement.rules) = (verdict, rules);
        judgement.reasons = reasons.iter().collect();
        let end = memchr::memmem::rfind(input.value, b",\"judged\":{");
        let end = end.expect("a record with a judgement has it as its last member");
        let mut accepted = input.value[..end].to_vec();
        accepted.push(b'}');
        batch.out.push_with(Topic::JudgedEvents, batch.shard, input.key, |bytes| {
            append_judgement(&accepted, &judgement, bytes);
        });
    }

    /// Everything about the batch's transactions is known: sends the differences to the campaigns.
    pub(super) fn settle_transactions(&mut self, batch: &mut Batch<'_, '_>) {
        for touched in std::mem::take(&mut batch.transactions) {
            let Some((before, now)) = self.state.conversions.settle(touched) else { continue };
            for (counts, factor) in [(before, -1), (now, 1)] {
                self.add_shares(&counts, factor);
            }
        }
        for delta in self.shares.drain(&self.state.keys) {
            let name = if delta.campaign.is_empty() { &delta.ad } else { &delta.campaign };
            let partition = partition_of(&delta.campaign, &delta.ad, self.shards);
            batch.out.push_with(Topic::AdDeltas, partition, name.as_bytes(), |bytes| {
                serde_json::to_writer(bytes, &delta).expect("a difference is plain data");
            });
        }
    }

    fn add_shares(&mut self, counts: &Counts, factor: i64) {
        for share in &counts.shares {
            let Share { key, by_view, micros, revenue, cost } = *share;
            // Revenue and cost may have different currencies; the conversion stands with one.
            let currency = revenue.or(cost).map(|money| money.currency);
            let mut measures = Measures::default();
            match by_view {
                true => measures.view_conversions_micros = micros,
                false => measures.click_conversions_micros = micros,
            }
            self.shares.of(counts.time, key, currency).add(&measures, factor);
            if let Some(Money { micros, currency }) = revenue {
                let more = Measures { revenue_micros: micros, ..Measures::default() };
                self.shares.of(counts.time, key, Some(currency)).add(&more, factor);
            }
            if let Some(Money { micros, currency }) = cost {
                let more = Measures { cost_micros: micros, ..Measures::default() };
                self.shares.of(counts.time, key, Some(currency)).add(&more, factor);
            }
        }
    }
}
