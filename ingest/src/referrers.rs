//! Names of well-known sources, and what kind of site each is: the list `data/referrers.txt`.
//!
//! A host that is not on the list is its own name.

use std::collections::HashMap;
use std::sync::LazyLock;

use footfall_event::record::Text;

/// What kind of site a source is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Medium {
    /// Not known.
    None,
    /// A search engine.
    Search,
    /// A social network or forum.
    Social,
    /// A video platform.
    Video,
    /// A shop or marketplace.
    Shopping,
    /// Web mail.
    Mail,
    /// An AI assistant.
    Assistant,
}

#[derive(Default)]
struct List {
    /// By host.
    hosts: HashMap<&'static str, (&'static str, Medium)>,
    /// By the label before a country's top-level name, for sites with one host per country.
    labels: HashMap<&'static str, (&'static str, Medium)>,
    /// By lower-case name or short form, as campaign tags use them.
    tags: HashMap<String, (&'static str, Medium)>,
}

static LIST: LazyLock<List> = LazyLock::new(|| {
    let mut list = List::default();
    let mut medium = Medium::None;
    for line in include_str!("../data/referrers.txt").lines() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            medium = match heading.trim_end_matches(']') {
                "search" => Medium::Search,
                "social" => Medium::Social,
                "video" => Medium::Video,
                "shopping" => Medium::Shopping,
                "mail" => Medium::Mail,
                "assistant" => Medium::Assistant,
                _ => Medium::None,
            };
            continue;
        }
        let (name, keys) = line.split_once(':').unwrap_or((line, ""));
        list.tags.insert(name.to_lowercase(), (name, medium));
        for key in keys.split_whitespace() {
            if let Some(tag) = key.strip_prefix('=') {
                list.tags.insert(tag.to_owned(), (name, medium));
            } else if let Some(label) = key.strip_suffix(".*") {
                list.labels.insert(label, (name, medium));
            } else {
                list.hosts.insert(key, (name, medium));
            }
        }
    }
    list
});

/// The name of a referrer's host (lower case, without `www.`).
pub(crate) fn name_of_host(host: &str) -> (Text<'_>, Medium) {
    match known_host(host) {
        Some((name, medium)) => (Text::Borrowed(name), medium),
        None => (Text::Borrowed(host), Medium::None),
    }
}

fn known_host(host: &str) -> Option<(&'static str, Medium)> {
    let list = &*LIST;
    let mut rest = host;
    loop {
        if let Some(found) = list.hosts.get(rest) {
            return Some(*found);
        }
        // `google.de`, `google.co.uk`: the label, then a country or a second level and a country.
        if let Some((label, end)) = rest.split_once('.') {
            let country = end.rsplit('.').next().unwrap_or_default();
            let is_end = match end.split_once('.') {
                None => end == "com" || end.len() == 2,
                Some((second, _)) => {
                    country.len() == 2 && second.len() <= 3 && !second.contains('.')
                }
            };
            if is_end && let Some(found) = list.labels.get(label) {
                return Some(*found);
            }
        }
        rest = rest.split_once('.')?.1;
    }
}

/// The name of a campaign tag such as `utm_source=google`.
pub(crate) fn name_of_tag(tag: &str) -> (Text<'_>, Medium) {
    let lower = tag.trim().to_lowercase();
    let list = &*LIST;
    let bare = lower.strip_prefix("www.").unwrap_or(&lower);
    let host = || bare.contains('.').then(|| known_host(bare)).flatten();
    match list.tags.get(&lower).copied().or_else(host) {
        Some((name, medium)) => (Text::Borrowed(name), medium),
        None => (Text::Borrowed(tag.trim()), Medium::None),
    }
}

/// The kind of a site by its name on the list.
pub(crate) fn medium_of_name(name: &str) -> Medium {
    LIST.tags.get(&name.to_lowercase()).map_or(Medium::None, |(_, medium)| *medium)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_have_names() {
        for (host, name, medium) in [
            ("google.com", "Google", Medium::Search),
            ("google.co.uk", "Google", Medium::Search),
            ("google.de", "Google", Medium::Search),
            ("mail.google.com", "Gmail", Medium::Mail),
            ("gemini.google.com", "Gemini", Medium::Assistant),
            ("lens.google.com", "Google", Medium::Search),
            ("t.co", "X", Medium::Social),
            ("l.facebook.com", "Facebook", Medium::Social),
            ("m.youtube.com", "YouTube", Medium::Video),
            ("amazon.co.jp", "Amazon", Medium::Shopping),
            ("chatgpt.com", "ChatGPT", Medium::Assistant),
            ("blog.example.org", "blog.example.org", Medium::None),
            ("notgoogle.com", "notgoogle.com", Medium::None),
            ("google.com.evil.example", "google.com.evil.example", Medium::None),
            ("", "", Medium::None),
        ] {
            let (found, kind) = name_of_host(host);
            assert_eq!((&*found, kind), (name, medium), "{host}");
        }
    }

    #[test]
    fn tags_have_names() {
        for (tag, name, medium) in [
            ("google", "Google", Medium::Search),
            ("GOOGLE", "Google", Medium::Search),
            ("fb", "Facebook", Medium::Social),
            ("chatgpt.com", "ChatGPT", Medium::Assistant),
            ("www.google.com", "Google", Medium::Search),
            (" Spring Letter ", "Spring Letter", Medium::None),
        ] {
            let (found, kind) = name_of_tag(tag);
            assert_eq!((&*found, kind), (name, medium), "{tag}");
        }
    }
}
