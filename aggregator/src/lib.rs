//! The aggregator and the loader: from accepted events to rows in the warehouse, exactly once.
//!
//! # Layout
//!
//! - [`run_aggregator`], [`run_ads`], [`run_loader`], [`run_alerts`]: start them. [`Handle`], [`Progress`]:
//!   follow and stop them.
//! - [`rules`]: what invalid traffic is. [`library`]: which version of it is in force.
//! - [`core`]: what is decided about an event. Pure, driven by the events' own time.
//! - [`ads`]: what is decided about clicks and conversions when all of a campaign is together. Pure.
//! - [`replay`]: judges history again by other rules.
//! - [`shard`]: runs a pure stage over the log: batches, atomic commits, snapshots, silent replay.
//! - [`alerts`]: tells those who want to hear of something.
//! - [`windows`]: sums per key and window of event time. [`tally`]: counts foreign JSON events in them.
//! - `loader`: result topics into the warehouse, in blocks that can be repeated.
//! - [`settings`]: what an operator can set. [`metrics`]: what an operator can see.
//!
//! Everything here blocks and runs on threads of its own; only the warehouse's client is async.

pub mod ads;
pub mod alerts;
pub mod core;
mod folding;
pub mod library;
pub(crate) mod loader;
pub mod metrics;
pub mod progress;
pub mod replay;
pub mod rules;
mod run;
pub mod settings;
pub mod shard;
pub mod tally;
pub mod windows;

pub use library::RuleLibrary;
pub use progress::{Progress, State, Trouble};
pub use run::{Handle, run_ads, run_aggregator, run_alerts, run_loader};
pub use settings::Settings;
