//! One ad event on its way through stage 1.

use footfall_event::ads::{partition_of, query_hash};
use footfall_event::record::append_judgement;
use footfall_event::{Judgement, Topic};
use footfall_topics::RecordBatch;

use super::super::seen::Seen;
use super::Fields;
use crate::ads::keys::Place;
use crate::shard::Input;

/// One ad event, and where its consequences go.
pub(in crate::core) struct AdEvent<'a, 'o> {
    pub(in crate::core) input: &'a Input<'a>,
    pub(in crate::core) seen: &'a Seen<'a>,
    pub(in crate::core) fields: &'a Fields<'a>,
    /// Hash of the site.
    pub(in crate::core) site: u64,
    /// What the rules think of it; the visit is in it already.
    pub(in crate::core) judgement: Judgement,
    pub(in crate::core) clock_ms: i64,
    pub(in crate::core) shard: u32,
    pub(in crate::core) shards: u32,
    pub(in crate::core) out: &'o mut RecordBatch,
}

impl AdEvent<'_, '_> {
    /// Passes the event on with its judgement.
    pub(super) fn pass_on(&mut self, topic: Topic, partition: u32) {
        let (record, judgement) = (self.input.value, &self.judgement);
        self.out.push_with(topic, partition, self.input.key, |bytes| {
            append_judgement(record, judgement, bytes);
        });
    }

    pub(super) fn partition(&self) -> u32 {
        partition_of(&self.fields.campaign, &self.fields.ad, self.shards)
    }

    /// The place under which it is counted; `query` is the normalised one.
    pub(super) fn place<'p>(&'p self, query: &'p str) -> Place<'p> {
        Place {
            site: &self.seen.site,
            campaign: &self.fields.campaign,
            ad: &self.fields.ad,
            placement: &self.fields.placement,
            position: self.fields.position,
            query,
            query_hash: query_hash(query).0,
        }
    }
}
