//! Visitor: who it was, without saying who.

use std::borrow::Cow;
use std::net::IpAddr;

use footfall_event::Rejected;
use footfall_event::record::{Event, Text};
use footfall_event::time::day_of;

use super::{Context, Raw, Rejection};
use crate::agents::Agent;
use crate::keys::Key;

/// The visitor's address and user agent: the request's own, or those that a server reports.
///
/// # Errors
/// `invalid_field` when `ip` is not an address.
pub(crate) fn who<'a, 'r: 'a>(
    raw: &mut Raw<'r>,
    context: &Context<'a>,
) -> Result<(Option<IpAddr>, Text<'a>), Rejection> {
    if !context.policy.visitor_in_fields {
        return Ok((context.address.map(|a| a.to_canonical()), Cow::Borrowed(context.user_agent)));
    }
    let address = match &*raw.ip {
        "" => None,
        text => match text.parse::<IpAddr>() {
            Ok(address) => Some(address.to_canonical()),
            // The text may be an address with a slip of the finger: it is not repeated.
            Err(_) => {
                let detail =
                    "ip is not an address: expected IPv4 or IPv6, without port or brackets";
                return Err(Rejection::new(Rejected::InvalidField, detail));
            }
        },
    };
    Ok((address, std::mem::take(&mut raw.user_agent)))
}

/// Writes the visitor's and the account's ids into the event. A past event uses the key of its
/// own day.
pub(crate) fn identify(
    event: &mut Event<'_>,
    context: &Context<'_>,
    address: Option<IpAddr>,
    agent: Option<&Agent>,
    account: &str,
) {
    if let Some(address) = address {
        let digest = agent.map_or(0, |agent| agent.digest);
        let day = day_of(event.time);
        let id = |key: Key| key.visitor(&event.site, address, digest);
        let visitor = context.keys.of_event(day).map(id);
        let previous = context.keys.of_day(day - 1).map(id);
        (event.visitor, event.previous_visitor) = (visitor, previous);
    }
    if !account.is_empty() {
        event.account = Some(context.sites.lasting_key().account(&event.site, account));
    }
}
