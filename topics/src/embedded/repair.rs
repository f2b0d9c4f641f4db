//! Putting right what a crash left.
//!
//! Each write is synced before the next begins, so after a crash or a power cut at most the last
//! write is torn, and that one was never acknowledged: it is cut off. It may have gone to several
//! files; then it is cut off all of them. Anything else (damage with whole frames behind it, a file
//! that lacks a write that another says it has) is no crash: acknowledged records would be lost by
//! cutting, so the log is not opened.

use std::sync::{Arc, atomic::Ordering};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    frame::{self, Entry, Frame, HEADER_BYTES, MAGIC_AT},
    frames::{Frames, damaged, index_frame},
    layout::{Family, Layout},
    segment::{HEAD_BYTES, Segment},
    store::storage,
};
use crate::LogError;

/// So many bytes at the end of a file have their blocks verified when the log is opened.
const VERIFIED_BYTES: u64 = 64 << 20;

/// By family: the numbers of the last two writes that some file says went there, latest first.
type Noted = [[u64; 2]; Family::ALL.len()];

/// The last write that went to a file.
#[derive(Clone, Copy)]
struct Tail {
    write: u64,
    families: u8,
    /// Position of its frame, if it may be cut off.
    at: Option<u64>,
}

/// Cuts off what was not written wholly; the number of the last write.
pub(super) fn repair(
    segments: &[Vec<Arc<Segment>>; Family::ALL.len()],
    layout: Layout,
) -> Result<u64, LogError> {
    let mut noted = Noted::default();
    let mut tails = Vec::new();
    for segments in segments {
        let Some((last, before)) = segments.split_last() else { continue };
        let mut tail = repair_last(last, layout, &mut noted)?;
        for segment in before.iter().rev() {
            if tail.is_some() {
                break;
            }
            tail = last_of(segment, layout)?;
        }
        if let Some(tail) = tail {
            tails.push((last, tail));
        }
    }
    let last_write = tails.iter().map(|(_, tail)| tail.write).max().unwrap_or(0);
    for (segment, tail) in &tails {
        let numbers = noted[segment.family.index()];
        if let Some(lost) =
            numbers.into_iter().find(|write| (tail.write + 1..last_write).contains(write))
        {
            return Err(storage(format!(
                "{} ends with write {}, but another file says that write {lost} went to it, too: \
                 restore the folder from a copy",
                segment.path.display(),
                tail.write
            )));
        }
    }
    let has = tails.iter().filter(|(_, tail)| tail.write == last_write);
    let present = has.clone().fold(0, |bits, (segment, _)| bits | 1 << segment.family.index());
    for (segment, tail) in has {
        if let Some(at) = tail.at
            && tail.families & !present != 0
        {
            cut(segment, at)?;
        }
    }
    Ok(last_write)
}

/// The last write of a file that is written to no more.
fn last_of(segment: &Segment, layout: Layout) -> Result<Option<Tail>, LogError> {
    let complete = |write| Tail { write, families: 0, at: None };
    if let Some(frame) = index_frame(segment, layout)? {
        return Ok(Some(complete(frame.write)));
    }
    let (mut frames, mut last) = (Frames::of(segment, layout), None);
    while let Some(frame) = frames.next()? {
        last = Some(complete(frame.write));
    }
    Ok(last)
}

/// Cuts off what is torn at the end of a family's last file.
fn repair_last(
    segment: &Segment,
    layout: Layout,
    noted: &mut Noted,
) -> Result<Option<Tail>, LogError> {
    if let Some(frame) = index_frame(segment, layout)? {
        return Ok(Some(Tail { write: frame.write, families: 0, at: None }));
    }
    let length = segment.bytes();
    let mut frames = Frames::of(segment, layout);
    let (mut tail, mut whole, mut follows) = (None, HEAD_BYTES, false);
    while let Some(frame) = frames.next()? {
        let before = tail.map_or(0, |tail: Tail| tail.write);
        let verified = frame.end + VERIFIED_BYTES < length || is_whole(segment, &frame)?;
        // An index without its trailer is torn, too.
        if frame.families == 0 || frame.write <= before || !verified {
            follows = frames.next()?.is_some();
            break;
        }
        whole = frame.end;
        note(noted, &frame);
        tail = Some(Tail { write: frame.write, families: frame.families, at: Some(frame.at) });
    }
    if whole == length {
        return Ok(tail);
    }
    let last_write = tail.map_or(0, |tail| tail.write);
    if follows || has_frame(segment, layout, whole, last_write)? {
        return Err(damaged(segment, whole));
    }
    cut(segment, whole)?;
    Ok(tail)
}

fn note(noted: &mut Noted, frame: &Frame) {
    for family in Family::ALL {
        let [last, before] = &mut noted[family.index()];
        if frame.families & 1 << family.index() == 0 || frame.write == *last {
            continue;
        }
        if frame.write > *last {
            *before = std::mem::replace(last, frame.write);
        } else {
            *before = frame.write.max(*before);
        }
    }
}

/// Whether the frame's blocks are what was written.
fn is_whole(segment: &Segment, frame: &Frame) -> Result<bool, LogError> {
    for entry in frame.entries() {
        if let Entry::Block { block, .. } = entry {
            let bytes =
                segment.file.read_blocks(block.at, block.bytes as usize).map_err(storage)?;
            if xxh3_64(&bytes) != block.sum {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether a later write's frame begins anywhere after the one that `whole` is the end of (the torn
/// one itself begins there).
fn has_frame(
    segment: &Segment,
    layout: Layout,
    whole: u64,
    last_write: u64,
) -> Result<bool, LogError> {
    const STEP: usize = 1 << 20;
    let length = segment.bytes();
    let mut at = whole + 1;
    while at < length {
        let count = usize::try_from(length - at).unwrap_or(usize::MAX).min(STEP + HEADER_BYTES);
        let bytes = segment.file.read(at, count).map_err(storage)?;
        let mut from = MAGIC_AT.min(bytes.len());
        while let Some(found) = frame::find(&bytes[from..]) {
            let head_at = at + (from + found - MAGIC_AT) as u64;
            let frame = Frames::between(segment, layout, head_at, length).next()?;
            if frame.is_some_and(|frame| frame.write > last_write) {
                return Ok(true);
            }
            from += found + 1;
        }
        at += STEP as u64;
    }
    Ok(false)
}

fn cut(segment: &Segment, at: u64) -> Result<(), LogError> {
    tracing::debug!(file = %segment.path.display(), at, "cutting off what was not written wholly");
    segment.file.cut(at).map_err(storage)?;
    segment.bytes.store(at, Ordering::Relaxed);
    Ok(())
}
