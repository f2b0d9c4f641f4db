//! The state of stage 2, and its snapshots: one version byte, then the state in postcard.
//!
//! Totals, budgets and transactions reach further back than the log. So a version that changes what
//! is stored has to read the version before. (Version 1 did not remember what the rules know of
//! campaigns: that begins anew, also which impressions have been clicked. Version 2 knew it otherwise.
//! Version 3 did not know how far stage 1 was.)

use std::collections::BTreeMap;
use std::sync::Arc;

use footfall_event::ads::Billing;
use footfall_event::{Verdict, VerdictReason};
use hashbrown::HashMap;
use serde::{Deserialize, Serialize};

use super::clicks::{Click, Clicks, Order};
use super::conversions::Conversions;
use super::figures::Figures;
use super::keys::{KeyId, Keys};
use super::upstream::Upstream;
use crate::rules::{CampaignJudge, JudgeBefore, Reasons};
use crate::shard::RestoreError;

const VERSION: u8 = 4;

/// Everything that a shard remembers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) keys: Keys,
    pub(super) clicks: Clicks,
    pub(super) conversions: Conversions,
    pub(super) figures: Figures,
    pub(super) judge: CampaignJudge,
    /// The newest receipt.
    pub(super) clock_ms: i64,
    /// The newest event time, never ahead of its receipt.
    pub(super) newest_ms: i64,
    pub(super) swept_at_ms: i64,
    /// Stored behind the rest.
    #[serde(skip)]
    pub(super) upstream: Upstream,
}

impl Default for State {
    fn default() -> State {
        State {
            keys: Keys::default(),
            clicks: Clicks::default(),
            conversions: Conversions::default(),
            figures: Figures::default(),
            judge: CampaignJudge::new(Arc::default()),
            clock_ms: i64::MIN,
            newest_ms: i64::MIN,
            swept_at_ms: i64::MIN,
            upstream: Upstream::default(),
        }
    }
}

impl State {
    pub(super) fn store(&self) -> Vec<u8> {
        postcard::to_extend(&(self, &self.upstream), vec![VERSION])
            .expect("plain data in memory can be stored")
    }

    pub(super) fn load(bytes: &[u8]) -> Result<State, RestoreError> {
        let Some((&version, rest)) = bytes.split_first() else { return Err(RestoreError::Torn) };
        match version {
            VERSION => whole(rest).map(|(state, upstream)| State { upstream, ..state }),
            3 => whole(rest),
            2 => whole(rest).map(StateTwo::now),
            1 => whole(rest).map(StateOne::now),
            found => Err(RestoreError::Version { found, expected: VERSION }),
        }
    }
}

fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, RestoreError> {
    match postcard::take_from_bytes(bytes) {
        Ok((state, [])) => Ok(state),
        _ => Err(RestoreError::Torn),
    }
}

/// The state as version 2 stored it.
#[derive(Deserialize)]
struct StateTwo {
    keys: Keys,
    clicks: Clicks,
    conversions: Conversions,
    figures: Figures,
    judge: JudgeBefore,
    clock_ms: i64,
    watermark_ms: i64,
    swept_at_ms: i64,
}

impl StateTwo {
    fn now(self) -> State {
        let StateTwo { keys, clicks, conversions, figures, .. } = self;
        let StateTwo { clock_ms, watermark_ms, swept_at_ms, .. } = self;
        let (judge, newest_ms) = (self.judge.now(), watermark_ms);
        let before = State::default();
        State {
            keys,
            clicks,
            conversions,
            figures,
            judge,
            clock_ms,
            newest_ms,
            swept_at_ms,
            ..before
        }
    }
}

/// The state as version 1 stored it.
#[derive(Deserialize)]
struct StateOne {
    keys: Keys,
    clicks: ClicksOne,
    conversions: Conversions,
    figures: Figures,
    clock_ms: i64,
    watermark_ms: i64,
    swept_at_ms: i64,
}

#[derive(Deserialize)]
struct ClicksOne {
    clicks: BTreeMap<Order, ClickOne>,
    #[expect(dead_code, reason = "it was stored")]
    winners: HashMap<u128, Order>,
}

#[derive(Deserialize)]
struct ClickOne {
    key: KeyId,
    time: i64,
    billing: Option<Billing>,
    #[expect(dead_code, reason = "it was stored")]
    impression: Option<u128>,
    reasons: Reasons,
    decided_at: i64,
}

impl StateOne {
    fn now(self) -> State {
        let mut clicks = Clicks::default();
        for (order, click) in self.clicks.clicks {
            let ClickOne { key, time, billing, reasons, decided_at, .. } = click;
            // Its rules could not be changed.
            let counted = |reason: &VerdictReason| reason.verdict() == Verdict::Invalid;
            let invalid = reasons.iter().find(counted);
            let touched = false;
            let click = Click { key, time, billing, reasons, invalid, decided_at, touched };
            clicks.restore(order, click);
        }
        let StateOne { keys, conversions, figures, clock_ms, watermark_ms, swept_at_ms, .. } = self;
        let (before, newest_ms) = (State::default(), watermark_ms);
        State { keys, clicks, conversions, figures, clock_ms, newest_ms, swept_at_ms, ..before }
    }
}
