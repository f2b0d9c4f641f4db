//! Rows of the tables `verdicts` and `replays`.

use footfall_event::ads::Revision;
use uuid::Uuid;

use crate::block::Block;
use crate::error::RecordError;
use crate::events::verdict_number;
use crate::native::{Column, Numbers, columns};
use crate::words::{WordLists, Words};

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
/// their way to `replays`.
pub type VerdictBlock = Block<VerdictColumns>;

impl Default for VerdictBlock {
    fn default() -> VerdictBlock {
        Block::into_table("verdicts")
    }
}

impl VerdictBlock {
    /// What other rules would have said: `rules` is their version, and `decided_at` the same for
    /// the whole run, namely when it began. Nothing is counted by it.
    pub fn of_replay() -> VerdictBlock {
        Block::into_table("replays")
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
        self.has_room(1)?;
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
}
