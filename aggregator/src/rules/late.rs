//! Clicks whose last look is over, for an hour: what comes later than it should may still change
//! what is thought of them.

use std::collections::BTreeMap;

use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::network_judge::Waiting;

/// How long after its last look a click may still be changed by what is late, milliseconds.
pub(crate) const SETTLED_MS: i64 = 3_600_000;
/// In these hours of a day, a network is also known by its hash of the day before.
const BOTH_HASHES_MS: i64 = 2 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

/// Where a click stands: its time and its id.
pub(crate) type At = (i64, u128);

/// See the module. Also knows which clicks a network has made, whether they are settled or not.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Settled {
    /// By the moment of the last look.
    clicks: BTreeMap<At, Waiting>,
    /// In the order of time.
    of_network: HashMap<u64, Vec<At>>,
}

/// Under which hashes a click's network is known.
fn hashes(waiting: &Waiting) -> impl Iterator<Item = u64> + use<> {
    let click = &waiting.click;
    let both = click.time.rem_euclid(DAY_MS) < BOTH_HASHES_MS;
    let previous = click.previous_network;
    let previous = (both && previous != click.network).then_some(previous);
    [Some(click.network), previous].into_iter().flatten().filter(|hash| *hash != 0)
}

impl Settled {
    /// A new click, which is to be found by its network.
    pub(crate) fn link(&mut self, waiting: &Waiting) {
        let at = (waiting.click.time, waiting.click.id);
        for network in hashes(waiting) {
            let list = self.of_network.entry(network).or_default();
            if let Err(place) = list.binary_search(&at) {
                list.insert(place, at);
            }
        }
    }

    /// Clicks of a network from a time on, no more than `max`.
    pub(crate) fn of(&self, network: u64, from: i64, max: usize) -> Vec<At> {
        let Some(list) = self.of_network.get(&network) else { return Vec::new() };
        let first = list.partition_point(|at| at.0 < from);
        list[first..].iter().copied().take(max).collect()
    }

    /// A click's last look is over; it was due then.
    pub(crate) fn add(&mut self, due: At, waiting: Waiting) {
        self.clicks.insert(due, waiting);
    }

    pub(crate) fn get_mut(&mut self, due: &At) -> Option<&mut Waiting> {
        self.clicks.get_mut(due)
    }

    /// Lets go of clicks that were due before a time, and of the first when there are more than `max`.
    pub(crate) fn forget(&mut self, before: i64, max: usize) {
        while let Some(entry) = self.clicks.first_entry() {
            let due = entry.key().0;
            if due >= before && self.clicks.len() <= max {
                break;
            }
            let Some((_, waiting)) = self.clicks.pop_first() else { break };
            let at = (waiting.click.time, waiting.click.id);
            for network in hashes(&waiting) {
                if let Some(list) = self.of_network.get_mut(&network) {
                    list.retain(|other| *other != at);
                    if list.is_empty() {
                        self.of_network.remove(&network);
                    }
                }
            }
        }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.clicks.len()
    }
}
