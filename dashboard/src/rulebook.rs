//! What the dashboard knows of the rules of invalid traffic: enough to say what made a click
//! invalid and against which threshold it was measured. The rules themselves are the aggregator's;
//! the program hands this view of them over ([`crate::Status::set_rules`]).

use footfall_event::VerdictReason;
use footfall_event::verdict::Tier;

/// A threshold of the rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Threshold {
    /// Section in `rules.toml`: mostly the word of the reason that it decides.
    pub section: &'static str,
    /// Key in the section.
    pub key: &'static str,
    /// Its value, as the file has it.
    pub value: String,
    /// What it means.
    pub meaning: &'static str,
}

/// The rules as they hold for one site and campaign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Version of the rules; 0 when they are not known.
    pub version: u32,
    /// What each reason decides.
    pub tiers: Vec<(VerdictReason, Tier)>,
    /// The thresholds, in the order of the file.
    pub thresholds: Vec<Threshold>,
}

/// The rules, site by site.
pub trait RuleBook: std::fmt::Debug + Send + Sync {
    /// The rules in force for a campaign on a site. An empty campaign is none.
    fn terms(&self, site: &str, campaign: &str) -> Terms;

    /// The same of a version that was or is in force; `None` when it is not known any more.
    fn terms_of(&self, version: u32, site: &str, campaign: &str) -> Option<Terms>;
}

impl Default for Terms {
    /// Without the rules: what the reasons decide by themselves.
    fn default() -> Terms {
        let tiers = VerdictReason::ALL.iter().map(|reason| (*reason, reason.tier()));
        Terms { version: 0, tiers: tiers.collect(), thresholds: Vec::new() }
    }
}

impl Terms {
    /// What a reason decides.
    pub(crate) fn tier(&self, reason: VerdictReason) -> Tier {
        let found = self.tiers.iter().find(|(known, _)| *known == reason);
        found.map_or(reason.tier(), |(_, tier)| *tier)
    }

    /// The words of the reasons that make a click invalid.
    pub(crate) fn filters(&self) -> Vec<&'static str> {
        let all = VerdictReason::ALL.iter();
        all.filter(|reason| self.tier(**reason) == Tier::Filter).map(|r| r.as_str()).collect()
    }

    /// The value of a threshold; `None` when the rules are not known.
    pub(crate) fn number(&self, section: &str, key: &str) -> Option<f64> {
        let mut all = self.thresholds.iter();
        let found = all.find(|threshold| threshold.section == section && threshold.key == key)?;
        found.value.parse().ok()
    }
}
