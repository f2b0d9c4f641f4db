//! The test harness: real engines and the real program, started for a test and ended with it.
//!
//! What lives here starts processes, finds tools and makes load; it uses none of Footfall's crates,
//! so that each of them can use it in its own tests. The end-to-end tests are in `tests/` of this
//! package.

pub mod broker;
pub mod chromium;
pub mod footfall;
pub mod load;
pub mod tools;

pub use broker::Broker;
pub use chromium::{Browser, Page};
