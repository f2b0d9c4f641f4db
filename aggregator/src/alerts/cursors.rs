//! How far each channel is, as an offset's metadata.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Metadata of an offset may have so many bytes.
const METADATA_BYTES_MAX: usize = 4_096;

/// The next offset of each channel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursors {
    /// Where a channel begins that has no cursor yet.
    start: u64,
    channels: BTreeMap<String, u64>,
}

/// Only who is ahead of the committed offset is noted.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Noted {
    ahead: BTreeMap<String, u64>,
}

impl Cursors {
    /// The cursors of a committed position. Metadata that can't be read means that nobody is
    /// ahead: alerts are repeated rather than lost.
    pub(super) fn restore(offset: u64, metadata: &str) -> Cursors {
        let noted: Noted = serde_json::from_str(metadata).unwrap_or_default();
        let mut channels = noted.ahead;
        channels.values_mut().for_each(|next| *next = (*next).max(offset));
        Cursors { start: offset, channels }
    }

    /// Takes in new channels and forgets those that are gone.
    pub(super) fn keep<'a>(&mut self, ids: impl Iterator<Item = &'a str>) {
        let kept = ids.map(|id| (id.to_owned(), self.next(id))).collect();
        self.channels = kept;
    }

    /// The next offset of a channel.
    pub(super) fn next(&self, id: &str) -> u64 {
        self.channels.get(id).copied().unwrap_or(self.start)
    }

    /// A channel is done with everything before `next`.
    pub(super) fn advance(&mut self, id: &str, next: u64) {
        if let Some(cursor) = self.channels.get_mut(id) {
            *cursor = (*cursor).max(next);
        }
    }

    /// The offset before which all channels are done, `end` being what was read. New channels begin
    /// there from now on.
    pub(super) fn settle(&mut self, end: u64) -> u64 {
        let done = self.channels.values().min().copied().unwrap_or(end);
        self.start = self.start.max(done.min(end));
        self.start
    }

    /// What is noted with the offset `start`.
    pub(super) fn metadata(&self) -> String {
        let mut ahead = self.channels.clone();
        ahead.retain(|_, next| *next > self.start);
        let text = serde_json::to_string(&Noted { ahead }).expect("numbers under plain names");
        // So many channels can't be added; were they there all the same, they'd hear some again.
        if text.len() > METADATA_BYTES_MAX { String::new() } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_goes_on_where_it_was() {
        let mut cursors = Cursors::restore(10, "");
        cursors.keep(["a", "b"].into_iter());
        assert_eq!((cursors.next("a"), cursors.next("b")), (10, 10));
        cursors.advance("a", 15);
        cursors.advance("gone", 99);
        assert_eq!(cursors.settle(15), 10, "b is not done");
        let restored = Cursors::restore(10, &cursors.metadata());
        assert_eq!((restored.next("a"), restored.next("b")), (15, 10));
        cursors.advance("b", 12);
        assert_eq!(cursors.settle(15), 12);
        cursors.keep(["a", "new"].into_iter());
        assert_eq!(cursors.next("new"), 12);
        cursors.keep([].into_iter());
        assert_eq!(cursors.settle(15), 15, "nobody wants anything");
        assert_eq!(Cursors::restore(7, "not json").next("a"), 7);
    }

    #[test]
    fn the_metadata_of_as_many_channels_as_there_may_be_fits() {
        let mut cursors = Cursors::restore(0, "");
        let ids: Vec<String> =
            (0..super::super::CHANNELS_MAX).map(|n| format!("{n:012}")).collect();
        cursors.keep(ids.iter().map(String::as_str));
        ids.iter().skip(1).for_each(|id| cursors.advance(id, u64::from(u32::MAX)));
        cursors.settle(5);
        assert_eq!(Cursors::restore(0, &cursors.metadata()).next(&ids[9]), u64::from(u32::MAX));
    }
}
