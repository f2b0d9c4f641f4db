//! Where alerts go.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::alert::{Alert, AlertKind};

/// Somebody who wants to hear of alerts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AlertChannel {
    /// By which it is listed and removed.
    pub id: String,
    /// How they are reached.
    pub target: AlertTarget,
    /// Only alerts of these sites; empty: of all, and those that concern none in particular.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sites: Vec<String>,
    /// Only alerts of these kinds; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<AlertKind>,
    /// When it was added, milliseconds since 1970: older alerts are not sent.
    pub created_at: i64,
}

/// How somebody is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AlertTarget {
    /// A POST of the alert's JSON.
    Webhook {
        /// An http or https address.
        url: String,
        /// Signs each request: HMAC-SHA256 over time and body.
        secret: String,
    },
    /// An e-mail.
    Email {
        /// The recipient.
        to: String,
    },
}

impl AlertChannel {
    /// Whether an alert is for this channel.
    pub fn wants(&self, alert: &Alert) -> bool {
        if alert.kind == AlertKind::Test {
            return alert.details.get("channel").is_none_or(|id| *id == self.id);
        }
        alert.at >= self.created_at
            && (self.sites.is_empty() || self.sites.contains(&alert.site))
            && (self.kinds.is_empty() || self.kinds.contains(&alert.kind))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_wants_its_sites_and_kinds_from_its_beginning_on() {
        let channel = AlertChannel {
            id: "c".into(),
            target: AlertTarget::Email { to: "a@b.test".into() },
            sites: vec!["a.test".into()],
            kinds: vec![AlertKind::BudgetUsed],
            created_at: 10,
        };
        let alert = |kind, site, at| Alert::new(kind, site, "", "", at);
        assert!(channel.wants(&alert(AlertKind::BudgetUsed, "a.test", 10)));
        assert!(!channel.wants(&alert(AlertKind::BudgetUsed, "a.test", 9)));
        assert!(!channel.wants(&alert(AlertKind::BudgetUsed, "b.test", 10)));
        assert!(!channel.wants(&alert(AlertKind::TrafficDrop, "a.test", 10)));
        let mut test = alert(AlertKind::Test, "", 0);
        assert!(channel.wants(&test));
        test.details.insert("channel".into(), "d".into());
        assert!(!channel.wants(&test));
    }
}
