//! Rows of the tables `ad_windows` and `search_windows`, gathered into a block that is inserted at
//! once. The two differ in their dimensions only, and a column without values is left out.

use bytes::Bytes;
use footfall_event::ads::{AdDelta, Measures};

use crate::error::{Error, RecordError};
use crate::native::{Column, Numbers, Texts, columns};
use crate::words::{Counts, Words};
use crate::{BLOCK_ROWS_MAX, Insert, Warehouse};

columns! {
    /// The columns of both tables, as in migrations/003_ads.sql.
    WindowColumns {
        minute: Numbers<u32> = "DateTime('UTC')",
        site: Words = "LowCardinality(String)",
        campaign: Words = "LowCardinality(String)",
        ad: Words = "LowCardinality(String)",
        placement: Words = "LowCardinality(String)",
        position: Numbers<u16> = "UInt16",
        query: Texts = "String",
        query_hash: Numbers<u64> = "UInt64",
        currency: Words = "LowCardinality(String)",
        impressions: Numbers<i64> = "Int64",
        net_impressions: Numbers<i64> = "Int64",
        measurable: Numbers<i64> = "Int64",
        viewable: Numbers<i64> = "Int64",
        clicks: Numbers<i64> = "Int64",
        net_clicks: Numbers<i64> = "Int64",
        invalid_clicks: Counts = "Map(LowCardinality(String), Int64)",
        click_conversions_micros: Numbers<i64> = "Int64",
        view_conversions_micros: Numbers<i64> = "Int64",
        revenue_micros: Numbers<i64> = "Int64",
        cost_micros: Numbers<i64> = "Int64",
        cost_per_mille_micros: Numbers<i64> = "Int64",
        retention_days: Numbers<u16> = "UInt16",
    }
}

/// One-minute differences on their way to a table: one block, one insert, one token.
pub struct WindowBlock {
    table: &'static str,
    rows: usize,
    retention_days: u16,
    columns: WindowColumns,
    made: Option<Insert>,
}

impl WindowBlock {
    /// A block for the table `ad_windows`.
    pub fn by_ad() -> WindowBlock {
        WindowBlock::of("ad_windows")
    }

    /// A block for the table `search_windows`.
    pub fn by_search() -> WindowBlock {
        WindowBlock::of("search_windows")
    }

    fn of(table: &'static str) -> WindowBlock {
        let columns = WindowColumns::default();
        WindowBlock { table, rows: 0, retention_days: 0, columns, made: None }
    }

    /// Rows pushed since the last [`WindowBlock::clear`].
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

    /// Rows pushed from now on are deleted so many days after their minute; 0 keeps them.
    pub fn set_retention_days(&mut self, days: u16) {
        self.retention_days = days;
    }

    /// Adds the row of a record's bytes.
    ///
    /// # Errors
    /// When the bytes are not an [`AdDelta`] of this version, or the block is full. The block is
    /// unchanged then.
    pub fn push(&mut self, record_json: &[u8]) -> Result<(), RecordError> {
        let delta: AdDelta<'_> = serde_json::from_slice(record_json)?;
        if delta.v != footfall_event::record::VERSION {
            return Err(footfall_event::record::RecordError::Version(delta.v).into());
        }
        self.push_delta(&delta)
    }

    /// Adds the row of a difference.
    ///
    /// # Errors
    /// When the block is full. It is unchanged then.
    pub fn push_delta(&mut self, delta: &AdDelta<'_>) -> Result<(), RecordError> {
        if self.rows == BLOCK_ROWS_MAX {
            return Err(RecordError::Full { max: BLOCK_ROWS_MAX });
        }
        let (row, to) = (self.rows, &mut self.columns);
        // ClickHouse's DateTime reaches from 1970 to 2106; accepted events lie well within.
        to.minute.set(row, u32::try_from(delta.minute.div_euclid(1_000)).unwrap_or_default());
        to.site.set(row, &delta.site);
        to.campaign.set(row, &delta.campaign);
        to.ad.set(row, &delta.ad);
        to.placement.set(row, &delta.placement);
        to.position.set(row, delta.position);
        to.query.set(row, &delta.query);
        to.query_hash.set(row, delta.query_hash.0);
        to.currency.set(row, delta.currency.as_ref().map_or("", |currency| currency.as_str()));
        to.retention_days.set(row, self.retention_days);
        self.set_measures(row, &delta.measures);
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

    fn set_measures(&mut self, row: usize, measures: &Measures) {
        let to = &mut self.columns;
        to.impressions.set(row, measures.impressions);
        to.net_impressions.set(row, measures.net_impressions);
        to.measurable.set(row, measures.measurable);
        to.viewable.set(row, measures.viewable);
        to.clicks.set(row, measures.clicks);
        to.net_clicks.set(row, measures.net_clicks);
        for (reason, count) in &measures.invalid_clicks {
            to.invalid_clicks.add(row, reason.as_str(), *count);
        }
        to.click_conversions_micros.set(row, measures.click_conversions_micros);
        to.view_conversions_micros.set(row, measures.view_conversions_micros);
        to.revenue_micros.set(row, measures.revenue_micros);
        to.cost_micros.set(row, measures.cost_micros);
        to.cost_per_mille_micros.set(row, measures.cost_per_mille_micros);
    }
}
