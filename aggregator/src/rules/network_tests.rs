//! Stage 1: hashes that change, what it tells stage 2, what it remembers; and that order, repetition
//! and a restart change nothing. The edges of each signal are in the tables of the integration tests.

use footfall_event::ads::Proof;
use footfall_event::{Activity, VerdictReason as R};
use proptest::prelude::*;

use super::*;
use crate::rules::Marks;

const NOON: i64 = 1_772_452_800_000;
const SECOND: i64 = 1_000;
const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;

/// A hash whose upper half says something too.
const fn h(n: u64) -> u64 {
    n << 40 | n << 8 | 1
}

fn judge() -> NetworkJudge {
    let limits = JudgeLimits { networks_max: 1_000, impressions_max: 1_000, clicks_max: 10_000 };
    NetworkJudge::new(Arc::new(RuleSet::default()), limits)
}

/// A click with a signed impression of ten seconds before, so that nothing speaks against it.
fn click(id: u128, time: i64) -> Facts<'static> {
    Facts {
        site: h(1),
        campaign: h(2),
        ad: h(3),
        placement: h(4),
        network: h(5),
        visitor: h(6),
        impression: id,
        impression_at: time - 10 * SECOND,
        proof: Proof::Signed,
        ..Facts::new(Activity::Click, id, time)
    }
}

fn view(visitor: u64, time: i64) -> Facts<'static> {
    Facts { visitor, impression: 1 << 90, ..Facts { activity: Activity::View, ..click(0, time) } }
}

fn impression(id: u128, time: i64) -> Facts<'static> {
    Facts { id, impression: 0, measurable: true, activity: Activity::Impression, ..click(id, time) }
}

/// What is thought of each click when all is over.
fn settled(judge: &mut NetworkJudge, events: &[Facts<'static>]) -> BTreeMap<u128, Opinion> {
    let mut said = BTreeMap::new();
    let mut watermark = NOON;
    let note = |said: &mut BTreeMap<u128, Opinion>, corrections: Vec<Correction>| {
        said.extend(corrections.iter().map(|c| (c.id, c.opinion)));
    };
    for facts in events {
        watermark = watermark.max(facts.time);
        if watermark >= judge.due() {
            note(&mut said, judge.close(watermark));
        }
        let opinion = judge.observe(facts);
        if facts.activity == Activity::Click {
            said.insert(facts.id, opinion);
        }
    }
    note(&mut said, judge.close(watermark + 24 * HOUR));
    said
}

fn reasons(events: &[Facts<'static>], id: u128) -> Vec<R> {
    settled(&mut judge(), events)[&id].reasons.iter().collect()
}

#[test]
fn a_click_that_nothing_speaks_against_is_valid() {
    assert_eq!(reasons(&[click(1, NOON)], 1), []);
}

#[test]
fn the_second_click_of_a_visitor_on_an_ad() {
    let both = |gap: i64| reasons(&[click(1, NOON), click(2, NOON + gap)], 2);
    for (gap, found) in [
        (1, &[R::DoubleClick, R::VisitorAdDuplicate][..]),
        (1_999, &[R::DoubleClick, R::VisitorAdDuplicate]),
        (2_000, &[R::DoubleClick, R::VisitorAdDuplicate]),
        (2_001, &[R::VisitorAdDuplicate]),
        (HOUR - 1, &[R::VisitorAdDuplicate]),
        (HOUR, &[R::VisitorAdDuplicate]),
        (HOUR + 1, &[]),
    ] {
        assert_eq!(both(gap), found, "{gap} ms");
    }
    // The other way round the earlier one is still the one that counts.
    let late = settled(&mut judge(), &[click(2, NOON + 1_000), click(1, NOON)]);
    assert!(late[&1].reasons.is_empty());
    assert!(late[&2].reasons.contains(R::DoubleClick));
    // Another visitor, another ad, another network.
    for other in [
        Facts { visitor: h(60), ..click(2, NOON + 10) },
        Facts { ad: h(30), ..click(2, NOON + 10) },
        Facts { network: h(50), ..click(2, NOON + 10) },
    ] {
        assert_eq!(reasons(&[click(1, NOON), other], 2), []);
    }
}

#[test]
fn a_double_click_across_midnight_is_one() {
    let midnight = NOON + 12 * HOUR;
    let after = Facts {
        network: h(500),
        previous_network: h(5),
        visitor: h(600),
        previous_visitor: h(6),
        ..click(2, midnight + 500)
    };
    let found = reasons(&[click(1, midnight - 500), after], 2);
    assert_eq!(found, [R::DoubleClick, R::VisitorAdDuplicate]);
}

#[test]
fn the_impression_is_looked_up_among_the_networks_own() {
    let named = Facts { impression: 7, proof: Proof::None, impression_at: 0, ..click(1, NOON) };
    let shown = impression(7, NOON - 5 * SECOND);
    assert_eq!(reasons(&[shown, named], 1), []);
    assert_eq!(reasons(&[named, shown], 1), [], "it came a little later");
    assert_eq!(reasons(&[named], 1), [R::ImpressionUnknown]);
    let elsewhere = Facts { network: h(50), ..shown };
    assert_eq!(reasons(&[elsewhere, named], 1), [R::ImpressionUnknown]);
    let none = Facts { impression: 0, ..named };
    assert_eq!(reasons(&[shown, none], 1), [R::NoImpression]);
    // In view or not is known to stage 2.
    let marks = |events: &[Facts<'static>]| settled(&mut judge(), events)[&1].marks;
    assert!(marks(&[shown, named]).has(Marks::UNVIEWED));
    let seen = Facts { impression: 7, ..view(h(6), NOON - 3 * SECOND) };
    assert!(!marks(&[shown, seen, named]).has(Marks::UNVIEWED));
    assert!(marks(&[named]).has(Marks::UNPROVEN));
}

#[test]
fn what_stage_two_compares() {
    let marks = |events: &[Facts<'static>], id: u128| settled(&mut judge(), events)[&id].marks;
    let first = click(1, NOON);
    let second = |gap: i64| Facts { ad: h(33), ..click(2, NOON + gap) };
    assert!(!marks(&[first], 1).has(Marks::REPEATED));
    assert!(!marks(&[first, second(HOUR - 1)], 2).has(Marks::REPEATED), "the same visit");
    assert!(marks(&[first, second(HOUR)], 2).has(Marks::REPEATED), "come back");
    let at = |id: u128, site: u64| Facts { site: h(site), ..click(id, NOON + id as i64 * HOUR) };
    assert!(!marks(&[at(1, 1), at(2, 1)], 2).has(Marks::ROAMING), "the same publisher");
    assert!(marks(&[at(1, 1), at(2, 2)], 2).has(Marks::ROAMING));
    let soon = Facts { time: at(2, 2).time - 1, ..at(2, 2) };
    assert!(!marks(&[at(1, 1), soon], 2).has(Marks::ROAMING), "less than an hour later");
    // A second click of one visit is no second witness, an hour later it is.
    assert!(!marks(&[first], 1).has(Marks::AGAIN));
    assert!(marks(&[first, second(HOUR - 1)], 2).has(Marks::AGAIN));
    assert!(!marks(&[first, second(HOUR)], 2).has(Marks::AGAIN));
    let elsewhere = Facts { placement: h(44), ..second(1_000) };
    assert!(!marks(&[first, elsewhere], 2).has(Marks::AGAIN), "another placement");
    // Nine people share the address: nothing of it means anything.
    let crowd: Vec<_> = (0..9)
        .map(|n| view(h(100 + n), NOON - HOUR))
        .chain([at(1, 1), at(2, 2), at(3, 3)])
        .collect();
    assert!(!marks(&crowd, 3).has(Marks::ROAMING) && !marks(&crowd, 3).has(Marks::HOUSEHOLD));
    assert!(marks(&crowd, 3).has(Marks::LIFELESS));
    assert!(!marks(&[view(h(6), NOON - MINUTE), first], 1).has(Marks::LIFELESS));
}

#[test]
fn what_is_remembered_is_bounded() {
    let limits = JudgeLimits { networks_max: 100, impressions_max: 200, clicks_max: 50 };
    let mut judge = NetworkJudge::new(Arc::new(RuleSet::default()), limits);
    for n in 0..20_000u64 {
        let other = |facts: Facts<'static>| Facts { network: h(n), visitor: h(n), ..facts };
        judge.observe(&other(impression(u128::from(n), NOON)));
        judge.observe(&other(click(u128::from(n) | 1 << 100, NOON)));
        judge.close(NOON);
    }
    let [networks, impressions, clicks] = judge.remembered();
    assert!(
        networks <= 100 && impressions <= 200 && clicks <= 51,
        "{networks} {impressions} {clicks}"
    );
}

/// Two hours of a few networks, with everything that can happen.
fn events() -> impl Strategy<Value = Vec<Facts<'static>>> {
    let one = (0..4u8, 0..7_200_000i64, 1..4u64, 1..4u64, 1..5u64, 1..3u64, 0..12u128);
    let event = one.prop_map(|(kind, offset, network, visitor, ad, site, shown)| {
        let time = NOON + offset;
        let facts = Facts {
            // Hashes of different things are never the same.
            network: h(network + 50),
            visitor: h(visitor * 10 + site),
            ad: h(ad),
            campaign: h(ad % 2),
            site: h(site),
            placement: h(site),
            impression: shown,
            impression_at: 0,
            proof: Proof::None,
            ..click(0, time)
        };
        match kind {
            0 => Facts { activity: Activity::Impression, id: shown, measurable: true, ..facts },
            1 => Facts { activity: Activity::View, ..facts },
            2 => Facts { activity: Activity::Engagement, engaged_ms: 2_000, ..facts },
            _ => facts,
        }
    });
    // An impression first, since a judge that has seen no ads remembers nobody.
    proptest::collection::vec(event, 1..80).prop_map(|mut events| {
        for (at, facts) in events.iter_mut().enumerate() {
            if facts.activity == Activity::Click {
                facts.id = 1 << 100 | at as u128;
            }
        }
        events.sort_by_key(|facts| facts.time);
        // Nobody is shown an impression twice: the judge is behind what drops repeated ids.
        let mut ids = std::collections::HashSet::new();
        events.retain(|f| f.activity != Activity::Impression || ids.insert((f.site, f.id)));
        events.insert(0, impression(99, NOON - 1));
        events
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever is at most two minutes late, and whatever comes twice.
    #[test]
    fn order_and_repetition_change_no_verdict(
        events in events(),
        delays in proptest::collection::vec(0..LATENESS_MS, 81),
        repeated in proptest::collection::vec(0..81usize, 0..20),
    ) {
        let in_order = settled(&mut judge(), &events);
        let mut late: Vec<_> = events[1..].iter().zip(&delays).map(|(f, d)| (f.time + d, *f)).collect();
        for at in repeated {
            if let Some((arrival, facts)) = late.get(at).copied()
                && facts.activity != Activity::Click
            {
                late.push((arrival + 1, facts));
            }
        }
        late.sort_by_key(|(arrival, _)| *arrival);
        let late: Vec<_> = events[..1].iter().copied().chain(late.into_iter().map(|(_, f)| f)).collect();
        prop_assert_eq!(settled(&mut judge(), &late), in_order);
    }

    /// A restart from a snapshot, anywhere.
    #[test]
    fn a_restart_changes_no_verdict(events in events(), at in 0..80usize) {
        let whole = settled(&mut judge(), &events);
        let at = at.min(events.len());
        let mut first = judge();
        let mut said = BTreeMap::new();
        let mut watermark = i64::MIN;
        for facts in &events[..at] {
            watermark = watermark.max(facts.time);
            said.extend(first.close(watermark).iter().map(|c| (c.id, c.opinion)));
            let opinion = first.observe(facts);
            if facts.activity == Activity::Click {
                said.insert(facts.id, opinion);
            }
        }
        let stored = postcard::to_allocvec(&first).unwrap();
        let mut second: NetworkJudge = postcard::from_bytes(&stored).unwrap();
        second.set_rules(Arc::new(RuleSet::default()));
        said.extend(settled(&mut second, &events[at..]));
        prop_assert_eq!(said, whole);
    }
}
