//! What Footfall records: the events, their ids, their topics and their limits.
//!
//! This crate is the vocabulary that every other crate speaks. It does no I/O, reads no clock and
//! draws no random number, so whatever is decided here is decided the same way everywhere.
//!
//! # Layout
//!
//! - [`activity`]: the eight activities and the one place that routes an activity to its topic.
//! - [`topic`]: every topic, its name, whether it is compacted, how long it is kept.
//! - [`record`]: the wire format of an accepted (and later judged) event.
//! - [`session`]: the differences a growing visit writes. [`difference`]: writes them fast.
//! - [`ads`]: what ad events carry, and what is counted about them.
//! - [`alert`]: what somebody should know now.
//! - [`blocklist`]: who is invalid from the first click on.
//! - [`catalog`]: sites, keys, campaigns and ads, as the events that make them.
//! - [`reason`]: why an event was dropped or rejected. [`verdict`]: why it is flagged or invalid.
//! - [`shift`]: whether clicks come at another rate than is usual at this hour of the week.
//! - [`limits`]: how large anything may be.
//! - [`id`], [`money`], [`time`]: small types with one meaning each.
//! - [`scan`]: the short way to read records that this program wrote.
//! - [`schema`]: the published JSON Schema of every record.

pub mod activity;
pub mod ads;
pub mod alert;
pub mod blocklist;
pub mod catalog;
pub mod difference;
pub mod id;
mod json;
pub mod limits;
pub mod money;
pub mod reason;
pub mod record;
mod record_scan;
pub mod scan;
pub mod schema;
pub mod session;
pub mod shift;
pub mod time;
pub mod topic;
pub mod verdict;

pub use activity::Activity;
pub use id::{Hex64, Id};
pub use reason::{Dropped, Rejected, Verdict};
pub use record::{Event, Judgement};
pub use session::SessionDelta;
pub use topic::Topic;
pub use verdict::VerdictReason;
