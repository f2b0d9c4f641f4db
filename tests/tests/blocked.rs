//! Who is blocked by command is invalid within a second, on both logs; others are not.

mod system;

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use footfall_event::Id;
use footfall_tests::footfall::eventually;
use footfall_tests::load::{Sender, ads};
use serde_json::{Value, json};
use system::System;

const SITE: &str = "blocked.example";
/// How soon a click from a blocked network has to be invalid.
const SOON: Duration = Duration::from_secs(1);
/// Networks that are blocked until it was as soon as that once: a machine that does other things
/// meanwhile makes one of them late, but a list that is followed too slowly makes all of them late.
const TRIES: u8 = 8;
/// A click comes every so often.
const PACE: Duration = Duration::from_millis(50);
/// Clicks after which it is looked how they were judged: more than come within [`SOON`].
const SOME: usize = 24;

struct Clicker {
    system: System,
    sender: Sender,
    clicks: u32,
}

impl Clicker {
    fn new(system: System) -> Result<Clicker> {
        for command in ads(SITE) {
            system.configure(&command)?;
        }
        let sender = Sender::new(&system.key(SITE)?);
        Ok(Clicker { system, sender, clicks: 0 })
    }

    /// A click from an address is accepted.
    fn click(&mut self, ip: &str) -> Result<Id> {
        self.clicks += 1;
        let id = Id::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(self.clicks));
        let click = json!({
            "type": "click", "site": SITE, "ad": "ad-c1", "id": id, "ip": ip,
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        });
        let url = || self.system.ingest_url();
        self.sender.insist(url, &[click], Duration::from_secs(60))?;
        Ok(id)
    }

    /// Whether the blocklist is a reason against each of these clicks, when all of them are stored.
    fn blocked(&self, clicks: &[Id]) -> Result<Vec<bool>> {
        let ids: Vec<String> = clicks.iter().map(|id| format!("'{id}'")).collect();
        let sql = format!(
            "SELECT has(reasons, 'blocklisted') AS blocked, verdict FROM footfall.events \
             WHERE id IN ({}) ORDER BY id FORMAT TSV",
            ids.join(", ")
        );
        let mut found = String::new();
        eventually("the clicks are judged", Duration::from_secs(60), || {
            found = self.system.sql(&sql)?;
            Ok(found.lines().count() == clicks.len())
        })?;
        let of = |line: &str| {
            let blocked = line.starts_with('1');
            ensure!(!blocked || line.ends_with("invalid"), "{line}");
            Ok(blocked)
        };
        found.lines().map(of).collect()
    }

    /// Clicks from an address; whether the blocklist is a reason against the click.
    fn is_blocked(&mut self, ip: &str) -> Result<bool> {
        let click = self.click(ip)?;
        Ok(self.blocked(&[click])?[0])
    }

    /// Blocks a network from which somebody clicks all the time. How long after the command was
    /// acknowledged the first click was made that is invalid; all later ones have to be, too.
    fn block(&mut self, network: &str, address: &str) -> Result<Duration> {
        self.run(&["block", "add", "address", network, "--for", "1h", "--why", "a test"])?;
        let acknowledged = Instant::now();
        let (mut clicks, mut made) = (Vec::new(), Vec::new());
        let mut blocked = Vec::new();
        eventually("clicks from there are blocked", Duration::from_secs(60), || {
            for _ in 0..SOME {
                let at = acknowledged.elapsed();
                clicks.push(self.click(address)?);
                made.push(at);
                std::thread::sleep(PACE);
            }
            blocked = self.blocked(&clicks)?;
            Ok(blocked.ends_with(&[true]))
        })?;
        let first = blocked.iter().position(|blocked| *blocked).context("the last one is")?;
        ensure!(blocked[first..].iter().all(|blocked| *blocked), "{network}: {blocked:?}");
        Ok(made[first])
    }

    fn run(&self, command: &[&str]) -> Result<Value> {
        self.system.run(command)
    }
}

fn blocked_at_once(system: System) -> Result<()> {
    let mut clicker = Clicker::new(system)?;
    ensure!(!clicker.is_blocked("198.18.3.7")?, "nobody is blocked yet");
    let mut soonest = Duration::MAX;
    for number in 3..3 + TRIES {
        let network = format!("198.18.{number}.0/24");
        soonest = soonest.min(clicker.block(&network, &format!("198.18.{number}.8"))?);
        println!("{network}: the first invalid click {} ms after", soonest.as_millis());
        if soonest < SOON {
            break;
        }
    }
    ensure!(soonest < SOON, "{TRIES} networks were blocked, none within {SOON:?}: {soonest:?}");
    ensure!(clicker.is_blocked("198.18.3.9")?, "all of the network is");
    ensure!(!clicker.is_blocked("198.18.99.9")?, "others are not");
    let listed = clicker.run(&["block", "list"])?;
    ensure!(listed[0]["why"] == "a test" && listed[0]["until"].is_i64(), "{listed}");
    clicker.run(&["allow", "add", "address", "198.18.3.9"])?;
    eventually("who is allowed is not blocked", Duration::from_secs(60), || {
        Ok(!clicker.is_blocked("198.18.3.9")?)
    })?;
    ensure!(clicker.is_blocked("198.18.3.10")?, "the others are still");
    clicker.run(&["block", "remove", "address", "198.18.3.0/24"])?;
    eventually("nobody is blocked any more", Duration::from_secs(60), || {
        Ok(!clicker.is_blocked("198.18.3.11")?)
    })
}

#[test]
fn a_blocked_network_is_invalid_from_the_next_click_on() -> Result<()> {
    blocked_at_once(System::embedded(SITE)?)
}

#[test]
fn a_blocked_network_is_invalid_on_kafka_too() -> Result<()> {
    blocked_at_once(System::kafka(SITE)?)
}
