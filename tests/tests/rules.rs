//! The rules of invalid traffic of a running server: from a file that is followed, by command, kept
//! with their authors, and still in force after a crash.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use footfall_tests::footfall::{Footfall, eventually};
use footfall_tests::load::{Sender, ads};
use serde_json::{Value, json};

const SITE: &str = "rules.example";

/// Sends a click that names no impression, and waits for its verdict: verdict, reasons, version. Each
/// comes from somebody else.
fn judged(server: &Footfall, sender: &Sender) -> Result<String> {
    static CLICKS: AtomicU32 = AtomicU32::new(0);
    let n = CLICKS.fetch_add(1, Ordering::Relaxed);
    let id = uuid::Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0000 + u128::from(n));
    let click = json!({
        "type": "click", "site": SITE, "ad": "ad-c1", "id": id,
        "ip": format!("198.18.{}.{}", n / 200, 1 + n % 200),
        "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    });
    sender.insist(|| server.url(), &[click], Duration::from_secs(30))?;
    let sql = format!(
        "SELECT verdict, has(reasons, 'no_impression'), rules FROM footfall.events WHERE id = '{id}' FORMAT TSV"
    );
    let mut found = String::new();
    eventually("the click is judged", Duration::from_secs(60), || {
        found = server.sql(&sql)?;
        Ok(!found.is_empty())
    })?;
    Ok(found.replace('\t', " "))
}

/// Sends clicks until one is judged like this.
fn until_judged(server: &Footfall, sender: &Sender, expected: &str) -> Result<()> {
    eventually(&format!("a click is {expected}"), Duration::from_secs(60), || {
        Ok(judged(server, sender)? == expected)
    })
}

fn list(server: &Footfall) -> Result<Vec<(u64, String, bool)>> {
    let all = server.run(&["rules", "list"])?;
    let of = |rules: &Value| {
        let by = rules["by"].as_str()?.to_owned();
        Some((rules["version"].as_u64()?, by, rules["in_force"].as_bool()?))
    };
    all.as_array().context("a list")?.iter().map(|rules| of(rules).context("an entry")).collect()
}

#[test]
fn rules_change_while_the_server_runs_and_stay_after_a_crash() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("rules.toml");
    let path = file.to_str().context("a plain path")?;
    std::fs::write(&file, "version = 40\n[tiers]\nno_impression = \"filter\"\n")?;
    let mut server = Footfall::serve(&["--rules", path])?;
    server.run(&["site", "add", SITE])?;
    for command in ads(SITE) {
        server.run(&command.iter().map(String::as_str).collect::<Vec<_>>())?;
    }
    let said = server.run(&["key", "add", "--site", SITE])?;
    let sender = Sender::new(said["key"].as_str().context("a key")?);
    assert_eq!(judged(&server, &sender)?, "invalid 1 40");

    // What makes no sense is not put in force, and something that does is, without a restart.
    std::fs::write(&file, "version = 41\n[tiers]\nno_imprint = \"off\"\n")?;
    eventually("the file is refused", Duration::from_secs(30), || {
        Ok(server.log().contains("no_imprint"))
    })?;
    assert_eq!(judged(&server, &sender)?, "invalid 1 40");
    std::fs::write(&file, "version = 41\n[tiers]\nno_impression = \"off\"\n")?;
    until_judged(&server, &sender, "valid 0 41")?;
    let by_file = format!("file {path}");
    assert_eq!(list(&server)?, [(40, by_file.clone(), false), (41, by_file, true)]);

    server.restart()?;
    assert_eq!(judged(&server, &sender)?, "valid 0 41");

    // By command. A version belongs to one text for ever.
    let other = folder.path().join("other.toml");
    let set = ["rules", "set", other.to_str().context("a plain path")?];
    std::fs::write(&other, "version = 40\n")?;
    let error = server.run(&set).unwrap_err().to_string();
    ensure!(error.contains("version 40") && error.contains("42"), "{error}");
    std::fs::write(&other, "version = 42\n")?;
    assert_eq!(server.run(&set)?, json!({ "version": 42, "changed": true }));
    until_judged(&server, &sender, "flagged 1 42")?;
    ensure!(list(&server)?.iter().any(|(version, _, now)| *version == 42 && *now));

    // What yet others would have said of all these clicks; nothing that is in force changes.
    let clicks: u64 =
        server.sql("SELECT count() FROM footfall.events WHERE type = 'click'")?.parse()?;
    std::fs::write(&other, "version = 50\n[tiers]\nno_impression = \"filter\"\n")?;
    let tried = server.run(&["replay", "--from", "1h", "--rules", set[2]])?;
    assert_eq!(
        (&tried["rules"], &tried["clicks"], &tried["invalid"]),
        (&json!(50), &json!(clicks), &json!(clicks))
    );
    let stored = "SELECT count(), countIf(verdict = 'invalid' AND rules = 50), uniqExact(id) FROM footfall.replays FORMAT TSV";
    assert_eq!(server.sql(stored)?, format!("{clicks}\t{clicks}\t{clicks}"));
    assert_eq!(judged(&server, &sender)?, "flagged 1 42");
    ensure!(list(&server)?.iter().all(|(version, ..)| *version != 50));
    Ok(())
}
