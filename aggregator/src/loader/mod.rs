//! The loader: result topics into the warehouse, exactly once.
//!
//! Rows go in as *blocks*. A block is a run of offsets of one partition; its bounds are committed to
//! the log as an *intent* before it is inserted, under a token made of topic, partition and bounds.
//! Whoever repeats the block after a crash, a lost reply or a take-over reads the same offsets, makes
//! the same rows and uses the same token, and the warehouse drops what it has already. Then the
//! offset is committed, together with the next block's intent if there is one.
//!
//! # Layout
//!
//! - [`table`]: which topic fills which table. [`lane`]: one partition's blocks.
//! - [`worker`]: the life of one shard: its lanes, their inserts and commits.

pub(crate) mod lane;
pub(crate) mod table;
pub(crate) mod worker;
