//! The state of stage 2, and its snapshots: one version byte, then the state in postcard.
//!
//! Totals, budgets and transactions reach further back than the log. So a version that changes what
//! is stored has to read the version before.

use serde::{Deserialize, Serialize};

use super::clicks::Clicks;
use super::conversions::Conversions;
use super::figures::Figures;
use super::keys::Keys;
use crate::shard::RestoreError;

const VERSION: u8 = 1;

/// Everything that a shard remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) keys: Keys,
    pub(super) clicks: Clicks,
    pub(super) conversions: Conversions,
    pub(super) figures: Figures,
    /// The newest receipt.
    pub(super) clock_ms: i64,
    /// The newest event time, never ahead of its receipt.
    pub(super) watermark_ms: i64,
    pub(super) swept_at_ms: i64,
}

impl Default for State {
    fn default() -> State {
        State {
            keys: Keys::default(),
            clicks: Clicks::default(),
            conversions: Conversions::default(),
            figures: Figures::default(),
            clock_ms: i64::MIN,
            watermark_ms: i64::MIN,
            swept_at_ms: i64::MIN,
        }
    }
}

impl State {
    pub(super) fn store(&self) -> Vec<u8> {
        postcard::to_extend(self, vec![VERSION]).expect("plain data in memory can be stored")
    }

    pub(super) fn load(bytes: &[u8]) -> Result<State, RestoreError> {
        let Some((&version, rest)) = bytes.split_first() else { return Err(RestoreError::Torn) };
        if version != VERSION {
            return Err(RestoreError::Version { found: version, expected: VERSION });
        }
        match postcard::take_from_bytes(rest) {
            Ok((state, [])) => Ok(state),
            _ => Err(RestoreError::Torn),
        }
    }
}
