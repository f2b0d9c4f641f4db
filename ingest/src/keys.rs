//! Keyed hashes: what is left of an address once it was seen.
//!
//! All are SipHash-2-4 with a 128-bit random key. Each starts with a tag of its own, and parts of
//! variable length come with their lengths, so that no two different inputs look the same.

use std::net::IpAddr;

use footfall_event::time::day_of;
use footfall_event::{Hex64, Id};
use siphasher::sip::SipHasher24;

/// 128 random bits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key([u8; 16]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(secret)")
    }
}

/// What of an address is hashed: IPv4 as a whole, of IPv6 the /64 that a household has.
fn network_bytes(address: IpAddr) -> ([u8; 9], usize) {
    let mut bytes = [0; 9];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            bytes[0] = 4;
            bytes[1..5].copy_from_slice(&v4.octets());
            (bytes, 5)
        }
        IpAddr::V6(v6) => {
            bytes[0] = 6;
            bytes[1..9].copy_from_slice(&v6.octets()[..8]);
            (bytes, 9)
        }
    }
}

/// The whole address, tagged with its family.
fn address_bytes(address: IpAddr) -> ([u8; 17], usize) {
    let mut bytes = [0; 17];
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            bytes[0] = 4;
            bytes[1..5].copy_from_slice(&v4.octets());
            (bytes, 5)
        }
        IpAddr::V6(v6) => {
            bytes[0] = 6;
            bytes[1..17].copy_from_slice(&v6.octets());
            (bytes, 17)
        }
    }
}

impl Key {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 16]) -> Key {
        Key(bytes)
    }

    /// Its bytes, to be stored or agreed on.
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0
    }

    fn hash(self, tag: u8, fixed: &[u8], site: &str, more: &[u8]) -> u64 {
        // Sites have at most 253 bytes; a longer one (never stored) is hashed on its own.
        let mut buffer = [0u8; 320];
        let length = 1 + fixed.len() + 2 + site.len() + more.len();
        if length > buffer.len() {
            let digest = xxhash_rust::xxh3::xxh3_128(more).to_le_bytes();
            let site = &site[..site.floor_char_boundary(253)];
            return self.hash(tag ^ 0x80, fixed, site, &digest);
        }
        let mut at = 0;
        for part in [&[tag], fixed, &(site.len() as u16).to_le_bytes(), site.as_bytes(), more] {
            buffer[at..at + part.len()].copy_from_slice(part);
            at += part.len();
        }
        SipHasher24::new_with_key(&self.0).hash(&buffer[..at])
    }

    /// The id of the network of an address.
    pub fn network(self, address: IpAddr) -> Hex64 {
        let (bytes, length) = network_bytes(address);
        Hex64(self.hash(b'n', &bytes[..length], "", &[]))
    }

    /// The id of a visitor of a site: address and user agent, the latter by its digest.
    pub fn visitor(self, site: &str, address: IpAddr, agent_digest: u128) -> Hex64 {
        let (bytes, length) = address_bytes(address);
        Hex64(self.hash(b'v', &bytes[..length], site, &agent_digest.to_le_bytes()))
    }
}

/// The lasting key of an instance: spreads networks over partitions and hashes accounts.
#[derive(Clone, Copy, Debug)]
pub struct LastingKey(Key);

impl LastingKey {
    /// The key made of the catalogue's two halves.
    pub fn new(halves: (Hex64, Hex64)) -> LastingKey {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&halves.0.0.to_le_bytes());
        bytes[8..].copy_from_slice(&halves.1.0.to_le_bytes());
        LastingKey(Key(bytes))
    }

    /// A number that is the same for a network for ever. Only a few bits of it may be kept.
    pub fn spread_network(self, address: IpAddr) -> u64 {
        let (bytes, length) = network_bytes(address);
        self.0.hash(b'p', &bytes[..length], "", &[])
    }

    /// A number that is the same for an event's id for ever.
    pub fn spread_id(self, id: Id) -> u64 {
        self.0.hash(b'i', id.as_bytes(), "", &[])
    }

    /// The id of a site's own user id. It lasts, because the site chose to name its users.
    pub fn account(self, site: &str, account: &str) -> Hex64 {
        Hex64(self.0.hash(b'a', &[], site, account.as_bytes()))
    }
}

/// The keys of UTC days that are alive.
#[derive(Clone, Debug)]
pub enum DayKeys {
    /// Agreed on by all ingest machines: today's, yesterday's, and shortly before midnight
    /// tomorrow's. Sorted by day.
    Agreed(Vec<(i64, Key)>),
    /// Made for one import from one key, which is forgotten after it. Every day has one.
    Derived(Key),
}

impl DayKeys {
    /// The key of a day (days since 1970); `None` when it is destroyed. A day whose key could not
    /// be agreed on yet (the log is away at midnight) goes on with the newest.
    pub fn of_day(&self, day: i64) -> Option<Key> {
        match self {
            DayKeys::Agreed(keys) => {
                let newest = keys.last()?;
                if day > newest.0 {
                    return Some(newest.1);
                }
                keys.iter().find(|(known, _)| *known == day).map(|(_, key)| *key)
            }
            DayKeys::Derived(key) => {
                let halves = [0u8, 1].map(|half| key.hash(b'd', &day.to_le_bytes(), "", &[half]));
                let [low, high] = halves.map(Hex64);
                Some(LastingKey::new((low, high)).0)
            }
        }
    }

    /// The key for an event of a day: the day's own, or the oldest that is alive. (Somebody who
    /// started late in the day may not have seen yesterday's any more.)
    pub fn of_event(&self, day: i64) -> Option<Key> {
        let oldest = || match self {
            DayKeys::Agreed(keys) => keys.first().map(|(_, key)| *key),
            DayKeys::Derived(_) => None,
        };
        self.of_day(day).or_else(oldest)
    }

    /// Whether events of this moment can be given ids.
    pub fn has(&self, now_ms: i64) -> bool {
        self.of_day(day_of(now_ms)).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn networks_are_addresses_and_64s() {
        let key = Key::new([7; 16]);
        assert_eq!(key.network(ip("::ffff:192.0.2.1")), key.network(ip("192.0.2.1")));
        assert_ne!(key.network(ip("192.0.2.1")), key.network(ip("192.0.2.2")));
        assert_eq!(key.network(ip("2001:db8::1")), key.network(ip("2001:db8::2")));
        assert_ne!(key.network(ip("2001:db8::1")), key.network(ip("2001:db8:0:1::1")));
        assert_ne!(key.network(ip("192.0.2.1")), Key::new([8; 16]).network(ip("192.0.2.1")));
    }

    #[test]
    fn visitors_differ_by_site_address_and_agent() {
        let key = Key::new([7; 16]);
        let one = key.visitor("a.test", ip("192.0.2.1"), 1);
        assert_eq!(one, key.visitor("a.test", ip("192.0.2.1"), 1));
        for other in [
            key.visitor("b.test", ip("192.0.2.1"), 1),
            key.visitor("a.test", ip("192.0.2.2"), 1),
            key.visitor("a.test", ip("192.0.2.1"), 2),
            key.network(ip("192.0.2.1")),
        ] {
            assert_ne!(one, other);
        }
        let lasting = LastingKey(key);
        assert_ne!(lasting.account("a", "bc"), lasting.account("ab", "c"));
        let long = "x".repeat(512);
        assert_eq!(lasting.account("a", &long), lasting.account("a", &long));
        assert_ne!(lasting.account("a", &long), lasting.account("b", &long));
    }

    #[test]
    fn only_living_days_have_keys() {
        let (old, new) = (Key::new([1; 16]), Key::new([2; 16]));
        let keys = DayKeys::Agreed(vec![(10, old), (11, new)]);
        assert_eq!(keys.of_day(9), None);
        assert_eq!(keys.of_day(10), Some(old));
        assert_eq!(keys.of_day(11), Some(new));
        assert_eq!(keys.of_day(12), Some(new));
        assert_eq!(DayKeys::Agreed(Vec::new()).of_day(12), None);
        let derived = DayKeys::Derived(old);
        assert_eq!(derived.of_day(-3), derived.of_day(-3));
        assert_ne!(derived.of_day(-3), derived.of_day(-2));
    }
}
