//! Alerts: what somebody should know now. Records of the topic `alerts`, and the payload of
//! webhooks, byte for byte.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::Id;

/// What an alert is about.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum AlertKind {
    /// Far more of a site's or campaign's clicks are invalid than usual.
    FraudBurst,
    /// Most of a campaign's budget is spent.
    BudgetLow,
    /// A campaign's budget is used up: its ads should not be shown any more.
    BudgetUsed,
    /// Far more page views than at this hour of other weeks.
    TrafficSpike,
    /// Far fewer page views than at this hour of other weeks.
    TrafficDrop,
    /// Events are accepted, but figures don't follow.
    PipelineLag,
    /// Sent by hand, to see whether a channel works.
    Test,
}

impl AlertKind {
    /// All of them.
    pub const ALL: [AlertKind; 7] = [
        AlertKind::FraudBurst,
        AlertKind::BudgetLow,
        AlertKind::BudgetUsed,
        AlertKind::TrafficSpike,
        AlertKind::TrafficDrop,
        AlertKind::PipelineLag,
        AlertKind::Test,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            AlertKind::FraudBurst => "fraud_burst",
            AlertKind::BudgetLow => "budget_low",
            AlertKind::BudgetUsed => "budget_used",
            AlertKind::TrafficSpike => "traffic_spike",
            AlertKind::TrafficDrop => "traffic_drop",
            AlertKind::PipelineLag => "pipeline_lag",
            AlertKind::Test => "test",
        }
    }

    /// The kind of a word; `None` for any other word.
    pub fn parse(word: &str) -> Option<AlertKind> {
        AlertKind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Alert {
    /// Version of the format.
    pub v: u8,
    /// The same alert has the same id, however often it is raised: receivers can tell a repetition.
    pub id: Id,
    /// What it is about.
    pub kind: AlertKind,
    /// The site; empty when it concerns all.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub site: String,
    /// The campaign; empty when it concerns none in particular.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub campaign: String,
    /// When it was raised, milliseconds since 1970.
    pub at: i64,
    /// One sentence for people.
    pub message: String,
    /// The figures behind it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub details: BTreeMap<String, String>,
}

impl Alert {
    /// An alert whose id follows from what it is about: kind, site, campaign and `occasion` (an
    /// hour, a budget), so that raising it twice is raising it once.
    pub fn new(kind: AlertKind, site: &str, campaign: &str, occasion: &str, at: i64) -> Alert {
        // Sites and campaigns hold no line feed.
        let about = format!("{}\n{site}\n{campaign}\n{occasion}", kind.as_str());
        Alert {
            v: crate::record::VERSION,
            id: uuid::Builder::from_custom_bytes(xxh3_128(about.as_bytes()).to_be_bytes())
                .into_uuid(),
            kind,
            site: site.to_owned(),
            campaign: campaign.to_owned(),
            at,
            message: String::new(),
            details: BTreeMap::new(),
        }
    }

    /// The record's bytes.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("an alert is plain text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_occasion_has_the_same_id() {
        let alert = |campaign, occasion, at| {
            Alert::new(AlertKind::BudgetUsed, "example.com", campaign, occasion, at)
        };
        assert_eq!(alert("a", "5000000", 1).id, alert("a", "5000000", 2).id);
        assert_ne!(alert("a", "5000000", 1).id, alert("b", "5000000", 1).id);
        assert_ne!(alert("a", "5000000", 1).id, alert("a", "6000000", 1).id);
        let json = alert("a", "1", 3).to_json();
        assert_eq!(serde_json::from_slice::<Alert>(&json).unwrap(), alert("a", "1", 3));
        for kind in AlertKind::ALL {
            assert_eq!(AlertKind::parse(kind.as_str()), Some(kind));
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
