//! Clicks of the last day: one click per impression counts, whatever networks they come from.
//!
//! The first by time, then by id, is the one that counts. An earlier one that comes later takes its
//! place, and the other becomes a duplicate. Clicks that nobody would pay for anyway (a declared
//! bot's, say, which follows every link in a message) don't use the impression up.

use std::collections::BTreeMap;

use footfall_event::ads::{Billing, CostModel, Measures};
use footfall_event::limits::LATENESS_MS;
use footfall_event::money::Currency;
use footfall_event::time::DAY_MS;
use footfall_event::{Event, Id, VerdictReason};
use hashbrown::HashMap;
use hashbrown::hash_map::Entry;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::keys::{KeyId, Keys};
use super::reasons::Reasons;

/// How long clicks are remembered. A token is good for a day, so no later click on the same
/// impression can be valid; and what is late is late by an hour.
pub(super) const CLICK_MS: i64 = DAY_MS + 2 * LATENESS_MS;

/// Where a click stands among all: time, id, and the site's hash, since ids are unique per site only.
pub(super) type Order = (i64, Id, u64);

/// The order of a click, or of a note about it.
pub(super) fn order_of(time: i64, id: Id, site: &str) -> Order {
    (time, id, xxh3_64(site.as_bytes()))
}

/// What is remembered of a click.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Click {
    /// Under what it counts.
    pub(super) key: KeyId,
    pub(super) time: i64,
    billing: Option<Billing>,
    impression: Option<u128>,
    pub(super) reasons: Reasons,
    /// When its verdict was last decided.
    pub(super) decided_at: i64,
    /// Among this batch's touched ones.
    #[serde(skip)]
    touched: bool,
}

impl Click {
    /// What it counts with these reasons, and in which currency.
    pub(super) fn measures(&self, reasons: Reasons) -> (Option<Currency>, Measures) {
        let mut measures = Measures { clicks: 1, ..Measures::default() };
        if let Some(reason) = reasons.first_invalid() {
            measures.invalid_clicks.insert(reason, 1);
            return (None, measures);
        }
        measures.net_clicks = 1;
        let billed = self.billing.filter(|billing| billing.model == CostModel::Cpc);
        measures.cost_micros = billed.map_or(0, |billing| billing.price.micros);
        (billed.map(|billing| billing.price.currency), measures)
    }
}

/// A click that changed in this batch.
pub(super) struct Touched {
    pub(super) order: Order,
    /// Its reasons before the batch; `None`: it is new.
    pub(super) before: Option<Reasons>,
}

/// The clicks of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Clicks {
    clicks: BTreeMap<Order, Click>,
    /// The click that counts for each impression.
    winners: HashMap<u128, Order>,
}

/// Reasons that are known of a click alone, for ever: with one of them it competes with no other.
const WORTHLESS: [VerdictReason; 3] =
    [VerdictReason::BotAgent, VerdictReason::NotRunning, VerdictReason::Expired];

impl Clicks {
    /// Adds a click, if it isn't here yet. Whether it was added.
    pub(super) fn add(
        &mut self,
        event: &Event<'_>,
        key: KeyId,
        mut reasons: Reasons,
        touched: &mut Vec<Touched>,
    ) -> bool {
        let order = order_of(event.time, event.id, &event.site);
        if self.clicks.contains_key(&order) {
            return false;
        }
        let competes = !WORTHLESS.iter().any(|reason| reasons.contains(*reason));
        let impression = event
            .impression
            .filter(|_| competes)
            .map(|id| xxh3_128(event.ad.as_bytes()) ^ id.as_u128());
        if let Some(impression) = impression {
            match self.winners.entry(impression) {
                Entry::Vacant(entry) => {
                    entry.insert(order);
                }
                Entry::Occupied(entry) if *entry.get() < order => {
                    reasons.insert(VerdictReason::DuplicateClick);
                }
                Entry::Occupied(mut entry) => {
                    let loser = entry.insert(order);
                    self.change(loser, touched, |reasons| {
                        reasons.insert(VerdictReason::DuplicateClick);
                    });
                }
            }
        }
        let Event { time, billing, .. } = *event;
        let decided_at = i64::MIN;
        let click = Click { key, time, billing, impression, reasons, decided_at, touched: true };
        self.clicks.insert(order, click);
        touched.push(Touched { order, before: None });
        true
    }

    /// Changes a click's reasons. Whether it is remembered.
    pub(super) fn change(
        &mut self,
        order: Order,
        touched: &mut Vec<Touched>,
        change: impl FnOnce(&mut Reasons),
    ) -> bool {
        let Some(click) = self.clicks.get_mut(&order) else { return false };
        let before = click.reasons;
        change(&mut click.reasons);
        if before != click.reasons && !std::mem::replace(&mut click.touched, true) {
            touched.push(Touched { order, before: Some(before) });
        }
        true
    }

    /// A click that was touched in this batch; it is not touched any more.
    pub(super) fn settle(&mut self, order: &Order, clock_ms: i64) -> Option<Click> {
        let click = self.clicks.get_mut(order)?;
        click.touched = false;
        click.decided_at = clock_ms.max(click.decided_at.saturating_add(1));
        Some(*click)
    }

    /// Forgets clicks from before `horizon`, and the oldest when there are more than `max`. How many
    /// were forgotten for lack of room.
    pub(super) fn forget(&mut self, horizon: i64, max: usize) -> u64 {
        let mut forgotten = 0;
        while let Some(entry) = self.clicks.first_entry() {
            let early = entry.key().0 < horizon;
            if !early && self.clicks.len() <= max {
                break;
            }
            let Some((order, click)) = self.clicks.pop_first() else { break };
            forgotten += u64::from(!early);
            if let Some(impression) = click.impression
                && self.winners.get(&impression) == Some(&order)
            {
                self.winners.remove(&impression);
            }
        }
        forgotten
    }

    /// Number of clicks remembered.
    pub(super) fn len(&self) -> usize {
        self.clicks.len()
    }

    pub(super) fn keep_keys(&mut self, old: &Keys, keys: &mut Keys) {
        for click in self.clicks.values_mut() {
            keys.keep(old, &mut click.key);
        }
    }
}
