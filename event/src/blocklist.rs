//! The topic `blocklist`: who is invalid from the first click on, and who never is.
//!
//! Each record is one entry under its key, with who made it and why; an empty record removes it.
//! Rules add entries that expire, people add what they know. An entry that allows wins over any
//! that blocks.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an entry is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Subject {
    /// Addresses in CIDR notation. Only people name addresses: rules never see one.
    Address,
    /// An autonomous system, by its number.
    Asn,
    /// A network, by the keyed hash of its day: what rules name.
    Network,
    /// A visitor, by the keyed hash of its day.
    Visitor,
    /// A part of a user agent, in any case.
    Agent,
    /// The referrer's host, with its subdomains.
    Referrer,
    /// A placement.
    Placement,
}

impl Subject {
    /// All of them.
    pub const ALL: [Subject; 7] = [
        Subject::Address,
        Subject::Asn,
        Subject::Network,
        Subject::Visitor,
        Subject::Agent,
        Subject::Referrer,
        Subject::Placement,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Subject::Address => "address",
            Subject::Asn => "asn",
            Subject::Network => "network",
            Subject::Visitor => "visitor",
            Subject::Agent => "agent",
            Subject::Referrer => "referrer",
            Subject::Placement => "placement",
        }
    }

    /// The subject of a word; `None` for any other word.
    pub fn parse(word: &str) -> Option<Subject> {
        Subject::ALL.into_iter().find(|subject| subject.as_str() == word)
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BlockEntry {
    /// Version of the format.
    pub v: u8,
    /// What kind of thing.
    pub subject: Subject,
    /// Which one. Agents and referrers in lower case, hashes as 16 hexadecimal digits.
    pub value: String,
    /// Never block it, whatever else is said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow: bool,
    /// Until when, milliseconds since 1970; absent: for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Who made it: a person's name, or `rule` and the reason.
    pub by: String,
    /// Why, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub why: String,
    /// When it was made, milliseconds since 1970.
    pub at: i64,
}

impl BlockEntry {
    /// The record's key in the topic. A value is allowed and blocked under different keys, so that
    /// a rule's entry can't take a person's away.
    pub fn key(&self) -> String {
        let list = if self.allow { "allow" } else { "block" };
        format!("{list}/{}/{}", self.subject.as_str(), self.value)
    }

    /// Whether it holds at this time.
    pub fn holds(&self, now_ms: i64) -> bool {
        self.until.is_none_or(|until| now_ms < until)
    }

    /// The record's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an entry is plain text")
    }
}

/// Brings a value into the form in which it is compared.
///
/// # Errors
/// A sentence that says what would be right.
pub fn normalised(subject: Subject, value: &str) -> Result<String, String> {
    let value = value.trim();
    if value.is_empty() || value.len() > crate::limits::TEXT_BYTES_MAX {
        return Err("expected some text, at most 512 bytes".to_owned());
    }
    match subject {
        Subject::Address => match value.split_once('/') {
            None => value
                .parse::<std::net::IpAddr>()
                .map(|address| format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 }))
                .map_err(|_| "expected an address or a network such as 192.0.2.0/24".to_owned()),
            // Checked by whoever has a type for it; kept as written otherwise.
            Some(_) => Ok(value.to_owned()),
        },
        Subject::Asn => value
            .trim_start_matches(['A', 'a'])
            .trim_start_matches(['S', 's'])
            .parse::<u32>()
            .map(|number| number.to_string())
            .map_err(|_| "expected the number of an autonomous system, such as 64500".to_owned()),
        Subject::Network | Subject::Visitor => value
            .parse::<crate::Hex64>()
            .map(|hash| hash.to_string())
            .map_err(|_| "expected 16 hexadecimal digits, as the evidence page shows".to_owned()),
        Subject::Agent => Ok(value.to_lowercase()),
        Subject::Referrer => {
            let host = value.to_lowercase();
            Ok(host.strip_prefix("www.").unwrap_or(&host).to_owned())
        }
        Subject::Placement => Ok(value.to_owned()),
    }
}

/// All entries by their keys: the fold over the topic.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries {
    /// By key.
    pub entries: BTreeMap<String, BlockEntry>,
}

impl Entries {
    /// Applies one record.
    ///
    /// # Errors
    /// When the value is not an entry; nothing is changed then.
    pub fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), serde_json::Error> {
        let key = String::from_utf8_lossy(key).into_owned();
        if value.is_empty() {
            self.entries.remove(&key);
        } else {
            self.entries.insert(key, serde_json::from_slice(value)?);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_brought_into_one_form() {
        for (subject, value, expected) in [
            (Subject::Address, "192.0.2.7", Ok("192.0.2.7/32")),
            (Subject::Address, "2001:db8::1", Ok("2001:db8::1/128")),
            (Subject::Address, "nowhere", Err(())),
            (Subject::Asn, "AS64500", Ok("64500")),
            (Subject::Asn, "x", Err(())),
            (Subject::Network, "00000000000000ff", Ok("00000000000000ff")),
            (Subject::Network, "ff", Err(())),
            (Subject::Agent, " BadBot ", Ok("badbot")),
            (Subject::Referrer, "WWW.Example.com", Ok("example.com")),
            (Subject::Placement, "", Err(())),
        ] {
            let found = normalised(subject, value);
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{subject:?} {value}");
        }
    }

    #[test]
    fn entries_come_expire_and_go() {
        let entry = BlockEntry {
            v: 1,
            subject: Subject::Asn,
            value: "64500".into(),
            allow: false,
            until: Some(10),
            by: "ann".into(),
            why: String::new(),
            at: 1,
        };
        assert!(entry.holds(9) && !entry.holds(10));
        let mut entries = Entries::default();
        entries.apply(entry.key().as_bytes(), &entry.to_json()).unwrap();
        let allowed = BlockEntry { allow: true, ..entry.clone() };
        entries.apply(allowed.key().as_bytes(), &allowed.to_json()).unwrap();
        assert_eq!(entries.entries.len(), 2);
        assert!(entries.apply(b"block/asn/1", b"{}").is_err());
        entries.apply(entry.key().as_bytes(), b"").unwrap();
        assert_eq!(entries.entries.len(), 1);
    }
}
