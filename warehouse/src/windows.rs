//! Rows of the tables `ad_windows` and `search_windows`. The two differ in their dimensions only, and
//! a column without values is left out.

use footfall_event::ads::{AdDelta, Measures};

use crate::block::Block;
use crate::error::RecordError;
use crate::native::{Column, Numbers, Texts, columns};
use crate::words::{Counts, Words};

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

/// One-minute differences on their way to a table.
pub type WindowBlock = Block<WindowColumns>;

impl WindowBlock {
    /// A block for the table `ad_windows`.
    pub fn by_ad() -> WindowBlock {
        Block::into_table("ad_windows")
    }

    /// A block for the table `search_windows`.
    pub fn by_search() -> WindowBlock {
        Block::into_table("search_windows")
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
        self.has_room(1)?;
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
