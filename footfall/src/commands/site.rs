//! `footfall site add|list|remove`.

use std::fmt::Write;

use anyhow::{Result, bail, ensure};
use footfall_event::catalog::{Entry, Exclusions, Site};

use super::{now_ms, say};
use crate::cli::{SiteArgs, SiteCommand};
use crate::config::Config;
use crate::control::Access;

/// Runs the command.
pub(crate) fn run(config: &Config, command: SiteCommand, json: bool) -> Result<()> {
    let access = Access::open(config)?;
    match command {
        SiteCommand::Add(args) => {
            let known = access.list(&["site"])?.sites.remove(&args.domain.to_ascii_lowercase());
            let site = site(*args, known.map_or_else(now_ms, |site| site.created_at))?;
            access.put(Entry::Site(site.clone()))?;
            say(json, &site, || {
                format!(
                    "{} is counted. Paste this in its pages:\n  {}",
                    site.domain,
                    snippet(config, &site.domain)
                )
            });
        }
        SiteCommand::List => {
            let catalog = access.list(&["site"])?;
            let sites: Vec<&Site> = catalog.sites.values().collect();
            say(json, &sites, || {
                let mut text = String::new();
                for site in &sites {
                    let zone = if site.timezone.is_empty() { "UTC" } else { &site.timezone };
                    let _ = writeln!(text, "{}  {zone}  {}", site.domain, site.aliases.join(" "));
                }
                if text.is_empty() {
                    text.push_str("No site yet: add one with `footfall site add example.com`");
                }
                text
            });
        }
        SiteCommand::Remove { domain } => {
            let domain = domain.to_ascii_lowercase();
            ensure!(
                access.list(&["site"])?.sites.contains_key(&domain),
                "there is no site {domain}"
            );
            access.remove(&format!("site/{domain}"))?;
            say(json, &serde_json::json!({ "removed": domain }), || format!("{domain} is removed"));
        }
    }
    Ok(())
}

/// The line that goes into a site's pages.
pub(crate) fn snippet(config: &Config, domain: &str) -> String {
    format!(
        "<script defer data-site=\"{domain}\" src=\"{}/js/footfall.js\"></script>",
        config.public_url()
    )
}

fn site(args: SiteArgs, created_at: i64) -> Result<Site> {
    let site = Site {
        domain: host(&args.domain)?,
        aliases: args.alias.iter().map(|alias| host(alias)).collect::<Result<_>>()?,
        timezone: args.timezone.unwrap_or_default(),
        retention_days: args.retention_days,
        ignore_opt_out: args.ignore_opt_out,
        exclude: Exclusions {
            addresses: args.exclude_address,
            countries: args.exclude_country.iter().map(|c| c.to_ascii_uppercase()).collect(),
            networks: args.exclude_network,
            hosts: args.exclude_host.iter().map(|h| h.to_ascii_lowercase()).collect(),
            paths: args.exclude_path,
            agents: args.exclude_agent,
        },
        created_at,
    };
    if !site.timezone.is_empty() && jiff::tz::TimeZone::get(&site.timezone).is_err() {
        bail!(
            "{:?} is not a time zone: expected an IANA name such as Europe/Berlin",
            site.timezone
        );
    }
    for address in &site.exclude.addresses {
        let parses =
            address.parse::<ipnet::IpNet>().is_ok() || address.parse::<std::net::IpAddr>().is_ok();
        ensure!(parses, "{address:?} is not an address or network: expected such as 192.0.2.0/24");
    }
    for country in &site.exclude.countries {
        let valid = country.len() == 2 && country.bytes().all(|b| b.is_ascii_uppercase());
        ensure!(valid, "{country:?} is not a country: expected two letters such as AT");
    }
    ensure!(site.retention_days != Some(0), "--retention-days must be at least 1");
    Ok(site)
}

/// A host name in lower case.
fn host(text: &str) -> Result<String> {
    let host = text.to_ascii_lowercase();
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    ensure!(
        host.len() <= 253 && host.split('.').all(label),
        "{text:?} is not a host name: expected such as example.com, without scheme, port or path \
         (international names in their xn-- form)"
    );
    Ok(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts() {
        for good in
            ["example.com", "Sub.Example.com", "localhost", "127.0.0.1", "xn--bcher-kva.example"]
        {
            assert!(host(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "https://example.com",
            "example.com/",
            "example.com:80",
            "a..b",
            "-a.com",
            "bücher.example",
            "a b",
        ] {
            assert!(host(bad).is_err(), "{bad}");
        }
    }
}
