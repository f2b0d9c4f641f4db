//! One simulated day of honest traffic: who is there, what is shown to them, and what they do.
//!
//! Honest traffic is made as awkward as it is: hundreds of people behind one address with the same
//! few user agents, offices where everybody has the same browser, VPN exits in hosting networks,
//! people whose browser blocks the script, who double-click, go back and click again, change their
//! address between impression and click, or travel.

use footfall_event::ads::name_hash;

use super::act::{Act, Agent, Deed, Label, Person};
use crate::commands::simulate::dice::Dice;

/// Midnight (UTC) of the Monday that is simulated.
pub(crate) const DAY: i64 = 1_772_409_600_000;
pub(crate) const HOUR: i64 = 3_600_000;
/// Honest publishers, placements of each, positions of each, campaigns, ads of each.
pub(crate) const SITES: usize = 12;
pub(crate) const PLACEMENTS: usize = 2;
pub(crate) const POSITIONS: u16 = 4;
pub(crate) const CAMPAIGNS: usize = 8;
pub(crate) const ADS: usize = 5;

/// Kinds of honest people; figures are reported for each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Cohort {
    Home,
    CarrierNat,
    Office,
    Vpn,
    Relay,
    Privacy,
    NoScript,
    DoubleClicker,
    Traveller,
    Roaming,
    Crowd,
    Sisters,
}

impl Cohort {
    pub(crate) const ALL: [(Cohort, &'static str, f64); 12] = [
        (Cohort::Home, "homes", 0.40),
        (Cohort::CarrierNat, "carrier NAT", 0.22),
        (Cohort::Office, "offices", 0.10),
        (Cohort::Vpn, "VPN in hosting networks", 0.05),
        (Cohort::Relay, "private relay", 0.03),
        (Cohort::Privacy, "privacy browsers", 0.06),
        (Cohort::NoScript, "no JavaScript", 0.01),
        (Cohort::DoubleClicker, "double-clickers", 0.04),
        (Cohort::Traveller, "travellers", 0.02),
        (Cohort::Roaming, "changing addresses", 0.02),
        (Cohort::Crowd, "flash crowd", 0.02),
        (Cohort::Sisters, "readers of sister sites", 0.03),
    ];
}

/// Country, its time zone, hours ahead of UTC, share of the people.
const COUNTRIES: [(&str, &str, i64, f64); 6] = [
    ("DE", "Europe/Berlin", 1, 0.3),
    ("US", "America/New_York", -5, 0.3),
    ("GB", "Europe/London", 0, 0.15),
    ("FR", "Europe/Paris", 1, 0.1),
    ("IN", "Asia/Kolkata", 5, 0.1),
    ("BR", "America/Sao_Paulo", -3, 0.05),
];

/// Relative load by hour of the local day.
const LOAD: [f64; 24] = [
    0.35, 0.2, 0.12, 0.1, 0.1, 0.18, 0.4, 0.7, 0.9, 1.0, 1.05, 1.1, 1.15, 1.1, 1.05, 1.05, 1.1,
    1.2, 1.35, 1.5, 1.6, 1.5, 1.15, 0.7,
];

/// Click-through rate by position, before people's own inclination.
const CTR: [f64; POSITIONS as usize] = [0.042, 0.024, 0.015, 0.010];
/// Share of impressions that come into view, by position.
const VIEWED: [f64; POSITIONS as usize] = [0.86, 0.66, 0.48, 0.35];

/// A world being made.
pub(crate) struct World {
    pub(crate) dice: Dice,
    pub(crate) people: Vec<Person>,
    pub(crate) acts: Vec<Act>,
    impressions: u64,
}

/// Three titles of one house, which have many readers in common.
const SISTERS: [usize; 3] = [9, 10, 11];

/// Draws an index by weights.
pub(crate) fn weighted(dice: &mut Dice, weights: impl Iterator<Item = f64> + Clone) -> usize {
    let mut at = dice.unit() * weights.clone().sum::<f64>();
    let mut last = 0;
    for (index, weight) in weights.enumerate() {
        last = index;
        at -= weight;
        if at < 0.0 {
            break;
        }
    }
    last
}

impl World {
    /// A day with about this many honest people (each is shown some eight ads).
    pub(crate) fn new(seed: u64, people: usize) -> World {
        let mut world = World {
            dice: Dice::new(seed.wrapping_mul(0x9e37_79b9).wrapping_add(17)),
            people: Vec::with_capacity(people),
            acts: Vec::with_capacity(people * 22),
            impressions: 0,
        };
        for (cohort, _, share) in Cohort::ALL {
            world.settle(cohort, (people as f64 * share) as usize);
        }
        for person in 0..world.people.len() {
            world.day_of(person as u32);
        }
        world.label_repeats();
        world
    }

    /// A person's further clicks on the same ad within an hour are not billable by rule.
    fn label_repeats(&mut self) {
        self.acts.sort_by_key(|act| act.time);
        let mut last = std::collections::HashMap::new();
        for act in self.acts.iter_mut().filter(|act| act.deed == Deed::Click) {
            let before = last.insert((act.person, act.placement / 2, act.ad), act.time);
            if before.is_some_and(|before| act.time - before <= HOUR) {
                act.label = Label::Repeat;
            }
        }
    }

    /// The people of a cohort, behind as many addresses as they have.
    fn settle(&mut self, cohort: Cohort, people: usize) {
        let mut left = people;
        while left > 0 {
            let (fewest, most) = match cohort {
                Cohort::CarrierNat => (400, 800),
                Cohort::Office => (15, 80),
                Cohort::Vpn => (2, 120),
                Cohort::Relay => (100, 400),
                _ => (1, 4),
            };
            let members = (fewest + self.dice.below(most - fewest + 1)).min(left);
            left -= members;
            self.address(cohort, members);
        }
    }

    fn address(&mut self, cohort: Cohort, members: usize) {
        let network = self.dice.roll();
        let country = weighted(&mut self.dice, COUNTRIES.iter().map(|c| c.3));
        let asn = match cohort {
            // Datacamp, M247, Hetzner never: VPNs rent where exits are tolerated.
            Cohort::Vpn => [60068, 9009, 212238, 62240][self.dice.below(4)],
            Cohort::Relay => [13335, 36183, 54113][self.dice.below(3)],
            _ => 3320,
        };
        // Phones have few user agents, and most have the first ones; an office has one or two.
        let agents = match cohort {
            Cohort::CarrierNat | Cohort::Relay => 40,
            Cohort::Office => 3,
            _ => 80,
        };
        let house = self.dice.below(1 << 20) as u64;
        for _ in 0..members {
            let agent = weighted(&mut self.dice, (1..=agents).map(|rank| 1.0 / f64::from(rank)));
            let own = if cohort == Cohort::Office { house * 16 } else { 0 };
            // Few click a lot, most hardly ever.
            let inclination = self.dice.exponential(1.0) * self.dice.exponential(1.0);
            let away =
                cohort == Cohort::Traveller || (cohort == Cohort::Vpn && self.dice.chance(0.4));
            let zone = if away { self.dice.below(COUNTRIES.len()) } else { country };
            self.people.push(Person {
                network,
                agent: own + agent as u64,
                asn,
                country: COUNTRIES[country].0,
                timezone: COUNTRIES[zone].1,
                hours_ahead: COUNTRIES[zone].2,
                cohort: Some(cohort),
                kind: match cohort {
                    Cohort::Privacy | Cohort::NoScript => Agent::Silent,
                    _ => Agent::Browser,
                },
                inclination,
            });
        }
    }

    /// Everything one person does.
    fn day_of(&mut self, person: u32) {
        let cohort = self.people[person as usize].cohort;
        let (crowd, loyal) = (cohort == Some(Cohort::Crowd), cohort == Some(Cohort::Sisters));
        let often = if loyal { [0.15, 0.25, 0.3, 0.3] } else { [0.55, 0.25, 0.12, 0.08] };
        let visits = 1 + weighted(&mut self.dice, often.into_iter());
        for _ in 0..visits {
            // A link on a news page sends the crowd to one site within an hour.
            let (site, start) = if crowd {
                (3, DAY + 15 * HOUR + (self.dice.unit().powi(2) * HOUR as f64) as i64)
            } else if loyal {
                (SISTERS[self.dice.below(SISTERS.len())], self.awake(person))
            } else {
                let site = weighted(&mut self.dice, (1..=SITES).map(|rank| 1.0 / rank as f64));
                (site, self.awake(person))
            };
            let pages = 1 + weighted(&mut self.dice, [0.45, 0.25, 0.15, 0.1, 0.05].into_iter());
            let mut time = start;
            for _ in 0..pages {
                self.page(person, site, time);
                time += self.dice.log_normal(40_000.0, 1.0) as i64;
            }
        }
    }

    /// A moment at which a person is awake.
    pub(crate) fn awake(&mut self, person: u32) -> i64 {
        let hour = weighted(&mut self.dice, LOAD.iter().copied()) as i64;
        let ahead = self.people[person as usize].hours_ahead;
        let local = hour * HOUR + self.dice.below(HOUR as usize) as i64;
        DAY + (local - ahead * HOUR).rem_euclid(24 * HOUR)
    }

    /// A page with ads in some positions of one placement.
    fn page(&mut self, person: u32, site: usize, time: i64) {
        let placement = site * PLACEMENTS + self.dice.below(PLACEMENTS);
        let Person { kind, cohort, inclination, .. } = self.people[person as usize];
        if kind == Agent::Browser && self.dice.chance(0.8) {
            let at = time + self.dice.log_normal(15_000.0, 0.8) as i64;
            self.acts.push(Act::new(at, person, placement, Deed::Engagement));
        }
        for position in 1..=POSITIONS {
            if !self.dice.chance(0.85) {
                continue;
            }
            let shown = time + self.dice.below(900) as i64;
            let ad = self.ad();
            let slot = usize::from(position - 1);
            let clicks = self.dice.chance((CTR[slot] * inclination).min(0.2));
            let after = self.dice.log_normal(6_500.0, 1.0) as i64 + 250;
            let seen = clicks || self.dice.chance(VIEWED[slot]);
            let view = seen.then(|| self.dice.log_normal(1_500.0, 0.5) as i64 + 1_000);
            // Whoever clicks before the ad counts as viewed has left.
            let view =
                view.filter(|view| !clicks || *view < after).filter(|_| !self.dice.chance(0.01));
            let impression = self.show(person, placement, position, ad, shown, view);
            if clicks {
                self.clicks(person, cohort, impression, shown + after);
            }
        }
    }

    /// An ad, the popular ones more often.
    pub(crate) fn ad(&mut self) -> usize {
        weighted(&mut self.dice, (0..CAMPAIGNS * ADS).map(|ad| 1.0 / (1.0 + (ad % 13) as f64)))
    }

    /// Shows an ad. Browsers that run the script report it, and its view.
    pub(crate) fn show(
        &mut self,
        person: u32,
        placement: usize,
        position: u16,
        ad: usize,
        time: i64,
        view: Option<i64>,
    ) -> Act {
        self.impressions += 1;
        let act = Act {
            impression: self.impressions,
            position,
            ad: ad as u16,
            shown: time,
            signed: is_signed(placement),
            ..Act::new(time, person, placement, Deed::Impression)
        };
        if self.people[person as usize].kind == Agent::Browser {
            self.acts.push(act);
            if let Some(view) = view {
                self.acts.push(Act { time: time + view, deed: Deed::View, ..act });
            }
        }
        act
    }

    /// A person's click, and what people do after it.
    fn clicks(&mut self, person: u32, cohort: Option<Cohort>, impression: Act, time: i64) {
        let mut person = person;
        if cohort == Some(Cohort::Roaming) && self.dice.chance(0.4) {
            // From the train's network into the mobile one.
            let mut moved = self.people[person as usize];
            moved.network = self.dice.roll();
            self.people.push(moved);
            person = (self.people.len() - 1) as u32;
        }
        let silent = self.people[person as usize].kind == Agent::Silent;
        let click = Act {
            time,
            person,
            deed: Deed::Click,
            label: Label::Honest,
            // Where the script makes the link's impression, there is none without it.
            impression: if silent && !impression.signed { 0 } else { impression.impression },
            ..impression
        };
        self.acts.push(click);
        if self.dice.chance(0.03) {
            let after = self.dice.log_normal(900_000.0, 1.6) as i64;
            self.acts.push(Act { time: time + after, deed: Deed::Conversion(after), ..click });
        }
        let doubles = if cohort == Some(Cohort::DoubleClicker) { 0.35 } else { 0.01 };
        if self.dice.chance(doubles) {
            let gap = 120 + self.dice.below(500) as i64;
            self.acts.push(Act { time: time + gap, label: Label::Repeat, ..click });
        } else if self.dice.chance(0.05) {
            let gap = 8_000 + self.dice.log_normal(20_000.0, 0.7) as i64;
            self.acts.push(Act { time: time + gap, label: Label::Repeat, ..click });
        }
    }
}

/// Half of the publishers' ad servers sign their links.
pub(crate) fn is_signed(placement: usize) -> bool {
    (placement / PLACEMENTS).is_multiple_of(2)
}

/// Hashes of the names of site, placement, campaign and ad.
pub(crate) struct Names {
    pub(crate) sites: Vec<u64>,
    pub(crate) placements: Vec<u64>,
    pub(crate) campaigns: Vec<u64>,
    pub(crate) ads: Vec<u64>,
}

impl Names {
    pub(crate) fn new(placements: usize) -> Names {
        let of = |kind: &str, count: usize| {
            (0..count).map(|i| name_hash(&format!("{kind}-{i}"))).collect()
        };
        Names {
            sites: of("site", placements.div_ceil(PLACEMENTS)),
            placements: of("placement", placements),
            campaigns: of("campaign", CAMPAIGNS),
            ads: of("ad", CAMPAIGNS * ADS),
        }
    }
}
