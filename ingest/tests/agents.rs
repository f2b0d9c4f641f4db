//! Who is told from people by the user agent: all known crawlers, and no browser.
//!
//! The crawlers are the instances that the npm package crawler-user-agents lists (installed with the
//! other tools); without the package that test has nothing to read. The browsers are those of
//! uap-core's own tests, which come with the crate that reads its patterns.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use footfall_ingest::Agents;

const LIST: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../.tools/npm/node_modules/crawler-user-agents/crawler-user-agents.json"
);

/// What people read the web with, by uap-core's names.
const BROWSERS: &str = "\
    Amazon Silk|Android|Avant|Avast Secure Browser|BlackBerry|BlackBerry WebKit|Brave|Camino|Chrome|\
    Chrome Mobile|Chrome Mobile WebView|Chrome Mobile iOS|Chromium|Coc Coc|Comodo Dragon|Crazy Browser|\
    Dolphin|DuckDuckGo Mobile|Edge|Edge Mobile|Epiphany|Firefox|Firefox (Shiretoko)|Firefox Beta|\
    Firefox Mobile|Firefox iOS|Galeon|Huawei Browser|IE|IE Large Screen|IE Mobile|IceCat|Iceweasel|\
    Iron|K-Meleon|Konqueror|Ladybird|Maxthon|Midori|MiuiBrowser|Mobile Safari|\
    Mobile Safari UI/WKWebView|MullvadBrowser|MyIE2|NetFront|Netscape|Nokia Browser|Oculus Browser|\
    Opera|Opera Mini|Opera Mobile|Opera Neon|Opera Tablet|Otter|Pale Moon|Puffin|QQ Browser|\
    QQ Browser Mobile|QupZilla|Safari|Samsung Internet|SeaMonkey|Sogou Explorer|UC Browser|Vivaldi|\
    Whale|Yandex Browser";

#[test]
fn nearly_all_known_crawlers_are_recognised() {
    let text = match std::fs::read_to_string(LIST) {
        Ok(text) => text,
        Err(error) => {
            eprintln!("skipped: the list of crawlers is not installed ({error})");
            return;
        }
    };
    let list: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let instances: Vec<_> = list
        .iter()
        .filter_map(|crawler| crawler["instances"].as_array())
        .flatten()
        .filter_map(|instance| instance.as_str())
        .collect();
    assert!(instances.len() > 1_000, "{} instances", instances.len());
    let agents = Agents::default();
    let missed: Vec<_> = instances.iter().filter(|agent| agents.of(agent).bot.is_empty()).collect();
    let share = 1.0 - missed.len() as f64 / instances.len() as f64;
    println!("{:.2} % of {} crawlers recognised", 100.0 * share, instances.len());
    assert!(share >= 0.995, "{} of {} missed: {missed:#?}", missed.len(), instances.len());
}

#[test]
fn hardly_any_browser_is_taken_for_a_bot() {
    let core = crate_folder("ua-parser").join("uap-core");
    let known: HashSet<&str> = BROWSERS.split('|').collect();
    let mut browsers = HashSet::new();
    for file in [
        "tests/test_ua.yaml",
        "test_resources/firefox_user_agent_strings.yaml",
        "test_resources/opera_mini_user_agent_strings.yaml",
        "test_resources/pgts_browser_list.yaml",
    ] {
        let cases = cases(&core.join(file));
        assert!(cases.len() > 50, "{file}: {} cases", cases.len());
        let people = cases.into_iter().filter(|(_, family)| known.contains(family.as_str()));
        browsers.extend(people.map(|(agent, _)| agent));
    }
    assert!(browsers.len() > 5_000, "{} browsers", browsers.len());
    let agents = Agents::default();
    let wrong: Vec<_> =
        browsers.iter().map(|agent| (agents.of(agent).bot.clone(), agent)).collect();
    let wrong: Vec<_> = wrong.iter().filter(|(bot, _)| !bot.is_empty()).collect();
    let share = wrong.len() as f64 / browsers.len() as f64;
    println!("{:.3} % of {} browsers taken for bots: {wrong:#?}", 100.0 * share, browsers.len());
    assert!(share <= 0.001, "{} of {}: {wrong:#?}", wrong.len(), browsers.len());
}

/// Where cargo keeps the source of a dependency.
fn crate_folder(name: &str) -> PathBuf {
    let out = std::process::Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform"])
        .arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH))
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs this test");
    let said = String::from_utf8_lossy(&out.stderr);
    let metadata: serde_json::Value = serde_json::from_slice(&out.stdout).expect(&said);
    let packages = metadata["packages"].as_array().expect("cargo lists packages");
    let package = packages.iter().find(|package| package["name"] == name);
    let manifest = package.expect("it is a dependency")["manifest_path"].as_str();
    Path::new(manifest.expect("it has one")).parent().expect("it lies somewhere").to_owned()
}

/// User agents and their families. The files are YAML of two kinds of lines, so no parser is needed.
fn cases(file: &Path) -> Vec<(String, String)> {
    let text = std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let text = String::from_utf8_lossy(&text);
    let mut cases = Vec::new();
    let mut agent = None;
    for line in text.lines().map(str::trim_start) {
        if let Some(value) = line.strip_prefix("- user_agent_string:") {
            agent = Some(unquoted(value));
        } else if let Some(value) = line.strip_prefix("family:")
            && let Some(agent) = agent.take()
        {
            cases.push((agent, unquoted(value)));
        }
    }
    cases
}

fn unquoted(value: &str) -> String {
    let value = value.trim();
    let quoted = value.strip_prefix('\'').and_then(|value| value.strip_suffix('\''));
    let quoted = quoted.map(|value| value.replace("''", "'"));
    let double = || value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    quoted.unwrap_or_else(|| double().unwrap_or(value).to_owned())
}
