//! How a shard gets its state back: the newest snapshot, then the input after it again, cut exactly
//! as it was, with the outputs thrown away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_event::Topic;
use footfall_topics::{Log, LogError, Partition, Reader, RecordBatch};

use super::inputs::Inputs;
use super::record::{self, BatchRecord};
use super::snapshots::{self, Side, Snapshot};
use super::{RestoreError, Stage};
use crate::library::RuleLibrary;
use crate::rules::RuleSet;

/// A commit is hidden by somebody else's open transaction for this long at the most: the cluster ends
/// what its owner doesn't within a minute, and looks for such every ten seconds.
const HIDDEN_MAX: Duration = Duration::from_secs(90);
const HIDDEN_LOOK: Duration = Duration::from_millis(500);

/// A state, and which batch it is the result of.
pub(crate) struct Recovered<S> {
    pub(crate) stage: S,
    /// Number of the last batch in it; 0 before the first.
    pub(crate) seq: u64,
    /// Where the newest snapshot is.
    pub(crate) side: Option<Side>,
    /// The clock after the last batch, milliseconds since 1970.
    pub(crate) clock_ms: Option<i64>,
    /// Batches replayed.
    pub(crate) replayed: u64,
    pub(crate) reader: Box<dyn Reader>,
}

/// Rebuilds the state of a shard whose input was committed up to `committed`.
///
/// # Errors
/// When the log can't be read, or `go_on` says that it was told to stop.
pub(crate) fn recover<S: Stage>(
    log: &dyn Log,
    (group, shard): (&str, u32),
    committed: &[u64],
    (mut fresh, rules): (S, &RuleLibrary),
    go_on: &dyn Fn() -> bool,
) -> Result<Recovered<S>, LogError> {
    let mut reader = log.reader()?;
    let snapshot = snapshots::load(log, reader.as_mut(), group, shard)?;
    let snapshot = snapshot.filter(|snapshot| is_usable(snapshot, committed, shard));
    let snapshot = snapshot.filter(|snapshot| restore(&mut fresh, snapshot, shard).is_ok());
    let (mut start, mut seq, mut from) = (vec![0; committed.len()], 0, 0);
    if let Some(snapshot) = &snapshot {
        from = snapshot.manifest.batches_from;
        start.clone_from(&snapshot.manifest.ends);
        seq = snapshot.manifest.seq;
    }
    let since = Instant::now();
    let mut records = loop {
        let records = batch_records(log, reader.as_mut(), (group, shard), (from, seq))?;
        let reached = records.last().map_or(&start, |record| &record.ends);
        if reached == committed || !is_hidden((group, shard), (reached, committed), since) {
            break records;
        }
        if !go_on() {
            return Err(LogError::Closed);
        }
        std::thread::sleep(HIDDEN_LOOK);
    };
    if snapshot.is_none() {
        start = shorten::<S>(&mut records, start);
    }
    let inputs = S::inputs();
    let mut stage = fresh;
    let mut replayed = 0;
    if !records.is_empty() {
        let mut lanes = Inputs::new(reader, inputs, shard, &start, S::received_at)?;
        let mut discarded = RecordBatch::new();
        for record in &records {
            if !go_on() {
                return Err(LogError::Closed);
            }
            stage.set_rules(rules_of(record, rules));
            let taken = lanes.take_to(&record.ends)?;
            stage.process(&taken.inputs(), shard, &mut discarded);
            discarded.clear();
            replayed += 1;
        }
        reader = lanes.into_reader()?;
    }
    let seq = records.last().map_or(seq, |record| record.seq);
    let clock_ms = records.last().map(|record| record.clock_ms);
    let side = snapshot.map(|snapshot| snapshot.side);
    Ok(Recovered { stage, seq, side, clock_ms, replayed, reader })
}

/// The records of a group's batches, from an offset of the shard's partition of `batches` on.
fn batch_records(
    log: &dyn Log,
    reader: &mut dyn Reader,
    (group, shard): (&str, u32),
    (from, after_seq): (u64, u64),
) -> Result<Vec<BatchRecord>, LogError> {
    let mut offsets = log.offsets(Partition { topic: Topic::Batches, number: shard })?;
    offsets.start = offsets.start.max(from);
    record::read(reader, shard, group, offsets, after_seq)
}

/// Batch record and offsets are one commit. But all stages of a shard share the partition, and on
/// Kafka an open transaction hides what others have committed behind it. When its owner has died, the
/// next owner or the cluster ends it. Whether that is still worth waiting for.
fn is_hidden(
    (group, shard): (&str, u32),
    (reached, committed): (&[u64], &[u64]),
    since: Instant,
) -> bool {
    if since.elapsed() > HIDDEN_MAX {
        // Never seen in a correct log. Going on with the offsets keeps every event counted once; only
        // what spans the gap (visits, transactions) may differ.
        tracing::error!(group, shard, ?reached, ?committed, "batch records are missing");
        return false;
    }
    tracing::info!(group, shard, ?reached, ?committed, "waiting for batch records");
    true
}

/// The rules by which a batch was judged.
fn rules_of(record: &BatchRecord, rules: &RuleLibrary) -> Arc<RuleSet> {
    rules.of(record.rules).unwrap_or_else(|| {
        if record.rules != 0 {
            let version = record.rules;
            tracing::error!(version, "the rules of a past batch are gone; judging by today's");
        }
        rules.current()
    })
}

/// A snapshot of the future belongs to another log (topics made anew, a restored backup).
fn is_usable(snapshot: &Snapshot, committed: &[u64], shard: u32) -> bool {
    let ends = &snapshot.manifest.ends;
    let usable = ends.len() == committed.len() && ends.iter().zip(committed).all(|(s, c)| s <= c);
    if !usable {
        tracing::warn!(shard, ?ends, ?committed, "the snapshot is not of this log; replaying");
    }
    usable
}

fn restore<S: Stage>(stage: &mut S, snapshot: &Snapshot, shard: u32) -> Result<(), RestoreError> {
    stage.restore(&snapshot.state).inspect_err(|error| {
        tracing::warn!(shard, %error, "the snapshot can't be used; replaying");
    })
}

/// Without a snapshot: leaves out the batches that are older than the state reaches back, and says
/// where the input of the first one left begins.
fn shorten<S: Stage>(records: &mut Vec<BatchRecord>, start: Vec<u64>) -> Vec<u64> {
    let Some(last) = records.last() else { return start };
    let since = last.clock_ms.saturating_sub(S::history_ms());
    let first = records.iter().position(|record| record.clock_ms >= since).unwrap_or(0);
    let begin = first.checked_sub(1).map(|before| records[before].ends.clone());
    // The first batch that is kept at all may begin before what the log still has; its reader then
    // begins at what there is.
    records.drain(..first);
    begin.unwrap_or(start)
}
