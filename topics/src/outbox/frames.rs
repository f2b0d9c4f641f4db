//! What stands in the outbox's files: see [`super`].

use xxhash_rust::xxh3::xxh3_64;

use crate::{RecordBatch, Topic};

const MAGIC: &[u8; 8] = b"ffoutbx2";
/// Bytes of a file's header.
pub(super) const HEADER_BYTES: usize = 16;
const FRAME_HEAD_BYTES: usize = 12;
/// What a record's frame needs besides key and value, with a topic's name of common length.
const RECORD_OVERHEAD: usize = 48;
const RECORD: u8 = 1;
const NOTE: u8 = 2;

/// The header of a file whose first record has this number.
pub(super) fn header(first: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(MAGIC);
    header[8..].copy_from_slice(&first.to_le_bytes());
    header
}

/// Frames as they stand in a file, but for their numbers.
pub(super) struct Frames {
    bytes: Vec<u8>,
}

impl Frames {
    /// Of a batch's records.
    pub(super) fn of(batch: &RecordBatch) -> Frames {
        let bytes = batch.bytes() + batch.len() * RECORD_OVERHEAD;
        let mut frames = Frames { bytes: Vec::with_capacity(bytes) };
        for (partition, key, value) in batch.iter() {
            frames.add(RECORD, |out| {
                let topic = partition.topic.name().as_bytes();
                out.push(topic.len() as u8);
                out.extend_from_slice(topic);
                out.extend_from_slice(&partition.number.to_le_bytes());
                out.extend_from_slice(&(key.len() as u32).to_le_bytes());
                out.extend_from_slice(key);
                out.extend_from_slice(value);
            });
        }
        frames
    }

    /// The note that all records before this one are in the log.
    pub(super) fn note(end: u64) -> Frames {
        let mut note = Frames { bytes: Vec::with_capacity(32) };
        note.add(NOTE, |out| out.extend_from_slice(&end.to_le_bytes()));
        note
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn add(&mut self, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; FRAME_HEAD_BYTES]);
        self.bytes.push(kind);
        write(&mut self.bytes);
        let body = &self.bytes[start + FRAME_HEAD_BYTES..];
        let (length, sum) = (body.len() as u32, xxh3_64(body));
        self.bytes[start..start + 4].copy_from_slice(&length.to_le_bytes());
        self.bytes[start + 4..start + FRAME_HEAD_BYTES].copy_from_slice(&sum.to_le_bytes());
    }

    /// Gives them their numbers, which are part of their sums. Returns the one after the last.
    pub(super) fn number(&mut self, first: u64) -> u64 {
        let mut number = first;
        let mut rest = self.bytes.as_mut_slice();
        while let Some((length, after)) = rest.split_first_chunk_mut() {
            let length = u32::from_le_bytes(*length) as usize;
            let (sum, after) = after.split_first_chunk_mut().expect("a frame has a sum");
            *sum = u64::from_le_bytes(*sum).wrapping_add(number).to_le_bytes();
            number += 1;
            rest = &mut after[length..];
        }
        number
    }
}

/// A frame that was read.
pub(super) enum Frame<'a> {
    Record(Topic, u32, &'a [u8], &'a [u8]),
    Note(u64),
}

/// The number of a file's first record, if it is a file of the outbox.
pub(super) fn first_record(bytes: &[u8]) -> Option<u64> {
    let (header, _) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let first = header.strip_prefix(MAGIC)?.first_chunk()?;
    Some(u64::from_le_bytes(*first))
}

/// The frames of a file up to the first that is not whole, or of an earlier use.
pub(super) fn read(bytes: &[u8]) -> Vec<Frame<'_>> {
    let Some(mut next) = first_record(bytes) else { return Vec::new() };
    let mut rest = &bytes[HEADER_BYTES..];
    let mut frames = Vec::new();
    while let Some((frame, after)) = next_frame(rest, next) {
        next += u64::from(matches!(frame, Frame::Record(..)));
        frames.push(frame);
        rest = after;
    }
    frames
}

fn next_frame(bytes: &[u8], number: u64) -> Option<(Frame<'_>, &[u8])> {
    let (head, rest) = bytes.split_at_checked(FRAME_HEAD_BYTES)?;
    let length = u32::from_le_bytes(*head.first_chunk()?) as usize;
    let (body, rest) = rest.split_at_checked(length)?;
    if u64::from_le_bytes(*head[4..].first_chunk()?) != xxh3_64(body).wrapping_add(number) {
        return None;
    }
    let (kind, body) = body.split_first()?;
    let frame = match *kind {
        NOTE => Frame::Note(u64::from_le_bytes(*body.first_chunk()?)),
        RECORD => {
            let (length, body) = body.split_first()?;
            let (topic, body) = body.split_at_checked(usize::from(*length))?;
            let (partition, body) = body.split_first_chunk()?;
            let (key_bytes, body) = body.split_first_chunk()?;
            let (key, value) = body.split_at_checked(u32::from_le_bytes(*key_bytes) as usize)?;
            let topic = Topic::parse(std::str::from_utf8(topic).ok()?)?;
            Frame::Record(topic, u32::from_le_bytes(*partition), key, value)
        }
        _ => return None,
    };
    Some((frame, rest))
}
