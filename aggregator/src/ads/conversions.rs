//! Conversions by transaction. A transaction counts once: as its sale, or as its lead while there is
//! no sale, and not at all once it was rejected, whichever of them is heard of first.
//!
//! Of several leads, or of several sales, the first by time counts; a sale that names no click, no
//! value or no impression (a server that knows the transaction alone) has those of the lead. So what
//! a transaction counts is a function of the set of its conversions.

use footfall_event::limits::LATENESS_MS;
use footfall_event::money::Money;
use footfall_event::record::ConversionStatus;
use footfall_event::time::DAY_MS;
use footfall_event::{Event, Id};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use super::attribution::{Contact, Share, shares};
use super::cut::keep_newest;
use super::keys::Keys;

/// How long a transaction is remembered after it was last heard of: merchants take back what was
/// returned within three months.
const TRANSACTION_MS: i64 = 90 * DAY_MS;

/// A conversion without transaction can't be heard of again, but for its impression, which may be
/// late.
const LONE_MS: i64 = 3 * LATENESS_MS;

/// What a transaction is known by: the site, the goal and the transaction's id, or the event's.
pub(crate) fn transaction_key(site: &str, goal: &str, transaction: &str, id: Id) -> u128 {
    let mut bytes = Vec::with_capacity(site.len() + goal.len() + transaction.len() + 24);
    for text in [site, goal, transaction] {
        bytes.extend_from_slice(&(text.len() as u32).to_be_bytes());
        bytes.extend_from_slice(text.as_bytes());
    }
    if transaction.is_empty() {
        bytes.extend_from_slice(id.as_bytes());
    }
    xxh3_128(&bytes)
}

/// The partition of `ad-conversions` that has everything about a transaction.
pub(crate) fn conversion_partition(
    site: &str,
    goal: &str,
    transaction: &str,
    id: Id,
    partitions: u32,
) -> u32 {
    let key = transaction_key(site, goal, transaction, id);
    (key % u128::from(partitions.max(1))) as u32
}

/// One conversion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Fact {
    time: i64,
    id: Id,
    value: Option<Money>,
    touches: Box<[Contact]>,
    view: Option<Contact>,
}

/// All that is known of a transaction.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Transaction {
    lead: Option<Fact>,
    sale: Option<Fact>,
    rejected: bool,
    /// It has an id of its own.
    named: bool,
    heard_at: i64,
    /// Among this batch's touched ones.
    #[serde(skip)]
    touched: bool,
}

impl Transaction {
    /// What it counts: when, and for whom.
    fn counts(&self) -> Counts {
        let Some(fact) = self.sale.as_ref().or(self.lead.as_ref()).filter(|_| !self.rejected)
        else {
            return Counts::default();
        };
        let lead = self.lead.as_ref();
        let own = Some(&fact.touches).filter(|touches| !touches.is_empty());
        let touches = own.or(lead.map(|lead| &lead.touches)).map_or(&[][..], |touches| touches);
        let value = fact.value.or(lead.and_then(|lead| lead.value));
        let view = fact.view.as_ref().or(lead.and_then(|lead| lead.view.as_ref()));
        Counts { time: fact.time, shares: shares(fact.time, value, touches, view) }
    }
}

/// What a transaction counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Counts {
    /// In the minute of this time.
    pub(super) time: i64,
    pub(super) shares: Vec<Share>,
}

/// A transaction that was touched in this batch.
pub(super) struct Touched {
    key: u128,
    before: Counts,
}

/// The transactions of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Conversions {
    transactions: HashMap<u128, Transaction>,
}

impl Conversions {
    /// Adds a conversion. Whether it is the first of its transaction, and counts.
    pub(super) fn add(
        &mut self,
        event: &Event<'_>,
        keys: &mut Keys,
        clock_ms: i64,
        touched: &mut Vec<Touched>,
    ) -> bool {
        let key = transaction_key(&event.site, &event.goal, &event.transaction, event.id);
        let transaction = self.touch(key, clock_ms, touched);
        transaction.named = !event.transaction.is_empty();
        let heard_of =
            transaction.lead.is_some() || transaction.sale.is_some() || transaction.rejected;
        let slot = match event.status.unwrap_or(ConversionStatus::Sale) {
            ConversionStatus::Rejected => {
                transaction.rejected = true;
                return false;
            }
            ConversionStatus::Lead => &mut transaction.lead,
            ConversionStatus::Sale => &mut transaction.sale,
        };
        let order = (event.time, event.id);
        if slot.as_ref().is_none_or(|fact| order < (fact.time, fact.id)) {
            let touches = event.touches.iter().map(|touch| Contact::new(touch, keys)).collect();
            let view = event.view_through.as_ref().map(|touch| Contact::new(touch, keys));
            let (time, id, value) = (event.time, event.id, event.value);
            *slot = Some(Fact { time, id, value, touches, view });
        }
        !heard_of
    }

    /// A later impression was found for a conversion. Whether the conversion is remembered.
    pub(super) fn seen_before(
        &mut self,
        (key, time, id): (u128, i64, Id),
        view: Contact,
        clock_ms: i64,
        touched: &mut Vec<Touched>,
    ) -> bool {
        if !self.transactions.contains_key(&key) {
            return false;
        }
        let transaction = self.touch(key, clock_ms, touched);
        let facts = [&mut transaction.lead, &mut transaction.sale].into_iter().flatten();
        for fact in facts.filter(|fact| (fact.time, fact.id) == (time, id)) {
            if fact.view.is_none_or(|before| (before.at, before.id) < (view.at, view.id)) {
                fact.view = Some(view);
            }
        }
        true
    }

    fn touch(&mut self, key: u128, clock_ms: i64, touched: &mut Vec<Touched>) -> &mut Transaction {
        let transaction = self.transactions.entry(key).or_default();
        if !std::mem::replace(&mut transaction.touched, true) {
            touched.push(Touched { key, before: transaction.counts() });
        }
        transaction.heard_at = clock_ms;
        transaction
    }

    /// What a touched transaction counted before the batch, and counts now; `None` when that is the
    /// same.
    pub(super) fn settle(&mut self, touched: Touched) -> Option<(Counts, Counts)> {
        let transaction = self.transactions.get_mut(&touched.key)?;
        transaction.touched = false;
        let now = transaction.counts();
        (now != touched.before).then_some((touched.before, now))
    }

    /// Forgets what can't be heard of any more.
    pub(super) fn sweep(&mut self, clock_ms: i64) {
        self.transactions.retain(|_, transaction| {
            let kept_ms = if transaction.named { TRANSACTION_MS } else { LONE_MS };
            transaction.heard_at >= clock_ms - kept_ms
        });
    }

    /// Forgets those not heard of for longest, when there are more than `max`. How many.
    pub(super) fn bound(&mut self, max: usize) -> u64 {
        let before = self.transactions.len();
        if let Some(cut) = keep_newest(self.transactions.values().map(|one| one.heard_at), max) {
            self.transactions.retain(|_, transaction| transaction.heard_at >= cut);
        }
        (before - self.transactions.len()) as u64
    }

    /// Number of transactions remembered.
    pub(super) fn len(&self) -> usize {
        self.transactions.len()
    }

    pub(super) fn keep_keys(&mut self, old: &Keys, keys: &mut Keys) {
        let facts = self.transactions.values_mut().flat_map(|one| [&mut one.lead, &mut one.sale]);
        for fact in facts.flatten() {
            for contact in fact.touches.iter_mut().chain(&mut fact.view) {
                keys.keep(old, &mut contact.key);
            }
        }
    }
}
