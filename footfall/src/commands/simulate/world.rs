//! A made-up crowd on a made-up shop: an endless sequence of events in the order of their times,
//! without any I/O, clock or waiting.
//!
//! Visitors arrive independently of each other (Poisson), read for log-normal times, prefer popular
//! pages (Zipf), and come from search engines, social networks, campaigns or nowhere. The sequence
//! begins with the visits that would already be in progress, so that its rate is even from the
//! first second.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::sync::Arc;

use footfall_event::Id;
use footfall_event::catalog::Entry;
use serde_json::{Map, Value};

use super::dice::Dice;
use super::market::Market;
use super::pages::Pages;
use super::people::Person;
use super::visit::Visit;

/// Visits that began so long before the first event are in progress; few last longer.
const WARM_UP_MS: f64 = 600_000.0;
/// Visits from which the mean number of events is measured.
const SAMPLE_VISITS: u64 = 4_000;
/// Of so many earlier visitors some come again.
const REMEMBERED_VISITORS: usize = 4_096;

/// One event. `body` has the fields of the events API except `time`, `ip` and `user_agent`.
#[derive(Clone, Debug)]
pub(crate) struct SimEvent {
    /// Milliseconds since the beginning.
    pub(crate) at_ms: u64,
    /// The visitor's address.
    pub(crate) ip: IpAddr,
    /// The visitor's user agent.
    pub(crate) user_agent: &'static str,
    /// The event.
    pub(crate) body: Map<String, Value>,
    /// The visit: a click id that the redirect makes is for this visit's conversions.
    pub(crate) visit: u64,
}

impl SimEvent {
    /// Whether it is made by following a link to an ad, not by sending an event.
    pub(crate) fn is_redirect(&self) -> bool {
        self.body["type"] == "click"
    }
}

/// The crowd.
pub(crate) struct World {
    site: Arc<str>,
    pub(super) pages: Pages,
    market: Option<Market>,
    dice: Dice,
    run: u64,
    mean_gap_ms: f64,
    next_arrival_ms: f64,
    visits: Vec<Option<Visit>>,
    free: Vec<usize>,
    queue: BinaryHeap<Reverse<(Moment, usize)>>,
    visitors: Vec<u64>,
}

/// A time in microseconds: a total order, which floats have not.
type Moment = i64;

fn moment(ms: f64) -> Moment {
    (ms * 1_000.0) as i64
}

impl World {
    /// The crowd of a seed on a site, `rate` events per second on average. `run` only changes the
    /// events' ids: two runs with the same seed are the same visitors doing the same things, but
    /// not repeats of the same events.
    /// With `ads`, the shop shows some, and its visitors click on them.
    pub(crate) fn new(seed: u64, site: &str, rate: f64, run: u64, ads: bool) -> World {
        let pages = Pages::new(seed);
        let market = ads.then(|| Market::new(seed, &pages));
        let mut dice = Dice::new(seed ^ 0x776f_726c_6421);
        let sample: u64 = (0..SAMPLE_VISITS)
            .map(|_| {
                let (visitor, visit) = (dice.roll(), dice.roll());
                let visit = Visit::new(visit, Person::new(visitor), &pages);
                events_of(visit, &pages, market.as_ref())
            })
            .sum();
        let mean_gap_ms = 1_000.0 * sample as f64 / SAMPLE_VISITS as f64 / rate.max(0.001);
        let next_arrival_ms = -WARM_UP_MS + dice.exponential(mean_gap_ms);
        World {
            site: site.into(),
            pages,
            market,
            dice,
            run,
            mean_gap_ms,
            next_arrival_ms,
            visits: Vec::new(),
            free: Vec::new(),
            queue: BinaryHeap::new(),
            visitors: Vec::new(),
        }
    }

    /// Lets everybody arrive who comes before the next event.
    fn arrivals(&mut self) {
        while self.queue.peek().is_none_or(|Reverse((at, _))| moment(self.next_arrival_ms) <= *at) {
            let at = moment(self.next_arrival_ms);
            self.next_arrival_ms += self.dice.exponential(self.mean_gap_ms);
            let visitor = self.visitor();
            let visit = Visit::new(self.dice.roll(), Person::new(visitor), &self.pages);
            let slot = self.free.pop().unwrap_or_else(|| {
                self.visits.push(None);
                self.visits.len() - 1
            });
            self.visits[slot] = Some(visit);
            self.queue.push(Reverse((at, slot)));
        }
    }

    /// Somebody new, or (one in five) somebody who was here before.
    fn visitor(&mut self) -> u64 {
        let new = self.dice.roll();
        if self.visitors.len() < REMEMBERED_VISITORS {
            self.visitors.push(new);
            return new;
        }
        let slot = self.dice.below(REMEMBERED_VISITORS);
        if self.dice.chance(0.2) {
            return self.visitors[slot];
        }
        self.visitors[slot] = new;
        new
    }

    /// The site on which all this happens.
    pub(super) fn site(&self) -> &str {
        &self.site
    }

    /// What the catalogue has to have for the ads.
    pub(super) fn ads(&self, now_ms: i64) -> Vec<Entry> {
        let market = self.market.as_ref();
        market.map_or_else(Vec::new, |market| market.entries(&self.site, &self.pages, now_ms))
    }

    pub(super) fn url(&self, page: usize, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("http://{}{}{mark}{query}", self.site, self.pages.get(page).path)
    }

    /// The id of a visit's event: a UUID as a browser makes it, but reproducible.
    pub(super) fn id(&self, visit: u64, step: u32) -> Id {
        let mut dice = Dice::new(visit ^ self.run.rotate_left(32) ^ u64::from(step) << 48);
        let bits = u128::from(dice.roll()) << 64 | u128::from(dice.roll());
        uuid::Builder::from_random_bytes(bits.to_be_bytes()).into_uuid()
    }
}

impl Iterator for World {
    type Item = SimEvent;

    /// The next event; there is always one.
    fn next(&mut self) -> Option<SimEvent> {
        loop {
            self.arrivals();
            let Reverse((at, slot)) = self.queue.pop()?;
            let mut visit = self.visits[slot].take()?;
            let (act, after_ms) = visit.step(&self.pages, self.market.as_ref());
            let event = (at >= 0).then(|| SimEvent {
                at_ms: at as u64 / 1_000,
                ip: visit.person.ip,
                user_agent: visit.person.user_agent,
                body: self.body(&visit, act),
                visit: visit.seed,
            });
            match after_ms {
                Some(after_ms) => {
                    self.visits[slot] = Some(visit);
                    self.queue.push(Reverse((at + moment(after_ms).max(1), slot)));
                }
                None => self.free.push(slot),
            }
            if event.is_some() {
                return event;
            }
        }
    }
}

fn events_of(mut visit: Visit, pages: &Pages, market: Option<&Market>) -> u64 {
    let mut events = 1;
    while visit.step(pages, market).1.is_some() {
        events += 1;
    }
    events
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn minute(seed: u64, run: u64) -> Vec<SimEvent> {
        World::new(seed, "shop.test", 200.0, run, true)
            .take_while(|event| event.at_ms < 60_000)
            .collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_visitors_but_each_run_its_own_ids() {
        let strip = |events: Vec<SimEvent>| -> Vec<String> {
            events
                .into_iter()
                .map(|mut event| {
                    for id in ["id", "pageview", "impression", "transaction"] {
                        event.body.remove(id);
                    }
                    format!("{event:?}")
                })
                .collect()
        };
        let (a, b) = (minute(1, 1), minute(1, 2));
        let ids: HashSet<_> =
            a.iter().chain(&b).map(|event| event.body["id"].to_string()).collect();
        assert_eq!(ids.len(), a.len() + b.len());
        assert_eq!(strip(a.clone()), strip(b));
        assert_ne!(strip(a), strip(minute(2, 1)));
    }

    #[test]
    fn the_rate_is_even_from_the_first_second_and_times_never_go_back() {
        let events = minute(1, 1);
        assert!(events.is_sorted_by_key(|event| event.at_ms));
        for window in 0..6 {
            let range = window * 10_000..(window + 1) * 10_000;
            let count = events.iter().filter(|event| range.contains(&event.at_ms)).count();
            assert!((1_600..2_400).contains(&count), "{count} events in {range:?}");
        }
    }

    #[test]
    fn everything_happens_and_engagements_name_their_page_view() {
        let events: Vec<SimEvent> =
            World::new(1, "shop.test", 200.0, 1, true).take(60_000).collect();
        let mut types: HashMap<String, usize> = HashMap::new();
        let mut views = HashSet::new();
        let (mut known, mut unknown, mut orders) = (0, 0, 0);
        for event in &events {
            *types.entry(event.body["type"].to_string()).or_default() += 1;
            match event.body["type"].as_str().unwrap() {
                "pageview" => drop(views.insert(event.body["id"].clone())),
                "engagement" if views.contains(&event.body["pageview"]) => known += 1,
                "engagement" => unknown += 1,
                "action" if event.body["name"] == "order" => orders += 1,
                _ => {}
            }
        }
        assert_eq!(types.len(), 8, "{types:?}");
        assert!(orders > 10, "{orders}");
        // Not known are only the page views from before the beginning, within these five minutes.
        assert!(known > 5 * unknown, "{known} {unknown}");
    }

    #[test]
    fn clicks_and_views_follow_their_impressions() {
        let events: Vec<SimEvent> =
            World::new(1, "shop.test", 500.0, 1, true).take(120_000).collect();
        let of = |kind: &'static str| events.iter().filter(move |event| event.body["type"] == kind);
        let shown: HashMap<_, _> =
            of("impression").map(|event| (event.body["id"].clone(), event)).collect();
        for kind in ["view", "click"] {
            let (mut known, mut unknown, mut bots) = (0, 0, 0);
            for event in of(kind) {
                match event.body.get("impression").map(|id| shown.get(id)) {
                    Some(Some(first)) => {
                        assert!(first.at_ms < event.at_ms);
                        for field in ["ad", "placement", "position", "query"] {
                            assert_eq!(first.body.get(field), event.body.get(field));
                        }
                        known += 1;
                    }
                    Some(None) => unknown += 1, // Shown before the beginning.
                    None => bots += 1,
                }
            }
            assert!(known > 10 * unknown && known > 4 * bots, "{kind} {known} {unknown} {bots}");
        }
        let share = |kind: &'static str| of(kind).count() as f64 / shown.len() as f64;
        let (viewable, ctr) = (share("view"), share("click"));
        assert!((0.4..0.8).contains(&viewable), "{viewable} of the impressions are viewable");
        assert!((0.004..0.03).contains(&ctr), "{ctr} of the impressions are clicked");
        let orders = of("action").filter(|event| event.body["name"] == "order").count();
        assert!(orders.abs_diff(of("conversion").count()) <= 1, "each order is a conversion");
    }
}
