//! Random ad events: what persons see, click and buy, with everything in it that makes counting hard.

use footfall_event::ads::{Attribution, AttributionModel, Billing, CostModel, Proof, Touch};
use footfall_event::ads::{normalised_query, query_hash};
use footfall_event::money::{Currency, Money};
use footfall_event::record::ConversionStatus;
use footfall_event::time::day_of;
use footfall_event::{Activity, Event, Hex64, Id, VerdictReason};

use crate::world::{HOUR, MIDNIGHT, MINUTE};

pub(crate) fn money(micros: i64, currency: &str) -> Money {
    Money { micros, currency: Currency::parse(currency).unwrap() }
}

/// An event and when it arrives; `network` says at which shard.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) event: Event<'static>,
    pub(crate) network: u64,
}

pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    pub(crate) fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    fn id(&mut self) -> Id {
        Id::from_u64_pair(self.below(u64::MAX), self.below(u64::MAX))
    }
}

const SITES: [&str; 2] = ["news.example", "blog.example"];
const QUERIES: [&str; 4] = ["", "Rote  Schuhe", " rote schuhe", "hat"];

/// Somebody who sees ads: several share a network.
#[derive(Clone, Copy)]
struct Person {
    number: u64,
    network: u64,
    agent: u64,
}

pub(crate) fn network_id(network: u64, day: i64) -> Hex64 {
    hash((network + 1) * 1_000_000 + day as u64)
}

/// As good as the keyed hashes of the real thing.
pub(crate) fn hash(number: u64) -> Hex64 {
    Hex64(xxhash_rust::xxh3::xxh3_64(&number.to_le_bytes()))
}

/// Makes events in the order of their time.
pub(crate) struct Market {
    random: Random,
    persons: u64,
    now: i64,
    step_ms: u64,
    /// Impressions of late, to be viewed and clicked.
    shown: Vec<(Person, Event<'static>)>,
    last_clicked: Option<(Person, Event<'static>)>,
    clicked: Vec<(Person, Event<'static>)>,
    transactions: u64,
}

impl Market {
    /// So many events over some 30 hours around a midnight.
    pub(crate) fn new(seed: u64, events: usize) -> Market {
        Market {
            random: Random::new(seed),
            persons: 2 + (events as u64 / 60).min(1_000_000),
            now: MIDNIGHT - 20 * HOUR,
            step_ms: (60 * HOUR as u64 / events as u64).max(1),
            shown: Vec::new(),
            last_clicked: None,
            clicked: Vec::new(),
            transactions: 2 + events as u64 / 200,
        }
    }

    fn person(&mut self) -> Person {
        let number = self.random.below(self.persons);
        Person { number, network: number / 3, agent: number % 2 }
    }

    fn event(
        &mut self,
        activity: Activity,
        person: Person,
        site: &str,
        time: i64,
    ) -> Event<'static> {
        let mut event = Event::new(activity, self.random.id(), site.to_owned(), time);
        let day = day_of(time);
        event.network = Some(network_id(person.network, day));
        event.previous_network = Some(network_id(person.network, day - 1));
        let visitor = |day| {
            let site = SITES.iter().position(|name| *name == site).unwrap_or(9) as u64;
            hash((person.number * 10 + site) * 1_000_000 + day as u64)
        };
        event.visitor = Some(visitor(day));
        event.previous_visitor = Some(visitor(day - 1));
        event.user_agent = format!("Agent/{}", person.agent).into();
        if self.random.one_in(20) {
            event.bot = "Examplebot".into();
        }
        event
    }

    /// The ad's own members, as ingest fills them in.
    fn advertise(&mut self, event: &mut Event<'static>, ad: u64) {
        event.ad = format!("ad-{ad}").into();
        event.placement = ["", "top", "side"][self.random.below(3) as usize].into();
        event.position = self.random.below(3) as u16;
        event.query = QUERIES[self.random.below(4) as usize].into();
        if ad == 0 {
            return; // Not in the catalogue.
        }
        let campaign = ad % 4;
        event.campaign = format!("c{campaign}").into();
        event.billing = billing(campaign);
        event.target = format!("shop{campaign}.example").into();
        event.view_days = u16::from(campaign != 3);
    }

    fn impression(&mut self) -> Arrival {
        let person = self.person();
        let site = SITES[self.random.below(2) as usize];
        let mut event = self.event(Activity::Impression, person, site, self.now);
        let ad = self.random.below(9);
        self.advertise(&mut event, ad);
        event.measurable = !self.random.one_in(5);
        if self.shown.len() > 300 {
            let old = self.random.below(300) as usize;
            self.shown.swap_remove(old);
        }
        self.shown.push((person, event.clone()));
        Arrival { event, network: person.network }
    }

    fn of_shown(&mut self) -> Option<(Person, Event<'static>)> {
        let count = self.shown.len() as u64;
        // Mostly the newest ones.
        let reach = if self.random.one_in(4) { 300 } else { 5 };
        let back = self.random.below(reach).min(count);
        let found = self.shown.get((count - back) as usize);
        // A day is as long as impressions are known.
        found.filter(|(_, shown)| shown.time > self.now - 20 * HOUR).cloned()
    }

    fn follow(&mut self, activity: Activity, by: Person, shown: &Event<'static>) -> Event<'static> {
        let mut event = self.event(activity, by, &shown.site, self.now);
        (event.ad, event.placement) = (shown.ad.clone(), shown.placement.clone());
        (event.position, event.query) = (shown.position, shown.query.clone());
        (event.campaign, event.billing) = (shown.campaign.clone(), shown.billing);
        event.impression = Some(shown.id);
        event
    }

    fn view(&mut self) -> Option<Arrival> {
        let (person, shown) = self.of_shown()?;
        let event = self.follow(Activity::View, person, &shown);
        Some(Arrival { event, network: person.network })
    }

    fn click(&mut self) -> Option<Arrival> {
        let (mut person, mut shown) = self.of_shown()?;
        if let Some((by, last)) = self.last_clicked.clone().filter(|_| self.random.one_in(3)) {
            (person, shown) = (by, last); // Once more.
        }
        self.last_clicked = Some((person, shown.clone()));
        if self.random.one_in(4) {
            person = self.person(); // Another network: a replay, or an address that changed.
        }
        let mut event = self.follow(Activity::Click, person, &shown);
        event.proof = match self.random.below(5) {
            0 | 1 => Proof::Signed,
            2 if self.random.one_in(4) => Proof::Expired,
            _ => Proof::None,
        };
        if event.proof == Proof::None && self.random.one_in(8) {
            event.impression = None;
        }
        if self.random.one_in(15) {
            event.found = vec![VerdictReason::NotRunning];
        }
        if self.random.one_in(15) {
            event.found.push(VerdictReason::PlacementUnknown);
        }
        if self.clicked.len() > 100 {
            let old = self.random.below(50) as usize;
            self.clicked.swap_remove(old);
        }
        self.clicked.push((person, event.clone()));
        Some(Arrival { event, network: person.network })
    }

    fn conversion(&mut self) -> Arrival {
        let person = self.person();
        let campaign = self.random.below(4);
        let site = format!("shop{campaign}.example");
        let mut event = self.event(Activity::Conversion, person, &site, self.now);
        event.goal = ["", "signup"][self.random.below(2) as usize].into();
        if !self.random.one_in(4) {
            event.transaction = format!("t{}", self.random.below(self.transactions)).into();
        }
        let statuses = if self.random.one_in(3) { 4 } else { 3 };
        event.status = [
            None,
            Some(ConversionStatus::Lead),
            Some(ConversionStatus::Sale),
            Some(ConversionStatus::Rejected),
        ][self.random.below(statuses) as usize];
        let currency = ["EUR", "USD"][self.random.below(2) as usize];
        let micros = 1 + self.random.below(90_000_000) as i64;
        event.value = (!self.random.one_in(5)).then(|| money(micros, currency));
        for _ in 0..[0, 0, 1, 1, 2, 3][self.random.below(6) as usize] {
            let count = self.clicked.len() as u64;
            if count == 0 {
                break;
            }
            let (_, click) = self.clicked[self.random.below(count) as usize].clone();
            event.touches.push(touch(&click, self.random.below(3)));
        }
        event.touches.sort_by_key(|touch| touch.at);
        Arrival { event, network: person.network }
    }
}

impl Iterator for Market {
    type Item = Arrival;

    /// The next event; its receipt is up to an hour later for one in twenty.
    fn next(&mut self) -> Option<Arrival> {
        self.now += self.random.below(self.step_ms) as i64;
        let made = match self.random.below(20) {
            0..10 => Some(self.impression()),
            10..14 => self.view(),
            14..18 => self.click(),
            _ => Some(self.conversion()),
        };
        let mut arrival = made.unwrap_or_else(|| self.impression());
        let late = self.random.one_in(20);
        let delay = self.random.below(if late { HOUR as u64 } else { MINUTE as u64 });
        arrival.event.received_at = arrival.event.time + delay as i64;
        Some(arrival)
    }
}

pub(crate) fn billing(campaign: u64) -> Option<Billing> {
    let model = [CostModel::Cpc, CostModel::Cpm, CostModel::Cpa, CostModel::Cpc];
    let price = money(250_001 * (campaign as i64 + 1), ["EUR", "USD"][campaign as usize % 2]);
    Some(Billing { model: model[campaign as usize], price })
}

/// What a click id says about a click.
pub(crate) fn touch(click: &Event<'static>, model: u64) -> Touch<'static> {
    let models = [AttributionModel::Last, AttributionModel::First, AttributionModel::Linear];
    Touch {
        click: click.id,
        at: click.time,
        site: click.site.clone(),
        campaign: click.campaign.clone(),
        ad: click.ad.clone(),
        placement: click.placement.clone(),
        position: click.position,
        impression: click.impression,
        query_hash: query_hash(&normalised_query(&click.query)),
        billing: click.billing,
        attribution: Attribution { model: models[model as usize], click_days: 1, view_days: 1 },
    }
}

/// Events as they arrive: by receipt, some twice.
pub(crate) fn arrivals(seed: u64, count: usize) -> Vec<Arrival> {
    let mut random = Random::new(seed ^ 0xabcd);
    let mut all: Vec<Arrival> = Market::new(seed, count).take(count).collect();
    let again: Vec<Arrival> = all
        .iter()
        .filter(|_| random.one_in(30))
        .cloned()
        .map(|mut arrival| {
            arrival.event.received_at = arrival.event.time + 30 * MINUTE;
            arrival
        })
        .collect();
    all.extend(again);
    all.sort_by_key(|arrival| (arrival.event.received_at, arrival.event.id));
    all
}
