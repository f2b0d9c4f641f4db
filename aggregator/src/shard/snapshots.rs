//! A shard's state in the compacted topic `snapshots`, so that it follows the shard to any machine.
//!
//! A snapshot is cut into pieces below the log's record size, under the keys `group/shard/a/n`, and
//! a manifest `group/shard/a/manifest` that is written when all of them are stored; the next one goes
//! to `b`. So a crash or a compaction in between can spoil only the newer one. The manifest names the
//! hash of the whole, which tells a mixture from a snapshot.
//!
//! Snapshots are appended, not committed with the batch: they hold what was already committed, and a
//! missing or old one only means a longer replay.

use std::collections::BTreeMap;

use footfall_event::Topic;
use footfall_topics::{AppendError, Log, LogError, Partition, Reader, RecordBatch};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::record::read_to_end;

/// Bytes of one piece.
const PIECE_BYTES: usize = 900_000;

const MANIFEST: &str = "manifest";

/// What a snapshot is of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    v: u8,
    /// Number of the last batch in it.
    pub(crate) seq: u64,
    /// For each input topic the offset behind that batch.
    pub(crate) ends: Vec<u64>,
    /// All later batch records are at or after this offset of the shard's partition of `batches`.
    pub(crate) batches_from: u64,
    pieces: usize,
    bytes: u64,
    hash: u64,
}

/// Which of the two places a snapshot is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    A,
    B,
}

impl Side {
    const fn name(self) -> &'static str {
        match self {
            Side::A => "a",
            Side::B => "b",
        }
    }

    /// The other place.
    pub(crate) const fn other(self) -> Side {
        match self {
            Side::A => Side::B,
            Side::B => Side::A,
        }
    }
}

/// A snapshot as read.
pub(crate) struct Snapshot {
    pub(crate) side: Side,
    pub(crate) manifest: Manifest,
    pub(crate) state: Vec<u8>,
}

/// Stores a snapshot; blocks until it is durable.
///
/// # Errors
/// When the log doesn't take it; the one before is still whole then.
pub(crate) fn save(
    log: &dyn Log,
    (group, shard, side): (&str, u32, Side),
    (seq, ends, batches_from): (u64, Vec<u64>, u64),
    state: &[u8],
) -> Result<(), AppendError> {
    let place = format!("{group}/{shard}/{}", side.name());
    let mut pieces = 0;
    for piece in state.chunks(PIECE_BYTES) {
        let mut batch = RecordBatch::with_capacity(piece.len() + 64);
        batch.push(Topic::Snapshots, shard, format!("{place}/{pieces}").as_bytes(), piece);
        footfall_topics::append_blocking(log, batch)?;
        pieces += 1;
    }
    let bytes = state.len() as u64;
    let manifest = Manifest { v: 1, seq, ends, batches_from, pieces, bytes, hash: xxh3_64(state) };
    let mut batch = RecordBatch::new();
    batch.push_with(Topic::Snapshots, shard, format!("{place}/{MANIFEST}").as_bytes(), |bytes| {
        serde_json::to_writer(bytes, &manifest).expect("plain data")
    });
    footfall_topics::append_blocking(log, batch)
}

#[derive(Default)]
struct Parts {
    pieces: BTreeMap<usize, Vec<u8>>,
    manifest: Option<Manifest>,
}

impl Parts {
    fn assemble(mut self, side: Side) -> Option<Snapshot> {
        let manifest = self.manifest.take()?;
        let mut state = Vec::with_capacity(usize::try_from(manifest.bytes).ok()?.min(1 << 32));
        for number in 0..manifest.pieces {
            state.extend_from_slice(self.pieces.get(&number)?);
        }
        let whole = state.len() as u64 == manifest.bytes && xxh3_64(&state) == manifest.hash;
        whole.then_some(Snapshot { side, manifest, state })
    }
}

/// The newest whole snapshot of a shard.
///
/// # Errors
/// When the log can't be read.
pub(crate) fn load(
    log: &dyn Log,
    reader: &mut dyn Reader,
    group: &str,
    shard: u32,
) -> Result<Option<Snapshot>, LogError> {
    let partition = Partition { topic: Topic::Snapshots, number: shard };
    let offsets = log.offsets(partition)?;
    let prefix = format!("{group}/{shard}/");
    let (mut a, mut b) = (Parts::default(), Parts::default());
    read_to_end(reader, partition, offsets.start, offsets.end, |_, key, value| {
        let Some(rest) = std::str::from_utf8(key).ok().and_then(|key| key.strip_prefix(&prefix))
        else {
            return;
        };
        let (parts, name) = match rest.split_once('/') {
            Some(("a", name)) => (&mut a, name),
            Some(("b", name)) => (&mut b, name),
            _ => return,
        };
        if name == MANIFEST {
            parts.manifest = serde_json::from_slice(value).ok();
        } else if let Ok(number) = name.parse() {
            parts.pieces.insert(number, value.to_vec());
        }
    })?;
    let whole = [a.assemble(Side::A), b.assemble(Side::B)];
    Ok(whole.into_iter().flatten().max_by_key(|snapshot| snapshot.manifest.seq))
}
