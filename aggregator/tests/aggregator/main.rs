//! The core against a second, naive implementation of the definitions, and the machinery against
//! everything that can break.
//!
//! - `world`: events as a person makes them, and what the core makes of them.
//! - `table`: single situations, one by one.
//! - `order`: whatever the order of arrival, the repeats and the batches, the totals are the same.
//! - `ads`: ads through both stages. `signals`: each signal of the rules at its edges.
//! - `replay`: from any snapshot on, the same batches give the same bytes.
//! - `bounds`: full memory, broken records, old events.
//! - `faulty`: a log that breaks on purpose. `machinery`: the shards on it. `judged_again`: by which
//!   rules what is read again is judged.
//! - `watching`: what only shows over time.
//! - `engine`: a real ClickHouse behind a bad line. `loading`: the loader on both.

#![allow(clippy::unwrap_used)]

mod ads;
mod bounds;
mod engine;
mod faulty;
mod judged_again;
mod loading;
mod machinery;
mod order;
mod replay;
mod signals;
mod table;
mod watching;
mod world;

/// Not a test: what the engine's child process runs.
#[test]
#[ignore = "run by the other tests as a child process"]
fn engine_child() {
    engine::run_child();
}
