//! A bound on sign-in attempts per client network and minute.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;

const WINDOW_MS: i64 = 60_000;
/// Networks that are remembered; beyond, the oldest window is forgotten.
const NETWORKS_MAX: usize = 10_000;

/// Counts attempts.
pub(crate) struct Limit {
    max: u32,
    seen: Mutex<HashMap<IpAddr, (i64, u32)>>,
}

impl Limit {
    pub(crate) fn new(max: u32) -> Limit {
        Limit { max: max.max(1), seen: Mutex::default() }
    }

    /// Counts an attempt; the seconds to wait when it is one too many.
    pub(crate) fn attempt(&self, address: IpAddr, now: i64) -> Result<(), u32> {
        let mut seen = self.seen.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if seen.len() >= NETWORKS_MAX {
            seen.retain(|_, (since, _)| now - *since < WINDOW_MS);
            if seen.len() >= NETWORKS_MAX {
                let oldest = seen.iter().min_by_key(|(_, (since, _))| *since).map(|(ip, _)| *ip);
                oldest.map(|ip| seen.remove(&ip));
            }
        }
        let (since, count) = seen.entry(network(address)).or_insert((now, 0));
        if now - *since >= WINDOW_MS {
            (*since, *count) = (now, 0);
        }
        *count = count.saturating_add(1);
        if *count > self.max {
            return Err(((*since + WINDOW_MS - now) / 1_000 + 1) as u32);
        }
        Ok(())
    }
}

/// An IPv6 customer has a /64.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6((u128::from(v6) & !u128::from(u64::MAX)).into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_a_minute_per_network() {
        let limit = Limit::new(20);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for n in 0..20 {
            assert_eq!(limit.attempt(ip(&format!("2001:db8::{n:x}")), 1_000), Ok(()));
        }
        assert_eq!(limit.attempt(ip("2001:db8::ffff"), 31_000), Err(31));
        assert_eq!(limit.attempt(ip("192.0.2.1"), 31_000), Ok(()));
        assert_eq!(limit.attempt(ip("2001:db8::1"), 61_000), Ok(()));
    }
}
