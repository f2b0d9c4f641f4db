//! The upkeep thread: drops what is too old or too much, and has compacted topics rewritten.
//!
//! - By time: a segment is dropped when its newest record is older than its family is kept, whether
//!   or not it was consumed. Each family has files of its own, so nothing of it stays anywhere.
//! - By size: when all records together come near `max_bytes`, the oldest segments are dropped
//!   early, but only those whose records every group that reads them has consumed. Accepted events
//!   and results that no group has read yet are not dropped; so appends fail before unprocessed
//!   events are lost.

use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use super::{
    Settings, clean, compact,
    layout::{Family, POSITION_PREFIX, partition_key},
    memory,
    segment::Segment,
    shared::{Shared, lock, now_ms},
    store::{Store, u64_of},
};
use crate::{LogError, Partition, Topic, metrics};

/// Pause between two passes.
const PAUSE: Duration = Duration::from_secs(1);
/// A segment is complete when it has this share of `max_bytes` ...
const SEGMENTS_PER_LOG: u64 = 32;
/// ... within these bounds.
const SEGMENT_BYTES: std::ops::RangeInclusive<u64> = (256 << 10)..=(1 << 30);
/// ... or when it has been written to for this share of the time that it is kept.
const SEGMENTS_PER_RETENTION: i64 = 8;
/// Dropping by size begins when this share (percent) of `max_bytes` is used.
const SIZE_PERCENT: u64 = 75;
/// Compacted topics have smaller files, because those are rewritten one at a time.
const COMPACTED_SEGMENT_BYTES: u64 = 8 << 20;
/// Blocks in a segment at the most: bounds the memory for its index.
const SEGMENT_BLOCKS: u64 = 256 << 10;

impl Settings {
    /// How long the records of a family are kept, in ms; `None` for ever.
    pub(super) fn retention_ms(&self, family: Family) -> Option<i64> {
        let seconds = match family {
            Family::Activities => self.retention.activities_seconds,
            Family::Results => self.retention.results_seconds,
            Family::Notices => self.retention.notices_seconds,
            Family::Salts => self.retention.salts_seconds,
            Family::Compacted => return None,
        };
        Some(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000))
    }

    /// Bytes from which a segment is complete.
    pub(super) fn segment_bytes(&self) -> u64 {
        (self.max_bytes / SEGMENTS_PER_LOG).clamp(*SEGMENT_BYTES.start(), *SEGMENT_BYTES.end())
    }

    /// Whether the next frame has to go to a new segment.
    pub(super) fn is_segment_complete(&self, segment: &Segment, now_ms: i64) -> bool {
        if segment.is_empty() {
            return false;
        }
        let Some(kept_ms) = self.retention_ms(segment.family) else {
            return segment.bytes() >= self.segment_bytes().min(COMPACTED_SEGMENT_BYTES);
        };
        let age_ms = now_ms.saturating_sub(segment.oldest_ms.load(Ordering::Relaxed));
        segment.bytes() >= self.segment_bytes()
            || segment.blocks.load(Ordering::Relaxed) >= SEGMENT_BLOCKS
            || age_ms > kept_ms / SEGMENTS_PER_RETENTION
    }
}

/// What a pass remembers for the next.
#[derive(Default)]
pub(super) struct Upkeep {
    pub(super) compaction: compact::Progress,
}

/// Runs until the log is closed.
pub(super) fn run(shared: &Arc<Shared>) {
    loop {
        shared.closing.wait(Instant::now() + PAUSE);
        if shared.is_closed() {
            return;
        }
        if let Err(error) = pass(shared, false)
            && !matches!(error, LogError::Closed)
        {
            tracing::warn!(%error, "the log's upkeep failed and is tried again");
        }
    }
}

/// One pass. `thorough`: compacts whatever can be, not only what pays.
pub(super) fn pass(shared: &Arc<Shared>, thorough: bool) -> Result<(), LogError> {
    let mut upkeep = lock(&shared.upkeep);
    let store = shared.store()?;
    let now_ms = now_ms();
    for family in Family::ALL {
        if let Some(kept_ms) = shared.settings.retention_ms(family) {
            drop_old(&store, family, now_ms.saturating_sub(kept_ms))?;
        }
    }
    drop_excess(shared, &store)?;
    compact::pass(shared, &store, &mut upkeep.compaction, thorough)?;
    clean::pass(shared, &store)?;
    memory::trim();
    metrics::log_bytes(store.bytes());
    Ok(())
}

/// Drops a family's segments without any record since `before_ms`.
fn drop_old(store: &Store, family: Family, before_ms: i64) -> Result<(), LogError> {
    for segment in store.segments(family) {
        if segment.is_empty() || segment.newest_ms.load(Ordering::Relaxed) >= before_ms {
            continue;
        }
        if store.is_active(&segment) && !store.retire(&segment, before_ms) {
            continue;
        }
        drop_segment(store, &segment, "time")?;
    }
    Ok(())
}

fn drop_excess(shared: &Shared, store: &Store) -> Result<(), LogError> {
    let limit = shared.settings.max_bytes / 100 * SIZE_PERCENT;
    if store.bytes() <= limit {
        return Ok(());
    }
    let mut candidates: Vec<_> = Family::ALL
        .into_iter()
        .filter(|family| *family != Family::Compacted && *family != Family::Salts)
        .flat_map(|family| {
            let mut segments = store.segments(family);
            segments.retain(|segment| !store.is_active(segment));
            segments
        })
        .collect();
    candidates.sort_by_key(|segment| segment.newest_ms.load(Ordering::Relaxed));
    // Within a family the order has to be kept: nothing after a segment that has to stay goes.
    let mut stays = [false; Family::ALL.len()];
    for segment in candidates {
        if store.bytes() <= limit {
            break;
        }
        let stays = &mut stays[segment.family.index()];
        if *stays || !is_consumed(store, &segment)? {
            *stays = true;
            continue;
        }
        drop_segment(store, &segment, "size")?;
    }
    Ok(())
}

fn drop_segment(
    store: &Store,
    segment: &Arc<Segment>,
    reason: &'static str,
) -> Result<(), LogError> {
    let bytes = segment.bytes();
    tracing::info!(family = segment.family.name(), bytes, reason, "dropping old records");
    store.drop_segment(segment, store.ends_of(segment), now_ms())?;
    metrics::dropped(bytes, reason);
    Ok(())
}

/// Whether all groups are done with the segment's records.
fn is_consumed(store: &Store, segment: &Arc<Segment>) -> Result<bool, LogError> {
    for (slot, partition) in store.layout.all() {
        let Some(end) = store.index[slot].end_in(segment) else { continue };
        match least_position(store, partition)? {
            Some(position) if position < end => return Ok(false),
            Some(_) => {}
            None if must_be_consumed(partition.topic) => return Ok(false),
            None => {}
        }
    }
    Ok(true)
}

/// Whether a group is bound to come for the records if none has so far.
fn must_be_consumed(topic: Topic) -> bool {
    const RESULTS: [Topic; 5] = [
        Topic::JudgedEvents,
        Topic::Sessions,
        Topic::AdWindows,
        Topic::SearchWindows,
        Topic::Verdicts,
    ];
    Topic::ACTIVITIES.contains(&topic) || RESULTS.contains(&topic)
}

/// How far the group that is furthest behind has read a partition.
fn least_position(store: &Store, partition: Partition) -> Result<Option<u64>, LogError> {
    let mut prefix = POSITION_PREFIX.to_vec();
    prefix.extend_from_slice(&partition_key(partition));
    let mut least = None;
    let meta = lock(&store.meta);
    let positions = meta.range(prefix.clone()..).take_while(|(key, _)| key.starts_with(&prefix));
    for (_, value) in positions {
        let offset = u64_of(value)?;
        least = Some(offset.min(least.unwrap_or(u64::MAX)));
    }
    Ok(least)
}
