//! Rows gathered into a block that is inserted at once, once however often that is tried. What a
//! table's rows are is in `events`, `sessions`, `windows` and `verdicts`.

use bytes::Bytes;

use crate::error::{Error, RecordError};
use crate::{BLOCK_ROWS_MAX, Insert, Warehouse};

/// The columns of a table: see [`columns!`](crate::native::columns).
pub trait Columns: Default {
    /// Names of the columns that have a value, for the INSERT statement.
    fn names(&self) -> Vec<&'static str>;
    /// The block of `rows` rows in the Native format.
    fn encode(&mut self, rows: usize) -> Vec<u8>;
    /// Forgets all rows.
    fn clear(&mut self);
}

/// Rows on their way to a table: one block, one insert, one token.
pub struct Block<C> {
    table: &'static str,
    pub(crate) rows: usize,
    pub(crate) retention_days: u16,
    pub(crate) columns: C,
    /// The statement and its bytes, made at the first insert and kept for repetitions.
    pub(crate) made: Option<Insert>,
}

impl<C: Columns> Block<C> {
    pub(crate) fn into_table(table: &'static str) -> Block<C> {
        Block { table, rows: 0, retention_days: 0, columns: C::default(), made: None }
    }

    /// Rows pushed since the last [`Block::clear`].
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Forgets the rows and keeps the memory for the next block.
    pub fn clear(&mut self) {
        self.rows = 0;
        self.made = None;
        self.columns.clear();
    }

    /// Rows pushed from now on are deleted so many days after the time that they are about; 0 keeps
    /// them.
    pub fn set_retention_days(&mut self, days: u16) {
        self.retention_days = days;
    }

    /// Whether so many rows have room.
    pub(crate) fn has_room(&self, rows: usize) -> Result<(), RecordError> {
        match self.rows + rows > BLOCK_ROWS_MAX {
            true => Err(RecordError::Full { max: BLOCK_ROWS_MAX }),
            false => Ok(()),
        }
    }

    /// Stores the rows, once however often it is called with the same token: the token must name
    /// exactly these rows (topic, partition, first and last offset), since ClickHouse drops
    /// whatever comes with a token that it knows. An empty block does nothing.
    ///
    /// # Errors
    /// When ClickHouse can't be reached or refuses. [`Error::is_retriable`] says whether to call
    /// again; the bytes are kept for that.
    pub async fn insert(&mut self, warehouse: &Warehouse, token: &str) -> Result<(), Error> {
        if self.is_empty() {
            return Ok(());
        }
        let (table, rows, columns) = (self.table, self.rows, &mut self.columns);
        let insert = self.made.get_or_insert_with(|| Insert {
            table,
            columns: columns.names(),
            rows,
            body: Bytes::from(columns.encode(rows)),
        });
        warehouse.insert(insert, token).await
    }
}
