//! Rows of the tables `verdicts` and `replays`, gathered into a block that is inserted at once.

use bytes::Bytes;
use footfall_event::ads::Revision;
use uuid::Uuid;

use crate::error::{Error, RecordError};
use crate::events::verdict_number;
use crate::native::{Column, Numbers, columns};
use crate::words::{WordLists, Words};
use crate::{BLOCK_ROWS_MAX, Insert, Warehouse};

columns! {
    /// The columns of `verdicts`, as in migrations/003_ads.sql, and of `replays`.
    VerdictColumns {
        id: Numbers<Uuid> = "UUID",
        site: Words = "LowCardinality(String)",
        time: Numbers<i64> = "DateTime64(3, 'UTC')",
        rules: Numbers<u32> = "UInt32",
        verdict: Numbers<i8> = "Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3)",
        reasons: WordLists = "Array(LowCardinality(String))",
        decided_at: Numbers<i64> = "DateTime64(3, 'UTC')",
        retention_days: Numbers<u16> = "UInt16",
    }
}

/// Verdicts given with hindsight on their way to the table `verdicts`, or those of other rules on
/// their way to `replays`: one block, one insert, one token.
pub struct VerdictBlock {
    table: &'static str,
    rows: usize,
    retention_days: u16,
    columns: VerdictColumns,
    made: Option<Insert>,
}

impl Default for VerdictBlock {
    fn default() -> VerdictBlock {
        VerdictBlock::into_table("verdicts")
    }
}

impl VerdictBlock {
    /// What other rules would have said: `rules` is their version, and `decided_at` the same for
    /// the whole run, namely when it began. Nothing is counted by it.
    pub fn of_replay() -> VerdictBlock {
        VerdictBlock::into_table("replays")
    }

    fn into_table(table: &'static str) -> VerdictBlock {
        VerdictBlock {
            table,
            rows: 0,
            retention_days: 0,
            columns: VerdictColumns::default(),
            made: None,
        }
    }

    /// Rows pushed since the last [`VerdictBlock::clear`].
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

    /// Rows pushed from now on are deleted so many days after the event; 0 keeps them.
    pub fn set_retention_days(&mut self, days: u16) {
        self.retention_days = days;
    }

    /// Adds the row of a record's bytes.
    ///
    /// # Errors
    /// When the bytes are not a [`Revision`] of this version, or the block is full. The block is
    /// unchanged then.
    pub fn push(&mut self, record_json: &[u8]) -> Result<(), RecordError> {
        let revision: Revision<'_> = serde_json::from_slice(record_json)?;
        if revision.v != footfall_event::record::VERSION {
            return Err(footfall_event::record::RecordError::Version(revision.v).into());
        }
        if self.rows == BLOCK_ROWS_MAX {
            return Err(RecordError::Full { max: BLOCK_ROWS_MAX });
        }
        let (row, to) = (self.rows, &mut self.columns);
        to.id.set(row, revision.id);
        to.site.set(row, &revision.site);
        to.time.set(row, revision.time);
        to.rules.set(row, revision.rules);
        to.verdict.set(row, verdict_number(revision.verdict));
        to.reasons.set(row, revision.reasons.iter().map(|reason| reason.as_str()));
        to.decided_at.set(row, revision.decided_at);
        to.retention_days.set(row, self.retention_days);
        self.rows += 1;
        self.made = None;
        Ok(())
    }

    /// Stores the rows, once however often it is called with the same token; see
    /// [`crate::EventBlock::insert`].
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
