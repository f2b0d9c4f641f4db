//! What a click depends on in stage 1: the same visitor's earlier clicks on the same ad, and whether
//! its network has had the impression. Both may come later than the click; the click's reasons are
//! then corrected.

use std::collections::BTreeMap;

use footfall_event::limits::LATENESS_MS;
use footfall_event::time::DAY_MS;
use footfall_event::{Hex64, Id};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use super::shown::{IMPRESSION_MS, ImpressionKey};
use crate::ads::keys::{KeyId, Keys};

/// A visitor's second click on the same ad within this time is a duplicate (exactly an hour still
/// is).
const SAME_AD_MS: i64 = 3_600 * 1_000;

/// How long clicks are remembered: an earlier one may come late, and the clicks that it makes
/// duplicates are up to an hour after it.
pub(super) const CLICK_MS: i64 = SAME_AD_MS + 2 * LATENESS_MS;

/// Where a click stands among all: time, id, and the site's hash, since ids are unique per site only.
pub(super) type Order = (i64, Id, u64);

/// A visitor and an ad.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Pair {
    visitor: Hex64,
    ad: u64,
}

/// What is remembered of a click.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Click {
    /// Site, campaign and ad.
    pub(super) key: KeyId,
    pairs: [Option<Pair>; 2],
    /// An earlier click makes it a duplicate.
    duplicate: bool,
    /// The impression that it names and that is not known.
    waiting_for: Option<ImpressionKey>,
    networks: [Option<Hex64>; 2],
}

/// The clicks of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Clicks {
    clicks: BTreeMap<Order, Click>,
    /// By visitor and ad, in their order.
    of_pair: HashMap<Pair, Vec<Order>>,
    waiting: HashMap<ImpressionKey, Vec<Order>>,
}

/// A new click.
pub(super) struct NewClick<'a> {
    pub(super) order: Order,
    pub(super) key: KeyId,
    pub(super) ad: &'a str,
    pub(super) visitor: Option<Hex64>,
    pub(super) previous_visitor: Option<Hex64>,
    pub(super) networks: [Option<Hex64>; 2],
    /// The impression that it names and that is not known.
    pub(super) waiting_for: Option<ImpressionKey>,
}

impl Clicks {
    /// Adds a click. Whether an earlier one makes it a duplicate; `corrected` gets the clicks that
    /// it makes duplicates itself.
    pub(super) fn add(&mut self, new: &NewClick<'_>, corrected: &mut Vec<(Order, KeyId)>) -> bool {
        let (time, ..) = new.order;
        let ad = xxh3_64(new.ad.as_bytes());
        let since_midnight = time.rem_euclid(DAY_MS);
        // A visitor's id changes at midnight. In the hour after, it is found under both.
        let previous = new.previous_visitor.filter(|_| since_midnight <= SAME_AD_MS);
        let previous = previous.filter(|previous| Some(*previous) != new.visitor);
        let pairs = [new.visitor, previous].map(|id| id.map(|visitor| Pair { visitor, ad }));
        let mut duplicate = false;
        for pair in pairs.into_iter().flatten() {
            let list = self.of_pair.entry(pair).or_default();
            let at = list.partition_point(|other| *other < new.order);
            let before = at.checked_sub(1).map(|before| list[before]);
            duplicate |= before.is_some_and(|before| time - before.0 <= SAME_AD_MS);
            if let Some(&after) = list.get(at).filter(|after| after.0 - time <= SAME_AD_MS)
                && let Some(click) = self.clicks.get_mut(&after)
                && !std::mem::replace(&mut click.duplicate, true)
            {
                corrected.push((after, click.key));
            }
            list.insert(at, new.order);
        }
        if let Some(impression) = new.waiting_for {
            self.waiting.entry(impression).or_default().push(new.order);
        }
        let (key, networks, waiting_for) = (new.key, new.networks, new.waiting_for);
        self.clicks.insert(new.order, Click { key, pairs, duplicate, waiting_for, networks });
        duplicate
    }

    /// An impression has come: takes the clicks of its network that were waiting for it.
    pub(super) fn found(
        &mut self,
        impression: ImpressionKey,
        time: i64,
        network: Hex64,
    ) -> Vec<(Order, KeyId)> {
        let Some(list) = self.waiting.get_mut(&impression) else { return Vec::new() };
        let mut found = Vec::new();
        list.retain(|order| {
            let Some(click) = self.clicks.get_mut(order) else { return false };
            let its = click.networks.contains(&Some(network)) && time >= order.0 - IMPRESSION_MS;
            if its {
                click.waiting_for = None;
                found.push((*order, click.key));
            }
            !its
        });
        if list.is_empty() {
            self.waiting.remove(&impression);
        }
        // In the clicks' own order, whatever the order of their arrival.
        found.sort_unstable_by_key(|(order, _)| *order);
        found
    }

    /// Forgets clicks from before `horizon`, and the oldest when there are more than `max`. How many
    /// were forgotten for lack of room.
    pub(super) fn forget(&mut self, horizon: i64, max: usize) -> u64 {
        let mut forgotten = 0;
        while let Some(entry) = self.clicks.first_entry() {
            let early = entry.key().0 < horizon;
            if !early {
                break;
            }
            let (order, click) = entry.remove_entry();
            self.unlink(order, &click);
        }
        while self.clicks.len() > max {
            let Some((order, click)) = self.clicks.pop_first() else { break };
            self.unlink(order, &click);
            forgotten += 1;
        }
        forgotten
    }

    fn unlink(&mut self, order: Order, click: &Click) {
        for pair in click.pairs.iter().flatten() {
            if let Some(list) = self.of_pair.get_mut(pair) {
                list.retain(|other| *other != order);
                if list.is_empty() {
                    self.of_pair.remove(pair);
                }
            }
        }
        if let Some(impression) = click.waiting_for
            && let Some(list) = self.waiting.get_mut(&impression)
        {
            list.retain(|other| *other != order);
            if list.is_empty() {
                self.waiting.remove(&impression);
            }
        }
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
