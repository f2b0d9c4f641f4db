//! Puts every event before the rules of stage 1 ([`NetworkJudge`]), and tells stage 2 what they find
//! out about clicks later.

use footfall_event::ads::{Proof, partition_of_hash};
use footfall_event::blocklist::{BlockEntry, Subject};
use footfall_event::{Activity, Hex64, Id, Judgement, Topic, Verdict, VerdictReason, record};
use footfall_topics::RecordBatch;

use super::Core;
use super::ads::Fields;
use super::seen::Seen;
use crate::ads::notes::{ClickNote, Note};
use crate::rules::{Correction, Facts, Reasons};

/// The rules compute with times. Those that nobody can have meant are brought into this range,
/// milliseconds since 1970.
const TIMES: std::ops::Range<i64> = 0..1 << 50;

/// Reasons that hold for a visitor and not for one click: those with them are counted apart.
const OF_VISITORS: [VerdictReason; 3] =
    [VerdictReason::BotAgent, VerdictReason::Automated, VerdictReason::Blocklisted];

fn time(ms: i64) -> i64 {
    ms.clamp(TIMES.start, TIMES.end)
}

/// What the rules look at.
fn facts<'a>(seen: &'a Seen<'_>, fields: Option<&'a Fields<'_>>, site: u64) -> Facts<'a> {
    let hash = |id: Option<Hex64>| id.map_or(0, |id| id.0);
    let facts = Facts {
        received_at: time(seen.received_at),
        via: seen.via,
        site,
        network: hash(seen.network),
        visitor: hash(seen.visitor),
        previous_visitor: hash(seen.previous_visitor),
        engaged_ms: seen.engaged_ms,
        bot: !seen.bot.is_empty(),
        automated: seen.automated,
        country: &seen.country,
        referrer_host: &seen.referrer_host,
        found: seen.found.iter().copied().collect(),
        ..Facts::new(seen.activity, seen.id.as_u128(), time(seen.time))
    };
    let Some(fields) = fields else { return facts };
    let mut found = facts.found;
    let expired = fields.proof == Proof::Expired && seen.activity == Activity::Click;
    found.insert_if(expired, VerdictReason::Expired);
    Facts {
        campaign: fields.hashes.campaign,
        ad: fields.hashes.ad,
        placement: fields.hashes.placement,
        previous_network: hash(fields.previous_network),
        impression: fields.impression.map_or(0, |id| id.as_u128()),
        impression_at: time(fields.impression_at),
        proof: fields.proof,
        measurable: fields.measurable,
        asn: fields.asn,
        timezone: &fields.timezone,
        found,
        ..facts
    }
}

impl Core {
    /// Judges an event; and whether its visitor's events are counted as invalid.
    pub(super) fn judge(
        &mut self,
        seen: &Seen<'_>,
        fields: Option<&Fields<'_>>,
        site: u64,
        out: &mut RecordBatch,
    ) -> (Judgement, bool) {
        let facts = facts(seen, fields, site);
        let opinion = self.judge.observe(&facts);
        let rules = self.judge.rules();
        let of = rules.of(facts.site, facts.campaign);
        let judgement = Judgement {
            verdict: of.verdict(opinion.reasons),
            reasons: opinion.reasons.iter().collect(),
            rules: rules.version(),
            session: None,
            new_visitor: 0,
            new_on_path: 0,
            late: false,
            marks: opinion.marks.0,
        };
        let of_visitor = opinion.reasons.intersection(Reasons::from_iter(OF_VISITORS));
        let invalid = of.verdict(of_visitor) == Verdict::Invalid;
        let corrections = self.judge.reconsider(&facts, self.watermark_ms);
        self.send(&corrections, out);
        if facts.activity == Activity::Click {
            // One that is late has been due for a while.
            self.look_again(out);
        }
        (judgement, invalid)
    }

    /// Looks again at the clicks that the watermark has passed. Before each event, so that it doesn't
    /// matter how the input is cut into batches.
    pub(super) fn look_again(&mut self, out: &mut RecordBatch) {
        if self.watermark_ms >= self.judge.due() {
            let corrections = self.judge.close(self.watermark_ms);
            self.send(&corrections, out);
            self.block(out);
        }
        self.judge.tidy(self.watermark_ms);
    }

    /// Puts networks on the blocklist. Ingest follows it.
    fn block(&mut self, out: &mut RecordBatch) {
        for block in self.judge.take_blocks() {
            let entry = BlockEntry {
                v: record::VERSION,
                subject: Subject::Network,
                value: Hex64(block.network).to_string(),
                allow: false,
                until: Some(block.until),
                by: format!("rule {}", block.reason),
                why: block.reason.sentence().to_owned(),
                at: block.at,
            };
            out.push(Topic::Blocklist, 0, entry.key().as_bytes(), &entry.to_json());
        }
    }

    /// Says what is thought of clicks by now.
    fn send(&self, corrections: &[Correction], out: &mut RecordBatch) {
        let rules = self.judge.rules().version();
        for correction in corrections {
            let Correction { id, time, site, campaign, at, opinion } = *correction;
            let note = Note::Click(ClickNote {
                v: record::VERSION,
                id: Id::from_u128(id),
                site: Hex64(site),
                time,
                at,
                received_at: self.clock_ms,
                reasons: opinion.reasons.iter().collect(),
                marks: opinion.marks.0,
                rules,
            });
            let partition = partition_of_hash(campaign, self.shards);
            out.push_with(Topic::AdClicks, partition, b"", |bytes| {
                serde_json::to_writer(bytes, &note).expect("a note is plain data");
            });
        }
    }
}
