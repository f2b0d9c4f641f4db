//! Judges history again by other rules, as far back as the log keeps it: what would they have said?
//!
//! The same two stages run as ever, on fresh states, over the same input in the order of its receipt;
//! nothing of what they write is kept but the verdicts on clicks. So the same rules say the same again.
//! Page views say nothing about clicks but what time it is: of each second one is looked at. And of the
//! sums of impressions and views, the rules only ask how many net impressions a place had: nothing
//! else of them goes on to stage 2, which would count and write figures that nobody reads.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, Scope};
use std::time::Duration;

use footfall_event::ads::Revision;
use footfall_event::{Activity, Event, Id, Topic, Verdict, VerdictReason};
use footfall_topics::{Log, LogError, Partition, RecordBatch};

use crate::Settings;
use crate::ads::Ads;
use crate::core::Core;
use crate::rules::{Delta, RuleSet};
use crate::shard::inputs::Inputs;
use crate::shard::{Input, Stage};

/// Shards go on together, by so many milliseconds of receipt: less than the rules wait for.
const STEP_MS: i64 = 100_000;
/// Before the first click that is wanted, so much is read, so that the rules know what they need.
const BEFORE_MS: i64 = 26 * 3_600_000;
/// What stage 1 writes that can say something about a click.
const TO_STAGE_TWO: &[Topic] = &[Topic::AdClicks, Topic::AdConversions];
/// What stage 2 writes to itself, and about clicks.
const FROM_STAGE_TWO: &[Topic] = &[Topic::AdClicks, Topic::JudgedEvents, Topic::Verdicts];
/// Page views nearer to each other than this are left out.
const TICK_MS: i64 = 1_000;
const RECORDS_MAX: usize = 50_000;
const BYTES_MAX: usize = 32 << 20;

/// How far a replay is. Shared with whoever shows it.
#[derive(Debug, Default)]
pub struct ReplayProgress {
    /// Events read.
    pub done: AtomicU64,
    /// Events to read.
    pub total: AtomicU64,
}

/// What the rules say of a click, hindsight included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replayed {
    /// Its site.
    pub site: Box<str>,
    /// The click.
    pub id: Id,
    /// When it happened.
    pub time: i64,
    /// The verdict.
    pub verdict: Verdict,
    /// Every reason, in the rules' order.
    pub reasons: Vec<VerdictReason>,
}

/// One shard of stage 1.
struct Shard {
    number: u32,
    inputs: Inputs,
    ends: Vec<u64>,
    core: Core,
    /// What the core writes. Kept, since a new one's pages would have to be zeroed each time.
    out: RecordBatch,
    ticked_at: i64,
    /// What was received earlier is passed over, until something later has come.
    since: Option<i64>,
}

/// What stage 1 says to stage 2.
#[derive(Default)]
struct Said {
    records: Vec<(Topic, Vec<u8>)>,
    shown: Vec<Delta>,
}

/// Judges the clicks from a time on. Blocks, and uses all processors.
///
/// # Errors
/// When the log can't be read, or is closed meanwhile.
pub fn replay(
    log: &dyn Log,
    rules: &Arc<RuleSet>,
    settings: &Settings,
    from_ms: i64,
    progress: &ReplayProgress,
) -> Result<Vec<Replayed>, LogError> {
    let mut shards = Vec::new();
    for number in 0..log.partitions(Topic::Clicks) {
        shards.push(Shard::open(log, rules, settings, (number, from_ms), progress)?);
    }
    let mut second = Second::new(rules, settings, from_ms);
    std::thread::scope(|scope| {
        let shards = shards.into_iter().map(|shard| shard.work(scope, progress));
        let shards = shards.collect::<Result<Vec<_>, LogError>>()?;
        let mut until = i64::MIN;
        loop {
            let defect = |_| LogError::Storage("a shard of the replay broke off".to_owned());
            // A thread that is not there any more has said why.
            for (ask, _) in &shards {
                let _ = ask.send(until);
            }
            let mut next: Option<i64> = None;
            let mut all = Said::default();
            for (_, answer) in &shards {
                let (said, waiting) = answer.recv().map_err(defect)??;
                all.records.extend(said.records);
                all.shown.extend(said.shown);
                next = [next, waiting].into_iter().flatten().min();
            }
            second.take(all);
            match next {
                // Over hours without events in one step.
                Some(next) => until = until.max(next.saturating_add(STEP_MS)),
                None => return Ok(second.clicks()),
            }
        }
    })
}

/// What a shard said in one step, and when the next record was received, if there is more.
type Step = Result<(Said, Option<i64>), LogError>;

impl Shard {
    fn open(
        log: &dyn Log,
        rules: &Arc<RuleSet>,
        settings: &Settings,
        (number, from_ms): (u32, i64),
        progress: &ReplayProgress,
    ) -> Result<Shard, LogError> {
        let topics = Core::inputs();
        let (mut starts, mut ends) = (Vec::new(), Vec::new());
        for &topic in topics {
            let offsets = log.offsets(Partition { topic, number })?;
            progress.total.fetch_add(offsets.end - offsets.start, Ordering::Relaxed);
            starts.push(offsets.start);
            ends.push(offsets.end);
        }
        let inputs = Inputs::new(log.reader()?, topics, number, &starts, Core::received_at)?;
        let mut core = Core::new(settings.core_limits());
        core.set_rules(Arc::clone(rules));
        let since = Some(from_ms.saturating_sub(BEFORE_MS));
        let (out, ticked_at) = (RecordBatch::only(TO_STAGE_TWO), i64::MIN);
        Ok(Shard { number, inputs, ends, core, out, ticked_at, since })
    }

    /// Works on a thread of its own, one step for each time it is told. A thread for each step would
    /// begin with an empty heap.
    fn work<'scope>(
        mut self,
        scope: &'scope Scope<'scope, '_>,
        progress: &'scope ReplayProgress,
    ) -> Result<(Sender<i64>, Receiver<Step>), LogError> {
        let name = format!("replay-{}", self.number);
        let (ask, asked) = channel();
        let (say, answer) = channel();
        let steps = move || {
            for until in asked {
                let step = self.go_on(until, progress);
                if say.send(step).is_err() {
                    break;
                }
            }
        };
        let thread = Builder::new().name(name);
        thread.spawn_scoped(scope, steps).map_err(|error| LogError::Storage(error.to_string()))?;
        Ok((ask, answer))
    }

    /// Works on what was received until then. What it says, and when the next was received, if there
    /// is more.
    fn go_on(&mut self, until: i64, progress: &ReplayProgress) -> Step {
        self.inputs.take_until(until);
        let mut said = Said::default();
        loop {
            let taken = self.inputs.take(RECORDS_MAX, BYTES_MAX);
            if taken.records > 0 {
                self.out.clear();
                let mut batch = taken.inputs();
                let (ticked_at, since) = (&mut self.ticked_at, &mut self.since);
                batch.retain(|input| matters(input, ticked_at, since));
                self.core.process(&batch, self.number, &mut self.out);
                let records = self.out.iter().map(|(to, _, value)| (to.topic, value.to_vec()));
                said.records.extend(records);
                progress.done.fetch_add(taken.records as u64, Ordering::Relaxed);
            } else if self.inputs.is_used_up(&self.ends) {
                said.shown.extend(self.core.take_shown());
                return Ok((said, self.inputs.next_received_at()));
            } else {
                self.inputs.fill(Duration::from_millis(100))?;
            }
        }
    }
}

/// Whether a record can say anything about a click.
fn matters(input: &Input<'_>, ticked_at: &mut i64, since: &mut Option<i64>) -> bool {
    let is_tick = input.topic == Topic::Pageviews;
    if since.is_none() && !is_tick {
        return true;
    }
    let received_at = Core::received_at(input.value).unwrap_or(i64::MAX);
    if since.is_some_and(|since| received_at < since) {
        return false;
    }
    *since = None;
    if !is_tick {
        return true;
    }
    let tick = received_at >= ticked_at.saturating_add(TICK_MS);
    if tick {
        *ticked_at = received_at;
    }
    tick
}

/// Stage 2, all of it in one.
struct Second {
    ads: Ads,
    /// What it says to itself, for the next batch.
    own: Vec<(Topic, Vec<u8>)>,
    offset: u64,
    from_ms: i64,
    clicks: HashMap<(Box<str>, Id), Replayed>,
}

impl Second {
    fn new(rules: &Arc<RuleSet>, settings: &Settings, from_ms: i64) -> Second {
        let mut ads = Ads::new(settings.ad_limits());
        ads.set_rules(Arc::clone(rules));
        Second { ads, own: Vec::new(), offset: 0, from_ms, clicks: HashMap::new() }
    }

    fn take(&mut self, said: Said) {
        let mut records = std::mem::take(&mut self.own);
        records.extend(said.records);
        if records.is_empty() && said.shown.is_empty() {
            return;
        }
        let batch: Vec<Input<'_>> = (self.offset..)
            .zip(&records)
            .map(|(offset, (topic, value))| Input { topic: *topic, offset, key: b"", value })
            .collect();
        self.offset += records.len() as u64;
        let mut out = RecordBatch::only(FROM_STAGE_TWO);
        self.ads.process_with(&said.shown, &batch, 0, &mut out);
        for (to, _, value) in out.iter() {
            match to.topic {
                Topic::JudgedEvents => self.judged(value),
                Topic::Verdicts => self.revised(value),
                topic => self.own.push((topic, value.to_vec())),
            }
        }
    }

    fn judged(&mut self, record: &[u8]) {
        let Ok(event) = Event::from_json(record) else { return };
        let Some(judged) = event.judged.filter(|_| event.activity == Activity::Click) else {
            return;
        };
        if event.time >= self.from_ms {
            let (id, time, site) = (event.id, event.time, Box::<str>::from(&*event.site));
            let (verdict, reasons) = (judged.verdict, judged.reasons);
            let click = Replayed { site: site.clone(), id, time, verdict, reasons };
            self.clicks.insert((site, id), click);
        }
    }

    fn revised(&mut self, record: &[u8]) {
        let Ok(revision) = serde_json::from_slice::<Revision<'_>>(record) else { return };
        let key = (Box::<str>::from(&*revision.site), revision.id);
        if let Some(click) = self.clicks.get_mut(&key) {
            (click.verdict, click.reasons) = (revision.verdict, revision.reasons);
        }
    }

    fn clicks(self) -> Vec<Replayed> {
        let mut clicks: Vec<_> = self.clicks.into_values().collect();
        clicks.sort_unstable_by(|a, b| (a.time, a.id, &a.site).cmp(&(b.time, b.id, &b.site)));
        clicks
    }
}
