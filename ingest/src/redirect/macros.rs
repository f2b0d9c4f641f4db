//! Macros in destinations: what stands for the click, the ad and where it was shown.
//!
//! Beside our own names, those of ValueTrack and of common ad servers and trackers are understood,
//! so that a destination can be moved here as it is. Values are percent-encoded, so none can
//! begin a parameter, a path or a host of its own. A name that is not known stays as it is.

use std::borrow::Cow;

use footfall_event::Id;
use footfall_event::record::Device;

/// A filled-in destination may become this long; beyond it values are left out.
const BYTES_MAX: usize = 8_192;
/// A macro's name is at most this long.
const NAME_BYTES_MAX: usize = 32;

/// What macros stand for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values<'a> {
    /// The signed click id; empty when the click is not recorded.
    pub(crate) click_id: &'a str,
    pub(crate) site: &'a str,
    pub(crate) ad: &'a str,
    pub(crate) campaign: &'a str,
    pub(crate) placement: &'a str,
    /// 0 when not known.
    pub(crate) position: u16,
    pub(crate) query: &'a str,
    pub(crate) impression: Option<Id>,
    pub(crate) device: Device,
    /// Where the click leads, without query and fragment.
    pub(crate) landing: &'a str,
    pub(crate) random: u64,
    pub(crate) now_ms: i64,
}

impl<'a> Values<'a> {
    /// What `{name}` stands for; `None` when there is no such macro.
    fn of(&self, name: &str) -> Option<Cow<'a, str>> {
        let number = |number: u64| Cow::Owned(number.to_string());
        Some(match name {
            "clickid" | "click_id" | "subid" | "gclid" | "cnv_id" => self.click_id.into(),
            "ad" | "creative" | "bannerid" | "adid" | "ad_id" => self.ad.into(),
            "campaign" | "campaignid" | "campaign_id" => self.campaign.into(),
            "placement" | "zoneid" | "placement_id" => self.placement.into(),
            "position" | "adposition" if self.position == 0 => "".into(),
            "position" | "adposition" => number(self.position.into()),
            "query" | "keyword" => self.query.into(),
            "site" | "network" | "sourceid" => self.site.into(),
            "impression" => self.impression.map_or("".into(), |id| Cow::Owned(id.to_string())),
            "device" => device(self.device).into(),
            "lpurl" => self.landing.into(),
            "random" | "cachebuster" => number(self.random),
            "timestamp" => number(self.now_ms.max(0) as u64),
            // Known to ValueTrack, and nothing that we could know.
            "matchtype" => "".into(),
            _ => return None,
        })
    }
}

/// ValueTrack's letters.
fn device(device: Device) -> &'static str {
    match device {
        Device::Desktop => "c",
        Device::Mobile => "m",
        Device::Tablet => "t",
        Device::Television | Device::Unknown => "",
    }
}

/// Other ways in which macros are written.
const FOREIGN: [(&str, &str); 6] = [
    ("${CACHEBUSTER}", "random"),
    ("${AUCTION_ID}", "impression"),
    ("[CACHEBUSTING]", "random"),
    ("[CACHEBUSTER]", "random"),
    ("[TIMESTAMP]", "timestamp"),
    ("%%CACHEBUSTER%%", "random"),
];

/// Fills in the macros of a destination.
pub(crate) fn fill(template: &str, values: &Values<'_>) -> String {
    let mut out = String::with_capacity(template.len() + 256);
    let mut rest = template;
    while let Some(at) = rest.find(['{', '$', '[', '%']) {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        let (bytes, value) = match macro_at(from, values) {
            Some(found) => found,
            None => {
                out.push_str(&from[..1]);
                rest = &from[1..];
                continue;
            }
        };
        if out.len() + value.len() * 3 + from.len() <= BYTES_MAX {
            encode(&mut out, &value);
        }
        rest = &from[bytes..];
    }
    out.push_str(rest);
    out
}

/// The macro at the beginning of a text: how long it is, and what it stands for.
fn macro_at<'a>(text: &str, values: &Values<'a>) -> Option<(usize, Cow<'a, str>)> {
    if let Some((word, name)) = FOREIGN.iter().find(|(word, _)| text.starts_with(word)) {
        return Some((word.len(), values.of(name)?));
    }
    let inner = text.strip_prefix('{')?;
    let end = inner.bytes().take(NAME_BYTES_MAX + 1).position(|byte| byte == b'}')?;
    Some((end + 2, values.of(&inner[..end])?))
}

/// Percent-encodes everything but letters, digits and `-._~`. The two names of folders are left
/// out: in a path they would lead elsewhere, encoded or not.
fn encode(out: &mut String, value: &str) {
    if value == "." || value == ".." {
        return;
    }
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            for digit in [byte >> 4, byte & 15] {
                out.push(char::from(DIGITS[usize::from(digit)]));
            }
        }
    }
}

/// Adds the click id to an address as the parameter `ffclid`, in front of a fragment. An address
/// that names the parameter already is left alone.
pub(crate) fn add_click_id(address: &mut String, click_id: &str) {
    let end = address.find('#').unwrap_or(address.len());
    let separator = match address[..end].split_once('?') {
        None => "?",
        Some((_, query)) if query.split('&').any(|pair| pair.starts_with("ffclid=")) => return,
        Some((_, query)) if query.is_empty() || query.ends_with('&') => "",
        Some(_) => "&",
    };
    for part in [click_id, "ffclid=", separator] {
        address.insert_str(end, part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values() -> Values<'static> {
        Values {
            click_id: "CLICK",
            site: "news.example",
            ad: "boots",
            campaign: "winter",
            placement: "top",
            position: 2,
            query: "rote Stiefel & mehr=\"ä\"\r\n",
            impression: Some(Id::from_u128(1)),
            device: Device::Mobile,
            landing: "https://shop.example/boots",
            random: 77,
            now_ms: 1_795_255_200_123,
        }
    }

    #[test]
    fn macros_are_filled_in_and_encoded() {
        let query = "rote%20Stiefel%20%26%20mehr%3D%22%C3%A4%22%0D%0A";
        for (template, expected) in [
            (
                "https://s/?c={clickid}&s={subid}&g={gclid}",
                "https://s/?c=CLICK&s=CLICK&g=CLICK".into(),
            ),
            ("https://s/{ad}/{creative}/{bannerid}", "https://s/boots/boots/boots".into()),
            ("https://s/{campaign}{campaignid}", "https://s/winterwinter".into()),
            ("https://s/{placement}-{zoneid}", "https://s/top-top".into()),
            ("https://s/{position}{adposition}", "https://s/22".into()),
            ("https://s/?k={keyword}#{query}", format!("https://s/?k={query}#{query}")),
            (
                "https://s/?d={device}&m={matchtype}&n={network}",
                "https://s/?d=m&m=&n=news.example".into(),
            ),
            ("https://s/?u={lpurl}", "https://s/?u=https%3A%2F%2Fshop.example%2Fboots".into()),
            ("https://s/?r={random}&${CACHEBUSTER}&[CACHEBUSTING]", "https://s/?r=77&77&77".into()),
            ("https://s/?[TIMESTAMP]%%CACHEBUSTER%%", "https://s/?179525520012377".into()),
            ("https://s/?i={impression}", format!("https://s/?i={}", Id::from_u128(1))),
            ("https://s/{unknown}{ad", "https://s/{unknown}{ad".into()),
            ("https://s/%7Bad%7D?a=[b]&$c&100%", "https://s/%7Bad%7D?a=[b]&$c&100%".into()),
            ("https://s/{{ad}}", "https://s/{boots}".into()),
        ] {
            assert_eq!(fill(template, &values()), expected, "{template}");
        }
        let up = Values { query: "..", ..values() };
        assert_eq!(fill("https://s/a/{query}/b", &up), "https://s/a//b");
    }

    #[test]
    fn a_filled_in_destination_has_an_end() {
        let query = "ü".repeat(256);
        let long = Values { query: &query, ..values() };
        let filled = fill(&format!("https://s/?{}", "{query}".repeat(200)), &long);
        assert!(filled.len() <= BYTES_MAX, "{}", filled.len());
    }

    #[test]
    fn the_click_id_stands_beside_what_is_there() {
        for (address, expected) in [
            ("https://s/", "https://s/?ffclid=X"),
            ("https://s/?utm_source=a", "https://s/?utm_source=a&ffclid=X"),
            ("https://s/?", "https://s/?ffclid=X"),
            ("https://s/?a&", "https://s/?a&ffclid=X"),
            ("https://s/a#b?c", "https://s/a?ffclid=X#b?c"),
            ("https://s/?a=b#c", "https://s/?a=b&ffclid=X#c"),
            ("https://s/?ffclid=Y", "https://s/?ffclid=Y"),
            ("https://s/?xffclid=Y", "https://s/?xffclid=Y&ffclid=X"),
        ] {
            let mut found = address.to_owned();
            add_click_id(&mut found, "X");
            assert_eq!(found, expected, "{address}");
        }
    }
}
