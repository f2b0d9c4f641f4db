//! The warehouse against a real ClickHouse: the embedded engine as a child process, or the server
//! that `FOOTFALL_TEST_CLICKHOUSE=http://user:password@host:port` names.
//!
//! - `child`: starts engines. This test binary is its own engine: see [`engine_child`].
//! - `http`: ClickHouse's HTTP interface over the engine.
//! - `schema`: migrations and statements. `store`: blocks, de-duplication. `ads`: what ads add.
//! - `roll_ups`: they equal the rows.
//! - `life`: locks, restarts, and ends of the engine's process.
//! - `speed`: measurements, run by name (`cargo test --release … -- --ignored speed`).

#![allow(clippy::unwrap_used)]

mod ads;
mod child;
mod http;
mod life;
mod roll_ups;
mod sample;
mod schema;
mod speed;
mod store;

/// Not a test: what the child processes run. It takes its folder and address from the environment.
#[test]
#[ignore = "run by the other tests as a child process"]
fn engine_child() {
    child::run();
}
