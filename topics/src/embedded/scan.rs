//! Reading frames from files, and putting right what a crash left.
//!
//! Each write is synced before the next begins, so after a crash or a power cut at most the last
//! write is torn, and that one was never acknowledged: it is cut off. It may have gone to several
//! files; then it is cut off all of them. Damage with whole frames behind it is something else:
//! acknowledged records would be lost by cutting, so the log is not opened.

use std::sync::{Arc, atomic::Ordering};

use xxhash_rust::xxh3::xxh3_64;

use super::{
    frame::{self, Entry, Frame, HEADER_BYTES, MAGIC_AT},
    layout::{Family, Layout},
    segment::{HEAD_BYTES, Index, Segment},
    store::storage,
};
use crate::LogError;

/// Bytes read at a time while looking at headers.
const WINDOW_BYTES: usize = 32 << 10;
/// So many bytes at the end of a file have their blocks verified when the log is opened.
const VERIFIED_BYTES: u64 = 64 << 20;
/// A complete file ends in: position of its last frame `u64`, its XXH3 `u64`.
pub(super) const TRAILER_BYTES: usize = 16;

/// Reads a file's frames in order.
pub(super) struct Frames<'a> {
    segment: &'a Segment,
    length: u64,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Frames<'a> {
    pub(super) fn of(segment: &'a Segment) -> Frames<'a> {
        Frames::between(segment, HEAD_BYTES, segment.bytes())
    }

    fn between(segment: &'a Segment, at: u64, length: u64) -> Frames<'a> {
        Frames { segment, length, at, window: Vec::new(), window_at: 0 }
    }

    /// The next frame if its head is whole and its blocks lie in the file.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, LogError> {
        let Some(header) = self.bytes(HEADER_BYTES)? else { return Ok(None) };
        let Some(sizes) = frame::sizes(header) else { return Ok(None) };
        let at = self.at;
        let Some(head) = self.bytes(HEADER_BYTES + sizes.table)? else { return Ok(None) };
        let frame = Frame::parse(at, head).filter(|frame| frame.end() <= self.length);
        self.at = frame.as_ref().map_or(at, Frame::end);
        Ok(frame)
    }

    /// So many bytes at the position, if the file has them.
    fn bytes(&mut self, count: usize) -> Result<Option<&[u8]>, LogError> {
        if self.at + count as u64 > self.length {
            return Ok(None);
        }
        let window_end = self.window_at + self.window.len() as u64;
        if self.at < self.window_at || self.at + count as u64 > window_end {
            let rest = usize::try_from(self.length - self.at).unwrap_or(usize::MAX);
            let wanted = count.max(WINDOW_BYTES.min(rest));
            self.window = self.segment.read_at(self.at, wanted).map_err(storage)?;
            self.window_at = self.at;
        }
        let from = (self.at - self.window_at) as usize;
        Ok(self.window.get(from..from + count))
    }
}

/// The last frame of a complete file, which has the index of its blocks.
pub(super) fn index_frame(segment: &Segment) -> Result<Option<Frame>, LogError> {
    let length = segment.bytes();
    let Some(trailer_at) = length.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let trailer = segment.read_at(trailer_at, TRAILER_BYTES).map_err(storage)?;
    let (at, sum) = trailer.split_at(8);
    if xxh3_64(at).to_le_bytes() != sum {
        return Ok(None);
    }
    let at = at.first_chunk().map_or(u64::MAX, |at| u64::from_le_bytes(*at));
    let frame = Frames::between(segment, at, trailer_at).next()?;
    Ok(frame.filter(|frame| frame.families == 0))
}

/// The blocks of a file by partition.
pub(super) fn index(segment: &Segment, layout: Layout) -> Result<Index, LogError> {
    let mut index = Index::new();
    let mut add = |frame: &Frame| {
        for entry in frame.entries(layout) {
            if let Entry::Block { slot, block, .. } | Entry::Index { slot, block } = entry {
                index.entry(slot).or_default().push(block);
            }
        }
    };
    if let Some(frame) = index_frame(segment)? {
        add(&frame);
        return Ok(index);
    }
    let mut frames = Frames::of(segment);
    while let Some(frame) = frames.next()? {
        add(&frame);
    }
    Ok(index)
}

/// The last write that went to a file.
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
    let mut tails = Vec::new();
    for (family, segments) in segments.iter().enumerate() {
        let Some((last, before)) = segments.split_last() else { continue };
        let mut tail = repair_last(last, layout)?;
        for segment in before.iter().rev() {
            if tail.is_some() {
                break;
            }
            tail = last_of(segment)?;
        }
        if let Some(tail) = tail {
            tails.push((family, last, tail));
        }
    }
    let last_write = tails.iter().map(|(_, _, tail)| tail.write).max().unwrap_or(0);
    let has = tails.iter().filter(|(_, _, tail)| tail.write == last_write);
    let present = has.clone().fold(0u8, |bits, (family, _, _)| bits | 1 << family);
    for (_, segment, tail) in has {
        if let Some(at) = tail.at
            && tail.families & !present != 0
        {
            cut(segment, at)?;
        }
    }
    Ok(last_write)
}

/// The last write of a file that is written to no more.
fn last_of(segment: &Segment) -> Result<Option<Tail>, LogError> {
    let complete = |write| Tail { write, families: 0, at: None };
    if let Some(frame) = index_frame(segment)? {
        return Ok(Some(complete(frame.write)));
    }
    let (mut frames, mut last) = (Frames::of(segment), None);
    while let Some(frame) = frames.next()? {
        last = Some(complete(frame.write));
    }
    Ok(last)
}

/// Cuts off what is torn at the end of a family's last file.
fn repair_last(segment: &Segment, layout: Layout) -> Result<Option<Tail>, LogError> {
    if let Some(frame) = index_frame(segment)? {
        return Ok(Some(Tail { write: frame.write, families: 0, at: None }));
    }
    let length = segment.bytes();
    let mut frames = Frames::of(segment);
    let (mut tail, mut whole, mut damaged) = (None, HEAD_BYTES, false);
    while let Some(frame) = frames.next()? {
        // An index without its trailer is torn, too.
        let verified = frame.end() + VERIFIED_BYTES < length || is_whole(segment, &frame, layout)?;
        if frame.families == 0 || !verified {
            damaged = frames.next()?.is_some();
            break;
        }
        whole = frame.end();
        tail = Some(Tail { write: frame.write, families: frame.families, at: Some(frame.at) });
    }
    if whole == length {
        return Ok(tail);
    }
    let last_write = tail.as_ref().map_or(0, |tail| tail.write);
    if damaged || has_frame(segment, whole, last_write)? {
        return Err(storage(format!(
            "{} is damaged at byte {whole}, and whole writes follow: restore the folder from a \
             copy; or, to give up everything after the damage, cut the file to {whole} bytes",
            segment.path.display()
        )));
    }
    cut(segment, whole)?;
    Ok(tail)
}

/// Whether the frame's blocks are what was written.
fn is_whole(segment: &Segment, frame: &Frame, layout: Layout) -> Result<bool, LogError> {
    for entry in frame.entries(layout) {
        if let Entry::Block { block, .. } = entry {
            let bytes = segment.read_at(block.at, block.bytes as usize).map_err(storage)?;
            if xxh3_64(&bytes) != block.sum {
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Whether a later write's frame begins anywhere after the one that `whole` is the end of (the torn
/// one itself begins there).
fn has_frame(segment: &Segment, whole: u64, last_write: u64) -> Result<bool, LogError> {
    const STEP: usize = 1 << 20;
    let length = segment.bytes();
    let mut at = whole + 1;
    while at < length {
        let count = usize::try_from(length - at).unwrap_or(usize::MAX).min(STEP + HEADER_BYTES);
        let bytes = segment.read_at(at, count).map_err(storage)?;
        let mut from = MAGIC_AT.min(bytes.len());
        while let Some(found) = frame::find(&bytes[from..]) {
            let head_at = at + (from + found - MAGIC_AT) as u64;
            let frame = Frames::between(segment, head_at, length).next()?;
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
    tracing::warn!(file = %segment.path.display(), at, "cutting off a write that was torn");
    segment.file.set_len(at).map_err(storage)?;
    segment.file.sync_all().map_err(storage)?;
    segment.bytes.store(at, Ordering::Relaxed);
    Ok(())
}
