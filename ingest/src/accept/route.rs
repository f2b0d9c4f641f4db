//! Route: which partition takes the record.

use std::net::IpAddr;

use footfall_event::record::Event;
use footfall_topics::Topic;

use super::{Context, RecordKey};

/// Where a record goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The activity's topic.
    pub topic: Topic,
    /// The partition: by a lasting keyed hash, so that a visitor stays on its shard when the
    /// daily key changes.
    pub partition: u32,
    /// The record's key.
    pub key: RecordKey,
}

/// The record's place. Events without a visitor's address go by their id, so that a repeat comes
/// to the same shard.
pub(crate) fn choose(event: &Event<'_>, context: &Context<'_>, address: Option<IpAddr>) -> Route {
    let lasting = context.sites.lasting_key();
    let spread = match address {
        Some(address) => lasting.spread_network(address),
        None => lasting.spread_id(event.id),
    };
    let partition = (spread % u64::from(context.partitions.max(1))) as u32;
    let key = event.network.map_or(RecordKey::Id(event.id), RecordKey::Network);
    Route { topic: event.activity.topic(), partition, key }
}
