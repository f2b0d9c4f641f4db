//! `footfall alert add|list|remove|test`.

use std::fmt::Write;

use anyhow::{Result, ensure};
use footfall_aggregator::alerts::{CHANNELS_MAX, check_url};
use footfall_event::alert::{Alert, AlertKind};
use footfall_event::catalog::{AlertChannel, AlertTarget, Catalog, Entry};

use super::{now_ms, random_hex, say};
use crate::cli::{AlertArgs, AlertCommand};
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: AlertCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        AlertCommand::Add(args) => {
            let channel = make(&access.list(&["site", "alert-channel"])?, args)?;
            access.put(Entry::AlertChannel(channel.clone()))?;
            say(json, &channel, || said_once(&channel));
        }
        AlertCommand::List => {
            let catalog = access.list(&["site", "alert-channel"])?;
            let channels: Vec<_> = catalog.alert_channels.values().map(shown).collect();
            say(json, &channels, || listed(&catalog));
        }
        AlertCommand::Remove { id } => {
            known(&access.list(&["site", "alert-channel"])?, &id)?;
            access.remove(&format!("alert-channel/{id}"))?;
            say(json, &serde_json::json!({ "removed": id }), || format!("{id} is removed"));
        }
        AlertCommand::Test { id } => {
            known(&access.list(&["site", "alert-channel"])?, &id)?;
            let now = now_ms();
            let mut alert = Alert::new(AlertKind::Test, "", "", &format!("{id} {now}"), now);
            alert.message = "This is a test: the channel works".to_owned();
            alert.details.insert("channel".to_owned(), id);
            access.raise(alert.clone())?;
            say(json, &alert, || format!("{} is on its way", alert.id));
        }
    }
    Ok(())
}

fn known(catalog: &Catalog, id: &str) -> Result<()> {
    ensure!(
        catalog.alert_channels.contains_key(id),
        "there is no alert channel {id}: `footfall alert list` shows them"
    );
    Ok(())
}

fn make(catalog: &Catalog, args: AlertArgs) -> Result<AlertChannel> {
    let there = catalog.alert_channels.len();
    ensure!(there < CHANNELS_MAX, "there are {there} alert channels, the most there may be");
    for domain in &args.site {
        ensure!(
            catalog.sites.contains_key(domain),
            "there is no site {domain}: add it first with `footfall site add {domain}`"
        );
    }
    let mut kinds = Vec::new();
    for word in &args.kind {
        let Some(kind) = AlertKind::parse(word) else {
            let all = AlertKind::ALL.map(AlertKind::as_str).join(", ");
            anyhow::bail!("there is no kind of alert {word:?}: expected one of {all}");
        };
        kinds.push(kind);
    }
    let target = match (args.webhook, args.email) {
        (Some(url), None) => {
            check_url(&url).map_err(|error| anyhow::anyhow!("--webhook {url:?}: {error}"))?;
            AlertTarget::Webhook { url, secret: random_hex(32) }
        }
        (None, Some(to)) => {
            let fine = to.split_once('@').is_some_and(|(name, host)| {
                !name.is_empty() && !host.is_empty() && !to.contains(char::is_whitespace)
            });
            ensure!(fine, "--email {to:?}: expected an address such as ann@example.com");
            AlertTarget::Email { to }
        }
        _ => anyhow::bail!("say where alerts go: either --webhook URL or --email ADDRESS"),
    };
    Ok(AlertChannel { id: random_hex(6), target, sites: args.site, kinds, created_at: now_ms() })
}

fn said_once(channel: &AlertChannel) -> String {
    match &channel.target {
        AlertTarget::Webhook { url, secret } => format!(
            "{}  {url}\nEach request is signed with this secret, which is only shown now:\n{secret}",
            channel.id
        ),
        AlertTarget::Email { to } => format!("{}  {to}", channel.id),
    }
}

/// A channel without its secret.
fn shown(channel: &AlertChannel) -> serde_json::Value {
    let mut shown = serde_json::to_value(channel).expect("a channel is plain data");
    if let Some(webhook) = shown["target"]["webhook"].as_object_mut() {
        webhook.remove("secret");
    }
    shown
}

fn listed(catalog: &Catalog) -> String {
    let mut text = String::new();
    for channel in catalog.alert_channels.values() {
        let target = match &channel.target {
            AlertTarget::Webhook { url, .. } => url,
            AlertTarget::Email { to } => to,
        };
        let sites =
            if channel.sites.is_empty() { "all sites".into() } else { channel.sites.join(" ") };
        let kinds: Vec<_> = channel.kinds.iter().map(|kind| kind.as_str()).collect();
        let kinds = if kinds.is_empty() { "everything".into() } else { kinds.join(" ") };
        let _ = writeln!(text, "{}  {target}  {sites}  {kinds}", channel.id);
    }
    if text.is_empty() {
        text.push_str("Nobody hears of alerts yet: `footfall alert add --webhook URL`");
    }
    text
}
