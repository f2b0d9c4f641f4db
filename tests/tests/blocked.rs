//! Who is blocked by command is invalid from the next click on, on both logs; others are not.

mod system;

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use footfall_event::Id;
use footfall_tests::footfall::eventually;
use footfall_tests::load::{Sender, ads};
use serde_json::{Value, json};
use system::System;

const SITE: &str = "blocked.example";

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

    /// Clicks from an address; whether the blocklist is a reason against the click.
    fn is_blocked(&mut self, ip: &str) -> Result<bool> {
        self.clicks += 1;
        let id = Id::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(self.clicks));
        let click = json!({
            "type": "click", "site": SITE, "ad": "ad-c1", "id": id, "ip": ip,
            "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        });
        let url = || self.system.ingest_url();
        self.sender.insist(url, &[click], Duration::from_secs(60))?;
        let sql = format!(
            "SELECT has(reasons, 'blocklisted'), verdict FROM footfall.events WHERE id = '{id}' FORMAT TSV"
        );
        let mut found = String::new();
        eventually("the click is judged", Duration::from_secs(60), || {
            found = self.system.sql(&sql)?;
            Ok(!found.is_empty())
        })?;
        let blocked = found.starts_with('1');
        ensure!(!blocked || found.ends_with("invalid"), "{found}");
        Ok(blocked)
    }

    fn run(&self, command: &[&str]) -> Result<Value> {
        self.system.run(command)
    }
}

fn blocked_at_once(system: System) -> Result<()> {
    let mut clicker = Clicker::new(system)?;
    ensure!(!clicker.is_blocked("198.18.3.7")?, "nobody is blocked yet");
    let network = ["address", "198.18.3.0/24"];
    clicker
        .run(&[&["block", "add"], &network[..], &["--for", "1h", "--why", "a test"]].concat())?;
    // How soon is measured by the first click that is blocked; that it is blocked is what is tested,
    // since on a busy machine anything may take its time.
    let began = Instant::now();
    eventually("a click from there is blocked", Duration::from_secs(60), || {
        clicker.is_blocked("198.18.3.8")
    })?;
    println!("blocked {} ms after the command", began.elapsed().as_millis());
    ensure!(clicker.is_blocked("198.18.3.9")?, "all of the network is");
    ensure!(!clicker.is_blocked("198.18.4.9")?, "others are not");
    let listed = clicker.run(&["block", "list"])?;
    ensure!(listed[0]["why"] == "a test" && listed[0]["until"].is_i64(), "{listed}");
    clicker.run(&["allow", "add", "address", "198.18.3.9"])?;
    eventually("who is allowed is not blocked", Duration::from_secs(60), || {
        Ok(!clicker.is_blocked("198.18.3.9")?)
    })?;
    ensure!(clicker.is_blocked("198.18.3.10")?, "the others are still");
    clicker.run(&[&["block", "remove"], &network[..]].concat())?;
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
