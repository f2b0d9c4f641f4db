//! What a user agent says about itself: browser, system, kind of device, bot.
//!
//! Some thousand patterns are tried, which takes tens of microseconds; so the answers are kept by
//! user agent, bounded, and the patterns are compiled once for the whole process, at first use or
//! by [`Agents::warm`].

use std::sync::{Arc, LazyLock};

use footfall_event::record::Device;
use quick_cache::sync::Cache;
use serde::Deserialize;
use ua_parser::{os, user_agent};

/// Answers that are kept; each takes some 500 bytes.
const CACHE_ENTRIES: usize = 20_000;
/// A longer user agent is read up to here: no browser's is as long.
const AGENT_BYTES_MAX: usize = 512;
const NO_AGENT: &str = "no user agent";

/// What a user agent says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Agent {
    /// Browser family.
    pub browser: String,
    /// Its major version.
    pub browser_version: String,
    /// System family.
    pub os: String,
    /// Its version.
    pub os_version: String,
    /// Kind of device.
    pub device: Device,
    /// Name of the bot it declares to be; empty for people.
    pub bot: String,
    /// Stands for the text in visitors' ids.
    pub digest: u128,
}

/// Parses user agents and remembers the answers.
pub struct Agents {
    cache: Cache<String, Arc<Agent>>,
}

impl Default for Agents {
    fn default() -> Agents {
        Agents { cache: Cache::new(CACHE_ENTRIES) }
    }
}

impl Agents {
    /// Compiles the patterns now instead of at the first event.
    pub fn warm(&self) {
        LazyLock::force(&PATTERNS);
    }

    /// What this user agent says.
    pub fn of(&self, text: &str) -> Arc<Agent> {
        if let Some(known) = self.cache.get(text) {
            return known;
        }
        let agent = Arc::new(parse(text));
        // Texts that no browser sends must not push the others out of memory.
        if text.len() <= AGENT_BYTES_MAX {
            self.cache.insert(text.to_owned(), agent.clone());
        }
        agent
    }
}

struct Patterns {
    browsers: user_agent::Extractor<'static>,
    systems: os::Extractor<'static>,
    crawlers: user_agent::Extractor<'static>,
}

#[derive(Deserialize)]
struct UapCore {
    #[serde(borrow)]
    user_agent_parsers: Vec<user_agent::Parser<'static>>,
    #[serde(borrow)]
    os_parsers: Vec<os::Parser<'static>>,
}

#[derive(Deserialize)]
struct Crawlers {
    #[serde(borrow)]
    crawlers: Vec<user_agent::Parser<'static>>,
}

/// Our own, after the open list: what names itself a bot or automation in general.
const OWN_BOTS: [(&str, &str); 4] = [
    (r"(?i)\b(headless\w*|phantomjs|puppeteer|playwright|selenium|electron-fetch)", "$1"),
    (
        r"(?i)^(curl|wget|okhttp|axios|node-fetch|undici|java|ruby|php|perl|python|guzzle|httpie|k6|wrk|ab)[/ -]",
        "$1",
    ),
    (r"(?i)\b([a-z0-9_.-]*(?:bot|crawler|spider|scraper|fetcher|monitor))\b", "$1"),
    (r"(?i)\+?https?://[^ )]*(?:bot|crawl|spider)", "bot"),
];

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let uap: UapCore = serde_json::from_str(include_str!("../data/uap-core.json"))
        .expect("the file was made by update.mjs");
    let list: Crawlers = serde_json::from_str(include_str!("../data/crawlers.json"))
        .expect("the file was made by update.mjs");
    let own = OWN_BOTS.map(|(regex, name)| user_agent::Parser {
        regex: regex.into(),
        family_replacement: Some(name.into()),
        ..Default::default()
    });
    let browsers = user_agent::Builder::new()
        .push_all(uap.user_agent_parsers)
        .expect("the list's patterns are valid");
    let systems =
        os::Builder::new().push_all(uap.os_parsers).expect("the list's patterns are valid");
    let crawlers = user_agent::Builder::new()
        .push_all(list.crawlers.into_iter().chain(own))
        .expect("the list's patterns are valid");
    Patterns {
        browsers: browsers.build().expect("the list's patterns are valid"),
        systems: systems.build().expect("the list's patterns are valid"),
        crawlers: crawlers.build().expect("the list's patterns are valid"),
    }
});

/// Names that look like a crawler's and are something else where these words stand: Cubot makes
/// phones, Teoma had a toolbar, and 008 is a part of Opera Mini's versions.
const NOT_BOTS: [(&str, &str); 3] =
    [("cubot", "cubot"), ("teoma", "teomabar"), ("008", "opera mini/")];

fn is_person(bot: &str, text: &str) -> bool {
    let named = NOT_BOTS.iter().find(|(name, _)| bot.eq_ignore_ascii_case(name));
    named.is_some_and(|(_, word)| text.to_ascii_lowercase().contains(word))
}

fn parse(text: &str) -> Agent {
    let digest = xxhash_rust::xxh3::xxh3_128(text.as_bytes());
    if text.trim().is_empty() || text == "-" {
        return Agent { bot: NO_AGENT.to_owned(), digest, ..Agent::default() };
    }
    let text = &text[..text.floor_char_boundary(AGENT_BYTES_MAX)];
    let patterns = &*PATTERNS;
    let mut agent = Agent { digest, ..Agent::default() };
    if let Some(bot) = patterns.crawlers.extract(text).filter(|bot| !is_person(&bot.family, text)) {
        agent.bot = bot.family.into_owned();
    }
    if let Some(browser) = patterns.browsers.extract(text) {
        agent.browser = browser_name(&browser.family);
        agent.browser_version = browser.major.unwrap_or_default().to_owned();
    }
    if let Some(system) = patterns.systems.extract(text) {
        agent.os_version = version(system.major.as_deref(), system.minor.as_deref());
        agent.os = system_name(&system.os);
    }
    agent.device = device(text, &agent.os);
    agent
}

/// Desktop and mobile are told apart by `device`; a family is one browser.
fn browser_name(family: &str) -> String {
    match family {
        "Mobile Safari" | "Mobile Safari UI/WKWebView" => "Safari".to_owned(),
        "Chrome Mobile" | "Chrome Mobile iOS" => "Chrome".to_owned(),
        "Firefox Mobile" | "Firefox iOS" => "Firefox".to_owned(),
        "Edge Mobile" => "Edge".to_owned(),
        "Opera Mobile" => "Opera".to_owned(),
        "Chrome Mobile WebView" => "Chrome WebView".to_owned(),
        other => other.to_owned(),
    }
}

fn system_name(family: &str) -> String {
    match family {
        "Mac OS X" => "macOS".to_owned(),
        other => other.to_owned(),
    }
}

fn version(major: Option<&str>, minor: Option<&str>) -> String {
    match (major, minor) {
        (Some(major), Some(minor)) => format!("{major}.{minor}"),
        (Some(major), None) => major.to_owned(),
        _ => String::new(),
    }
}

fn device(text: &str, os: &str) -> Device {
    let has = |parts: &[&str]| parts.iter().any(|part| text.contains(part));
    if has(&[
        "SmartTV",
        "SMART-TV",
        "Smart TV",
        "AppleTV",
        "Apple TV",
        "GoogleTV",
        "Android TV",
        "AFT",
        "HbbTV",
        "BRAVIA",
        "Roku",
        "Web0S",
        "NetCast",
        "CrKey",
        "PlayStation",
        "Xbox",
    ]) {
        Device::Television
    } else if has(&["iPad", "Tablet", "tablet", "Kindle", "Silk/", "PlayBook"])
        || (os == "Android" && !has(&["Mobile", "Mobi"]))
    {
        Device::Tablet
    } else if has(&["Mobi", "iPhone", "iPod", "Opera Mini"]) || matches!(os, "Android" | "iOS") {
        Device::Mobile
    } else if has(&["Windows NT", "Macintosh", "X11", "CrOS", "Linux"]) {
        Device::Desktop
    } else {
        Device::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 \
                          (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";

    #[test]
    fn people() {
        for (text, browser, version, os, device) in [
            (CHROME, "Chrome", "131", "Windows", Device::Desktop),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1",
                "Safari",
                "17",
                "iOS",
                Device::Mobile,
            ),
            (
                "Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/120.0.0.0 Safari/537.36",
                "Chrome",
                "120",
                "Android",
                Device::Tablet,
            ),
            (
                "Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/120.0.0.0 Mobile Safari/537.36",
                "Chrome",
                "120",
                "Android",
                Device::Mobile,
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:133.0) Gecko/20100101 Firefox/133.0",
                "Firefox",
                "133",
                "macOS",
                Device::Desktop,
            ),
        ] {
            let agent = parse(text);
            assert_eq!(agent.bot, "", "{text}");
            assert_eq!((&*agent.browser, &*agent.browser_version), (browser, version), "{text}");
            assert_eq!((&*agent.os, agent.device), (os, device), "{text}");
        }
    }

    #[test]
    fn bots() {
        for (text, bot) in [
            ("", NO_AGENT),
            ("-", NO_AGENT),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "Googlebot",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
              HeadlessChrome/131.0.0.0 Safari/537.36",
                "HeadlessChrome",
            ),
            ("curl/8.5.0", "curl"),
            ("python-requests/2.31.0", "python-requests"),
            ("Go-http-client/1.1", "Go-http-client"),
            ("Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)", "GPTBot"),
            ("ExampleCrawler/3.0", "ExampleCrawler"),
        ] {
            let agent = parse(text);
            assert!(agent.bot.eq_ignore_ascii_case(bot), "{text}: {:?}", agent.bot);
        }
    }

    #[test]
    fn answers_are_kept_and_long_texts_are_not() {
        let agents = Agents::default();
        assert!(Arc::ptr_eq(&agents.of(CHROME), &agents.of(CHROME)));
        let long = format!("{CHROME}{}", "x".repeat(10_000));
        assert!(!Arc::ptr_eq(&agents.of(&long), &agents.of(&long)));
        assert_ne!(agents.of(&long).digest, agents.of(CHROME).digest);
    }
}
