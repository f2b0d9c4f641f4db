//! `footfall block|allow add|list|remove`: who is invalid from the first click on, and who never is.

use std::fmt::Write;

use anyhow::{Result, ensure};
use footfall_event::blocklist::{BlockEntry, Entries, Subject, normalised};

use super::{now_ms, say};
use crate::cli::{BlockArgs, BlockCommand};
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: BlockCommand, allow: bool, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        BlockCommand::Add(args) => {
            let entry = make(args, allow)?;
            access.set_blocked(&entry.key(), Some(&entry))?;
            say(json, &entry, || line(&entry));
        }
        BlockCommand::List => {
            let entries = access.blocklist()?;
            let now = now_ms();
            let listed = |entry: &&BlockEntry| entry.allow == allow && entry.holds(now);
            let listed: Vec<_> = entries.entries.values().filter(listed).collect();
            say(json, &listed, || text(&listed, allow));
        }
        BlockCommand::Remove { subject, value } => {
            let (subject, value) = parse(&subject, &value)?;
            let key = key_of(subject, &value, allow);
            ensure!(
                access.blocklist()?.entries.contains_key(&key),
                "there is no entry {} {value}: `footfall {} list` shows them",
                subject.as_str(),
                word(allow)
            );
            access.set_blocked(&key, None)?;
            say(json, &serde_json::json!({ "removed": key }), || format!("{key} is removed"));
        }
    }
    Ok(())
}

fn word(allow: bool) -> &'static str {
    if allow { "allow" } else { "block" }
}

fn parse(subject: &str, value: &str) -> Result<(Subject, String)> {
    let Some(subject) = Subject::parse(subject) else {
        let all = Subject::ALL.map(Subject::as_str).join(", ");
        anyhow::bail!("{subject:?} can't be blocked: expected one of {all}");
    };
    let value = normalised(subject, value)
        .map_err(|error| anyhow::anyhow!("{} {value:?}: {error}", subject.as_str()))?;
    if subject == Subject::Address {
        let network = value.parse::<ipnet::IpNet>().map_err(|_| {
            anyhow::anyhow!("address {value:?}: expected a network such as 192.0.2.0/24")
        })?;
        return Ok((subject, network.trunc().to_string()));
    }
    Ok((subject, value))
}

fn key_of(subject: Subject, value: &str, allow: bool) -> String {
    entry(subject, value.to_owned(), allow).key()
}

fn entry(subject: Subject, value: String, allow: bool) -> BlockEntry {
    BlockEntry {
        v: footfall_event::record::VERSION,
        subject,
        value,
        allow,
        until: None,
        by: "owner".to_owned(),
        why: String::new(),
        at: now_ms(),
    }
}

fn make(args: BlockArgs, allow: bool) -> Result<BlockEntry> {
    let (subject, value) = parse(&args.subject, &args.value)?;
    let until = args.duration.map(|duration| {
        now_ms().saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX))
    });
    Ok(BlockEntry { until, why: args.why.unwrap_or_default(), ..entry(subject, value, allow) })
}

fn line(entry: &BlockEntry) -> String {
    let until = match entry.until.and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok()) {
        Some(until) => format!("until {until:.0}"),
        None => "for good".to_owned(),
    };
    let why = if entry.why.is_empty() { String::new() } else { format!("  {}", entry.why) };
    format!("{} {}  {until}  by {}{why}", entry.subject.as_str(), entry.value, entry.by)
}

fn text(entries: &[&BlockEntry], allow: bool) -> String {
    let mut text = String::new();
    for entry in entries {
        let _ = writeln!(text, "{}", line(entry));
    }
    if text.is_empty() {
        let verb = if allow { "always allowed" } else { "blocked" };
        let _ = write!(text, "Nobody is {verb}");
    }
    text
}

/// The entries as a log has them.
pub(crate) fn read(log: &std::sync::Arc<dyn footfall_topics::Log>) -> Result<Entries> {
    let topic = footfall_topics::Topic::Blocklist;
    let followed = footfall_topics::follow::Followed::<Entries>::follow(log, topic)?;
    Ok(Entries::clone(&followed.load()))
}
