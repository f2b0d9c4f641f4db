//! Ads in stage 1: what depends on a network, a visitor or a device.
//!
//! Impressions and views are counted here, as differences for stage 2; clicks and conversions are
//! passed on. All have been judged by the rules before, as far as this shard can. Nothing depends on
//! the order of arrival: when a conversion's impression comes late, stage 2 hears of it by a
//! [`Note`].
//!
//! # Layout
//!
//! - [`event`]: one ad event. [`fields`]: what only ad events have. [`views`]: once per impression.
//! - [`devices`]: impressions that led to a conversion.

use footfall_event::ads::performance::BudgetSet;
use footfall_event::ads::{CostModel, normalised_query, partition_of};
use footfall_event::money::Money;
use footfall_event::record::{self, append_judgement};
use footfall_event::{Activity, Topic};
use footfall_topics::RecordBatch;
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use crate::ads::conversion_partition;
use crate::ads::keys::{KeyId, Keys, Place};
use crate::ads::notes::{ConversionNote, Note};
use crate::ads::sums::Sums;
use crate::rules::Delta;

mod devices;
mod event;
mod fields;
mod tidy;
mod views;

use devices::{Candidate, Conversion, Devices, device};
pub(super) use event::AdEvent;
pub(super) use fields::{Fields, set_fields};
use views::{ImpressionKey, Viewed, Views};

/// How much may be remembered.
#[derive(Clone, Copy, Debug)]
pub struct AdLimits {
    /// Impressions remembered per shard.
    pub impressions_max: usize,
}

/// What a shard remembers of ads.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Ads {
    keys: Keys,
    views: Views,
    devices: Devices,
    /// The budget of each campaign, as last said, and when it was known.
    budgets: HashMap<Box<str>, (Option<Money>, i64)>,
    #[serde(skip)]
    sums: Sums,
}

impl Ads {
    /// Counts and passes on one ad event.
    pub(super) fn take(&mut self, mut event: AdEvent<'_, '_>) {
        match event.seen.activity {
            Activity::Impression => self.impression(&mut event),
            Activity::View => self.view(&mut event),
            Activity::Click => self.click(&mut event),
            _ => self.conversion(&mut event),
        }
    }

    /// The net impressions among what has been counted and was not written.
    pub(super) fn take_shown(&mut self) -> impl Iterator<Item = Delta> {
        self.sums.drain(&self.keys).map(|delta| Delta::from(&delta))
    }

    fn impression(&mut self, event: &mut AdEvent<'_, '_>) {
        let net = event.judgement.verdict.is_net();
        let query = normalised_query(&event.fields.query);
        let key = self.keys.intern(&event.place(&query));
        let (fields, time) = (event.fields, event.seen.time);
        let per_mille = fields.billing.filter(|b| b.model == CostModel::Cpm && net);
        let price = per_mille.map(|billing| billing.price);
        let measures = self.sums.of(time, key, price.map(|price| price.currency));
        measures.impressions += 1;
        measures.net_impressions += i64::from(net);
        measures.measurable += i64::from(net && fields.measurable);
        measures.cost_per_mille_micros += price.map_or(0, |price| price.micros);
        self.budget(event);

        if net && fields.view_days > 0 && !fields.target.is_empty() {
            self.remember_for_conversions(key, event);
        }
        event.pass_on(Topic::JudgedEvents, event.shard);
    }

    fn remember_for_conversions(&mut self, key: KeyId, event: &mut AdEvent<'_, '_>) {
        let fields = event.fields;
        let Some(device) = device(event.seen.network, &fields.user_agent) else { return };
        let target = self.keys.intern(&Place { site: &fields.target, ..Place::default() });
        let candidate = Candidate {
            time: event.seen.time,
            id: event.seen.id,
            key,
            target,
            billing: fields.billing,
            view_days: fields.view_days,
        };
        for conversion in self.devices.show(device, candidate, event.clock_ms, &self.keys) {
            let Conversion { time, id, site, goal, transaction, .. } = &conversion;
            let partition = conversion_partition(site, goal, transaction, *id, event.shards);
            let note = Note::Conversion(Box::new(ConversionNote {
                v: record::VERSION,
                id: *id,
                site: (&**site).into(),
                goal: (&**goal).into(),
                transaction: (&**transaction).into(),
                time: *time,
                received_at: event.clock_ms,
                view_through: candidate.touch(&self.keys),
            }));
            event.out.push_with(Topic::AdConversions, partition, b"", |bytes| {
                serde_json::to_writer(bytes, &note).expect("a note is plain data");
            });
        }
    }

    fn view(&mut self, event: &mut AdEvent<'_, '_>) {
        let net = event.judgement.verdict.is_net();
        if let Some(impression) = event.fields.impression.filter(|_| net) {
            let query = normalised_query(&event.fields.query);
            let key = self.keys.intern(&event.place(&query));
            let of = ImpressionKey::new(event.site, &event.fields.ad, impression);
            let (time, id) = (event.seen.time, event.seen.id);
            if let Ok(before) = self.views.view(of, Viewed { time, id, key }) {
                self.sums.of(time, key, None).viewable += 1;
                if let Some(before) = before {
                    self.sums.of(before.time, before.key, None).viewable -= 1;
                }
            }
        }
        event.pass_on(Topic::JudgedEvents, event.shard);
    }

    fn click(&mut self, event: &mut AdEvent<'_, '_>) {
        self.budget(event);
        event.pass_on(Topic::AdClicks, event.partition());
    }

    fn conversion(&mut self, event: &mut AdEvent<'_, '_>) {
        let (fields, seen) = (event.fields, event.seen);
        let partition = conversion_partition(
            &seen.site,
            &fields.goal,
            &fields.transaction,
            seen.id,
            event.shards,
        );
        let devices = [seen.network, fields.previous_network]
            .map(|network| device(network, &fields.user_agent));
        let texts = [&*seen.site, &*seen.host, &*fields.goal, &*fields.transaction];
        let counts = event.judgement.verdict.is_net();
        let conversion = (Conversion::new(seen.time, seen.id, texts), counts);
        let Some(found) = self.devices.convert(devices, conversion, &self.keys) else {
            return event.pass_on(Topic::AdConversions, partition);
        };
        let touch = found.touch(&self.keys);
        let (record, judgement) = (event.input.value, &event.judgement);
        let end = record.iter().rposition(|&b| b == b'}').expect("a parsed record is an object");
        let mut with = record[..end].to_vec();
        with.extend_from_slice(b",\"view_through\":");
        serde_json::to_writer(&mut with, &touch).expect("a touch is plain data");
        with.push(b'}');
        event.out.push_with(Topic::AdConversions, partition, event.input.key, |bytes| {
            append_judgement(&with, judgement, bytes);
        });
    }

    /// Says a campaign's budget when it changed: stage 2 hears of it with the first event.
    fn budget(&mut self, event: &mut AdEvent<'_, '_>) {
        let (campaign, budget) = (&*event.fields.campaign, event.fields.budget);
        if campaign.is_empty() {
            return;
        }
        let at = event.seen.received_at;
        match self.budgets.get_mut(campaign) {
            Some((said, _)) if *said == budget => return,
            Some((_, known_at)) if *known_at > at => return,
            // Stage 2 takes a campaign without a word about its budget for one without.
            None if budget.is_none() => return,
            _ => {}
        }
        self.budgets.insert(campaign.into(), (budget, at));
        let set = BudgetSet { v: record::VERSION, budget_of: campaign.into(), budget, at };
        let partition = event.partition();
        event.out.push_with(Topic::AdDeltas, partition, campaign.as_bytes(), |bytes| {
            serde_json::to_writer(bytes, &set).expect("a budget is plain data");
        });
    }

    /// Writes what a batch has counted. If nobody wants it, it stays for [`Ads::take_shown`].
    pub(super) fn write(&mut self, shards: u32, out: &mut RecordBatch) {
        if !out.takes(Topic::AdDeltas) {
            return;
        }
        for delta in self.sums.drain(&self.keys) {
            let name = if delta.campaign.is_empty() { &delta.ad } else { &delta.campaign };
            let partition = partition_of(&delta.campaign, &delta.ad, shards);
            out.push_with(Topic::AdDeltas, partition, name.as_bytes(), |bytes| {
                serde_json::to_writer(bytes, &delta).expect("a difference is plain data");
            });
        }
    }
}
