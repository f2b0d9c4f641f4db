//! The adversary ladder: twelve families of fraud, from a bot that says so to one that behaves like
//! the people it copies.

use super::act::{Act, Agent, Deed, Label, Person};
use super::world::{ADS, CAMPAIGNS, DAY, HOUR, PLACEMENTS, POSITIONS, SITES, World, is_signed};

/// A family of fraud.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Family {
    DeclaredBot,
    Replay,
    Flood,
    Datacentre,
    /// Periodic, with so much jitter in percent.
    Periodic(u8),
    OneEach,
    Competitor,
    Publisher,
    Ring,
    Hidden,
    Flooding,
    Mimicry,
}

/// A family: code, name, whether thresholds were set on it, the recall it must reach at 5 %.
pub(crate) type Row = (Family, &'static str, &'static str, bool, Option<f64>);

/// All of them. Thresholds were set while looking at every other one.
pub(crate) const FAMILIES: [Row; 17] = [
    (Family::DeclaredBot, "A0", "declared bot", true, Some(0.99)),
    (Family::Replay, "A1", "replay of clicked links", false, Some(0.99)),
    (Family::Flood, "A2", "flood from one address", true, Some(0.99)),
    (Family::Datacentre, "A3", "datacentre rotation, fake agents", false, Some(0.99)),
    (Family::Periodic(0), "A4", "periodic, exact", true, Some(0.95)),
    (Family::Periodic(10), "A4", "periodic, 10 % jitter", true, Some(0.95)),
    (Family::Periodic(20), "A4", "periodic, 20 % jitter", true, Some(0.95)),
    (Family::Periodic(30), "A4", "periodic, 30 % jitter", true, Some(0.95)),
    (Family::Periodic(40), "A4", "periodic, 40 % jitter", true, None),
    (Family::Periodic(50), "A4", "periodic, 50 % jitter", true, None),
    (Family::OneEach, "A5", "residential, one click each", false, None),
    (Family::Competitor, "A6", "competitor's drip", true, Some(0.80)),
    (Family::Publisher, "A7", "publisher inflating, with impressions", false, Some(0.80)),
    (Family::Ring, "A8", "colluding publishers", true, Some(0.80)),
    (Family::Hidden, "A9", "hidden ads", false, Some(0.95)),
    (Family::Flooding, "A10", "click flooding", true, Some(0.95)),
    (Family::Mimicry, "A11", "mimicry", false, None),
];

/// Placements of dishonest publishers come after the honest ones, each at a site of its own.
pub(crate) const DISHONEST: usize = 6;

/// Placements in all.
pub(crate) const ALL_PLACEMENTS: usize = (SITES + DISHONEST) * PLACEMENTS;

fn dishonest(number: usize) -> usize {
    (SITES + number) * PLACEMENTS
}

impl World {
    /// Adds `clicks` clicks of a family.
    pub(crate) fn attack(&mut self, family: Family, clicks: usize) {
        match family {
            Family::DeclaredBot => self.declared(clicks),
            Family::Replay => self.replay(clicks),
            Family::Flood => self.flood(clicks),
            Family::Datacentre => self.datacentre(clicks),
            Family::Periodic(jitter) => self.periodic(clicks, f64::from(jitter) / 100.0),
            Family::OneEach => self.one_each(clicks),
            Family::Competitor => self.competitor(clicks),
            Family::Publisher => self.pool(clicks, 1),
            Family::Ring => self.pool(clicks, 5),
            Family::Hidden => self.hidden(clicks),
            Family::Flooding => self.flooding(clicks),
            Family::Mimicry => self.mimicry(clicks),
        }
    }

    fn machine(&mut self, kind: Agent, asn: u32) -> u32 {
        let network = self.dice.roll();
        let agent = self.dice.below(60) as u64;
        self.people.push(Person {
            network,
            agent,
            asn,
            country: "DE",
            timezone: "Europe/Berlin",
            hours_ahead: 1,
            cohort: None,
            kind,
            inclination: 1.0,
        });
        (self.people.len() - 1) as u32
    }

    fn honest_placement(&mut self) -> usize {
        self.dice.below(SITES * PLACEMENTS)
    }

    fn moment(&mut self) -> i64 {
        DAY + self.dice.below(24 * HOUR as usize) as i64
    }

    /// A machine loads a page: impression, view, some reading, and the click.
    fn visit(&mut self, person: u32, placement: usize, ad: usize, time: i64, after: i64) {
        let position = 1 + self.dice.below(3) as u16;
        let view = (after > 2_500).then_some(1_200);
        let shown = self.show(person, placement, position, ad, time - after, view);
        for other in 1..=POSITIONS {
            if other != position && self.dice.chance(0.85) {
                let (ad, view) = (self.ad(), self.dice.chance(0.6).then_some(1_500));
                self.show(person, placement, other, ad, time - after, view);
            }
        }
        if self.dice.chance(0.5) {
            self.acts.push(Act::new(time - after / 2, person, placement, Deed::Engagement));
        }
        self.fraud(person, shown, time);
    }

    fn fraud(&mut self, person: u32, shown: Act, time: i64) {
        self.acts.push(Act { time, person, deed: Deed::Click, label: Label::Fraud, ..shown });
    }

    /// A click on a link that was found in a page's text: no script has run.
    fn bare_click(&mut self, person: u32, placement: usize, time: i64) {
        let ad = self.ad();
        let signed = is_signed(placement) && self.dice.chance(0.5);
        let shown = Act {
            shown: time - 2_000 - self.dice.below(60_000) as i64,
            impression: if signed { self.dice.roll() } else { 0 },
            ad: ad as u16,
            position: 1,
            signed,
            ..Act::new(time, person, placement, Deed::Click)
        };
        self.fraud(person, shown, time);
    }

    fn declared(&mut self, clicks: usize) {
        for _ in 0..clicks {
            let kind = if self.dice.chance(0.8) { Agent::Declared } else { Agent::Automated };
            let person = self.machine(kind, 3320);
            let (placement, time) = (self.honest_placement(), self.moment());
            self.bare_click(person, placement, time);
        }
    }

    /// Recorded links, sent again from other addresses.
    fn replay(&mut self, clicks: usize) {
        let first = |act: &&Act| {
            act.deed == Deed::Click
                && act.label == Label::Honest
                && act.impression != 0
                && act.time < DAY + 20 * HOUR
        };
        let recorded: Vec<Act> = self.acts.iter().filter(first).copied().collect();
        let links = (clicks / 40).max(1);
        for click in 0..clicks {
            let link = recorded[(click % links) * 7919 % recorded.len()];
            let person = self.machine(Agent::Silent, 3320);
            let time = link.time + 5_000 + self.dice.exponential(HOUR as f64) as i64;
            self.fraud(person, link, time);
        }
    }

    /// Everything from one address, under a few user agents.
    fn flood(&mut self, clicks: usize) {
        let first = self.machine(Agent::Silent, 3320);
        let mut agents = vec![first];
        for agent in 0..4 {
            let mut other = self.people[first as usize];
            other.agent = 1_000 + agent;
            self.people.push(other);
            agents.push((self.people.len() - 1) as u32);
        }
        let start = DAY + 9 * HOUR;
        let mut time = start as f64;
        for _ in 0..clicks {
            time += self.dice.exponential(2.0 * HOUR as f64 / clicks as f64);
            let agent = agents[self.dice.below(agents.len())];
            let placement = self.honest_placement();
            self.bare_click(agent, placement, time as i64);
        }
    }

    /// Rented servers, one to three clicks each; one in twenty where VPN exits are as well.
    fn datacentre(&mut self, clicks: usize) {
        let mut left = clicks;
        while left > 0 {
            let asn = if self.dice.chance(0.05) {
                [60068, 9009][self.dice.below(2)]
            } else {
                [16509, 24940, 16276, 14061, 20473, 51167][self.dice.below(6)]
            };
            let person = self.machine(Agent::Silent, asn);
            for _ in 0..(1 + self.dice.below(3)).min(left) {
                let (placement, time) = (self.honest_placement(), self.moment());
                self.bare_click(person, placement, time);
                left -= 1;
            }
        }
    }

    /// Real browsers at home addresses, each on a timer, some two hundred clicks a day.
    fn periodic(&mut self, clicks: usize, jitter: f64) {
        let bots = clicks.div_ceil(200);
        for bot in 0..bots {
            let person = self.machine(Agent::Browser, 3320);
            let count = clicks / bots + usize::from(bot < clicks % bots);
            let period = 23.0 * HOUR as f64 / count as f64;
            let mut time = DAY as f64 + self.dice.unit() * period;
            for _ in 0..count {
                // Normally distributed: the logarithm of a log-normal number.
                let off = self.dice.log_normal(1.0, 1.0).ln() * jitter;
                time += period * (1.0 + off).max(0.05);
                let (placement, ad) = (self.honest_placement(), self.ad());
                self.visit(person, placement, ad, time as i64, 4_000);
            }
        }
    }

    fn one_each(&mut self, clicks: usize) {
        for _ in 0..clicks {
            let person = self.machine(Agent::Browser, 3320);
            let (placement, ad) = (self.honest_placement(), self.ad());
            let (time, after) = (self.moment(), 1_000 + self.dice.below(14_000) as i64);
            self.visit(person, placement, ad, time, after);
        }
    }

    /// Some dozens of addresses, forty clicks a day each, on the ads of one campaign.
    fn competitor(&mut self, clicks: usize) {
        for _ in 0..clicks.div_ceil(40) {
            let person = self.machine(Agent::Browser, 3320);
            for _ in 0..40.min(clicks) {
                let placement = self.honest_placement();
                let ad = 2 * ADS + self.dice.below(ADS);
                let time = self.awake(person);
                let after = self.dice.log_normal(5_000.0, 0.6) as i64 + 500;
                self.visit(person, placement, ad, time, after);
            }
        }
    }

    /// A pool of addresses, eight clicks a day each, at one publisher or at several, and twelve
    /// impressions for each click.
    fn pool(&mut self, clicks: usize, publishers: usize) {
        let addresses = clicks.div_ceil(8);
        let pool: Vec<u32> = (0..addresses).map(|_| self.machine(Agent::Browser, 3320)).collect();
        for click in 0..clicks {
            let person = pool[click % addresses];
            let placement = dishonest((click / addresses + click) % publishers);
            let time = self.moment();
            let after = 1_000 + self.dice.below(19_000) as i64;
            let ad = self.ad();
            self.visit(person, placement, ad, time, after);
            for _ in 0..12 {
                let (ad, before) = (self.ad(), self.dice.below(HOUR as usize) as i64);
                let view = self.dice.chance(0.6).then_some(1_500);
                self.show(person, placement, 1, ad, time - before, view);
            }
        }
        self.honest_few(publishers);
    }

    /// Real people's browsers load ads that nobody sees, and click.
    fn hidden(&mut self, clicks: usize) {
        for _ in 0..clicks {
            let person = self.somebody();
            let (ad, time) = (self.ad(), self.awake(person));
            let shown = self.show(person, dishonest(0), 1, ad, time, None);
            for _ in 0..8 {
                let ad = self.ad();
                self.show(person, dishonest(0), 2, ad, time, None);
            }
            let after = 2_000 + self.dice.below(8_000) as i64;
            self.fraud(person, shown, time + after);
        }
        self.honest_few(1);
    }

    /// Real people's telephones report clicks on ads that were never shown, to claim what they buy.
    fn flooding(&mut self, clicks: usize) {
        for _ in 0..clicks {
            let person = self.somebody();
            let (placement, ad, time) = (dishonest(0), self.ad(), self.awake(person));
            let shown = Act {
                ad: ad as u16,
                position: 1,
                ..Act::new(time, person, placement, Deed::Click)
            };
            self.fraud(person, shown, time);
            if self.dice.chance(0.02) {
                let after = 2 * HOUR + self.dice.below(20 * HOUR as usize) as i64;
                let deed = Deed::Conversion(after);
                self.acts.push(Act { time: time + after, deed, ..shown });
            }
        }
        self.honest_few(1);
    }

    /// Fresh home addresses that do what people do, with people's distributions.
    fn mimicry(&mut self, clicks: usize) {
        for _ in 0..clicks {
            let person = self.machine(Agent::Browser, 3320);
            let (placement, ad, time) = (self.honest_placement(), self.ad(), self.awake(person));
            let after = self.dice.log_normal(6_500.0, 1.0) as i64 + 250;
            self.visit(person, placement, ad, time, after);
        }
    }

    fn somebody(&mut self) -> u32 {
        loop {
            let person = self.dice.below(self.people.len()) as u32;
            if self.people[person as usize].cohort.is_some() {
                return person;
            }
        }
    }

    /// Dishonest publishers have a few honest visitors too.
    fn honest_few(&mut self, publishers: usize) {
        for number in 0..publishers {
            for _ in 0..2_000 {
                let (person, placement, ad) = (self.somebody(), dishonest(number), self.ad());
                let time = self.awake(person);
                let view = self.dice.chance(0.7).then_some(1_800);
                let shown = self.show(person, placement, 1, ad, time, view);
                let runs = self.people[person as usize].kind == Agent::Browser;
                if view.is_some() && runs && self.dice.chance(0.02) {
                    let after = self.dice.log_normal(6_500.0, 0.8) as i64 + 3_000;
                    self.acts.push(Act { time: time + after, deed: Deed::Click, ..shown });
                }
            }
        }
    }
}

/// The campaign of an ad.
pub(crate) fn campaign_of(ad: u16) -> usize {
    usize::from(ad) / ADS % CAMPAIGNS
}
