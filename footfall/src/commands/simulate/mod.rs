//! `footfall simulate`: realistic traffic to a running server, at a chosen rate.
//!
//! # Layout
//!
//! - [`world`]: the crowd, as a pure sequence of events. [`visit`], [`people`], [`pages`], [`dice`]:
//!   what it is made of.
//! - [`sender`]: how the events reach the server. [`answer`]: what became of them.

mod answer;
pub(crate) mod dice;
mod pages;
mod people;
mod sender;
mod visit;
pub(crate) mod world;

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use self::answer::Tally;
use self::sender::{Sender, Way};
use self::world::{SimEvent, World};
use super::{now_ms, say};
use crate::cli::SimulateArgs;
use crate::config::Config;

/// An event waits so long for company before its batch is sent.
const LINGER: Duration = Duration::from_millis(100);
/// Sending goes on so much longer than it should when the server is too slow for the rate.
const OVERTIME: Duration = Duration::from_secs(2);

/// Runs the command.
///
/// # Errors
/// When the server can't be reached, refuses the key, or takes nothing.
pub(crate) fn run(_config: &Config, args: SimulateArgs, json: bool) -> Result<()> {
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
    let mut world =
        World::new(args.seed, &args.site, f64::from(args.rate), rand::random()).peekable();
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
