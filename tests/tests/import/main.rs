//! `footfall import`: history from files, counted once however often it is imported, broken off or
//! repeated.
//!
//! `FOOTFALL_IMPORT_LINES` sets the length of the made-up log: a million in release builds.

mod crowd;
mod nginx;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use crowd::{Crowd, Totals};
use footfall_tests::chromium::Browser;
use footfall_tests::footfall::{Footfall, binary, eventually};
use nginx::Nginx;
use serde_json::{Value, json};

const SITE: &str = "shop.test";
/// A browser that does not say that it is driven by a test.
const AGENT: &str = "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

fn lines() -> usize {
    let default = if cfg!(debug_assertions) { 60_000 } else { 1_000_000 };
    std::env::var("FOOTFALL_IMPORT_LINES").ok().and_then(|n| n.parse().ok()).unwrap_or(default)
}

fn serve() -> Result<Footfall> {
    let serve = Footfall::serve(&[])?;
    serve.run(&["site", "add", SITE])?;
    Ok(serve)
}

fn import(serve: &Footfall, kind: &str, files: &[&Path]) -> Result<Value> {
    let files: Vec<&str> = files.iter().map(|file| file.to_str().expect("UTF-8")).collect();
    serve.run(&[&["import", kind], &files[..], &["--site", SITE]].concat())
}

fn write(path: &Path, text: &str) -> Result<PathBuf> {
    std::fs::write(path, text)?;
    Ok(path.to_owned())
}

/// What the warehouse holds, by plain sums.
fn stored(serve: &Footfall) -> Result<Totals> {
    let number = |sql: &str| -> Result<u64> {
        let answer = serve.sql(&format!("SELECT {sql} AND site = '{SITE}'"))?;
        answer.parse().with_context(|| format!("{sql}: {answer}"))
    };
    let net = "WHERE verdict != 'invalid'";
    let paths = serve.sql(&format!(
        "SELECT path, count() FROM footfall.events {net} AND site = '{SITE}' GROUP BY path FORMAT TSV"
    ))?;
    let visits = number(&format!("sum(visits) FROM footfall.sessions {net}"))?;
    let in_visits = number(&format!("sum(pageviews) FROM footfall.sessions {net}"))?;
    let pageviews = number(&format!("count() FROM footfall.events {net}"))?;
    assert_eq!(pageviews, in_visits, "every page view is in a visit");
    Ok(Totals {
        lines: 0,
        not_pages: 0,
        pageviews,
        bot_pageviews: number("count() FROM footfall.events WHERE verdict = 'invalid'")?,
        visitors: number(&format!("sum(new_visitor) FROM footfall.events {net}"))?,
        visits,
        bounces: number(&format!("sum(bounces) FROM footfall.sessions {net}"))?,
        paths: paths
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .map(|(path, count)| (path.to_owned(), count.parse().expect("a count")))
            .collect(),
    })
}

fn check(serve: &Footfall, crowd: &Crowd) -> Result<()> {
    let expected = Totals { lines: 0, not_pages: 0, ..crowd.totals() };
    assert_eq!(stored(serve)?, expected);
    Ok(())
}

fn number(summary: &Value, field: &str) -> u64 {
    match &summary[field] {
        Value::Object(counts) => counts.values().filter_map(Value::as_u64).sum(),
        count => count.as_u64().unwrap_or_else(|| panic!("no {field} in {summary}")),
    }
}

#[test]
fn totals_are_right_and_stay_so_when_it_is_repeated_and_when_the_file_grows() -> Result<()> {
    let serve = serve()?;
    let folder = tempfile::tempdir()?;
    let mut crowd = Crowd::new(lines());
    let log = write(&folder.path().join("access.log"), &crowd.write(lines()))?;

    let began = Instant::now();
    let summary = import(&serve, "access-log", &[&log])?;
    println!("{} lines in {:?}: {summary}", lines(), began.elapsed());
    let totals = crowd.totals();
    assert!(totals.visits > totals.visitors && totals.bounces < totals.visits, "{totals:?}");
    assert_eq!(number(&summary, "lines"), totals.lines);
    assert_eq!(number(&summary, "not_pages"), totals.not_pages);
    assert_eq!(number(&summary, "imported"), totals.pageviews + totals.bot_pageviews);
    check(&serve, &crowd)?;

    // Again, compressed and under another name: the same lines.
    let packed = folder.path().join("access.log.1.gz");
    let status = Command::new("sh")
        .args(["-c", "gzip -1 -c \"$0\" > \"$1\""])
        .args([&log, &packed])
        .status()?;
    ensure!(status.success(), "gzip failed");
    let summary = import(&serve, "access-log", &[&packed])?;
    assert_eq!(number(&summary, "imported"), 0);
    assert_eq!(number(&summary, "already_there"), totals.pageviews + totals.bot_pageviews);
    check(&serve, &crowd)?;

    // Some more lines, which continue visits; and the old file is given twice.
    let more = crowd.write(3_000);
    std::fs::File::options().append(true).open(&log)?.write_all(more.as_bytes())?;
    let summary = import(&serve, "access-log", &[&packed, &log])?;
    let grown = crowd.totals();
    let new = grown.pageviews + grown.bot_pageviews - totals.pageviews - totals.bot_pageviews;
    assert_eq!(number(&summary, "imported"), new);
    check(&serve, &crowd)?;

    let left = std::fs::read_dir(serve.data().join("imports"))?.filter_map(Result::ok);
    let left: Vec<_> = left.map(|entry| entry.file_name()).filter(|name| name != "lock").collect();
    assert!(left.is_empty(), "the keys of finished imports are destroyed: {left:?}");
    Ok(())
}

#[test]
fn killed_at_any_moment_nothing_is_lost_or_doubled() -> Result<()> {
    let serve = serve()?;
    let folder = tempfile::tempdir()?;
    let mut crowd = Crowd::new(lines());
    let log = write(&folder.path().join("access.log"), &crowd.write(lines()))?;
    let rows = |table: &str| -> Result<u64> {
        Ok(serve
            .sql(&format!("SELECT count() FROM footfall.{table} WHERE site = '{SITE}'"))?
            .parse()?)
    };
    let engine = serve.engine_url();
    let mut killed_between = 0;
    for round in 0..4 {
        let mut child = Command::new(binary())
            .args(["import", "access-log"])
            .arg(&log)
            .args([
                "--site",
                SITE,
                "--engine-listen",
                engine.trim_start_matches("http://"),
                "--data",
            ])
            .arg(serve.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let table = if round % 2 == 0 { "sessions" } else { "events" };
        let before = rows(table)?;
        eventually("something is stored", Duration::from_secs(60), || {
            Ok(rows(table)? > before || child.try_wait()?.is_some())
        })?;
        child.kill()?;
        killed_between += u32::from(!child.wait()?.success());
        if round == 2 {
            // What was there when it was killed must not depend on what the file is then.
            let more = crowd.write(1_000);
            std::fs::File::options().append(true).open(&log)?.write_all(more.as_bytes())?;
        }
    }
    assert!(killed_between >= 2, "it was too fast to be killed: {killed_between}");
    let summary = import(&serve, "access-log", &[&log])?;
    println!("after {killed_between} kills: {summary}");
    check(&serve, &crowd)
}

#[test]
fn lines_that_can_not_be_read_are_counted_with_their_reasons() -> Result<()> {
    let serve = serve()?;
    let folder = tempfile::tempdir()?;
    let good =
        "192.0.2.1 - - [01/Mar/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"Mozilla/5.0\"";
    let giant = "x".repeat(100_000);
    let text = format!(
        "{good}\nhello\n\n192.0.2.1 - - [31/Feb/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 200 1\n\
         {{\"time\":\n{giant}\n{{\"status\":200}}\n192.0.2.1 - - [01/Mar/2026:12:00:01 +0000] \"GET / HTTP/1.1\" abc 1\n\
         host.example.net - - [01/Mar/2026:12:00:02 +0000] \"GET /name HTTP/2.0\" 200 1\nhello again\n{good} "
    );
    let log = write(&folder.path().join("access.log"), &text)?;
    let summary = import(&serve, "access-log", &[&log])?;
    let expected = json!({"unknown_format": 2, "invalid_time": 1, "malformed_json": 1, "too_long": 1,
        "missing_field": 1, "invalid_status": 1, "unterminated": 1});
    assert_eq!(summary["unparsable"], expected, "{summary}");
    assert_eq!((number(&summary, "lines"), number(&summary, "imported")), (10, 2));
    let example = &summary["examples"][0];
    assert_eq!((&example["line"], &example["reason"]), (&json!(2), &json!("unknown_format")));

    let missing = folder.path().join("nope.log");
    let error = import(&serve, "access-log", &[&missing]).expect_err("there is no such file");
    assert!(error.to_string().contains("nope.log can't be read"), "{error:#}");
    let error =
        serve.run(&["import", "access-log", &log.display().to_string(), "--site", "x.test"]);
    let error = error.expect_err("there is no such site").to_string();
    assert!(error.contains("footfall site add x.test"), "{error}");
    Ok(())
}

#[test]
fn events_of_any_age_come_with_their_own_ids_or_those_of_their_lines() -> Result<()> {
    let serve = serve()?;
    let folder = tempfile::tempdir()?;
    let view = "0198c0de-0000-4000-8000-000000000001";
    let who = "\"ip\":\"192.0.2.9\",\"user_agent\":\"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0\"";
    let text = [
        format!(
            "{{\"type\":\"pageview\",\"id\":\"{view}\",\"time\":\"2019-05-01T10:00:00Z\",\"url\":\"https://{SITE}/\",{who}}}"
        ),
        format!(
            "{{\"type\":\"engagement\",\"time\":\"2019-05-01T10:01:00Z\",\"url\":\"https://{SITE}/\",\"pageview\":\"{view}\",\"engaged_ms\":50000,{who}}}"
        ),
        format!(
            "{{\"type\":\"search\",\"site\":\"{SITE}\",\"time\":1556704920000,\"url\":\"https://{SITE}/s\",\"query\":\"Boots\",\"results\":0,{who}}}"
        ),
        format!("{{\"type\":\"pageview\",\"url\":\"https://{SITE}/\",{who}}}"),
        "{\"type\":\"pageview\",\"time\":\"2019-05-01T10:00:00Z\",\"site\":\"other.test\"}"
            .to_owned(),
        "{\"type\":\"dance\",\"time\":\"2019-05-01T10:00:00Z\"}".to_owned(),
        "not json".to_owned(),
    ];
    let file = write(&folder.path().join("events.ndjson"), &(text.join("\n") + "\n"))?;
    for round in 0..2 {
        let summary = import(&serve, "events", &[&file])?;
        let found = if round == 0 { "imported" } else { "already_there" };
        assert_eq!(number(&summary, found), 3, "{summary}");
        let expected =
            json!({"missing_field": 1, "forbidden_site": 1, "unknown_type": 1, "malformed": 1});
        assert_eq!(summary["unparsable"], expected, "{summary}");
        let visit = serve.sql(&format!(
            "SELECT sum(visits), sum(bounces), sum(duration_ms), sum(engaged_ms), any(toDate(start)) \
             FROM footfall.sessions WHERE site = '{SITE}' FORMAT TSV"
        ))?;
        assert_eq!(visit, "1\t0\t120000\t50000\t2019-05-01");
        let via = serve.sql(&format!(
            "SELECT count(), countIf(via = 'import' AND id = toUUID('{view}')), max(received_at) > now() - 600 \
             FROM footfall.events WHERE site = '{SITE}' FORMAT TSV"
        ))?;
        assert_eq!(via, "3\t1\t1");
    }
    Ok(())
}

#[test]
fn without_a_server_it_starts_the_engine_itself() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut crowd = Crowd::new(2_000);
    let log = write(&folder.path().join("access.log"), &crowd.write(2_000))?;
    let log = log.to_str().context("UTF-8")?;
    for command in [&["site", "add", SITE][..], &["import", "access-log", log, "--site", SITE]] {
        let output = Command::new(binary())
            .args(command)
            .arg("--data")
            .arg(&data)
            .current_dir(footfall_tests::tools::repository())
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command:?}: {said}");
        if command[0] == "import" {
            assert!(said.contains("100 %"), "it says how far it is: {said}");
            let summary = String::from_utf8_lossy(&output.stdout);
            assert!(summary.contains("2,000  lines read"), "{summary}");
        }
    }
    let serve = Footfall::start_in("serve", &data, &[])?;
    eventually(
        "the warehouse answers",
        Duration::from_secs(30),
        || Ok(stored(&serve)?.visits > 0),
    )?;
    check(&serve, &crowd)
}

#[test]
fn a_log_that_nginx_wrote_while_chromium_browsed_is_on_the_dashboard() -> Result<()> {
    let serve = serve()?;
    let mut nginx = Nginx::start()?;
    let browser = Browser::start_with(&[AGENT])?;
    let page = browser.page()?;
    page.goto(&nginx.url())?;
    page.loads(|| page.click("#next"))?;
    page.loads(|| page.click("#next"))?;
    page.loads(|| page.click("#next"))?;
    page.goto(&format!("{}/old", nginx.url()))?;
    drop(browser);
    nginx.stop()?;
    let log = nginx.access_log();
    let summary = import(&serve, "access-log", &[&log])?;
    let said = || format!("{summary}\n{}", std::fs::read_to_string(&log).unwrap_or_default());
    assert_eq!(number(&summary, "unparsable"), 0, "{}", said());
    // Three pages that were linked, and one behind a redirect; a missing page, style sheet, picture.
    assert_eq!(number(&summary, "imported"), 4, "{}", said());
    assert!(summary["not_pages"]["asset"].as_u64() >= Some(2), "{}", said());

    let url = format!("{}/sites/{SITE}/pages.json?period=today", serve.url());
    let answer: Value = serde_json::from_str(&ureq::get(url).call()?.body_mut().read_to_string()?)?;
    let rows = answer["rows"].as_array().context("rows")?;
    let mut pages: Vec<(String, u64)> = rows
        .iter()
        .map(|row| (row["path"].to_string(), row["pageviews"].as_u64().unwrap_or(0)))
        .collect();
    pages.sort();
    let expected = [("\"/\"", 1), ("\"/boots.html\"", 2), ("\"/size%2047.html\"", 1)];
    assert_eq!(pages, expected.map(|(page, count)| (page.to_owned(), count)), "{answer}");
    let visits =
        serve.sql(&format!("SELECT sum(visits) FROM footfall.sessions WHERE site = '{SITE}'"))?;
    assert_eq!(visits, "1");
    Ok(())
}
