//! The rules: what is invalid traffic, decided by data.
//!
//! Pure: no clock, no random number, no I/O, and nothing depends on the order of a hash table. Two
//! judges share the work, since no shard needs another's data: [`NetworkJudge`] (stage 1) sees
//! everything a network does, [`CampaignJudge`] (stage 2) everything that happens to a campaign.
//! Each gives a first opinion at once and corrections when it knows more, ten minutes after the
//! click at the latest.
//!
//! # Layout
//!
//! - [`ruleset`], [`settings`]: `rules.toml`, its thresholds, tiers and overrides.
//! - [`facts`], [`reasons`]: what goes in, and what comes out.
//! - Stage 1: [`network_judge`]; `single` (one event), `click` (a click against what its network
//!   did, remembered in `network`), `ring` (publishers who share their clickers), `late` (clicks that
//!   were settled), `timing`, `hosting`, `zones`, `recent`.
//! - Stage 2: [`campaign_judge`]; `excess` (sequential tests of a placement's clicks), `hourly`
//!   (rates, entropy, conversions by the hour), `minhash`, `travel`, `statistics`.
//! - [`document`]: the page that explains all of it, made from the same data.
//!
//! What the meaning of a reason is, and what people are told, stands in
//! [`footfall_event::verdict`].

pub mod campaign_judge;
mod click;
pub mod document;
mod excess;
pub mod facts;
mod hosting;
mod hourly;
mod late;
mod minhash;
mod network;
pub mod network_judge;
pub mod reasons;
mod recent;
mod ring;
pub mod ruleset;
pub mod settings;
mod single;
mod statistics;
mod timing;
mod travel;
mod zones;

pub(crate) use campaign_judge::JudgeBefore;
pub use campaign_judge::{CampaignJudge, Candidate, Change, Delta, Outcome};
pub use click::Opinion;
pub use facts::Facts;
pub use network_judge::{Block, Correction, JudgeLimits, NetworkJudge};
pub use reasons::{Marks, Reasons};
pub use ruleset::{RuleError, RuleSet, Rules};
