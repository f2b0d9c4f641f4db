//! Ads through both stages, against a second, naive implementation of the definitions.
//!
//! - `market`: random ad events of a few persons, campaigns and pages.
//! - `pipeline`: stage 1 and stage 2 with several shards each, fed in any batches.
//! - `oracle`: the definitions, naively. `windows`: both give the same figures to the unit.
//! - `verdicts`: all rules: the same verdicts whatever the order, the repeats and the restarts.
//! - `arrival`: the same of a day at the edges of the rules, as late as it may be.
//! - `again`: history judged again. `before`: a state of the version before is read.
//! - `attribution`: conversions, one situation after the other. `clicks`: single clicks. `budgets`.

mod again;
mod arrival;
mod attribution;
mod before;
mod budgets;
mod clicks;
mod market;
mod oracle;
mod pipeline;
mod verdicts;
mod windows;

pub(crate) use market::{Arrival, Random, billing, hash, network_id};
pub(crate) use pipeline::Pipeline;
