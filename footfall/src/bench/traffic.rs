//! Traffic to measure with: visits whose page views follow each other as people's do, many at the
//! same time. The same figures make the same events.
//!
//! A visit has three page views on average (geometric), the time on a page is log-normal with a
//! median of 40 seconds, and leaving a page sends an engagement report. Some views are followed by a
//! search or an action. Visits begin evenly, and each is there from its beginning.

use footfall_event::record::Device;
use footfall_event::{Activity, Event, Hex64, Id};

/// Events of an average visit.
const EVENTS_PER_VISIT: f64 = 6.4;

const SOURCES: [(&str, &str, &str); 5] = [
    ("Google", "Organic Search", "google.com"),
    ("", "Direct", ""),
    ("Bing", "Organic Search", "bing.com"),
    ("Newsletter", "Email", ""),
    ("ChatGPT", "AI Assistants", "chatgpt.com"),
];

const AGENT: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36";

/// One event, before it is written out.
#[derive(Clone, Copy)]
pub(crate) struct Step {
    /// Milliseconds since 1970.
    pub(crate) time: i64,
    pub(crate) activity: Activity,
    pub(crate) visitor: u64,
    page: u32,
    id: u64,
    /// The page view that an engagement completes.
    view: u64,
    engaged_ms: u32,
}

/// xorshift64*.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// Within 0 and 1, neither included.
    fn share(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    /// Time on a page, milliseconds.
    fn dwell(&mut self) -> i64 {
        let normal =
            (-2.0 * self.share().ln()).sqrt() * (std::f64::consts::TAU * self.share()).cos();
        (40_000.0 * normal.exp()).clamp(1_000.0, 1_500_000.0) as i64
    }
}

/// `events` events in the order of their times, of visits that begin so often that they make
/// `per_second` events in a second.
pub(crate) fn steps(events: usize, per_second: f64, start: i64) -> Vec<Step> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let between = 1_000.0 * EVENTS_PER_VISIT / per_second;
    let mut steps = Vec::with_capacity(events + 1_000);
    let mut begins = start as f64;
    while steps.len() < events {
        visit(&mut random, begins as i64, |step| steps.push(step));
        begins += between;
    }
    steps.sort_by_key(|step| step.time);
    steps.truncate(events);
    steps
}

fn visit(random: &mut Random, mut time: i64, mut each: impl FnMut(Step)) {
    let visitor = random.next();
    loop {
        let view = random.next();
        let page = (random.share() * random.share() * 5_000.0) as u32;
        let step =
            |activity, time, id| Step { time, activity, visitor, page, id, view, engaged_ms: 0 };
        each(step(Activity::Pageview, time, view));
        let dwell = random.dwell();
        match random.next() % 20 {
            0 => each(step(Activity::Search, time + dwell / 2, random.next())),
            1 => each(step(Activity::Action, time + dwell / 2, random.next())),
            _ => {}
        }
        time += dwell;
        let engaged_ms = (dwell / 2) as u32;
        each(Step { engaged_ms, ..step(Activity::Engagement, time, random.next()) });
        if random.next().is_multiple_of(3) {
            break;
        }
        time += 800;
    }
}

fn id_of(id: u64) -> Id {
    Id::from_u64_pair(id, id.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

impl Step {
    /// The record as the ingest makes it.
    pub(crate) fn event(&self) -> Event<'static> {
        let (visitor, page) = (self.visitor, self.page);
        let mut event = Event::new(self.activity, id_of(self.id), "shop.example.com", self.time);
        event.received_at = event.time + 40;
        let hash = |salt: u64| Some(Hex64((visitor ^ salt).wrapping_mul(0xc4ce_b9fe_1a85_ec53)));
        event.network = hash(1);
        event.visitor = hash(2);
        event.previous_network = hash(3);
        event.previous_visitor = hash(4);
        event.url =
            format!("https://shop.example.com/products/hiking-boots-{page}?ref=list").into();
        event.host = "shop.example.com".into();
        event.path = format!("/products/hiking-boots-{page}").into();
        event.title = format!("Hiking boots number {page} – Example shop").into();
        let (source, channel, host) = SOURCES[(visitor % 5) as usize];
        (event.source, event.channel) = (source.into(), channel.into());
        event.referrer_host = host.into();
        if !host.is_empty() {
            event.referrer = format!("https://www.{host}/").into();
        }
        event.user_agent = AGENT.into();
        (event.browser, event.browser_version) = ("Chrome".into(), "141".into());
        (event.os, event.os_version) = ("Windows".into(), "10".into());
        event.device = Device::Desktop;
        let city = ["Vienna", "Graz", "Linz", "Salzburg"][(visitor / 8 % 4) as usize];
        (event.country, event.region, event.city) = ("AT".into(), city.into(), city.into());
        event.asn = 8447;
        event.as_organization = "A1 Telekom Austria AG".into();
        event.language = "de-at".into();
        event.screen = "xl".into();
        event.timezone = "Europe/Vienna".into();
        match self.activity {
            Activity::Engagement => {
                event.pageview = Some(id_of(self.view));
                event.engaged_ms = self.engaged_ms;
                event.scroll_pct = Some(70);
            }
            Activity::Search => {
                event.query = "hiking boots".into();
                event.results = Some(12);
            }
            Activity::Action => event.name = "add_to_basket".into(),
            _ => {}
        }
        event
    }
}
