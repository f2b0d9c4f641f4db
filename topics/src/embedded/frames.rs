//! Reading frames from files.

use xxhash_rust::xxh3::xxh3_64;

use super::{
    frame::{self, Entry, Frame, HEADER_BYTES},
    index::Index,
    layout::Layout,
    segment::{HEAD_BYTES, Segment},
    store::storage,
};
use crate::LogError;

/// Bytes read at a time while looking at headers.
const WINDOW_BYTES: usize = 32 << 10;
/// A complete file ends in: position of its last frame `u64`, its XXH3 `u64`.
pub(super) const TRAILER_BYTES: usize = 16;

/// Reads a file's frames in order.
pub(super) struct Frames<'a> {
    segment: &'a Segment,
    layout: Layout,
    length: u64,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl<'a> Frames<'a> {
    pub(super) fn of(segment: &'a Segment, layout: Layout) -> Frames<'a> {
        Frames::between(segment, layout, HEAD_BYTES, segment.bytes())
    }

    pub(super) fn between(
        segment: &'a Segment,
        layout: Layout,
        at: u64,
        length: u64,
    ) -> Frames<'a> {
        Frames { segment, layout, length, at, window: Vec::new(), window_at: 0 }
    }

    /// Where the frames that were read end.
    pub(super) fn end(&self) -> u64 {
        self.at
    }

    /// The next frame if its head is whole and its blocks lie in the file.
    pub(super) fn next(&mut self) -> Result<Option<Frame>, LogError> {
        let Some(header) = self.bytes(HEADER_BYTES)? else { return Ok(None) };
        let Some(sizes) = frame::sizes(header) else { return Ok(None) };
        let (at, layout, length) = (self.at, self.layout, self.length);
        let Some(head) = self.bytes(HEADER_BYTES + sizes.table)? else { return Ok(None) };
        let frame = Frame::parse(at, head, layout, length);
        self.at = frame.as_ref().map_or(at, |frame| frame.end);
        Ok(frame)
    }

    /// So many bytes at the position, if the file has them.
    fn bytes(&mut self, count: usize) -> Result<Option<&[u8]>, LogError> {
        if self.at.saturating_add(count as u64) > self.length {
            return Ok(None);
        }
        let window_end = self.window_at + self.window.len() as u64;
        if self.at < self.window_at || self.at + count as u64 > window_end {
            let rest = usize::try_from(self.length - self.at).unwrap_or(usize::MAX);
            let wanted = count.max(WINDOW_BYTES.min(rest));
            self.window = self.segment.file.read(self.at, wanted).map_err(storage)?;
            self.window_at = self.at;
        }
        let from = (self.at - self.window_at) as usize;
        Ok(self.window.get(from..from + count))
    }
}

/// The last frame of a complete file, which has the index of its blocks.
pub(super) fn index_frame(segment: &Segment, layout: Layout) -> Result<Option<Frame>, LogError> {
    let length = segment.bytes();
    let Some(trailer_at) = length.checked_sub(TRAILER_BYTES as u64) else { return Ok(None) };
    let trailer = segment.file.read(trailer_at, TRAILER_BYTES).map_err(storage)?;
    let (at, sum) = trailer.split_at(8);
    if xxh3_64(at).to_le_bytes() != sum {
        return Ok(None);
    }
    let at = at.first_chunk().map_or(u64::MAX, |at| u64::from_le_bytes(*at));
    let frame = Frames::between(segment, layout, at, trailer_at).next()?;
    Ok(frame.filter(|frame| frame.families == 0 && frame.end == trailer_at))
}

/// The blocks of a file by partition.
pub(super) fn index(segment: &Segment, layout: Layout) -> Result<Index, LogError> {
    let mut index = Index::new();
    let mut add = |frame: &Frame| {
        for entry in frame.entries() {
            if let Entry::Block { slot, block, .. } | Entry::Index { slot, block } = entry {
                index.entry(slot).or_default().push(block);
            }
        }
    };
    if let Some(frame) = index_frame(segment, layout)? {
        add(&frame);
        return Ok(index);
    }
    let mut frames = Frames::of(segment, layout);
    while let Some(frame) = frames.next()? {
        add(&frame);
    }
    Ok(index)
}

/// Refuses a file that has anything but zeros from `at` on, where its frames end.
pub(super) fn check_rest(segment: &Segment, mut at: u64) -> Result<(), LogError> {
    const STEP: u64 = 1 << 20;
    let (whole, length) = (at, segment.bytes());
    while at < length {
        let bytes = segment.file.read(at, (length - at).min(STEP) as usize).map_err(storage)?;
        if bytes.iter().any(|byte| *byte != 0) {
            return Err(damaged(segment, whole));
        }
        at += STEP;
    }
    Ok(())
}

/// What to say and do about damage that no crash leaves.
pub(super) fn damaged(segment: &Segment, at: u64) -> LogError {
    storage(format!(
        "{} is damaged at byte {at}, and whole writes follow: restore the folder from a copy; or, \
         to give up everything after the damage, cut the file to {at} bytes",
        segment.path.display()
    ))
}
