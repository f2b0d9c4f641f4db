//! The later looks at a click: when what belongs to it has come, and when something comes late.

use footfall_event::{Activity, Verdict, VerdictReason};

use super::{Block, Correction, LATENESS_MS, NetworkJudge, SETTLED_MS};
use crate::rules::click::Click;
use crate::rules::{Facts, Marks, Opinion, Reasons};

/// Clicks of one network that one late event can change.
const RECONSIDERED_MAX: usize = 128;
/// Reasons that are about a network, and not about one click.
const OF_NETWORKS: [VerdictReason; 5] = [
    VerdictReason::NetworkRate,
    VerdictReason::CampaignRate,
    VerdictReason::Churn,
    VerdictReason::RegularTiming,
    VerdictReason::ClicksEverything,
];

impl NetworkJudge {
    /// The next moment at which [`NetworkJudge::close`] has something to do.
    pub fn due(&self) -> i64 {
        if self.waiting.len() > self.clicks_max {
            // The first has to be let go, whatever the time.
            return i64::MIN;
        }
        self.waiting.first_key_value().map_or(i64::MAX, |((due, _), _)| *due)
    }

    /// Looks again at what the watermark has passed. To be called before each event whose time moves
    /// the watermark beyond [`NetworkJudge::due`], so that batches don't matter.
    pub fn close(&mut self, watermark: i64) -> Vec<Correction> {
        let mut corrections = Vec::new();
        while self.due() <= watermark {
            let Some(((due, id), mut waiting)) = self.waiting.pop_first() else { break };
            // One that had to be let go early is looked at now.
            let at = due.min(watermark);
            // As if the watermark had stopped here.
            self.tidy(at);
            let mut now = self.judge(&waiting.click, due - LATENESS_MS);
            if !waiting.last {
                waiting.found = self.compare(&waiting.click, now, at, &mut corrections);
            }
            let Click { site, campaign, time, .. } = waiting.click;
            let of = self.rules.of(site, campaign);
            now.reasons = of.active(now.reasons.union(waiting.found));
            corrections.extend(waiting.say(now, at));
            if waiting.last {
                self.settled.add((due, id), waiting);
            } else {
                let due = time + of.thresholds.hindsight.final_s * 1_000;
                self.count_bad(&waiting.click, now);
                waiting.last = true;
                self.waiting.insert((due, id), waiting);
            }
        }
        let room = self.clicks_max.saturating_sub(self.waiting.len());
        self.settled.forget(watermark.saturating_sub(SETTLED_MS), room);
        corrections
    }

    /// Looks again at the clicks that an event changes which came later than it should. To be called
    /// after [`NetworkJudge::observe`]; what is in time changes nothing.
    pub fn reconsider(&mut self, facts: &Facts<'_>, watermark: i64) -> Vec<Correction> {
        let mut corrections = Vec::new();
        let matters = !matches!(facts.activity, Activity::Pageview | Activity::Conversion);
        let late = facts.time <= watermark.saturating_sub(LATENESS_MS);
        if !(matters && late) || facts.network == 0 {
            return corrections;
        }
        let rules = self.rules.clone();
        let hindsight = &rules.base().thresholds.hindsight;
        let (settle_ms, final_ms) = (hindsight.settle_s * 1_000, hindsight.final_s * 1_000);
        let from = facts.time - (final_ms - LATENESS_MS);
        for (time, id) in self.settled.of(facts.network, from, RECONSIDERED_MAX) {
            let due = (time + final_ms, id);
            // One whose first look is still to come stands elsewhere.
            let settled = self.settled.get_mut(&due);
            let look_ms = if settled.is_some() { final_ms } else { settle_ms };
            let Some(waiting) = settled.or(self.waiting.get_mut(&due)) else { continue };
            let (click, found) = (waiting.click.clone(), waiting.found);
            let mut now = self.judge(&click, time + look_ms - LATENESS_MS);
            now.reasons = rules.of(click.site, click.campaign).active(now.reasons.union(found));
            let waiting = self.settled.get_mut(&due).or(self.waiting.get_mut(&due));
            corrections.extend(waiting.and_then(|waiting| waiting.say(now, watermark)));
        }
        corrections
    }

    /// Counts a click that is invalid for what its network did; one too many puts the network on the
    /// blocklist. Where many share an address, nobody is to suffer for another.
    fn count_bad(&mut self, click: &Click, now: Opinion) {
        let of = self.rules.of(click.site, click.campaign);
        let limit = &of.thresholds.blocking;
        let by_network = now.reasons.intersection(Reasons::from_iter(OF_NETWORKS));
        let Some(reason) = of.first_invalid(by_network) else { return };
        if limit.clicks == 0 || click.network == 0 || !now.marks.has(Marks::HOUSEHOLD) {
            return;
        }
        let (at, hours, clicks) = (click.time, limit.hours, limit.clicks);
        let count = self.bad.touch(click.network, || 0);
        *count += 1;
        if *count == clicks {
            let until = at.saturating_add(hours * 3_600_000);
            self.to_block.push(Block { network: click.network, reason, at, until });
        }
    }

    /// The networks that are to be blocked, since the last time.
    pub fn take_blocks(&mut self) -> Vec<Block> {
        std::mem::take(&mut self.to_block)
    }

    /// Compares the click with others in its placement, whatever their campaign. Returns what that
    /// makes of it; what it makes of earlier clicks is corrected.
    fn compare(
        &mut self,
        click: &Click,
        now: Opinion,
        looked_at: i64,
        corrections: &mut Vec<Correction>,
    ) -> Reasons {
        let rules = self.rules.clone();
        let of = rules.of(click.site, click.campaign);
        // What is invalid anyhow says nothing about a placement: somebody attacks it.
        if of.verdict(now.reasons) == Verdict::Invalid {
            return Reasons::NONE;
        }
        let at = (click.time, click.id);
        let mut run = self.placements.click(click.site, click.placement, at, now.marks, of);
        for earlier in self.publishers.click(click.site, at, now.marks, of) {
            let due = earlier.0 + of.thresholds.hindsight.final_s * 1_000;
            let waiting = self.waiting.get(&(due, earlier.1));
            if waiting.is_some_and(|w| self.colludes(&w.click, w.said.marks)) {
                run.push((earlier, VerdictReason::Collusion));
            }
        }
        let mut found = Reasons::NONE;
        found.insert_if(self.colludes(click, now.marks), VerdictReason::Collusion);
        let hindsight = &of.thresholds.hindsight;
        // By the clicks' own times, not by who happens to wait still.
        let reach = (hindsight.final_s - hindsight.settle_s) * 1_000;
        for ((time, id), reason) in run {
            if (time, id) == at {
                found.insert(reason);
            } else if time > click.time - reach
                && let Some(earlier) = self.waiting.get_mut(&(time + hindsight.final_s * 1_000, id))
            {
                earlier.found.insert(reason);
                let of = rules.of(earlier.click.site, earlier.click.campaign);
                let reasons = of.active(earlier.said.reasons.union(earlier.found));
                let now = Opinion { reasons, ..earlier.said };
                corrections.extend(earlier.say(now, looked_at));
            }
        }
        found
    }

    /// Whether the click belongs to publishers who share their clickers, as far as is known.
    pub(super) fn colludes(&self, click: &Click, marks: Marks) -> bool {
        let of = self.rules.of(click.site, click.campaign);
        let network = self.networks.get(click.network);
        network.is_some_and(|network| self.publishers.shared(click, marks, network, of))
    }
}
