//! Which topics and partitions there are, and how they are named on disk.

use std::time::Duration;

use crate::{Partition, Topic};

/// The number under which a topic is stored. Never change or reuse one: it is on disk.
pub(super) const fn topic_id(topic: Topic) -> u8 {
    match topic {
        Topic::Pageviews => 1,
        Topic::Engagements => 2,
        Topic::Searches => 3,
        Topic::Actions => 4,
        Topic::Impressions => 5,
        Topic::Views => 6,
        Topic::Clicks => 7,
        Topic::Conversions => 8,
        Topic::DeadLetters => 9,
        Topic::JudgedEvents => 10,
        Topic::Sessions => 11,
        Topic::AdWindows => 12,
        Topic::SearchWindows => 13,
        Topic::Verdicts => 14,
        Topic::AdPerformance => 15,
        Topic::Alerts => 16,
        Topic::Catalog => 17,
        Topic::Blocklist => 18,
        Topic::Salts => 19,
        Topic::Shards => 20,
        Topic::Batches => 21,
        Topic::Snapshots => 22,
        Topic::AdDeltas => 23,
        Topic::AdClicks => 24,
        Topic::AdConversions => 25,
    }
}

const TOPIC_ID_MAX: u8 = 25;

/// Topics that are stored together, because they are kept equally long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Family {
    Activities,
    Results,
    Notices,
    Salts,
    Compacted,
}

impl Family {
    pub(super) const ALL: [Family; 5] =
        [Family::Activities, Family::Results, Family::Notices, Family::Salts, Family::Compacted];

    pub(super) const fn of(topic: Topic) -> Family {
        if topic.settings().compacted {
            return Family::Compacted;
        }
        match topic {
            Topic::Pageviews
            | Topic::Engagements
            | Topic::Searches
            | Topic::Actions
            | Topic::Impressions
            | Topic::Views
            | Topic::Clicks
            | Topic::Conversions => Family::Activities,
            Topic::DeadLetters | Topic::Alerts => Family::Notices,
            Topic::Salts => Family::Salts,
            _ => Family::Results,
        }
    }

    /// First part of the names of its files. On disk: never change one.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Family::Activities => "activities",
            Family::Results => "results",
            Family::Notices => "notices",
            Family::Salts => "salts",
            Family::Compacted => "compacted",
        }
    }

    pub(super) const fn index(self) -> usize {
        self as usize
    }

    /// How long the longest-kept of its topics is kept by default.
    pub(super) fn retention(self) -> Duration {
        Topic::ALL
            .into_iter()
            .filter(|topic| Family::of(*topic) == self)
            .map(|topic| topic.settings().retention)
            .max()
            .unwrap_or_default()
    }
}

/// Numbers the partitions of all topics from 0 ("slots"), so that tables are plain vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    partitions: u32,
}

impl Layout {
    pub(super) const fn new(partitions: u32) -> Layout {
        Layout { partitions }
    }

    pub(super) const fn partitions(self, topic: Topic) -> u32 {
        if topic.settings().single_partition { 1 } else { self.partitions }
    }

    /// Number of slots.
    pub(super) const fn slots(self) -> usize {
        TOPIC_ID_MAX as usize * self.partitions as usize
    }

    /// The slot of a partition, if there is such a partition.
    pub(super) fn slot(self, partition: Partition) -> Option<usize> {
        (partition.number < self.partitions(partition.topic)).then(|| {
            (topic_id(partition.topic) as usize - 1) * self.partitions as usize
                + partition.number as usize
        })
    }

    /// The slot of a partition that was named by [`partition_key`].
    pub(super) fn slot_of_key(self, key: &[u8]) -> Option<usize> {
        let (topic, number) = key.split_first()?;
        let number = u32::from_be_bytes(number.try_into().ok()?);
        ((1..=TOPIC_ID_MAX).contains(topic) && number < self.partitions)
            .then(|| (usize::from(*topic) - 1) * self.partitions as usize + number as usize)
    }

    /// Every partition with its slot.
    pub(super) fn all(self) -> impl Iterator<Item = (usize, Partition)> {
        Topic::ALL.into_iter().flat_map(move |topic| {
            (0..self.partitions(topic)).filter_map(move |number| {
                let partition = Partition { topic, number };
                self.slot(partition).map(|slot| (slot, partition))
            })
        })
    }
}

/// Bytes of a [`partition_key`].
pub(super) const PARTITION_KEY_BYTES: usize = 5;

/// How a partition is named on disk.
pub(super) fn partition_key(partition: Partition) -> [u8; PARTITION_KEY_BYTES] {
    let mut key = [0; PARTITION_KEY_BYTES];
    key[0] = topic_id(partition.topic);
    key[1..].copy_from_slice(&partition.number.to_be_bytes());
    key
}

/// Keys of all groups' positions begin with this.
pub(super) const POSITION_PREFIX: [u8; 1] = [b'p'];

/// Key of a group's position on a partition. The partition comes first, so that all groups that
/// read a partition are found together.
pub(super) fn position_key(group: &str, partition: Partition) -> Vec<u8> {
    let mut key = Vec::with_capacity(6 + group.len());
    key.extend_from_slice(&POSITION_PREFIX);
    key.extend_from_slice(&partition_key(partition));
    key.extend_from_slice(group.as_bytes());
    key
}

/// Keys of partitions' ends begin with this.
pub(super) const END_PREFIX: u8 = b'e';

/// Key of the end of a partition whose last block is gone.
pub(super) fn end_key(partition: Partition) -> [u8; 6] {
    let mut key = [END_PREFIX; 6];
    key[1..].copy_from_slice(&partition_key(partition));
    key
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn slots_and_ids_are_distinct() {
        let layout = Layout::new(3);
        let slots: Vec<_> = layout.all().map(|(slot, _)| slot).collect();
        assert_eq!(slots.iter().collect::<HashSet<_>>().len(), slots.len());
        assert!(slots.iter().all(|slot| *slot < layout.slots()));
        let ids: HashSet<_> = Topic::ALL.into_iter().map(topic_id).collect();
        assert_eq!(ids.len(), Topic::ALL.len());
        assert!(layout.slot(Partition { topic: Topic::Catalog, number: 1 }).is_none());
        for (slot, partition) in layout.all() {
            assert_eq!(layout.slot_of_key(&partition_key(partition)), Some(slot));
        }
    }

    #[test]
    fn every_topic_is_kept_as_long_as_its_settings_say() {
        for topic in Topic::ALL {
            let settings = topic.settings();
            let family = Family::of(topic);
            assert_eq!(settings.compacted, family == Family::Compacted);
            assert!(family.retention() >= settings.retention);
        }
    }
}
