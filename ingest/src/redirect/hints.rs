//! Whether a browser's client hints contradict its user agent.
//!
//! Chromium says both what it is (`User-Agent`) and, where it may, what it is in parts
//! (`Sec-CH-UA…`, W3C User-Agent Client Hints). Who disguises a program changes the first and
//! forgets the others. A privacy tool may do so too: alone it proves nothing. Nothing of the hints
//! is recorded.

/// The hints of a request; empty where there are none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hints<'a> {
    /// `Sec-CH-UA`: brands with their major versions.
    pub(crate) brands: &'a str,
    /// `Sec-CH-UA-Platform`: a system's name in quotes.
    pub(crate) platform: &'a str,
    /// `Sec-CH-UA-Mobile`: `?1` or `?0`.
    pub(crate) mobile: &'a str,
    /// `Sec-Fetch-Mode`, which comes where hints could come: over a connection that is trusted.
    pub(crate) fetch_mode: &'a str,
}

/// Since version 89 Chromium sends hints with every request; some time later everybody had it.
const HINTS_SINCE: u32 = 100;

impl Hints<'_> {
    /// Whether the hints say something else than the user agent, or are missing where they can't.
    pub(crate) fn contradict(&self, user_agent: &str) -> bool {
        let version = chromium(user_agent);
        if self.brands.is_empty() {
            // A web view may send none.
            let could = !self.fetch_mode.is_empty() && !user_agent.contains("; wv)");
            return could && version.is_some_and(|version| version >= HINTS_SINCE);
        }
        let system = system(user_agent);
        let platform = self.platform.trim().trim_matches('"');
        let other_system = system.is_some_and(|system| {
            SYSTEMS.iter().any(|(_, _, names)| names.contains(&platform))
                && !system.names.contains(&platform)
        });
        let other_device = self.mobile.trim() == "?1" && system.is_some_and(|it| !it.mobile);
        let headless = self.brands.contains("HeadlessChrome");
        other_system
            || other_device
            || headless && !user_agent.contains("HeadlessChrome")
            || brand(self.brands, "Chromium").is_some_and(|said| version != Some(said))
    }
}

#[derive(Clone, Copy)]
struct System {
    mobile: bool,
    names: &'static [&'static str],
}

/// What stands in a user agent, whether that is a telephone or tablet, and the hint's names for it.
/// The first that fits: Android says Linux, too, and an iPhone says Mac OS X.
const SYSTEMS: [(&str, bool, &[&str]); 7] = [
    ("Android", true, &["Android"]),
    ("iPhone", true, &["iOS"]),
    ("iPad", true, &["iOS"]),
    ("Windows NT", false, &["Windows"]),
    ("CrOS", false, &["Chrome OS", "Chromium OS"]),
    ("Mac OS X", false, &["macOS", "Mac OS X"]),
    ("Linux", false, &["Linux"]),
];

fn system(user_agent: &str) -> Option<System> {
    let fits = SYSTEMS.iter().find(|(word, ..)| user_agent.contains(word));
    fits.map(|(_, mobile, names)| System { mobile: *mobile, names })
}

/// The major version of Chromium that a user agent claims.
fn chromium(user_agent: &str) -> Option<u32> {
    let after = ["Chrome/", "Chromium/"].iter().find_map(|name| user_agent.split_once(name))?.1;
    number(after)
}

/// The version that the hints give a brand: `"Chromium";v="131", …`.
fn brand(brands: &str, name: &str) -> Option<u32> {
    let after = brands.split_once(&format!("\"{name}\""))?.1;
    number(after.trim_start_matches([';', ' ']).strip_prefix("v=")?.trim_start_matches('"'))
}

fn number(text: &str) -> Option<u32> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOWS: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, \
                           like Gecko) Chrome/131.0.0.0 Safari/537.36";
    const ANDROID: &str = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like \
                           Gecko) Chrome/131.0.0.0 Mobile Safari/537.36";
    const VIEW: &str = "Mozilla/5.0 (Linux; Android 14; X; wv) AppleWebKit/537.36 (KHTML, like \
                        Gecko) Version/4.0 Chrome/131.0.0.0 Mobile Safari/537.36";
    const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0";
    const IPHONE: &str = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) \
                          AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/131.0.0.0 Mobile/15E148";
    const BRANDS: &str = r#""Google Chrome";v="131", "Chromium";v="131", "Not_A Brand";v="24""#;

    #[test]
    fn each_contradiction_and_what_is_none() {
        let older = BRANDS.replace("131", "130");
        let headless = BRANDS.replace("Google Chrome", "HeadlessChrome");
        let old_chrome = |version: u32| WINDOWS.replace("131", &version.to_string());
        for (agent, brands, platform, mobile, mode, contradict) in [
            (WINDOWS, BRANDS, "\"Windows\"", "?0", "navigate", false),
            (ANDROID, BRANDS, "\"Android\"", "?1", "navigate", false),
            // A tablet, or who asks for the page as on a desktop.
            (ANDROID, BRANDS, "\"Android\"", "?0", "navigate", false),
            (WINDOWS, BRANDS, "", "", "", false),
            (WINDOWS, BRANDS, "\"Unknown\"", "?0", "navigate", false),
            // Another system, another device, another version, another browser.
            (WINDOWS, BRANDS, "\"Linux\"", "?0", "navigate", true),
            (ANDROID, BRANDS, "\"Linux\"", "?0", "navigate", true),
            (WINDOWS, BRANDS, "\"Windows\"", "?1", "navigate", true),
            (WINDOWS, &*older, "\"Windows\"", "?0", "navigate", true),
            (WINDOWS, &*headless, "\"Windows\"", "?0", "navigate", true),
            (FIREFOX, BRANDS, "\"Linux\"", "?0", "navigate", true),
            // None: where they could come; where they could not; where they never come.
            (WINDOWS, "", "", "", "navigate", true),
            (WINDOWS, "", "", "", "", false),
            (VIEW, "", "", "", "navigate", false),
            (FIREFOX, "", "", "", "navigate", false),
            (IPHONE, "", "", "", "navigate", false),
            (&*old_chrome(99), "", "", "", "navigate", false),
            (&*old_chrome(100), "", "", "", "navigate", true),
            ("", "", "", "", "navigate", false),
            // Nonsense is no claim.
            (WINDOWS, "x", "\"", "?", "navigate", false),
        ] {
            let hints = Hints { brands, platform, mobile, fetch_mode: mode };
            assert_eq!(hints.contradict(agent), contradict, "{agent} {hints:?}");
        }
        let declared = WINDOWS.replace("Chrome/", "HeadlessChrome/");
        let hints = Hints { brands: &headless, ..Hints::default() };
        assert!(!hints.contradict(&declared), "it says so itself: a bot, but no contradiction");
    }
}
