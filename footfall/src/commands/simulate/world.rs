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
use serde_json::{Map, Value, json};

use super::dice::Dice;
use super::pages::{ORIGINS, Pages};
use super::people::Person;
use super::visit::{Act, Visit};

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
}

/// The crowd.
pub(crate) struct World {
    site: Arc<str>,
    pages: Pages,
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
    pub(crate) fn new(seed: u64, site: &str, rate: f64, run: u64) -> World {
        let pages = Pages::new(seed);
        let mut dice = Dice::new(seed ^ 0x776f_726c_6421);
        let sample: u64 = (0..SAMPLE_VISITS)
            .map(|_| {
                let (visitor, visit) = (dice.roll(), dice.roll());
                events_of(Visit::new(visit, Person::new(visitor), &pages), &pages)
            })
            .sum();
        let mean_gap_ms = 1_000.0 * sample as f64 / SAMPLE_VISITS as f64 / rate.max(0.001);
        let next_arrival_ms = -WARM_UP_MS + dice.exponential(mean_gap_ms);
        World {
            site: site.into(),
            pages,
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

    fn body(&self, visit: &Visit, act: Act) -> Map<String, Value> {
        let person = &visit.person;
        let mut body = Map::new();
        let mut set = |name: &str, value: Value| drop(body.insert(name.to_owned(), value));
        set("id", json!(self.id(visit.seed, visit.steps - 1).to_string()));
        set("site", json!(&*self.site));
        if !person.is_bot {
            set("language", json!(person.language));
            set("screen", json!(person.screen));
            set("timezone", json!(person.timezone));
        }
        match act {
            Act::View { page, from } => {
                let (referrer, query) = match from {
                    Some(from) => (self.url(from, ""), ""),
                    None if person.is_bot => (String::new(), ""),
                    None => {
                        let (referrer, query) = Dice::new(visit.origin).weighted(ORIGINS);
                        (referrer.to_owned(), query)
                    }
                };
                set("type", json!("pageview"));
                set("url", json!(self.url(page, query)));
                set("title", json!(self.pages.get(page).title));
                if !referrer.is_empty() {
                    set("referrer", json!(referrer));
                }
            }
            Act::Engagement { page, engaged_ms, scroll_pct } => {
                set("type", json!("engagement"));
                set("url", json!(self.url(page, "")));
                set("pageview", json!(self.id(visit.seed, visit.view_step).to_string()));
                set("engaged_ms", json!(engaged_ms));
                set("scroll_pct", json!(scroll_pct));
            }
            Act::Search { query, results } => {
                set("type", json!("search"));
                set("url", json!(self.url(self.pages.results, "")));
                set("query", json!(query));
                set("results", json!(results));
            }
            Act::Action { page, name, value_cents } => {
                set("type", json!("action"));
                set("url", json!(self.url(page, "")));
                set("name", json!(name));
                if let Some(cents) = value_cents {
                    let amount = format!("{}.{:02}", cents / 100, cents % 100);
                    set("value", json!({ "amount": amount, "currency": "EUR" }));
                }
            }
        }
        body
    }

    fn url(&self, page: usize, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("http://{}{}{mark}{query}", self.site, self.pages.get(page).path)
    }

    /// The id of a visit's event: a UUID as a browser makes it, but reproducible.
    fn id(&self, visit: u64, step: u32) -> Id {
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
            let (act, after_ms) = visit.step(&self.pages);
            let event = (at >= 0).then(|| SimEvent {
                at_ms: at as u64 / 1_000,
                ip: visit.person.ip,
                user_agent: visit.person.user_agent,
                body: self.body(&visit, act),
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

fn events_of(mut visit: Visit, pages: &Pages) -> u64 {
    let mut events = 1;
    while visit.step(pages).1.is_some() {
        events += 1;
    }
    events
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use super::*;

    fn minute(seed: u64, run: u64) -> Vec<SimEvent> {
        World::new(seed, "shop.test", 200.0, run).take_while(|event| event.at_ms < 60_000).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_visitors_but_each_run_its_own_ids() {
        let strip = |events: Vec<SimEvent>| -> Vec<String> {
            events
                .into_iter()
                .map(|mut event| {
                    event.body.remove("id");
                    event.body.remove("pageview");
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
        let events: Vec<SimEvent> = World::new(1, "shop.test", 200.0, 1).take(60_000).collect();
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
        assert_eq!(types.len(), 4, "{types:?}");
        assert!(orders > 10, "{orders}");
        // Not known are only the page views from before the beginning, within these five minutes.
        assert!(known > 5 * unknown, "{known} {unknown}");
    }
}
