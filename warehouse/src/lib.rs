//! The warehouse: ClickHouse's schema, a client for it, and ClickHouse itself as an embedded
//! engine. ClickHouse is always spoken to over HTTP, so nothing else in the program can tell a
//! server from the engine.
//!
//! # Layout
//!
//! - [`Warehouse`]: the connection; queries with limits, [`Warehouse::migrate`].
//! - [`Block`]: rows inserted once whatever happens. [`EventBlock`], [`SessionBlock`], [`WindowBlock`],
//!   [`VerdictBlock`]: how they are built from records.
//! - `native`, `words`: the columns of a block in ClickHouse's Native format.
//! - [`engine`]: ClickHouse in a child process, behind the same HTTP interface.
//! - [`migrations`](statements): the schema's files, for one server or for a cluster.
//!
//! It keeps no rows of its own and repeats nothing by itself: whoever inserts decides when to try
//! again (with the same block and the same token).

mod block;
mod client;
pub mod engine;
mod error;
mod events;
pub mod metrics;
mod migrate;
mod native;
mod sessions;
mod verdicts;
mod windows;
mod words;

pub use block::{Block, Columns};
pub use client::{Settings, Warehouse};
pub use error::{Error, RecordError};
pub use events::EventBlock;
pub use migrate::statements;
pub use sessions::SessionBlock;
pub use verdicts::VerdictBlock;
pub use windows::WindowBlock;

pub(crate) use client::Insert;

/// Rows of one block: less than ClickHouse would cut in pieces, so that one token names all.
pub const BLOCK_ROWS_MAX: usize = 500_000;
