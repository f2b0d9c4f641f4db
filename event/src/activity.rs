//! The eight things a person (or a program) can do that Footfall records.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::topic::Topic;

/// What happened. The wire name is the lower-case word.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// A page was shown.
    Pageview,
    /// Visible and focused time and scroll depth since the last report, for one page view.
    Engagement,
    /// A search on the site.
    Search,
    /// Anything else that the site names (a download, a sign-up).
    Action,
    /// An ad began to render.
    Impression,
    /// An ad was viewable as the MRC defines it.
    View,
    /// An ad was clicked.
    Click,
    /// What the advertiser paid for happened.
    Conversion,
}

impl Activity {
    /// All of them, in the order of their topics.
    pub const ALL: [Activity; 8] = [
        Activity::Pageview,
        Activity::Engagement,
        Activity::Search,
        Activity::Action,
        Activity::Impression,
        Activity::View,
        Activity::Click,
        Activity::Conversion,
    ];

    /// The word on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Activity::Pageview => "pageview",
            Activity::Engagement => "engagement",
            Activity::Search => "search",
            Activity::Action => "action",
            Activity::Impression => "impression",
            Activity::View => "view",
            Activity::Click => "click",
            Activity::Conversion => "conversion",
        }
    }

    /// The activity of a word on the wire; `None` for any other word.
    pub fn parse(word: &str) -> Option<Activity> {
        Activity::ALL.into_iter().find(|activity| activity.as_str() == word)
    }

    /// The topic that takes this activity. The only place that decides it: a new activity does
    /// not compile until it is routed.
    pub const fn topic(self) -> Topic {
        match self {
            Activity::Pageview => Topic::Pageviews,
            Activity::Engagement => Topic::Engagements,
            Activity::Search => Topic::Searches,
            Activity::Action => Topic::Actions,
            Activity::Impression => Topic::Impressions,
            Activity::View => Topic::Views,
            Activity::Click => Topic::Clicks,
            Activity::Conversion => Topic::Conversions,
        }
    }

    /// Whether the activity can begin a visit (the others only extend one).
    pub const fn opens_visit(self) -> bool {
        match self {
            Activity::Pageview | Activity::Search | Activity::Action => true,
            Activity::Engagement
            | Activity::Impression
            | Activity::View
            | Activity::Click
            | Activity::Conversion => false,
        }
    }

    /// Whether the activity is about an ad.
    pub const fn is_ad(self) -> bool {
        use Activity::{Click, Conversion, Impression, View};
        matches!(self, Impression | View | Click | Conversion)
    }

    /// Whether the activity extends an open visit.
    pub const fn extends_visit(self) -> bool {
        self.opens_visit() || matches!(self, Activity::Engagement | Activity::Click)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_round_trip_and_topics_are_distinct() {
        let mut topics = std::collections::HashSet::new();
        for activity in Activity::ALL {
            assert_eq!(Activity::parse(activity.as_str()), Some(activity));
            assert_eq!(
                serde_json::to_string(&activity).unwrap(),
                format!("\"{}\"", activity.as_str())
            );
            assert!(topics.insert(activity.topic()));
        }
        assert_eq!(Activity::parse("Pageview"), None);
    }
}
