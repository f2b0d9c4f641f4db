//! How a shard gets its state back: the newest snapshot, then the input after it again, cut exactly
//! as it was, with the outputs thrown away.

use std::sync::Arc;

use footfall_event::Topic;
use footfall_topics::{Log, LogError, Partition, Reader, RecordBatch};

use super::inputs::Inputs;
use super::record::{self, BatchRecord};
use super::snapshots::{self, Side, Snapshot};
use super::{RestoreError, Stage};
use crate::library::RuleLibrary;
use crate::rules::RuleSet;

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
    let partition = Partition { topic: Topic::Batches, number: shard };
    let mut offsets = log.offsets(partition)?;
    let (mut start, mut seq) = (vec![0; committed.len()], 0);
    if let Some(snapshot) = &snapshot {
        offsets.start = offsets.start.max(snapshot.manifest.batches_from);
        start.clone_from(&snapshot.manifest.ends);
        seq = snapshot.manifest.seq;
    }
    let mut records = record::read(reader.as_mut(), shard, group, offsets, seq)?;
    if snapshot.is_none() {
        start = shorten::<S>(&mut records, start);
    }
    let last = records.last();
    let reached = last.map_or(&start, |record| &record.ends);
    if last.is_some() && reached != committed {
        // Never seen in a correct log: batch record and offsets are one commit. Going on with the
        // offsets keeps every event counted once; only visits across the gap may differ.
        tracing::error!(group, shard, ?reached, ?committed, "batch records and offsets disagree");
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
