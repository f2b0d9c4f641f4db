//! The blocklist, made ready for a look at every event. An entry that allows wins over any that
//! blocks; entries end when their time is over, not only when they are removed.

use std::collections::HashMap;
use std::net::IpAddr;

use footfall_event::blocklist::{BlockEntry, Entries, Subject};
use footfall_event::record::Event;
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use prefix_trie::PrefixMap;

/// Until when an entry holds, milliseconds since 1970.
type Until = i64;

/// Who is blocked, and who never is.
#[derive(Debug, Default)]
pub struct Blocklist {
    block: List,
    allow: List,
    /// Entries of `block`.
    blocked: usize,
}

#[derive(Debug, Default)]
struct List {
    v4: PrefixMap<Ipv4Net, Until>,
    v6: PrefixMap<Ipv6Net, Until>,
    asns: HashMap<u32, Until>,
    networks: HashMap<u64, Until>,
    visitors: HashMap<u64, Until>,
    agents: Vec<(String, Until)>,
    referrers: HashMap<String, Until>,
    placements: HashMap<String, Until>,
}

impl Blocklist {
    /// The entries as they are now. One whose value can't be what it should is left out, with a
    /// warning.
    pub fn of(entries: &Entries) -> Blocklist {
        let mut list = Blocklist::default();
        for entry in entries.entries.values() {
            let side = if entry.allow { &mut list.allow } else { &mut list.block };
            match side.add(entry) {
                Some(()) => list.blocked += usize::from(!entry.allow),
                None => tracing::warn!(key = entry.key(), "a blocklist entry can't be used"),
            }
        }
        list
    }

    /// Whether nobody is blocked.
    pub fn is_empty(&self) -> bool {
        self.blocked == 0
    }

    /// Whether an event is invalid because of who sent it. `address` is looked at here for the
    /// last time.
    pub(crate) fn blocks(&self, event: &Event<'_>, address: Option<IpAddr>) -> bool {
        if self.is_empty() {
            return false;
        }
        let about = About { event, address, now: event.received_at };
        self.block.holds(&about) && !self.allow.holds(&about)
    }
}

struct About<'a> {
    event: &'a Event<'a>,
    address: Option<IpAddr>,
    now: i64,
}

impl List {
    fn add(&mut self, entry: &BlockEntry) -> Option<()> {
        let until = entry.until.unwrap_or(i64::MAX);
        let value = entry.value.as_str();
        match entry.subject {
            Subject::Address => match value.parse().ok()? {
                IpNet::V4(net) => drop(self.v4.insert(net, until)),
                IpNet::V6(net) => drop(self.v6.insert(net, until)),
            },
            Subject::Asn => drop(self.asns.insert(value.parse().ok()?, until)),
            Subject::Network => drop(self.networks.insert(hash(value)?, until)),
            Subject::Visitor => drop(self.visitors.insert(hash(value)?, until)),
            Subject::Agent => self.agents.push((value.to_lowercase(), until)),
            Subject::Referrer => drop(self.referrers.insert(value.to_owned(), until)),
            Subject::Placement => drop(self.placements.insert(value.to_owned(), until)),
        }
        Some(())
    }

    fn holds(&self, about: &About<'_>) -> bool {
        let About { event, address, now } = *about;
        let live = |until: Option<&Until>| until.is_some_and(|until| now < *until);
        // The ids of the day before hold as long as their key lives.
        let networks = [event.network, event.previous_network];
        let visitors = [event.visitor, event.previous_visitor];
        address.is_some_and(|address| self.has_address(address, now))
            || live(self.asns.get(&event.asn))
            || networks.into_iter().flatten().any(|id| live(self.networks.get(&id.0)))
            || visitors.into_iter().flatten().any(|id| live(self.visitors.get(&id.0)))
            || live(self.placements.get(&*event.placement))
            || self.has_referrer(&event.referrer_host, now)
            || self.has_agent(&event.user_agent, now)
    }

    fn has_address(&self, address: IpAddr, now: i64) -> bool {
        match address.to_canonical() {
            IpAddr::V4(v4) => self.v4.cover_values(&v4.into()).any(|until| now < *until),
            IpAddr::V6(v6) => self.v6.cover_values(&v6.into()).any(|until| now < *until),
        }
    }

    fn has_referrer(&self, host: &str, now: i64) -> bool {
        if self.referrers.is_empty() {
            return false;
        }
        let mut rest = Some(host);
        while let Some(host) = rest {
            if self.referrers.get(host).is_some_and(|until| now < *until) {
                return true;
            }
            rest = host.split_once('.').map(|(_, parent)| parent);
        }
        false
    }

    fn has_agent(&self, agent: &str, now: i64) -> bool {
        if self.agents.is_empty() {
            return false;
        }
        let agent = agent.to_lowercase();
        self.agents.iter().any(|(part, until)| now < *until && agent.contains(part.as_str()))
    }
}

fn hash(text: &str) -> Option<u64> {
    text.parse::<footfall_event::Hex64>().ok().map(|hash| hash.0)
}

#[cfg(test)]
mod tests {
    use footfall_event::{Activity, Hex64, Id};

    use super::*;

    fn list(entries: &[(Subject, &str, bool, Option<i64>)]) -> Blocklist {
        let mut all = Entries::default();
        for (subject, value, allow, until) in entries {
            let entry = BlockEntry {
                v: 1,
                subject: *subject,
                value: (*value).to_owned(),
                allow: *allow,
                until: *until,
                by: "test".to_owned(),
                why: String::new(),
                at: 0,
            };
            all.entries.insert(entry.key(), entry);
        }
        Blocklist::of(&all)
    }

    fn click() -> Event<'static> {
        let mut event = Event::new(Activity::Click, Id::nil(), "example.com", 1_000);
        event.network = Some(Hex64(0xaa));
        event.previous_visitor = Some(Hex64(0xbb));
        event.asn = 64_500;
        event.user_agent = "Mozilla/5.0 BadBrowser".into();
        event.referrer_host = "a.spam.test".into();
        event.placement = "top".into();
        event
    }

    #[test]
    fn each_subject_blocks_and_allowing_wins() {
        let address = Some("192.0.2.7".parse().unwrap());
        for (subject, value) in [
            (Subject::Address, "192.0.2.0/24"),
            (Subject::Asn, "64500"),
            (Subject::Network, "00000000000000aa"),
            (Subject::Visitor, "00000000000000bb"),
            (Subject::Agent, "badbrowser"),
            (Subject::Referrer, "spam.test"),
            (Subject::Placement, "top"),
        ] {
            let blocks = |entries: &[_]| list(entries).blocks(&click(), address);
            assert!(blocks(&[(subject, value, false, None)]), "{subject:?}");
            assert!(blocks(&[(subject, value, false, Some(1_001))]), "{subject:?}");
            assert!(!blocks(&[(subject, value, false, Some(1_000))]), "{subject:?} is over");
            let allowed = [(subject, value, false, None), (Subject::Asn, "64500", true, None)];
            assert!(!blocks(&allowed), "{subject:?} though allowed");
        }
    }

    #[test]
    fn others_are_not_blocked() {
        let blocked = list(&[
            (Subject::Address, "192.0.2.0/25", false, None),
            (Subject::Address, "2001:db8::/32", false, None),
            (Subject::Address, "nonsense", false, None),
            (Subject::Asn, "64501", false, None),
            (Subject::Referrer, "pam.test", false, None),
            (Subject::Placement, "to", false, None),
        ]);
        for address in ["192.0.2.200", "2001:db9::1"] {
            assert!(!blocked.blocks(&click(), Some(address.parse().unwrap())), "{address}");
        }
        for address in ["192.0.2.1", "::ffff:192.0.2.1", "2001:db8:1::1"] {
            assert!(blocked.blocks(&click(), Some(address.parse().unwrap())), "{address}");
        }
        assert!(!blocked.blocks(&click(), None));
    }
}
