//! How many events a second one core accepts: body in, records out, without HTTP and without log.
//!
//!     cargo run --release -p footfall-ingest --example accept_rate
//!
//! Two figures: events of API batches of 50 (each with its visitor's address and user agent, out
//! of 10,000 visitors), and single beacons as the script sends them.

use std::collections::HashSet;
use std::time::Instant;

use footfall_event::catalog::{Catalog, Entry, PartitionKey, Site};
use footfall_event::record::Via;
use footfall_event::{Hex64, Id, time::day_of};
use footfall_ingest::accept::{Context, Policy};
use footfall_ingest::ids::FreshIds;
use footfall_ingest::keys::{DayKeys, Key};
use footfall_ingest::web::take::take;
use footfall_ingest::{Agents, Blocklist, Geo, GeoSettings, Limits, Sites};

const NOW: i64 = 1_795_255_200_000;
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Linux; Android 13; SM-G991B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
];

fn sites() -> Sites {
    let mut catalog = Catalog::default();
    let site = Site { domain: "example.com".into(), ..Site::default() };
    let key = PartitionKey { halves: (Hex64(1), Hex64(2)) };
    for entry in [Entry::Site(site), Entry::PartitionKey(key)] {
        let json = serde_json::to_vec(&entry).expect("an entry is JSON");
        catalog.apply(entry.key().as_bytes(), &json).expect("an entry applies");
    }
    Sites::of(catalog.into(), None).expect("the catalogue has its key")
}

fn event(number: u64, with_visitor: bool) -> String {
    let mut event = format!(
        r#"{{"type":"pageview","id":"{}","site":"example.com","time":{},"url":"https://www.example.com/products/{}?utm_source=google&utm_medium=cpc","referrer":"https://www.google.com/","title":"Product {} - Example","language":"en-GB","screen":"1440x900","timezone":"Europe/Vienna""#,
        Id::from_u128(u128::from(number) + 1),
        NOW - number as i64 % 5_000,
        number % 200,
        number % 200,
    );
    if with_visitor {
        let visitor = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) % 10_000;
        let agent = AGENTS[(visitor % 4) as usize];
        let (high, low) = (visitor / 250, visitor % 250 + 1);
        event.push_str(&format!(r#","ip":"91.{high}.7.{low}","user_agent":"{agent}""#));
    }
    event.push('}');
    event
}

fn measure(name: &str, bodies: &[String], events_each: usize, context: &Context<'_>) {
    let mut bytes = 0;
    for body in bodies {
        let taken = take(body.as_bytes(), context).expect("the body is taken");
        assert_eq!(taken.batch.len(), events_each, "{:?}", taken.rejected.first());
        bytes += taken.batch.bytes();
    }
    let began = Instant::now();
    let mut rounds = 0;
    while began.elapsed().as_secs_f64() < 3.0 {
        for body in bodies {
            let taken = take(body.as_bytes(), context).expect("the body is taken");
            std::hint::black_box(&taken.batch);
        }
        rounds += 1;
    }
    let events = (rounds * bodies.len() * events_each) as f64;
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{name}: {:.0} events/s, {:.2} µs each ({} bytes in, {} bytes out)",
        events / seconds,
        seconds * 1e6 / events,
        bodies.iter().map(String::len).sum::<usize>() / (bodies.len() * events_each),
        bytes / (bodies.len() * events_each),
    );
}

fn main() {
    let (sites, geo, agents, limits) =
        (sites(), Geo::new(&GeoSettings::default()), Agents::default(), Limits::default());
    let today = day_of(NOW);
    let keys = DayKeys::Agreed(vec![(today - 1, Key::new([1; 16])), (today, Key::new([2; 16]))]);
    let fresh = FreshIds::new(NOW, 7);
    let blocklist = Blocklist::default();
    let beacon = Context {
        now_ms: NOW,
        via: Via::Script,
        policy: Policy::BEACON,
        limits: &limits,
        sites: &sites,
        used_up: &HashSet::new(),
        allowed_sites: &[],
        blocklist: &blocklist,
        keys: &keys,
        partitions: 8,
        geo: &geo,
        agents: &agents,
        fresh: &fresh,
        address: Some(std::net::IpAddr::from([91, 64, 0, 1])),
        user_agent: AGENTS[0],
        accept_language: "en-GB,en;q=0.9",
        origin: Some("https://www.example.com"),
        opted_out: false,
    };
    let api = Context { via: Via::Api, policy: Policy::API, address: None, origin: None, ..beacon };
    let batches: Vec<String> = (0..400)
        .map(|batch| {
            let events: Vec<String> = (0..50).map(|i| event(batch * 50 + i, true)).collect();
            format!("[{}]", events.join(","))
        })
        .collect();
    let began = Instant::now();
    agents.warm();
    println!("patterns of user agents compiled in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
    measure("batches of 50", &batches, 50, &api);
    let beacons: Vec<String> = (0..10_000).map(|i| event(i, false)).collect();
    measure("single beacons", &beacons, 1, &beacon);
}
