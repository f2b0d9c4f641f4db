//! Rows of the table `sessions`.

use footfall_event::{SessionDelta, record};

use crate::block::Block;
use crate::error::RecordError;
use crate::events::verdict_number;
use crate::native::{Column, Numbers, Texts, columns};
use crate::words::Words;

columns! {
    /// The columns of `sessions`, as in migrations/002_sessions.sql.
    SessionColumns {
        site: Words = "LowCardinality(String)",
        session: Numbers<u64> = "UInt64",
        visitor: Numbers<u64> = "UInt64",
        start: Numbers<i64> = "DateTime64(3, 'UTC')",
        verdict: Numbers<i8> = "Enum8('valid' = 1, 'flagged' = 2, 'invalid' = 3)",
        host: Words = "LowCardinality(String)",
        entry: Texts = "String",
        exit: Texts = "String",
        source: Words = "LowCardinality(String)",
        channel: Words = "LowCardinality(String)",
        referrer_host: Words = "LowCardinality(String)",
        utm_medium: Words = "LowCardinality(String)",
        utm_campaign: Words = "LowCardinality(String)",
        utm_content: Words = "LowCardinality(String)",
        utm_term: Words = "LowCardinality(String)",
        browser: Words = "LowCardinality(String)",
        os: Words = "LowCardinality(String)",
        device: Words = "LowCardinality(String)",
        screen: Words = "LowCardinality(String)",
        language: Words = "LowCardinality(String)",
        country: Words = "LowCardinality(String)",
        region: Words = "LowCardinality(String)",
        city: Words = "LowCardinality(String)",
        visits: Numbers<i32> = "Int32",
        bounces: Numbers<i32> = "Int32",
        pageviews: Numbers<i32> = "Int32",
        duration_ms: Numbers<i64> = "Int64",
        engaged_ms: Numbers<i64> = "Int64",
        visitors: Numbers<i32> = "Int32",
        source_visitors: Numbers<i32> = "Int32",
        channel_visitors: Numbers<i32> = "Int32",
        campaign_visitors: Numbers<i32> = "Int32",
        entry_visitors: Numbers<i32> = "Int32",
        exit_visitors: Numbers<i32> = "Int32",
        exits: Numbers<i32> = "Int32",
        retention_days: Numbers<u16> = "UInt16",
    }
}

/// Differences of visits on their way to the table `sessions`.
pub type SessionBlock = Block<SessionColumns>;

impl Default for SessionBlock {
    fn default() -> SessionBlock {
        Block::into_table("sessions")
    }
}

impl SessionBlock {
    /// Adds the rows of a record's bytes: see [`SessionBlock::push_delta`].
    ///
    /// # Errors
    /// When the bytes are not a [`SessionDelta`] of this version, or the block is full. The block
    /// is unchanged then.
    pub fn push(&mut self, record_json: &[u8]) -> Result<(), RecordError> {
        let delta = SessionDelta::from_json(record_json).map_err(|error| match error {
            record::RecordError::Json(error) => RecordError::Json(error),
            version @ record::RecordError::Version(_) => RecordError::Event(version),
        })?;
        self.push_delta(&delta)
    }

    /// Adds the row of a difference; one that moves the exit page makes a second row, which takes
    /// the visit back from the page before.
    ///
    /// # Errors
    /// When the block is full. It is unchanged then.
    pub fn push_delta(&mut self, delta: &SessionDelta<'_>) -> Result<(), RecordError> {
        let moves = !delta.left.is_empty();
        self.has_room(1 + usize::from(moves))?;
        self.add_row(delta, &delta.exit);
        self.set_measures(self.rows - 1, delta);
        if moves {
            self.add_row(delta, &delta.left);
            self.columns.exits.set(self.rows - 1, -1);
            self.columns.exit_visitors.set(self.rows - 1, delta.left_visitors);
        }
        self.made = None;
        Ok(())
    }

    /// A row without measures.
    fn add_row(&mut self, delta: &SessionDelta<'_>, exit: &str) {
        self.set_dimensions(self.rows, delta);
        self.columns.exit.set(self.rows, exit);
        self.columns.retention_days.set(self.rows, self.retention_days);
        self.rows += 1;
    }

    fn set_dimensions(&mut self, row: usize, delta: &SessionDelta<'_>) {
        let to = &mut self.columns;
        to.site.set(row, &delta.site);
        to.session.set(row, delta.session.0);
        to.visitor.set(row, delta.visitor.0);
        to.start.set(row, delta.start);
        to.verdict.set(row, verdict_number(delta.verdict));
        to.host.set(row, &delta.host);
        to.entry.set(row, &delta.entry);
        to.source.set(row, &delta.source);
        to.channel.set(row, &delta.channel);
        to.referrer_host.set(row, &delta.referrer_host);
        to.utm_medium.set(row, &delta.utm_medium);
        to.utm_campaign.set(row, &delta.utm_campaign);
        to.utm_content.set(row, &delta.utm_content);
        to.utm_term.set(row, &delta.utm_term);
        to.browser.set(row, &delta.browser);
        to.os.set(row, &delta.os);
        to.device.set(row, delta.device.as_str());
        to.screen.set(row, &delta.screen);
        to.language.set(row, &delta.language);
        to.country.set(row, &delta.country);
        to.region.set(row, &delta.region);
        to.city.set(row, &delta.city);
    }

    fn set_measures(&mut self, row: usize, delta: &SessionDelta<'_>) {
        let to = &mut self.columns;
        to.visits.set(row, delta.visits);
        to.bounces.set(row, delta.bounces);
        to.pageviews.set(row, delta.pageviews);
        to.duration_ms.set(row, delta.duration_ms);
        to.engaged_ms.set(row, delta.engaged_ms);
        to.visitors.set(row, delta.visitors);
        to.source_visitors.set(row, delta.source_visitors);
        to.channel_visitors.set(row, delta.channel_visitors);
        to.campaign_visitors.set(row, delta.campaign_visitors);
        to.entry_visitors.set(row, delta.entry_visitors);
        to.exit_visitors.set(row, delta.exit_visitors);
        to.exits.set(row, delta.exits);
    }
}
