//! What is read about one click, column by column of the statements beside.

use clickhouse::Row;
use serde::Deserialize;
use serde_json::{Map, Value};

/// An id that stands for none.
pub(super) const NO_ID: &str = "00000000-0000-0000-0000-000000000000";

/// A click as it is stored.
#[derive(Clone, Debug, Default, Row, Deserialize)]
pub(super) struct Click {
    pub(super) stored: String,
    pub(super) click_id: String,
    pub(super) at_ms: i64,
    pub(super) received_ms: i64,
    /// 0: not known by a token.
    pub(super) impression_ms: i64,
    pub(super) of_impression: String,
    pub(super) of_network: u64,
    pub(super) of_visitor: u64,
    pub(super) of_account: u64,
    pub(super) was: String,
    pub(super) why: Vec<String>,
    pub(super) judged_by: u32,
    /// Every column by its name.
    #[serde(skip)]
    pub(super) record: Map<String, Value>,
}

impl Click {
    /// The text of a column; empty when there is none.
    pub(super) fn text(&self, column: &str) -> &str {
        self.record.get(column).and_then(Value::as_str).unwrap_or("")
    }

    /// The number of a column; 0 when there is none.
    pub(super) fn number(&self, column: &str) -> i64 {
        self.record.get(column).and_then(Value::as_i64).unwrap_or(0)
    }

    /// Whether a column says yes.
    pub(super) fn is(&self, column: &str) -> bool {
        self.record.get(column).and_then(Value::as_bool).unwrap_or(false)
    }

    /// The impression that it names; empty for none.
    pub(super) fn impression(&self) -> &str {
        if self.of_impression == NO_ID { "" } else { &self.of_impression }
    }
}

/// A verdict given later.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Later {
    pub(super) said: String,
    pub(super) why: Vec<String>,
    pub(super) judged_by: u32,
    pub(super) decided_ms: i64,
}

/// What other rules said.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Tried {
    pub(super) version: u32,
    pub(super) said: String,
    pub(super) why: Vec<String>,
    pub(super) run_ms: i64,
}

/// A click near another.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Near {
    pub(super) click_id: String,
    pub(super) of_site: String,
    pub(super) at_ms: i64,
    pub(super) of_network: u64,
    pub(super) of_visitor: u64,
    pub(super) of_campaign: String,
    pub(super) of_ad: String,
    pub(super) of_impression: String,
    pub(super) of_position: u16,
    /// Whether `in_force` came later.
    pub(super) is_revised: bool,
    pub(super) in_force: String,
    pub(super) why: Vec<String>,
}

/// What a network did on one site beside clicking.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Life {
    pub(super) of_site: String,
    pub(super) shown: i64,
    pub(super) live: Vec<u64>,
}

/// The impression, a view of it, or a click on it.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct OfImpression {
    pub(super) kind: String,
    pub(super) of_id: String,
    pub(super) at_ms: i64,
    pub(super) viewable: u32,
    pub(super) visible: u8,
    pub(super) is_measurable: bool,
}

/// Clicks of the placement in the day before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Place {
    pub(super) clicks: i64,
    pub(super) unproven: i64,
    pub(super) fast: i64,
    pub(super) unviewed: i64,
    pub(super) lifeless: i64,
    pub(super) repeated: i64,
    pub(super) hour_clicks: i64,
    pub(super) hour_networks: i64,
}

/// Counts of the placement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Counts {
    pub(super) hour_impressions: i64,
    pub(super) day_clicks: i64,
    pub(super) day_conversions: i64,
}

/// An hour of the placement in the campaign.
#[derive(Clone, Debug, Default, PartialEq, Eq, Row, Deserialize)]
pub(super) struct PlaceHour {
    /// Hours since 1970.
    pub(super) of_hour: i64,
    /// Net clicks there, and in all of the campaign.
    pub(super) of_place: i64,
    /// Impressions and clicks there.
    pub(super) happened: i64,
    pub(super) of_campaign: i64,
}

/// A conversion that names the click.
#[derive(Clone, Debug, PartialEq, Eq, Row, Deserialize)]
pub(super) struct Conversion {
    pub(super) at_ms: i64,
    pub(super) of_goal: String,
    pub(super) of_status: String,
    pub(super) micros: i64,
    pub(super) of_currency: String,
}
