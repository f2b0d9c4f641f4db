//! The rules as the dashboard explains verdicts by them: a view of the aggregator's rule set, since
//! the two don't use each other.

use std::sync::Arc;

use footfall_aggregator::rules::RuleSet;
use footfall_dashboard::{RuleBook, Terms, Threshold};
use footfall_event::VerdictReason;
use footfall_event::ads::name_hash;

/// A rule set that pages can read.
#[derive(Debug)]
pub(crate) struct Book(pub(crate) Arc<RuleSet>);

impl RuleBook for Book {
    fn terms(&self, site: &str, campaign: &str) -> Terms {
        let rules = self.0.of(name_hash(site), name_hash(campaign));
        let tiers = VerdictReason::ALL.iter().map(|reason| (*reason, rules.tier(*reason)));
        let thresholds = rules.thresholds.list().into_iter().map(|threshold| Threshold {
            section: threshold.section,
            key: threshold.key,
            value: threshold.value,
            meaning: threshold.meaning,
        });
        Terms {
            version: self.0.version(),
            tiers: tiers.collect(),
            thresholds: thresholds.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use footfall_event::verdict::Tier;

    use super::*;

    #[test]
    fn the_dashboard_finds_every_threshold_it_explains() {
        let terms = Book(Arc::new(RuleSet::default())).terms("a.example", "");
        for (section, key) in footfall_dashboard::THRESHOLDS_SHOWN {
            let found = terms.thresholds.iter().find(|t| t.section == *section && t.key == *key);
            let value = found.unwrap_or_else(|| panic!("{section}.{key} is not in the rules"));
            assert!(value.value.parse::<f64>().is_ok(), "{value:?} is not a number");
        }
    }

    #[test]
    fn a_campaigns_own_rules_are_shown_for_it() {
        let text = "version = 7\n[[override]]\ncampaign = \"boots\"\ntiers.churn = \"off\"\n\
                    thresholds.double_click.within_ms = 900\n";
        let book = Book(Arc::new(RuleSet::parse(text).expect("a rule set")));
        let (all, boots) = (book.terms("a.example", ""), book.terms("a.example", "boots"));
        assert_eq!((all.version, boots.version), (7, 7));
        assert!(all.tiers.contains(&(VerdictReason::Churn, Tier::Filter)));
        assert!(boots.tiers.contains(&(VerdictReason::Churn, Tier::Off)));
        let within = |terms: &Terms| {
            let mut all = terms.thresholds.iter();
            all.find(|t| t.key == "within_ms").map(|t| t.value.clone()).unwrap_or_default()
        };
        assert_eq!((within(&all).as_str(), within(&boots).as_str()), ("2000", "900"));
    }
}
