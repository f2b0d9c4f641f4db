//! The topics: the system's memory. Names are part of the public interface.

use std::time::Duration;

/// A stream of records. Carries no prefix: the log adds the configured one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// Page views, as accepted.
    Pageviews,
    /// Engagement reports, as accepted.
    Engagements,
    /// Searches, as accepted.
    Searches,
    /// Actions, as accepted.
    Actions,
    /// Ad impressions, as accepted.
    Impressions,
    /// Viewable impressions, as accepted.
    Views,
    /// Ad clicks, as accepted.
    Clicks,
    /// Conversions, as accepted.
    Conversions,
    /// Records that could not be processed, with the reason.
    DeadLetters,
    /// Every event once, with its verdict: the accepted record and a `judged` object.
    JudgedEvents,
    /// Differences of visits.
    Sessions,
    /// One-minute deltas by ad, placement and position.
    AdWindows,
    /// One-minute deltas by search criteria.
    SearchWindows,
    /// Verdicts given with hindsight.
    Verdicts,
    /// Current state per ad and placement.
    AdPerformance,
    /// Alerts to deliver.
    Alerts,
    /// Sites, keys, users and everything else that is configured, as events.
    Catalog,
    /// Networks, visitors, agents, referrers and placements whose clicks are invalid.
    Blocklist,
    /// The daily keys of visitor ids.
    Salts,
    /// Between the aggregator's stages, by campaign: sums of impressions and views, shares of
    /// conversions, budgets.
    AdDeltas,
    /// Between the aggregator's stages, by campaign: clicks with their first judgement.
    AdClicks,
    /// Between the aggregator's stages, by transaction: conversions.
    AdConversions,
    /// Always empty: its partitions are what members of a group share out.
    Shards,
    /// How each shard cut its input into batches.
    Batches,
    /// Snapshots of the shards' state.
    Snapshots,
}

/// How the log keeps a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicSettings {
    /// One partition whatever the number of shards (small topics that everybody reads).
    pub single_partition: bool,
    /// Keep the last record of each key for ever instead of all records for a time.
    pub compacted: bool,
    /// How long records are kept at the least; ignored for compacted topics.
    pub retention: Duration,
}

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

impl Topic {
    /// Every topic.
    pub const ALL: [Topic; 25] = [
        Topic::Pageviews,
        Topic::Engagements,
        Topic::Searches,
        Topic::Actions,
        Topic::Impressions,
        Topic::Views,
        Topic::Clicks,
        Topic::Conversions,
        Topic::DeadLetters,
        Topic::JudgedEvents,
        Topic::Sessions,
        Topic::AdWindows,
        Topic::SearchWindows,
        Topic::Verdicts,
        Topic::AdPerformance,
        Topic::Alerts,
        Topic::Catalog,
        Topic::Blocklist,
        Topic::Salts,
        Topic::AdDeltas,
        Topic::AdClicks,
        Topic::AdConversions,
        Topic::Shards,
        Topic::Batches,
        Topic::Snapshots,
    ];

    /// The eight activity topics: the input of the aggregator's first stage.
    pub const ACTIVITIES: [Topic; 8] = [
        Topic::Pageviews,
        Topic::Engagements,
        Topic::Searches,
        Topic::Actions,
        Topic::Impressions,
        Topic::Views,
        Topic::Clicks,
        Topic::Conversions,
    ];

    /// The name without prefix.
    pub const fn name(self) -> &'static str {
        match self {
            Topic::Pageviews => "pageviews",
            Topic::Engagements => "engagements",
            Topic::Searches => "searches",
            Topic::Actions => "actions",
            Topic::Impressions => "impressions",
            Topic::Views => "views",
            Topic::Clicks => "clicks",
            Topic::Conversions => "conversions",
            Topic::DeadLetters => "dead-letters",
            Topic::JudgedEvents => "judged-events",
            Topic::Sessions => "sessions",
            Topic::AdWindows => "ad-windows",
            Topic::SearchWindows => "search-windows",
            Topic::Verdicts => "verdicts",
            Topic::AdPerformance => "ad-performance",
            Topic::Alerts => "alerts",
            Topic::Catalog => "catalog",
            Topic::Blocklist => "blocklist",
            Topic::Salts => "salts",
            Topic::AdDeltas => "ad-deltas",
            Topic::AdClicks => "ad-clicks",
            Topic::AdConversions => "ad-conversions",
            Topic::Shards => "shards",
            Topic::Batches => "batches",
            Topic::Snapshots => "snapshots",
        }
    }

    /// The topic with this name (without prefix).
    pub fn parse(name: &str) -> Option<Topic> {
        Topic::ALL.into_iter().find(|topic| topic.name() == name)
    }

    /// How the log keeps it. Activity topics outlive the longest window (24 h of de-duplication)
    /// by far, so that a shard without a snapshot can always rebuild its state.
    pub const fn settings(self) -> TopicSettings {
        let (single_partition, compacted, retention_seconds) = match self {
            Topic::Pageviews
            | Topic::Engagements
            | Topic::Searches
            | Topic::Actions
            | Topic::Impressions
            | Topic::Views
            | Topic::Clicks
            | Topic::Conversions => (false, false, 7 * DAY),
            Topic::JudgedEvents
            | Topic::Sessions
            | Topic::AdWindows
            | Topic::SearchWindows
            | Topic::Verdicts
            | Topic::AdDeltas
            | Topic::AdClicks
            | Topic::AdConversions => (false, false, 7 * DAY),
            Topic::DeadLetters | Topic::Alerts => (false, false, 30 * DAY),
            Topic::AdPerformance => (false, true, 0),
            Topic::Catalog | Topic::Blocklist => (true, true, 0),
            Topic::Salts => (true, false, 48 * HOUR),
            Topic::Shards => (false, false, DAY),
            Topic::Batches => (false, false, 7 * DAY),
            Topic::Snapshots => (false, true, 0),
        };
        TopicSettings {
            single_partition,
            compacted,
            retention: Duration::from_secs(retention_seconds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_round_trip() {
        let names: std::collections::HashSet<_> = Topic::ALL.iter().map(|t| t.name()).collect();
        assert_eq!(names.len(), Topic::ALL.len());
        for topic in Topic::ALL {
            assert_eq!(Topic::parse(topic.name()), Some(topic));
        }
        assert_eq!(Topic::parse("footfall.clicks"), None);
    }
}
