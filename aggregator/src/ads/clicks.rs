//! Clicks of the last day, and what of each has been counted. What they are worth is decided by the
//! rules ([`crate::rules`]); when that changes, the count is taken back and counted anew.

use std::collections::BTreeMap;

use footfall_event::ads::{Billing, CostModel, Measures, name_hash};
use footfall_event::limits::LATENESS_MS;
use footfall_event::money::Currency;
use footfall_event::time::DAY_MS;
use footfall_event::{Event, Id, VerdictReason};
use serde::{Deserialize, Serialize};

use super::keys::{KeyId, Keys};
use crate::rules::{Change, Reasons};

/// How long clicks are remembered. A token is good for a day, so no later click on the same
/// impression can be valid; and what is late is late by an hour.
pub(super) const CLICK_MS: i64 = DAY_MS + 2 * LATENESS_MS;

/// Where a click stands among all: time, id, and the site's hash, since ids are unique per site only.
pub(super) type Order = (i64, Id, u64);

/// The order of a click, or of a note about it.
pub(super) fn order_of(time: i64, id: Id, site: u64) -> Order {
    (time, id, site)
}

/// The order of a click that the rules have changed.
pub(super) fn order_of_change(change: &Change) -> Order {
    order_of(change.time, Id::from_u128(change.id), change.site)
}

/// What is remembered of a click.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Click {
    /// Under what it counts.
    pub(super) key: KeyId,
    pub(super) time: i64,
    pub(super) billing: Option<Billing>,
    pub(super) reasons: Reasons,
    /// The reason under which it has been counted as invalid.
    pub(super) invalid: Option<VerdictReason>,
    /// When its verdict was last decided.
    pub(super) decided_at: i64,
    /// Among this batch's touched ones.
    #[serde(skip)]
    pub(super) touched: bool,
}

impl Click {
    /// What it counts, and in which currency, when it is invalid by this reason or not at all.
    pub(super) fn measures(&self, invalid: Option<VerdictReason>) -> (Option<Currency>, Measures) {
        let mut measures = Measures { clicks: 1, ..Measures::default() };
        if let Some(reason) = invalid {
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
}

impl Clicks {
    /// Whether a click is here.
    pub(super) fn has(&self, order: &Order) -> bool {
        self.clicks.contains_key(order)
    }

    /// Adds a click.
    pub(super) fn add(
        &mut self,
        event: &Event<'_>,
        key: KeyId,
        reasons: Reasons,
        touched: &mut Vec<Touched>,
    ) {
        let order = order_of(event.time, event.id, name_hash(&event.site));
        let Event { time, billing, .. } = *event;
        let (invalid, decided_at) = (None, i64::MIN);
        let click = Click { key, time, billing, reasons, invalid, decided_at, touched: true };
        self.clicks.insert(order, click);
        touched.push(Touched { order, before: None });
    }

    /// A click as the version before remembered it.
    pub(super) fn restore(&mut self, order: Order, click: Click) {
        self.clicks.insert(order, click);
    }

    /// Other reasons hold for a click from now on.
    pub(super) fn change(&mut self, order: Order, to: Reasons, touched: &mut Vec<Touched>) {
        let Some(click) = self.clicks.get_mut(&order) else { return };
        let before = std::mem::replace(&mut click.reasons, to);
        if before != to && !std::mem::replace(&mut click.touched, true) {
            touched.push(Touched { order, before: Some(before) });
        }
    }

    /// A click that was touched in this batch; it is not touched any more.
    pub(super) fn settle(&mut self, order: &Order, clock_ms: i64) -> Option<&mut Click> {
        let click = self.clicks.get_mut(order)?;
        click.touched = false;
        click.decided_at = clock_ms.max(click.decided_at.saturating_add(1));
        Some(click)
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
            self.clicks.pop_first();
            forgotten += u64::from(!early);
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
