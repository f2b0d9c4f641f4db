//! Which topic fills which table.

use footfall_event::Topic;
use footfall_warehouse::{Error, EventBlock, RecordError, SessionBlock, Warehouse};

/// Rows on their way to one table.
pub(crate) enum Rows {
    Events(EventBlock),
    Sessions(SessionBlock),
}

/// The topics that are loaded.
pub(crate) const TOPICS: [Topic; 2] = [Topic::JudgedEvents, Topic::Sessions];

impl Rows {
    /// No rows yet, for the table of a topic out of [`TOPICS`].
    pub(crate) fn of(topic: Topic) -> Rows {
        match topic {
            Topic::JudgedEvents => Rows::Events(EventBlock::default()),
            Topic::Sessions => Rows::Sessions(SessionBlock::default()),
            other => unreachable!("{} is not loaded", other.name()),
        }
    }

    /// The table's name.
    pub(crate) const fn table(&self) -> &'static str {
        match self {
            Rows::Events(_) => "events",
            Rows::Sessions(_) => "sessions",
        }
    }

    /// Adds the row of a record.
    pub(crate) fn push(&mut self, record: &[u8]) -> Result<(), RecordError> {
        match self {
            Rows::Events(block) => block.push(record),
            Rows::Sessions(block) => block.push(record),
        }
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        match self {
            Rows::Events(block) => block.len(),
            Rows::Sessions(block) => block.len(),
        }
    }

    /// Forgets the rows and keeps the memory.
    pub(crate) fn clear(&mut self) {
        match self {
            Rows::Events(block) => block.clear(),
            Rows::Sessions(block) => block.clear(),
        }
    }

    /// Inserts the rows; see [`EventBlock::insert`].
    pub(crate) async fn insert(&mut self, warehouse: &Warehouse, token: &str) -> Result<(), Error> {
        match self {
            Rows::Events(block) => block.insert(warehouse, token).await,
            Rows::Sessions(block) => block.insert(warehouse, token).await,
        }
    }
}
