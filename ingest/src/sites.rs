//! The catalogue, made ready for many look-ups: exclusions parsed, sites and keys by hash.
//!
//! Sites and keys are made ready anew when one of them changes, which is seldom. Ads and all that
//! belongs to them are looked up in the catalogue itself, so that a change of one among many is
//! seen at once and costs nothing.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use footfall_event::catalog::{Catalog, Exclusions, Key, Site};
use ipnet::IpNet;

use crate::keys::LastingKey;

/// The catalogue as the accept steps need it.
#[derive(Debug)]
pub struct Sites {
    catalog: Arc<Catalog>,
    compiled: Arc<Compiled>,
    lasting_key: LastingKey,
}

#[derive(Debug)]
struct Compiled {
    sites: HashMap<String, SiteRules>,
    /// Domains by their aliases.
    aliases: HashMap<String, String>,
    keys: HashMap<String, Key>,
}

/// A site with its exclusions parsed.
#[derive(Debug)]
pub struct SiteRules {
    site: Site,
    exclusions: Option<Rules>,
}

/// Who and what a site leaves out.
#[derive(Debug)]
pub struct Rules {
    addresses: Vec<IpNet>,
    countries: Vec<String>,
    networks: Vec<u32>,
    hosts: Vec<String>,
    paths: Vec<String>,
    agents: Vec<String>,
}

impl Sites {
    /// The catalogue's sites and keys. What was made of the catalogue before is used again as far as
    /// it did not change. `None` until the catalogue has its lasting key.
    pub fn of(catalog: Arc<Catalog>, before: Option<&Sites>) -> Option<Sites> {
        let lasting_key = LastingKey::new(catalog.partition_key?.halves);
        let same = before.filter(|before| {
            before.catalog.sites.ptr_eq(&catalog.sites) && before.catalog.keys.ptr_eq(&catalog.keys)
        });
        let compiled = match same {
            Some(before) => before.compiled.clone(),
            None => Arc::new(Compiled::of(&catalog)),
        };
        Some(Sites { catalog, compiled, lasting_key })
    }

    /// Everything that is configured.
    pub fn catalog(&self) -> &Catalog {
        &self.catalog
    }

    /// The site of this domain.
    pub fn get(&self, domain: &str) -> Option<&SiteRules> {
        self.compiled.sites.get(domain)
    }

    /// The site that a host (lower case, no port) belongs to.
    pub fn of_host(&self, host: &str) -> Option<&SiteRules> {
        let mut rest = host;
        loop {
            if let Some(site) = self.get(rest) {
                return Some(site);
            }
            match rest.split_once('.') {
                Some((_, parent)) => rest = parent,
                None => break,
            }
        }
        self.get(self.compiled.aliases.get(host)?)
    }

    /// The key whose secret has this SHA-256 (hexadecimal).
    pub fn key(&self, sha256: &str) -> Option<&Key> {
        self.compiled.keys.get(sha256)
    }

    /// The key that lasts.
    pub fn lasting_key(&self) -> LastingKey {
        self.lasting_key
    }
}

impl Compiled {
    fn of(catalog: &Catalog) -> Compiled {
        let sites = catalog
            .sites
            .values()
            .map(|site| {
                let exclusions =
                    (!site.exclude.is_empty()).then(|| Rules::of(&site.domain, &site.exclude));
                (site.domain.clone(), SiteRules { site: site.clone(), exclusions })
            })
            .collect();
        let mut aliases = HashMap::new();
        for site in catalog.sites.values() {
            for alias in &site.aliases {
                aliases.entry(alias.clone()).or_insert_with(|| site.domain.clone());
            }
        }
        let keys = catalog.keys.iter().map(|(hash, key)| (hash.clone(), key.clone())).collect();
        Compiled { sites, aliases, keys }
    }
}

impl SiteRules {
    /// The registered domain.
    pub fn domain(&self) -> &str {
        &self.site.domain
    }

    /// Whether a page on this host (lower case, no port) may send events for the site.
    pub fn owns_host(&self, host: &str) -> bool {
        self.site.owns_host(host)
    }

    /// Whether visitors are counted although their browser asks not to.
    pub fn ignores_opt_out(&self) -> bool {
        self.site.ignore_opt_out
    }

    /// Who and what is left out, if anything is.
    pub fn exclusions(&self) -> Option<&Rules> {
        self.exclusions.as_ref()
    }
}

impl Rules {
    fn of(domain: &str, exclude: &Exclusions) -> Rules {
        let lower = |texts: &[String]| texts.iter().map(|text| text.to_lowercase()).collect();
        Rules {
            addresses: parse_networks(&exclude.addresses, |text| {
                tracing::warn!(site = domain, rule = text, "an excluded address can't be read");
            }),
            countries: exclude.countries.iter().map(|c| c.to_uppercase()).collect(),
            networks: exclude.networks.clone(),
            hosts: lower(&exclude.hosts),
            paths: exclude.paths.clone(),
            agents: lower(&exclude.agents),
        }
    }

    /// Whether the address is left out.
    pub fn has_address(&self, address: IpAddr) -> bool {
        self.addresses.iter().any(|network| network.contains(&address))
    }

    /// Whether a rule is about countries or networks.
    pub fn needs_place(&self) -> bool {
        !self.countries.is_empty() || !self.networks.is_empty()
    }

    /// Whether the country (ISO 3166-1 alpha-2) is left out.
    pub fn has_country(&self, country: &str) -> bool {
        self.countries.iter().any(|excluded| excluded == country)
    }

    /// Whether the autonomous system is left out.
    pub fn has_network(&self, asn: u32) -> bool {
        self.networks.contains(&asn)
    }

    /// Whether the page's host is left out. `www.` counts as its domain.
    pub fn has_host(&self, host: &str) -> bool {
        let bare = |rule: &str| rule.strip_prefix("www.").unwrap_or(rule) == host;
        self.hosts.iter().any(|rule| rule == host || bare(rule))
    }

    /// Whether the page's path is left out.
    pub fn has_path(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| matches(pattern.as_bytes(), path.as_bytes()))
    }

    /// Whether the user agent is left out.
    pub fn has_agent(&self, user_agent: &str) -> bool {
        if self.agents.is_empty() {
            return false;
        }
        let user_agent = user_agent.to_lowercase();
        self.agents.iter().any(|part| user_agent.contains(part))
    }
}

/// The networks of texts in CIDR notation; a plain address is a network of one.
pub(crate) fn parse_networks(texts: &[String], mut bad: impl FnMut(&str)) -> Vec<IpNet> {
    let parse = |text: &String| {
        let plain =
            || text.trim().parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
        let parsed = text.trim().parse::<IpNet>().or_else(|_| plain());
        if parsed.is_err() {
            bad(text);
        }
        parsed.ok()
    };
    texts.iter().filter_map(parse).collect()
}

/// Whether a text is of a pattern in which `*` stands for any run of bytes. Goes back to the last
/// `*` only, so its time is bounded by the product of both lengths.
fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p, t));
                p += 1;
            }
            Some(byte) if *byte == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, from)) = retry else { return false };
                retry = Some((star, from + 1));
                (p, t) = (star + 1, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, text, expected) in [
            ("/admin/*", "/admin/x", true),
            ("/admin/*", "/admin", false),
            ("*", "", true),
            ("", "/", false),
            ("/*/edit", "/a/b/edit", true),
            ("/*/edit", "/a/b/edit/c", false),
            ("/a", "/a", true),
            ("*a*a*a*a*a*a*a*b", &"a".repeat(2_000), false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn networks_in_both_notations() {
        let mut bad = Vec::new();
        let texts = ["10.0.0.0/8", "192.0.2.1", "2001:db8::/32", "nope"].map(String::from);
        let networks = parse_networks(&texts, |text| bad.push(text.to_owned()));
        assert_eq!(networks.len(), 3);
        assert_eq!(bad, ["nope"]);
        assert!(networks[1].contains(&"192.0.2.1".parse::<IpAddr>().unwrap()));
        assert!(!networks[1].contains(&"192.0.2.2".parse::<IpAddr>().unwrap()));
    }
}
