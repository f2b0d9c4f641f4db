//! The published JSON Schema of the records, made from the types themselves.

use serde_json::Value;

use crate::ads::{AdDelta, Performance, Revision};
use crate::{Event, SessionDelta, Topic};

/// The JSON Schema (draft 2020-12) of a topic's records; `None` for topics whose records are
/// internal (`ad-deltas`, `ad-clicks`, `ad-conversions`, `shards`, `batches`, `snapshots`) or not written yet.
pub fn of_topic(topic: Topic) -> Option<Value> {
    let schema = match topic {
        Topic::Pageviews
        | Topic::Engagements
        | Topic::Searches
        | Topic::Actions
        | Topic::Impressions
        | Topic::Views
        | Topic::Clicks
        | Topic::Conversions
        | Topic::JudgedEvents => schemars::schema_for!(Event),
        Topic::Sessions => schemars::schema_for!(SessionDelta),
        Topic::Catalog => schemars::schema_for!(crate::catalog::Entry),
        Topic::AdWindows | Topic::SearchWindows => schemars::schema_for!(AdDelta),
        Topic::Verdicts => schemars::schema_for!(Revision),
        Topic::AdPerformance => schemars::schema_for!(Performance),
        Topic::Alerts => schemars::schema_for!(crate::alert::Alert),
        Topic::DeadLetters
        | Topic::Blocklist
        | Topic::Salts
        | Topic::AdDeltas
        | Topic::AdClicks
        | Topic::AdConversions
        | Topic::Shards
        | Topic::Batches
        | Topic::Snapshots => return None,
    };
    Some(schema.to_value())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_activity_has_a_schema_that_names_its_fields() {
        for topic in Topic::ACTIVITIES {
            let schema = of_topic(topic).unwrap();
            let properties = schema["properties"].as_object().unwrap();
            assert!(properties.contains_key("received_at"), "{topic:?}");
            assert!(properties["time"]["description"].is_string());
        }
    }
}
