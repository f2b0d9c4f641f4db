//! View-through: which impressions a device has had, so that a conversion on it can be given to the
//! last of them. A device is a network with a user agent, known for a day.
//!
//! Of the impressions that led to one place, only the last can matter to a conversion that is yet to
//! come; those of the last hours are all kept, since a conversion may come late.

use footfall_event::ads::{Attribution, Billing, Touch};
use footfall_event::limits::LATENESS_MS;
use footfall_event::time::DAY_MS;
use footfall_event::{Hex64, Id};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::ads::cut::keep_newest;
use crate::ads::keys::{KeyId, Keys};

/// How long conversions are remembered: an impression that belongs to one may come late.
pub(super) const CONVERSION_MS: i64 = 2 * LATENESS_MS;

/// Impressions of one device at the most. Nobody sees more ads in a day; a device that stands for a
/// whole office loses the oldest.
const PER_DEVICE_MAX: usize = 2_048;

/// A list is looked through for what can't matter any more when it has grown to this length.
const PRUNE_FROM: usize = 16;

/// A device; `None` without a network.
pub(super) fn device(network: Option<Hex64>, user_agent: &str) -> Option<Hex64> {
    network.map(|network| Hex64(xxh3_64_with_seed(user_agent.as_bytes(), network.0)))
}

/// An impression that a conversion may belong to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Candidate {
    pub(super) time: i64,
    pub(super) id: Id,
    /// Where it was shown.
    pub(super) key: KeyId,
    /// Host of the destination: the site of a key.
    pub(super) target: KeyId,
    pub(super) billing: Option<Billing>,
    pub(super) view_days: u16,
}

impl Candidate {
    /// As records carry it.
    pub(super) fn touch<'k>(&self, keys: &'k Keys) -> Touch<'k> {
        let place = keys.place(self.key);
        Touch {
            click: Id::nil(),
            at: self.time,
            site: place.site.into(),
            campaign: place.campaign.into(),
            ad: place.ad.into(),
            placement: place.placement.into(),
            position: place.position,
            impression: Some(self.id),
            query_hash: Hex64(place.query_hash),
            billing: self.billing,
            attribution: Attribution { view_days: self.view_days, ..Attribution::default() },
        }
    }
}

/// A conversion as far as its impression is looked for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Conversion {
    pub(super) time: i64,
    pub(super) id: Id,
    pub(super) site: Box<str>,
    pub(super) host: Box<str>,
    pub(super) goal: Box<str>,
    pub(super) transaction: Box<str>,
    /// Time and id of the impression that was found.
    best: Option<(i64, Id)>,
}

impl Conversion {
    pub(super) fn new(time: i64, id: Id, texts: [&str; 4]) -> Conversion {
        let [site, host, goal, transaction] = texts.map(Box::from);
        Conversion { time, id, site, host, goal, transaction, best: None }
    }

    /// Whether it can belong to the impression: the ad led here, and not too long ago.
    fn may_follow(&self, candidate: &Candidate, keys: &Keys) -> bool {
        let age = self.time - candidate.time;
        let target = keys.place(candidate.target).site;
        let below = || target.strip_suffix(&*self.site).is_some_and(|head| head.ends_with('.'));
        (0..=i64::from(candidate.view_days) * DAY_MS).contains(&age)
            && (target == &*self.site || target == &*self.host || below())
    }
}

/// The devices of one shard.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Devices {
    impressions: HashMap<Hex64, Vec<Candidate>>,
    /// Impressions remembered, over all devices.
    count: usize,
    conversions: HashMap<Hex64, Vec<Conversion>>,
}

impl Devices {
    /// Remembers an impression. Returns the conversions that belong to it rather than to what was
    /// said before.
    pub(super) fn show(
        &mut self,
        device: Hex64,
        candidate: Candidate,
        clock_ms: i64,
        keys: &Keys,
    ) -> Vec<Conversion> {
        let list = self.impressions.entry(device).or_default();
        let at =
            list.partition_point(|other| (other.time, other.id) < (candidate.time, candidate.id));
        list.insert(at, candidate);
        self.count += 1;
        if list.len() >= PRUNE_FROM && list.len().is_power_of_two() || list.len() > PER_DEVICE_MAX {
            let before = list.len();
            prune(list, clock_ms - CONVERSION_MS);
            self.count -= before - list.len();
        }
        let Some(conversions) = self.conversions.get_mut(&device) else { return Vec::new() };
        let order = (candidate.time, candidate.id);
        let better = conversions.iter_mut().filter(|conversion| {
            conversion.best.is_none_or(|best| best < order)
                && conversion.may_follow(&candidate, keys)
        });
        let mut better: Vec<Conversion> = better
            .map(|conversion| {
                conversion.best = Some(order);
                conversion.clone()
            })
            .collect();
        better.sort_unstable_by_key(|conversion| (conversion.time, conversion.id));
        better
    }

    /// The last impression on one of these devices that the conversion may belong to. One that counts
    /// is remembered, for an impression that is late.
    pub(super) fn convert(
        &mut self,
        devices: [Option<Hex64>; 2],
        (mut conversion, counts): (Conversion, bool),
        keys: &Keys,
    ) -> Option<Candidate> {
        let lists = devices.iter().flatten().filter_map(|device| self.impressions.get(device));
        let found = lists
            .filter_map(|list| list.iter().rev().find(|one| conversion.may_follow(one, keys)))
            .max_by_key(|candidate| (candidate.time, candidate.id))
            .copied();
        conversion.best = found.map(|candidate| (candidate.time, candidate.id));
        for device in devices.into_iter().flatten().filter(|_| counts) {
            self.conversions.entry(device).or_default().push(conversion.clone());
        }
        found
    }

    /// Forgets what is too old by the clock, and the oldest impressions when there are more than
    /// `max`. How many were forgotten for lack of room.
    pub(super) fn forget(&mut self, clock_ms: i64, max: usize) -> u64 {
        self.drop_before(clock_ms - DAY_MS - LATENESS_MS);
        for list in self.conversions.values_mut() {
            list.retain(|conversion| conversion.time >= clock_ms - CONVERSION_MS);
        }
        self.conversions.retain(|_, list| !list.is_empty());
        if self.count <= max {
            return 0;
        }
        let times: Vec<i64> = self.impressions.values().flatten().map(|one| one.time).collect();
        let before = self.count;
        if let Some(cut) = keep_newest(times.into_iter(), max) {
            self.drop_before(cut);
        }
        (before - self.count) as u64
    }

    fn drop_before(&mut self, horizon: i64) {
        let mut count = 0;
        self.impressions.retain(|_, list| {
            list.retain(|candidate| candidate.time >= horizon);
            count += list.len();
            !list.is_empty()
        });
        self.count = count;
    }

    /// Number of impressions remembered.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    pub(super) fn keep_keys(&mut self, old: &Keys, keys: &mut Keys) {
        for candidate in self.impressions.values_mut().flatten() {
            keys.keep(old, &mut candidate.key);
            keys.keep(old, &mut candidate.target);
        }
    }
}

/// Drops what no conversion can belong to any more: impressions from before `horizon` with a later
/// one to the same target that is from before it, too.
fn prune(list: &mut Vec<Candidate>, horizon: i64) {
    let mut targets: Vec<(KeyId, u16)> = Vec::new();
    let mut kept = Vec::with_capacity(list.len());
    for candidate in list.iter().rev() {
        let of = (candidate.target, candidate.view_days);
        if candidate.time < horizon {
            if targets.contains(&of) {
                continue;
            }
            targets.push(of);
        }
        kept.push(*candidate);
    }
    kept.truncate(PER_DEVICE_MAX);
    kept.reverse();
    *list = kept;
}
