//! Small days: rough figures, and the same ones whoever judges.

use super::*;

/// A small day: the figures are rough, but the order of magnitude must hold.
#[test]
fn people_are_counted_and_the_plainest_fraud_is_not() {
    let rules = RuleSet::default();
    let day = |family, seed| {
        let run = Run { family, intensity: 0.05, seed, without: None, by: By::Rules };
        judge_one(run, &rules, 12_000).0
    };
    let honest = day(None, 1);
    assert!(honest.honest > 1_000, "{}", honest.honest);
    assert!(honest.false_positives() < 0.02, "{}", honest.false_positives());
    for family in [Family::DeclaredBot, Family::Datacentre, Family::Flood] {
        let recall = day(Some(family), 1).recall();
        assert!(recall > 0.9, "{family:?}: {recall}");
    }
}

/// The stages around the judges add nothing and lose nothing.
#[test]
fn both_stages_say_what_the_rules_say() {
    let rules = Arc::new(RuleSet::default());
    for family in [Family::Publisher, Family::Replay] {
        let mut world = World::new(5, 1_500);
        world.attack(family, 200);
        let alone = judging::judge(&mut world, &rules);
        let whole = stages::judge(&mut world, &rules);
        assert_eq!(alone.impressions, whole.impressions);
        let invalid = whole.clicks.iter().filter(|click| !click.verdict.is_net()).count();
        assert!(invalid > 100, "{invalid} of {}", whole.clicks.len());
        for (alone, whole) in alone.clicks.iter().zip(&whole.clicks) {
            let what = (alone.time, alone.verdict, alone.reasons);
            assert_eq!((whole.time, whole.verdict, whole.reasons), what, "{family:?}");
        }
    }
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let rules = RuleSet::default();
    let (family, by) = (Some(Family::Ring), By::Stages);
    let run = Run { family, intensity: 0.1, seed: 3, without: None, by };
    let (a, b) = (judge_one(run, &rules, 1_000).0, judge_one(run, &rules, 1_000).0);
    assert_eq!(format!("{a:?}"), format!("{b:?}"));
}
