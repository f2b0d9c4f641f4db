//! Opt-out and exclusions: what the visitor or the operator does not want to be counted.

use std::net::IpAddr;

use footfall_event::Dropped;

use super::Context;
use super::page::Page;
use crate::sites::SiteRules;

/// Ends the way of an event that is not wanted.
///
/// # Errors
/// The first reason that applies.
pub(crate) fn check(
    context: &Context<'_>,
    site: &SiteRules,
    page: Option<&Page<'_>>,
    address: Option<IpAddr>,
    user_agent: &str,
) -> Result<(), Dropped> {
    if context.opted_out && !site.ignores_opt_out() {
        return Err(Dropped::OptedOut);
    }
    let Some(rules) = site.exclusions() else { return Ok(()) };
    if let Some(address) = address {
        if rules.has_address(address) {
            return Err(Dropped::ExcludedAddress);
        }
        if rules.needs_place() {
            let place = context.geo.place(address);
            if rules.has_country(&place.country) {
                return Err(Dropped::ExcludedCountry);
            }
            if rules.has_network(place.asn) {
                return Err(Dropped::ExcludedNetwork);
            }
        }
    }
    if let Some(page) = page {
        if rules.has_host(&page.host) {
            return Err(Dropped::ExcludedHost);
        }
        if rules.has_path(&page.path) {
            return Err(Dropped::ExcludedPath);
        }
    }
    if rules.has_agent(user_agent) {
        return Err(Dropped::ExcludedAgent);
    }
    Ok(())
}
