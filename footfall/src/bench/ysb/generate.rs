//! Events of the Yahoo streaming benchmark, made from a seed, and what they add up to.
//!
//! As its generator makes them: 100 campaigns of 10 ads, 100 users and pages, one of three event
//! types and five ad types each, times that are off by up to 50 ms, and one event in 100,000 up to
//! a minute late.

use std::collections::BTreeMap;
use std::io::Write;

use anyhow::Result;

const CAMPAIGNS: usize = 100;
const ADS_PER_CAMPAIGN: usize = 10;
const PEOPLE: usize = 100;
const PAGES: usize = 100;
const AD_TYPES: [&str; 5] = ["banner", "modal", "sponsored-search", "mail", "mobile"];
const EVENT_TYPES: [&str; 3] = ["view", "click", "purchase"];
const SKEW_MS: u64 = 50;
const LATE_ONE_IN: u64 = 100_000;
const LATE_MS: u64 = 60_000;
const WINDOW_MS: i64 = 10_000;
/// When the first event happens, milliseconds since 1970.
const START_MS: i64 = 1_700_000_000_000;
/// Events that happen in a millisecond.
const PER_MS: u64 = 100;

/// What to make.
pub(super) struct Plan {
    /// How many events.
    pub(super) events: u64,
    /// The same seed makes the same events.
    pub(super) seed: u64,
}

/// splitmix64, see Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Below a small bound.
    fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    fn id(&mut self) -> String {
        uuid::Builder::from_random_bytes(
            ((u128::from(self.next()) << 64) | u128::from(self.next())).to_be_bytes(),
        )
        .into_uuid()
        .to_string()
    }

    fn ids(&mut self, number: usize) -> Vec<String> {
        (0..number).map(|_| self.id()).collect()
    }
}

impl Plan {
    /// Writes the ads, hands out the events one by one, then writes the expected counts. These are
    /// taken from what the events are made of, not from the events.
    pub(super) fn make(
        &self,
        ads_to: &mut impl Write,
        counts_to: &mut impl Write,
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let mut random = Random(self.seed);
        let campaigns = random.ids(CAMPAIGNS);
        let ads = random.ids(CAMPAIGNS * ADS_PER_CAMPAIGN);
        let (people, pages) = (random.ids(PEOPLE), random.ids(PAGES));
        for (at, ad) in ads.iter().enumerate() {
            writeln!(ads_to, "{ad},{}", campaigns[at / ADS_PER_CAMPAIGN])?;
        }
        let mut counts: BTreeMap<(usize, i64), u64> = BTreeMap::new();
        let mut event = Vec::with_capacity(300);
        for number in 0..self.events {
            let ad = random.below(ads.len() as u64) as usize;
            let kind = EVENT_TYPES[random.below(EVENT_TYPES.len() as u64) as usize];
            let mut time = START_MS + (number / PER_MS) as i64;
            time += random.below(2 * SKEW_MS + 1) as i64 - SKEW_MS as i64;
            if random.below(LATE_ONE_IN) == 0 {
                time -= random.below(LATE_MS) as i64;
            }
            if kind == "view" {
                let window = time - time.rem_euclid(WINDOW_MS);
                *counts.entry((ad / ADS_PER_CAMPAIGN, window)).or_default() += 1;
            }
            event.clear();
            write!(
                event,
                "{{\"user_id\": \"{}\", \"page_id\": \"{}\", \"ad_id\": \"{}\", \"ad_type\": \
                 \"{}\", \"event_type\": \"{kind}\", \"event_time\": \"{time}\", \"ip_address\": \
                 \"1.2.3.4\"}}",
                people[random.below(PEOPLE as u64) as usize],
                pages[random.below(PAGES as u64) as usize],
                ads[ad],
                AD_TYPES[random.below(AD_TYPES.len() as u64) as usize],
            )?;
            each(&event)?;
        }
        for ((campaign, window), count) in &counts {
            writeln!(counts_to, "{},{window},{count}", campaigns[*campaign])?;
        }
        Ok(())
    }
}
