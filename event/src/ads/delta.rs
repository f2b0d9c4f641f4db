//! What is counted about ads, as one-minute differences. Sums over the records are right at any
//! moment; a verdict that changes later is a record with negative measures.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::Currency;
use crate::record::Text;
use crate::{Hex64, VerdictReason};

fn is_zero(value: &i64) -> bool {
    *value == 0
}

/// What is counted. Conversions are counted in millionths, since linear attribution splits one
/// among its clicks; money is in millionths of the record's currency.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Measures {
    /// Impressions, whatever their verdict.
    #[serde(skip_serializing_if = "is_zero")]
    pub impressions: i64,
    /// Impressions that are not invalid.
    #[serde(skip_serializing_if = "is_zero")]
    pub net_impressions: i64,
    /// Net impressions whose viewability could be measured.
    #[serde(skip_serializing_if = "is_zero")]
    pub measurable: i64,
    /// Net impressions that were viewable by the MRC's rule.
    #[serde(skip_serializing_if = "is_zero")]
    pub viewable: i64,
    /// Clicks, whatever their verdict.
    #[serde(skip_serializing_if = "is_zero")]
    pub clicks: i64,
    /// Clicks that are not invalid.
    #[serde(skip_serializing_if = "is_zero")]
    pub net_clicks: i64,
    /// Invalid clicks by the first of their reasons.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub invalid_clicks: BTreeMap<VerdictReason, i64>,
    /// Conversions attributed to a click, in millionths of one.
    #[serde(skip_serializing_if = "is_zero")]
    pub click_conversions_micros: i64,
    /// Conversions attributed to an impression, in millionths of one.
    #[serde(skip_serializing_if = "is_zero")]
    pub view_conversions_micros: i64,
    /// What the conversions were worth to the advertiser.
    #[serde(skip_serializing_if = "is_zero")]
    pub revenue_micros: i64,
    /// What net clicks (CPC) and conversions (CPA) cost.
    #[serde(skip_serializing_if = "is_zero")]
    pub cost_micros: i64,
    /// The prices per thousand of net impressions, added up: divide by 1,000 when reporting.
    #[serde(skip_serializing_if = "is_zero")]
    pub cost_per_mille_micros: i64,
}

impl Measures {
    /// Adds `factor` times the other's.
    pub fn add(&mut self, other: &Measures, factor: i64) {
        for (sum, more) in [
            (&mut self.impressions, other.impressions),
            (&mut self.net_impressions, other.net_impressions),
            (&mut self.measurable, other.measurable),
            (&mut self.viewable, other.viewable),
            (&mut self.clicks, other.clicks),
            (&mut self.net_clicks, other.net_clicks),
            (&mut self.click_conversions_micros, other.click_conversions_micros),
            (&mut self.view_conversions_micros, other.view_conversions_micros),
            (&mut self.revenue_micros, other.revenue_micros),
            (&mut self.cost_micros, other.cost_micros),
            (&mut self.cost_per_mille_micros, other.cost_per_mille_micros),
        ] {
            *sum = sum.saturating_add(more.saturating_mul(factor));
        }
        for (reason, more) in &other.invalid_clicks {
            let sum = self.invalid_clicks.entry(*reason).or_default();
            *sum = sum.saturating_add(more.saturating_mul(factor));
        }
        self.invalid_clicks.retain(|_, count| *count != 0);
    }

    /// Whether there is nothing to count.
    pub fn is_empty(&self) -> bool {
        *self == Measures::default()
    }
}

/// One difference. The same form travels from stage 1 to stage 2 (`ad-deltas`), and from there to
/// the warehouse: `ad-windows` without `query`, `search-windows` without `placement` and `position`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdDelta<'a> {
    /// Version of the format.
    pub v: u8,
    /// First moment of the minute, milliseconds since 1970.
    pub minute: i64,
    /// The publisher's site.
    #[serde(borrow)]
    pub site: Text<'a>,
    /// Campaign; empty for an ad that the catalogue doesn't know.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub campaign: Text<'a>,
    /// Ad.
    #[serde(borrow)]
    pub ad: Text<'a>,
    /// Placement; empty when not known.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub placement: Text<'a>,
    /// Position, from 1; 0 when not known.
    #[serde(default, skip_serializing_if = "is_no_position")]
    pub position: u16,
    /// Search criteria, normalised; `(other)` beyond the cap; empty for none, and on conversions,
    /// which know the hash alone.
    #[serde(borrow, default, skip_serializing_if = "str::is_empty")]
    pub query: Text<'a>,
    /// [`super::query_hash`] of the search criteria: group by it.
    #[serde(default, skip_serializing_if = "is_no_query")]
    pub query_hash: Hex64,
    /// Currency of the money in `measures`; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<Currency>,
    /// What is counted.
    #[serde(default)]
    pub measures: Measures,
}

fn is_no_position(value: &u16) -> bool {
    *value == 0
}

fn is_no_query(value: &Hex64) -> bool {
    value.0 == 0
}

/// The first moment of a time's minute.
pub fn minute_of(time: i64) -> i64 {
    time - time.rem_euclid(60_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_add_up_and_cancel_out() {
        let one = Measures {
            clicks: 1,
            invalid_clicks: BTreeMap::from([(VerdictReason::BotAgent, 1)]),
            cost_micros: 5,
            ..Measures::default()
        };
        let mut sum = Measures::default();
        sum.add(&one, 2);
        assert_eq!((sum.clicks, sum.cost_micros), (2, 10));
        assert_eq!(sum.invalid_clicks[&VerdictReason::BotAgent], 2);
        sum.add(&one, -2);
        assert!(sum.is_empty());
        assert_eq!(serde_json::to_string(&sum).unwrap(), "{}");
    }

    #[test]
    fn minutes_begin_where_they_should() {
        for (time, minute) in [(0, 0), (59_999, 0), (60_000, 60_000), (-1, -60_000)] {
            assert_eq!(minute_of(time), minute);
        }
    }
}
