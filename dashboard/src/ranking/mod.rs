//! Which ads to show: ads ranked by how likely each is to be clicked most, learned from what was
//! clicked before.
//!
//! ```text
//! ad-performance ──> evidence: segments per ad and placement, fading by half in two hours
//!                      │  position: what each position is worth         (position-based model)
//!                      │  belief: Beta(prior + clicks, prior + expected impressions − clicks)
//! search-windows ──>   │  searches: the same ad under the same search, where there is enough
//! catalog ──────────>  │  who may be shown
//!                      └─> model ──> a draw per ad and request ──> the best n   (Thompson sampling)
//! ```
//!
//! # Layout
//!
//! - [`evidence`]: what is known. [`position`], [`belief`]: what follows from it, with sources.
//! - [`model`]: one placement's ranking. [`searches`]: counts by search criteria.
//! - `page`: `GET /api/v1/ads/ranking`; keeps the models, each computed once a second at the most.
//!
//! Everything but `page` and the following of topics is pure. It decides by clicks alone, not by
//! price: an ad server that sells by the click multiplies `expected_ctr` by what it earns.

pub mod belief;
pub mod evidence;
#[cfg(test)]
mod market;
pub mod model;
pub(crate) mod page;
pub mod position;
pub mod searches;

pub use evidence::Performance;
pub use model::{Model, Ranked, SiteAds};
pub use searches::SearchCounts;
