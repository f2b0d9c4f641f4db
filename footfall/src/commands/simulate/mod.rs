//! `footfall simulate`: realistic traffic to a running server, at a chosen rate.
//!
//! # Layout
//!
//! - [`world`]: the crowd, as a pure sequence of events. [`visit`], [`people`], [`pages`], [`market`],
//!   [`dice`]: what it is made of. [`body`]: its events' fields.
//! - [`sender`]: how the events reach the server. [`redirect`]: how clicks on ads do. [`answer`]:
//!   what became of them.

mod answer;
mod body;
pub(crate) mod dice;
mod market;
mod pages;
mod people;
mod redirect;
mod sender;
mod visit;
pub(crate) mod world;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use footfall_event::catalog::Entry;

use self::answer::Tally;
use self::sender::{Sender, Way};
use self::world::{SimEvent, World};
use super::{now_ms, say};
use crate::cli::SimulateArgs;
use crate::config::Config;
use crate::control::Access;

/// An event waits so long for company before its batch is sent.
const LINGER: Duration = Duration::from_millis(100);
/// Sending goes on so much longer than it should when the server is too slow for the rate.
const OVERTIME: Duration = Duration::from_secs(2);

/// Runs the command.
///
/// # Errors
/// When the server can't be reached, refuses the key, or takes nothing.
pub(crate) fn run(config: &Config, args: SimulateArgs, json: bool) -> Result<()> {
    ensure!(args.rate > 0, "--rate is 0: expected at least one event per second");
    ensure!(
        args.to.starts_with("http://"),
        "--to is {:?}: expected http://HOST:PORT (put the load on the server itself, behind TLS)",
        args.to
    );
    let way = match &args.key {
        Some(key) => Way::Api { key: key.clone() },
        None => Way::Beacon { origin: format!("http://{}", args.site) },
    };
    let world =
        World::new(args.seed, &args.site, f64::from(args.rate), rand::random(), !args.no_ads);
    if !args.no_ads {
        advertise(config, &world)?;
    }
    let mut world = world.peekable();
    // The visits that are in progress at the beginning are made here, before the clock runs.
    let _ = world.peek();
    let sender = Sender::start(&args.to, way, now_ms())?;
    let started = Instant::now();
    send(world, &sender, &args, started);
    let (tally, failure) = sender.finish();
    let seconds = started.elapsed().as_secs_f64();
    if let Some(failure) = failure {
        bail!(failure);
    }
    if tally.accepted == 0 && tally.sent > 0 {
        bail!("nothing was accepted: {}", refusals(&tally));
    }
    let rate = tally.accepted as f64 / seconds;
    let mut answer = serde_json::to_value(&tally)?;
    answer["seconds"] = serde_json::json!(seconds);
    answer["rate"] = serde_json::json!(rate);
    say(json, &answer, || {
        format!("{} in {seconds:.1} s: {rate:.0} events/s stored", counts(&tally))
    });
    if args.key.is_none() && tally.rejected.contains_key("rate_limited") {
        eprintln!(
            "Beacons from one address are limited: give --key (from `footfall key add --site {}`) \
             for higher rates.",
            args.site
        );
    }
    Ok(())
}

/// Puts the ads into the server's catalogue, if it is one of this machine.
fn advertise(config: &Config, world: &World) -> Result<()> {
    let Some(access) = Access::to_running(config)? else {
        eprintln!(
            "No server runs on the data folder {}: its ads are not known there unless they were \
             added before (say where it is with --data, or send none with --no-ads).",
            config.data.display()
        );
        return Ok(());
    };
    let mut entries = world.ads(now_ms());
    let known = access.find(entries.iter().map(Entry::key).collect())?;
    entries.retain(|entry| known.entry(&entry.key()).is_none());
    access.put_all(entries)
}

/// Sends each event at its time, until the time is over.
fn send(
    world: impl Iterator<Item = SimEvent>,
    sender: &Sender,
    args: &SimulateArgs,
    started: Instant,
) {
    let mut progress = Progress::new(started, args.duration);
    let batch_max = sender.batch_max();
    let mut batch = Vec::with_capacity(batch_max);
    let mut oldest = started;
    for event in world {
        let due = started + Duration::from_millis(event.at_ms);
        if due >= started + args.duration || sender.has_failed() {
            break;
        }
        loop {
            let now = Instant::now();
            if !batch.is_empty() && (batch.len() == batch_max || now >= oldest + LINGER) {
                sender.send(std::mem::take(&mut batch));
            }
            progress.show(sender);
            if now >= due {
                break;
            }
            let wake = if batch.is_empty() { due } else { due.min(oldest + LINGER) };
            std::thread::sleep(wake.saturating_duration_since(now).min(LINGER));
        }
        if event.is_redirect() {
            sender.send(vec![event]);
            continue;
        }
        if batch.is_empty() {
            oldest = Instant::now();
        }
        batch.push(event);
        if started.elapsed() > args.duration + OVERTIME {
            break;
        }
    }
    sender.send(batch);
    progress.end();
}

/// A line that says how it goes: rewritten on a terminal, else a new one every five seconds.
struct Progress {
    started: Instant,
    duration: Duration,
    next: Duration,
    terminal: bool,
}

impl Progress {
    fn new(started: Instant, duration: Duration) -> Progress {
        let terminal = std::io::stderr().is_terminal();
        Progress { started, duration, next: Duration::from_secs(1), terminal }
    }

    fn show(&mut self, sender: &Sender) {
        let elapsed = self.started.elapsed();
        if elapsed < self.next {
            return;
        }
        self.next = elapsed + Duration::from_secs(if self.terminal { 1 } else { 5 });
        let tally = sender.tally();
        let rate = tally.sent as f64 / elapsed.as_secs_f64();
        let line = format!(
            "{:.0} of {:.0} s, {rate:.0} events/s: {}",
            elapsed.as_secs_f64(),
            self.duration.as_secs_f64(),
            counts(&tally)
        );
        if self.terminal {
            eprint!("\r\x1b[2K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    fn end(&self) {
        if self.terminal {
            eprint!("\r\x1b[2K");
        }
    }
}

fn counts(tally: &Tally) -> String {
    let mut text = format!("{} sent, {} accepted", tally.sent, tally.accepted);
    let refused = refusals(tally);
    if !refused.is_empty() {
        text.push_str(", ");
        text.push_str(&refused);
    }
    text
}

/// What was not accepted, with the reasons.
fn refusals(tally: &Tally) -> String {
    let mut parts = Vec::new();
    for (word, reasons) in [("dropped", &tally.dropped), ("rejected", &tally.rejected)] {
        if !reasons.is_empty() {
            let total: u64 = reasons.values().sum();
            let list: Vec<String> =
                reasons.iter().map(|(reason, count)| format!("{reason} {count}")).collect();
            parts.push(format!("{total} {word} ({})", list.join(", ")));
        }
    }
    if tally.unanswered > 0 {
        parts.push(format!("{} unanswered", tally.unanswered));
    }
    if !tally.detail.is_empty() {
        parts.push(tally.detail.clone());
    }
    parts.join(", ")
}
