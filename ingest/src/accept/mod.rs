//! What happens to an event between its body and its record: a list of named steps without I/O.
//!
//! Time, keys and fresh ids come in with the [`Context`], so that the same event is decided the
//! same way wherever it is decided: on a beacon, on the events API, in an import. Each step either
//! enriches the event or ends its way with one reason.
//!
//! decode ([`raw`]) → [`limits`] → [`clock`] → [`site`] → opt-out and exclusions ([`exclude`]) →
//! [`agent`] → [`network`] → [`visitor`] → [`source`] → [`blocklist`](crate::blocklist) → [`ads`] →
//! [`route`]
//!
//! Whether an agent is a bot is noted, not judged: bots are accepted.

use std::collections::HashSet;
use std::net::IpAddr;

use footfall_event::record::{Event, Via};
use footfall_event::{Activity, Dropped, Hex64, Id, Rejected, VerdictReason};

use crate::agents::Agents;
use crate::blocklist::Blocklist;
use crate::geo::Geo;
use crate::ids::FreshIds;
use crate::keys::DayKeys;
use crate::settings::Limits;
use crate::sites::Sites;

pub mod ads;
pub mod agent;
pub mod clock;
pub mod exclude;
pub mod fields;
pub mod limits;
pub mod network;
pub mod page;
pub mod raw;
pub mod route;
pub mod site;
pub mod source;
#[cfg(test)]
mod tests;
pub mod visitor;

pub use raw::{Raw, decode};
pub use route::Route;

/// How strictly events are taken, by the way they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Refuse events that are older than ids are remembered.
    pub age_limit: bool,
    /// Refuse fields that do not exist or do not belong to the type; otherwise ignore them.
    pub refuse_unknown_fields: bool,
    /// Refuse texts that are too long or hold control characters; otherwise cut and clean them.
    pub refuse_bad_texts: bool,
    /// Take the visitor's address and user agent from the fields `ip` and `user_agent`, instead
    /// of from the request.
    pub visitor_in_fields: bool,
    /// Nobody browses without a user agent: its absence declares a bot.
    pub absent_agent_is_bot: bool,
}

impl Policy {
    /// Browsers, which can't react to a refusal: take what can be taken.
    pub const BEACON: Policy = Policy {
        age_limit: true,
        refuse_unknown_fields: false,
        refuse_bad_texts: false,
        visitor_in_fields: false,
        absent_agent_is_bot: true,
    };
    /// Programs, whose authors want to know of each mistake.
    pub const API: Policy = Policy {
        age_limit: true,
        refuse_unknown_fields: true,
        refuse_bad_texts: true,
        visitor_in_fields: true,
        absent_agent_is_bot: false,
    };
    /// History in the format of the events API.
    pub const IMPORT_EVENTS: Policy = Policy { age_limit: false, ..Policy::API };
    /// History from web servers' logs.
    pub const IMPORT_LOG: Policy = Policy {
        age_limit: false,
        refuse_unknown_fields: false,
        refuse_bad_texts: false,
        visitor_in_fields: true,
        absent_agent_is_bot: true,
    };
}

/// Everything a step may know besides the event.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// When the event was received, milliseconds since 1970.
    pub now_ms: i64,
    /// How it came.
    pub via: Via,
    /// How strictly it is taken.
    pub policy: Policy,
    /// How large anything may be.
    pub limits: &'a Limits,
    /// The sites, their exclusions, the ads, and the lasting key.
    pub sites: &'a Sites,
    /// The sites that the sender's key is for; empty: all.
    pub allowed_sites: &'a [String],
    /// Who is invalid from the first click on.
    pub blocklist: &'a Blocklist,
    /// Campaigns that have used up their budgets.
    pub used_up: &'a HashSet<String>,
    /// The daily keys.
    pub keys: &'a DayKeys,
    /// How many partitions an activity topic has.
    pub partitions: u32,
    /// Countries, cities, autonomous systems.
    pub geo: &'a Geo,
    /// Browsers, systems, bots.
    pub agents: &'a Agents,
    /// Ids for events that bring none.
    pub fresh: &'a FreshIds,
    /// The client's address, unless a server reports for its visitors.
    pub address: Option<IpAddr>,
    /// The request's user agent, unless a server reports for its visitors.
    pub user_agent: &'a str,
    /// The request's `Accept-Language`.
    pub accept_language: &'a str,
    /// The request's `Origin`.
    pub origin: Option<&'a str>,
    /// The request carries Global Privacy Control or Do Not Track, and they are honoured here.
    pub opted_out: bool,
}

/// A refusal: the reason, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The reason.
    pub reason: Rejected,
    /// What was wrong and what would be right. Never holds an address.
    pub detail: String,
}

impl Rejection {
    /// A refusal.
    pub fn new(reason: Rejected, detail: impl Into<String>) -> Rejection {
        Rejection { reason, detail: detail.into() }
    }
}

/// What became of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its record was handed to `write`; it counts as accepted when the log has it.
    Accepted(Route),
    /// Left out by the visitor's or the operator's wish.
    Dropped(Dropped),
    /// Refused.
    Rejected(Rejection),
}

/// Why an event's way ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Dropped(Dropped),
    Rejected(Rejection),
}

impl From<Rejection> for End {
    fn from(rejection: Rejection) -> End {
        End::Rejected(rejection)
    }
}

impl From<Dropped> for End {
    fn from(reason: Dropped) -> End {
        End::Dropped(reason)
    }
}

/// Takes one decoded event through all steps. If it is accepted, `write` gets its record before
/// this returns; the record borrows from what was looked up on the way.
pub fn run(
    raw: &mut Raw<'_>,
    context: &Context<'_>,
    write: impl FnOnce(&Event<'_>, Route),
) -> Outcome {
    match steps(raw, context, write) {
        Ok(route) => Outcome::Accepted(route),
        Err(End::Dropped(reason)) => Outcome::Dropped(reason),
        Err(End::Rejected(rejection)) => Outcome::Rejected(rejection),
    }
}

fn steps(
    raw: &mut Raw<'_>,
    context: &Context<'_>,
    write: impl FnOnce(&Event<'_>, Route),
) -> Result<Route, End> {
    let activity = limits::check(raw, context)?;
    let time = clock::correct(raw, context)?;
    let site = site::find(raw, context)?;
    let id = fields::id(raw, context)?;
    let (address, user_agent) = visitor::who(raw, context)?;
    let page = page::parse(activity, raw)?;
    exclude::check(context, site, page.as_ref(), address, &user_agent)?;

    let agent = agent::parse(context, &user_agent);
    let place = network::look_up(context, address);
    let mut event = Event::new(activity, id, site.domain(), time);
    event.received_at = context.now_ms;
    event.via = context.via;
    agent::describe(&mut event, agent.as_deref());
    network::describe(&mut event, context, address, place.as_deref());
    visitor::identify(&mut event, context, address, agent.as_deref(), &raw.account);
    source::describe(&mut event, site, page.as_ref(), &raw.referrer);
    if let Some(page) = page {
        event.host = page.host;
        event.path = page.path;
    }
    fields::copy(&mut event, raw, context, &user_agent)?;
    if context.blocklist.blocks(&event, address) {
        event.found.push(VerdictReason::Blocklisted);
    }
    ads::enrich(&mut event, raw, context)?;
    let route = route::choose(&event, context, address);
    write(&event, route);
    Ok(route)
}

/// Where the record of an activity of this network or id belongs: part of [`Route`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordKey {
    /// The network that it came from.
    Network(Hex64),
    /// The event's own id, when no visitor's address is known.
    Id(Id),
}

/// The activities, for messages.
pub(crate) fn activity_words() -> String {
    Activity::ALL.map(Activity::as_str).join(", ")
}
