//! The rules as the dashboard explains verdicts by them: a view of the aggregator's rules, since the
//! two don't use each other.

use footfall_aggregator::RuleLibrary;
use footfall_aggregator::rules::RuleSet;
use footfall_dashboard::{RuleBook, Terms, Threshold};
use footfall_event::VerdictReason;
use footfall_event::ads::name_hash;

/// All rules that the catalogue knows, as pages can read them.
#[derive(Debug)]
pub(crate) struct Book(pub(crate) RuleLibrary);

impl RuleBook for Book {
    fn terms(&self, site: &str, campaign: &str) -> Terms {
        terms(&self.0.current(), site, campaign)
    }

    fn terms_of(&self, version: u32, site: &str, campaign: &str) -> Option<Terms> {
        let set = self.0.of(version)?;
        Some(terms(&set, site, campaign))
    }
}

fn terms(set: &RuleSet, site: &str, campaign: &str) -> Terms {
    let rules = set.of(name_hash(site), name_hash(campaign));
    let tiers = VerdictReason::ALL.iter().map(|reason| (*reason, rules.tier(*reason)));
    let thresholds = rules.thresholds.list().into_iter().map(|threshold| Threshold {
        section: threshold.section,
        key: threshold.key,
        value: threshold.value,
        meaning: threshold.meaning,
    });
    Terms { version: set.version(), tiers: tiers.collect(), thresholds: thresholds.collect() }
}

#[cfg(test)]
mod tests {
    use footfall_event::verdict::Tier;

    use super::*;

    #[test]
    fn the_dashboard_finds_every_threshold_it_explains() {
        let book = Book(RuleLibrary::built_in());
        let in_force = book.terms("a.example", "");
        for (section, key) in footfall_dashboard::THRESHOLDS_SHOWN {
            let found = in_force.thresholds.iter().find(|t| t.section == *section && t.key == *key);
            let value = found.unwrap_or_else(|| panic!("{section}.{key} is not in the rules"));
            assert!(value.value.parse::<f64>().is_ok(), "{value:?} is not a number");
        }
        assert_eq!(book.terms_of(in_force.version, "a.example", ""), Some(in_force));
        assert_eq!(book.terms_of(u32::MAX, "a.example", ""), None);
    }

    #[test]
    fn a_campaigns_own_rules_are_shown_for_it() {
        let text = "version = 7\n[[override]]\ncampaign = \"boots\"\ntiers.churn = \"off\"\n\
                    thresholds.double_click.within_ms = 900\n";
        let set = RuleSet::parse(text).expect("a rule set");
        let (all, boots) = (terms(&set, "a.example", ""), terms(&set, "a.example", "boots"));
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
