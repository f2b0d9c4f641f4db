//! What is remembered of one campaign: its placements from hour to hour, the sequential tests, and
//! which networks clicked at which publisher today.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use footfall_event::VerdictReason;
use serde::{Deserialize, Serialize};

use super::{Candidate, DAY_MS, HOUR_MS, PLACES_MAX, SITES_MAX};
use crate::rules::click::half;
use crate::rules::excess::Placements;
use crate::rules::hourly::{self, History};
use crate::rules::minhash::Clickers;
use crate::rules::{Marks, Rules};

/// See the module.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Campaign {
    pub(super) places: BTreeMap<u64, History>,
    pub(super) tests: Placements,
    pub(super) clickers: BTreeMap<u64, Clickers>,
    pub(super) day: i64,
    pub(super) hour: i64,
}

/// A key for a placement of a site.
pub(super) fn place_key(site: u64, placement: u64) -> u64 {
    site ^ placement.rotate_left(17)
}

impl Campaign {
    /// A placement, if it is one that is compared.
    pub(super) fn place(&mut self, site: u64, placement: u64) -> Option<&mut History> {
        let full = self.places.len() >= PLACES_MAX;
        match self.places.entry(place_key(site, placement)) {
            Entry::Occupied(entry) => Some(entry.into_mut()),
            Entry::Vacant(entry) => {
                (!full && placement != 0).then(|| entry.insert(History::default()))
            }
        }
    }

    /// Closes the hours, and the day, that are over.
    pub(super) fn turn(&mut self, time: i64, of: &Rules) {
        let (hour, day) = (time.div_euclid(HOUR_MS), time.div_euclid(DAY_MS));
        if hour > self.hour {
            if self.hour > 0 {
                let mut places: Vec<_> = self.places.values_mut().collect();
                hourly::close(&mut places, self.hour, &of.thresholds);
            }
            self.places.values_mut().for_each(|place| place.open(hour));
            self.hour = hour;
        }
        if day > self.day {
            // Networks have other hashes tomorrow.
            self.clickers.clear();
            self.day = day;
        }
    }

    /// The sequential tests, and this hour's counts. Returns the clicks that are found out.
    pub(super) fn test(
        &mut self,
        at: (i64, u128),
        click: &Candidate,
        of: &Rules,
    ) -> Vec<((i64, u128), VerdictReason)> {
        let Some(place) = self.place(click.site, click.placement) else { return Vec::new() };
        let marks = click.opinion.marks;
        place.hour.click(click.position, half(click.network), marks.has(Marks::NEW));
        place.conversions.clicks += 1.0;
        self.tests.click(click.site, click.placement, at, marks, of)
    }

    /// Whether the click's network also clicks at a publisher that is too much alike.
    pub(super) fn colludes(&mut self, click: &Candidate, of: &Rules) -> bool {
        let rules = &of.thresholds.collusion;
        let full = self.clickers.len() >= SITES_MAX && !self.clickers.contains_key(&click.site);
        if !click.opinion.marks.has(Marks::HOUSEHOLD) || click.network == 0 || full {
            return false;
        }
        let network = half(click.network);
        self.clickers.entry(click.site).or_default().add(network);
        let own = &self.clickers[&click.site];
        let needed = rules.networks as usize;
        own.len() >= needed
            && self.clickers.iter().any(|(site, other)| {
                *site != click.site
                    && other.len() >= needed
                    && other.has(network)
                    && own.similarity(other) >= rules.similarity
            })
    }
}
