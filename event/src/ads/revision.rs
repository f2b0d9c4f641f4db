//! The topic `verdicts`: what an event's verdict is from now on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::record::Text;
use crate::{Id, Verdict, VerdictReason};

/// A verdict that replaces an event's earlier one. Of several the one with the largest `decided_at`
/// holds. The windows are corrected apart, by differences.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revision<'a> {
    /// Version of the format.
    pub v: u8,
    /// The event's site.
    #[serde(borrow)]
    pub site: Text<'a>,
    /// The event.
    pub id: Id,
    /// When it happened, milliseconds since 1970.
    pub time: i64,
    /// Version of the rules that judged.
    pub rules: u32,
    /// The verdict from now on.
    pub verdict: Verdict,
    /// Every reason for it, in the rules' order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<VerdictReason>,
    /// When it was decided, milliseconds since 1970, by the events' own clock. Grows with every
    /// verdict on the same event.
    pub decided_at: i64,
}
