//! Ingest: takes events by HTTP, decides about each, and answers when the log has them.
//!
//! 202 means stored. Everything that is not taken has a reason from one of two closed lists, told
//! to the sender and counted.
//!
//! # Layout
//!
//! - [`accept`]: what happens to an event, step by step, without I/O. Imports use it too.
//! - [`web`]: the endpoints: beacon, pixel, events API, script, clicks, postbacks, catalogue.
//! - `redirect`: where a click leads, and what it leaves behind.
//! - [`service`]: [`Ingest`], what the endpoints share.
//! - [`split`]: cuts a body into events.
//! - [`sites`]: the catalogue, ready for look-ups. [`keys`], [`salts`], [`ids`]: keyed hashes, the
//!   daily keys, fresh ids.
//! - [`blocklist`]: who is invalid from the first click on. `budgets`: which campaigns have used up
//!   theirs.
//! - [`agents`], [`geo`], [`referrers`]: what is known of agents, addresses and sources.
//!
//! # What it does not do
//!
//! It judges nothing: a bot is noted and accepted. It keeps no address: after the look-ups only
//! keyed hashes are left.

pub mod accept;
pub mod agents;
pub mod blocklist;
mod budgets;
mod channels;
pub mod geo;
pub mod ids;
pub mod keys;
pub mod metrics;
mod rate;
mod redirect;
pub mod referrers;
pub mod salts;
pub mod service;
pub mod settings;
pub mod sites;
pub mod split;
pub mod web;

pub use accept::{Context, Outcome, Policy};
pub use agents::Agents;
pub use blocklist::Blocklist;
pub use geo::{Geo, GeoSettings};
pub use salts::Salts;
pub use service::Ingest;
pub use settings::{Limits, RateSettings, Settings};
pub use sites::Sites;
pub use web::{app, click};
