//! What comes of the notes that stage 1, and other shards, write beside events.

use footfall_event::Topic;

use super::Ads;
use super::attribution::Contact;
use super::batch::Batch;
use super::clicks::{order_of, order_of_change};
use super::conversions::transaction_key;
use super::notes::{Note, ReachedNote};
use super::store::State;
use crate::rules::{Correction, Marks, Opinion, Outcome};

impl Ads {
    /// A note that was written on a topic.
    pub(super) fn note(&mut self, topic: Topic, note: Note<'_>, batch: &mut Batch<'_, '_>) {
        let known = match note {
            Note::Click(note) => {
                self.see(note.at, note.received_at, batch);
                let State { clicks, judge, .. } = &mut self.state;
                let correction = Correction {
                    id: note.id.as_u128(),
                    time: note.time,
                    site: note.site.0,
                    campaign: 0,
                    at: note.at,
                    opinion: Opinion {
                        reasons: note.reasons.iter().copied().collect(),
                        marks: Marks(note.marks),
                    },
                };
                if let Some(change) = judge.correct(&correction) {
                    clicks.change(order_of_change(&change), change.after, &mut batch.clicks);
                }
                clicks.has(&order_of(note.time, note.id, note.site.0))
            }
            Note::Converted(note) => {
                self.see(note.at, note.received_at, batch);
                self.state.judge.convert(&Outcome {
                    campaign: note.campaign.0,
                    site: note.site.0,
                    placement: note.placement.0,
                    at: note.at,
                    after_ms: note.at.saturating_sub(note.clicked_at),
                });
                true
            }
            Note::Reached(note) => {
                self.reached(topic, &note, batch);
                true
            }
            Note::Conversion(note) => {
                let State { conversions, keys, clock_ms, .. } = &mut self.state;
                *clock_ms = (*clock_ms).max(note.received_at);
                let key = transaction_key(&note.site, &note.goal, &note.transaction, note.id);
                let view = Contact::new(&note.view_through, keys);
                let touched = &mut batch.transactions;
                conversions.seen_before((key, note.time, note.id), view, *clock_ms, touched)
            }
        };
        batch.stats.ads.corrections_lost += u64::from(!known);
    }

    /// A shard of stage 1 says on a topic how far it is.
    fn reached(&mut self, topic: Topic, note: &ReachedNote, batch: &mut Batch<'_, '_>) {
        self.state.upstream.hear(topic, note);
        self.see(note.at, note.received_at, batch);
        self.look_again(batch);
    }
}
