//! An access log of a made-up crowd, and the totals that it must come to: computed here, by the
//! published definitions, from nothing but what the generator decided.

use std::collections::{BTreeMap, HashMap};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// A visit goes on after a gap of exactly this long, and ends after a longer one.
const GAP_MS: i64 = 30 * 60_000;
const DAY_MS: i64 = 86_400_000;
/// 2026-03-01T00:00:00Z: the log covers ten days from here.
const BEGIN_MS: i64 = 1_772_323_200_000;

const PEOPLE: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.1 Safari/605.1.15",
];
const BOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// What the lines so far come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) lines: u64,
    /// Page views of people.
    pub(crate) pageviews: u64,
    pub(crate) bot_pageviews: u64,
    pub(crate) not_pages: u64,
    pub(crate) visitors: u64,
    pub(crate) visits: u64,
    pub(crate) bounces: u64,
    /// Page views of people by path.
    pub(crate) paths: BTreeMap<String, u64>,
}

/// Writes lines, and remembers what it wrote.
pub(crate) struct Crowd {
    random: StdRng,
    now_ms: i64,
    step_ms: f64,
    lines: u64,
    not_pages: u64,
    bot_pageviews: u64,
    paths: BTreeMap<String, u64>,
    /// Times of the page views of each person.
    people: HashMap<u32, Vec<i64>>,
    last: String,
    told: Told,
    present: [u32; 30],
}

/// What a line tells.
#[derive(Clone, Debug, Default)]
struct Told {
    is_page: bool,
    is_bot: bool,
    person: u32,
    time: i64,
    path: String,
}

impl Crowd {
    /// A log that covers ten days with so many lines.
    pub(crate) fn new(lines: usize) -> Crowd {
        Crowd {
            random: StdRng::seed_from_u64(7),
            now_ms: BEGIN_MS,
            step_ms: 10.0 * DAY_MS as f64 / lines as f64,
            lines: 0,
            not_pages: 0,
            bot_pageviews: 0,
            paths: BTreeMap::new(),
            people: HashMap::new(),
            last: String::new(),
            told: Told::default(),
            present: std::array::from_fn(|i| i as u32),
        }
    }

    /// The next lines.
    pub(crate) fn write(&mut self, lines: usize) -> String {
        let mut text = String::with_capacity(lines * 220);
        for _ in 0..lines {
            self.lines += 1;
            // A client that asks twice in a second writes the same line twice.
            if !self.last.is_empty() && self.random.random_bool(0.01) {
                text.push_str(&self.last);
            } else {
                self.last = self.line();
                text.push_str(&self.last);
            }
            self.count();
        }
        text
    }

    fn line(&mut self) -> String {
        self.now_ms += (self.step_ms * 2.0 * self.random.random::<f64>()) as i64;
        // Servers write whole seconds, when the answer is out: a little out of order.
        let time = (self.now_ms - self.random.random_range(0..3_000)).div_euclid(1_000) * 1_000;
        let person = self.person();
        let agent = (person % 4) as usize;
        let kind = self.random.random_range(0..100);
        let path = format!("/p/{}", self.random.random_range(0..60u32).pow(2) / 60);
        let (method, target, status) = match kind {
            0..70 => ("GET", format!("{path}?ref=x"), 200),
            70..72 => ("GET", path.clone(), 304),
            72..90 => ("GET", format!("/static/{kind}.css"), 200),
            90..94 => ("POST", "/basket".to_owned(), 200),
            94..98 => ("GET", path.clone(), 404),
            _ => ("GET", path.clone(), 301),
        };
        let is_bot = self.random.random_bool(0.05);
        let is_page = kind < 72;
        self.told = Told { is_page, is_bot, person, time, path };
        let user_agent = if is_bot { BOT } else { PEOPLE[agent] };
        format!(
            "10.{}.{}.{} - - [{}] \"{method} {target} HTTP/1.1\" {status} 512 \"-\" \"{user_agent}\"\n",
            person >> 16,
            person >> 8 & 255,
            person & 255,
            clf(time),
        )
    }

    /// Somebody of the thirty who are there now; they leave for others, and come again.
    fn person(&mut self) -> u32 {
        let slot = self.random.random_range(0..self.present.len());
        if self.random.random_bool(0.15) {
            self.present[slot] = self.random.random_range(0..2_000);
        }
        self.present[slot]
    }

    fn count(&mut self) {
        let Told { is_page, is_bot, person, time, path } = &self.told;
        if !is_page {
            self.not_pages += 1;
        } else if *is_bot {
            self.bot_pageviews += 1;
        } else {
            *self.paths.entry(path.clone()).or_default() += 1;
            self.people.entry(*person).or_default().push(*time);
        }
    }

    /// What all lines so far come to.
    pub(crate) fn totals(&self) -> Totals {
        let mut totals = Totals {
            lines: self.lines,
            bot_pageviews: self.bot_pageviews,
            not_pages: self.not_pages,
            paths: self.paths.clone(),
            pageviews: self.paths.values().sum(),
            ..Totals::default()
        };
        for times in self.people.values() {
            let mut times = times.clone();
            times.sort_unstable();
            let mut days: Vec<i64> = times.iter().map(|time| time.div_euclid(DAY_MS)).collect();
            days.dedup();
            totals.visitors += days.len() as u64;
            for visit in times.chunk_by(|a, b| b - a <= GAP_MS) {
                totals.visits += 1;
                totals.bounces += u64::from(visit.len() == 1);
            }
        }
        totals
    }
}

/// `01/Mar/2026:12:00:00 +0100`: the time as a server east of Greenwich writes it.
fn clf(time_ms: i64) -> String {
    let local = time_ms / 1_000 + 3_600;
    let (day, second) = ((local * 1_000 - BEGIN_MS).div_euclid(DAY_MS), local.rem_euclid(86_400));
    assert!((0..31).contains(&day), "the log stays within March");
    format!(
        "{:02}/Mar/2026:{:02}:{:02}:{:02} +0100",
        day + 1,
        second / 3_600,
        second / 60 % 60,
        second % 60
    )
}
