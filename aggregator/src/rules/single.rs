//! What one event says about itself.

use footfall_event::{Activity, VerdictReason};

use super::hosting::{self, Hosting};
use super::ruleset::Rules;
use super::{Facts, Reasons, zones};

/// The reasons that need nothing but the event.
pub(crate) fn reasons(rules: &Rules, facts: &Facts<'_>) -> Reasons {
    let mut reasons = facts.found;
    reasons.insert_if(facts.bot, VerdictReason::BotAgent);
    reasons.insert_if(facts.automated, VerdictReason::Automated);
    // Conversions are sent by servers; pages are read through company proxies as well.
    let of_an_ad =
        matches!(facts.activity, Activity::Impression | Activity::View | Activity::Click);
    if of_an_ad {
        let hosting = hosting::of(rules, facts.asn) == Hosting::Yes;
        reasons.insert_if(hosting, VerdictReason::DatacentreNetwork);
        let km = rules.thresholds.geo_mismatch.km;
        reasons
            .insert_if(!facts.timezone.is_empty() && off(facts) > km, VerdictReason::GeoMismatch);
    }
    // Without a placement there is no site that it had to be sent from.
    let placed = facts.activity == Activity::Click && facts.placement != 0;
    reasons.insert_if(placed && !facts.referrer_host.is_empty(), VerdictReason::ReferrerMismatch);
    reasons
}

/// Kilometres between the browser's time zone and the address; 0 when one is not known.
fn off(facts: &Facts<'_>) -> f64 {
    zones::off_country(facts.timezone, facts.country).unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::RuleSet;

    #[test]
    fn each_alone_and_at_its_edge() {
        let set = RuleSet::default();
        let find = |change: &dyn Fn(&mut Facts<'static>)| {
            let mut facts = Facts::new(Activity::Click, 1, 1_000);
            change(&mut facts);
            reasons(set.base(), &facts).iter().collect::<Vec<_>>()
        };
        assert_eq!(find(&|_| {}), []);
        assert_eq!(find(&|facts| facts.bot = true), [VerdictReason::BotAgent]);
        assert_eq!(find(&|facts| facts.automated = true), [VerdictReason::Automated]);
        // Hetzner rents servers; Datacamp carries VPNs, which takes more than one event to tell.
        assert_eq!(find(&|facts| facts.asn = 24940), [VerdictReason::DatacentreNetwork]);
        assert_eq!(find(&|facts| facts.asn = 60068), []);
        let conversion = |facts: &mut Facts<'_>| {
            facts.asn = 24940;
            facts.activity = Activity::Conversion;
        };
        assert_eq!(find(&conversion), []);
        assert_eq!(
            find(&|facts| (facts.placement, facts.referrer_host) = (4, "elsewhere.example")),
            [VerdictReason::ReferrerMismatch]
        );
        assert_eq!(find(&|facts| facts.referrer_host = "elsewhere.example"), []);
        for (timezone, country, found) in [
            ("Europe/Berlin", "DE", false),
            ("Europe/Lisbon", "DE", true),  // 2,300 km from Berlin
            ("Europe/Madrid", "FR", false), // 1,050 km from Paris
            ("Asia/Tokyo", "DE", true),
            ("", "DE", false),
            ("Asia/Tokyo", "", false),
        ] {
            let found_it = find(&|facts| {
                facts.timezone = timezone;
                facts.country = country;
            });
            assert_eq!(!found_it.is_empty(), found, "{timezone} {country}");
        }
        assert_eq!(
            find(&|facts| facts.found.insert(VerdictReason::Expired)),
            [VerdictReason::Expired]
        );
    }
}
