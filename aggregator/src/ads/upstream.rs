//! How far stage 1 is.
//!
//! Its shards go on by themselves: one may be slow, or be started again, while the others run ahead.
//! What goes through the clicks in the order of time must not pass a moment before all of them up to
//! it are here. So every shard says behind what it has passed on which moment it has reached
//! ([`ReachedNote`]), and the slowest of them says how late it is (as watermarks of several inputs
//! are joined in The Dataflow Model, Akidau et al., VLDB 2015).

use std::collections::BTreeMap;

use footfall_event::Topic;
use footfall_event::limits::LATENESS_MS;
use serde::{Deserialize, Serialize};

use super::notes::ReachedNote;

/// A shard this far behind the newest event is waited for no longer: what it brings is late by then.
const WAIT_MS: i64 = LATENESS_MS;

/// What was said last on one topic.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Reached {
    at: i64,
    rests: bool,
}

/// How far the shards of stage 1 are, by what they said.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Upstream {
    /// By shard. On each topic, since the topics are not read in step to the last record.
    clicks: BTreeMap<u32, Reached>,
    deltas: BTreeMap<u32, Reached>,
}

impl Upstream {
    /// A shard says on a topic how far it is.
    pub(super) fn hear(&mut self, topic: Topic, note: &ReachedNote) {
        let on = if topic == Topic::AdDeltas { &mut self.deltas } else { &mut self.clicks };
        on.insert(note.shard, Reached { at: note.at, rests: note.rests });
    }

    /// Whether no shard has said anything yet.
    pub(super) fn is_silent(&self) -> bool {
        self.clicks.is_empty() && self.deltas.is_empty()
    }

    /// The moment up to which everything is here, `newest` being the newest event time. A shard that
    /// has nothing to read is not waited for.
    pub(super) fn watermark(&self, newest: i64) -> i64 {
        let said = self.clicks.values().chain(self.deltas.values());
        let waited_for =
            said.filter(|said| !said.rests && said.at >= newest.saturating_sub(WAIT_MS));
        waited_for.map(|said| said.at).min().map_or(newest, |at| at.min(newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_that_is_not_at_rest_counts_for_an_hour() {
        let note = |shard, at, rests| ReachedNote { v: 1, shard, at, received_at: at, rests };
        let hour = 3_600_000;
        let mut upstream = Upstream::default();
        assert!(upstream.is_silent());
        assert_eq!(upstream.watermark(hour), hour, "nobody has said anything");
        for (topic, shard, at, rests, expected, why) in [
            (Topic::AdClicks, 0, hour, false, hour, "the only one"),
            (Topic::AdDeltas, 0, hour - 7, false, hour - 7, "the other topic of the same shard"),
            (Topic::AdClicks, 1, hour - 9, false, hour - 9, "another shard"),
            (Topic::AdClicks, 1, hour - 9, true, hour - 7, "which has nothing to read"),
            (Topic::AdDeltas, 0, hour, false, hour, "all are there"),
            (Topic::AdClicks, 1, hour - 2, false, hour - 2, "it goes on"),
            (Topic::AdClicks, 2, 0, false, 0, "an hour behind"),
            (Topic::AdClicks, 2, -1, false, hour - 2, "too far behind"),
        ] {
            upstream.hear(topic, &note(shard, at, rests));
            assert_eq!(upstream.watermark(hour), expected, "{why}");
        }
    }
}
