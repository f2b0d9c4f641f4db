//! `rules.toml` is read as it is meant, or refused with what would be right.

use super::*;

#[test]
fn the_built_in_rules_say_what_the_code_says() {
    let rules = RuleSet::parse(DEFAULT).unwrap();
    assert_eq!(rules.version(), 4);
    assert_eq!(rules.base().thresholds, Thresholds::default());
    for reason in VerdictReason::ALL {
        assert_eq!(rules.base().tier(*reason), reason.tier(), "{reason}");
        assert!(DEFAULT.contains(&format!("\n{reason} = ")), "{reason} is not in the file");
    }
    for threshold in rules.base().thresholds.list() {
        let line = format!("\n{} = ", threshold.key);
        assert!(DEFAULT.contains(&line), "{threshold:?} is not in the file");
    }
}

#[test]
fn overrides_hold_for_their_site_or_campaign_alone() {
    let text = "version = 7\n\
        [thresholds.double_click]\nwithin_ms = 1500\n\
        [[override]]\nsite = \"a.example\"\n\
        thresholds.double_click.within_ms = 3000\ntiers.fast_click = \"filter\"\n\
        [[override]]\ncampaign = \"boots\"\ntiers.churn = \"off\"\n";
    let rules = RuleSet::parse(text).unwrap();
    let site = name_hash("a.example");
    let within = |site, campaign| rules.of(site, campaign).thresholds.double_click.within_ms;
    assert_eq!(within(site, 0), 3000);
    assert_eq!(within(name_hash("b.example"), 0), 1500);
    assert_eq!(rules.of(site, 0).tier(VerdictReason::FastClick), Tier::Filter);
    // A campaign's own rules win as a whole.
    let campaign = rules.of(site, name_hash("boots"));
    assert_eq!(campaign.tier(VerdictReason::Churn), Tier::Off);
    assert_eq!(campaign.thresholds.double_click.within_ms, 1500);
}

#[test]
fn what_makes_no_sense_is_refused_with_what_would_be_right() {
    for (text, parts) in [
        ("", &["version is 0", "from 1 on"][..]),
        ("version = -1", &["version is -1"]),
        (
            "version = 1\n[thresholds.double_click]\nwithin_ms = 99",
            &["double_click.within_ms is 99", "from 100 to 60000"],
        ),
        (
            "version = 1\n[thresholds.double_click]\nwithin = 1",
            &["double_click", "unknown field `within`", "within_ms"],
        ),
        (
            "version = 1\n[thresholds.doubleclick]\nwithin_ms = 1",
            &["unknown field `doubleclick`", "double_click"],
        ),
        (
            "version = 1\n[thresholds.churn]\nvisitors = \"8\"",
            &["thresholds.churn.visitors", "invalid type"],
        ),
        ("version = 1\n[tiers]\nbots = \"filter\"", &["tiers.bots", "no such reason", "bot_agent"]),
        (
            "version = 1\n[tiers]\nbot_agent = \"drop\"",
            &["tiers.bot_agent", "`off`, `flag`, `filter`"],
        ),
        ("version = 1\ntypo = 1", &["unknown field `typo`"]),
        ("version = 1\n[[override]]\ntiers.churn = \"off\"", &["override 1", "site and campaign"]),
        (
            "version = 1\n[[override]]\nsite = \"a\"\nthresholds.churn.visitors = 1",
            &["override for site a", "churn.visitors is 1", "from 2 to 10000"],
        ),
        (
            "version = 1\n[[override]]\nsite = \"a\"\nthresholds.hindsight.settle_s = 70",
            &["override 1", "hindsight"],
        ),
        ("version 1", &["expected"]),
    ] {
        let error = RuleSet::parse(text).unwrap_err().to_string();
        for part in parts {
            assert!(error.contains(part), "{text:?}: {error:?} should say {part:?}");
        }
    }
}

#[test]
fn the_worst_reason_decides_and_one_that_is_off_decides_nothing() {
    let rules = RuleSet::default();
    let set = |reasons: &[VerdictReason]| reasons.iter().copied().collect::<Reasons>();
    let (bot, slow) = (VerdictReason::BotAgent, VerdictReason::NoImpression);
    assert_eq!(rules.base().verdict(Reasons::NONE), Verdict::Valid);
    assert_eq!(rules.base().verdict(set(&[slow])), Verdict::Flagged);
    assert_eq!(rules.base().verdict(set(&[slow, bot])), Verdict::Invalid);
    let without = rules.without(bot);
    assert_eq!(without.base().verdict(set(&[slow, bot])), Verdict::Flagged);
    assert_eq!(without.base().active(set(&[slow, bot])), set(&[slow]));
}
