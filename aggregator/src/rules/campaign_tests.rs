//! Stage 2's signals; and that order and a restart change nothing.

use footfall_event::VerdictReason as R;
use proptest::prelude::*;

use super::*;
use crate::rules::{Marks, Opinion};

pub(super) const NOON: i64 = 1_772_452_800_000;
pub(super) const SECOND: i64 = 1_000;

pub(super) fn judge() -> CampaignJudge {
    CampaignJudge::new(Arc::new(RuleSet::default()))
}

pub(super) fn click(id: u128, time: i64, marks: Marks) -> Candidate {
    Candidate {
        id,
        time,
        site: 1 << 40,
        campaign: 2,
        ad: 5,
        placement: 3,
        position: 1,
        network: (id as u64 + 1) << 33,
        impression: id + 1,
        account: 0,
        country: None,
        opinion: Opinion { reasons: Reasons::NONE, marks },
    }
}

/// The reasons of each click when all is over.
fn settled(judge: &mut CampaignJudge, clicks: &[Candidate]) -> BTreeMap<u128, Reasons> {
    let mut said = BTreeMap::new();
    let mut watermark = NOON;
    for click in clicks {
        if click.time > watermark {
            watermark = click.time;
            said.extend(judge.close(watermark).iter().map(|change| (change.id, change.after)));
        }
        let (reasons, changes) = judge.observe(click);
        said.insert(click.id, reasons);
        said.extend(changes.iter().map(|change| (change.id, change.after)));
    }
    said.extend(
        judge.close(watermark + 24 * HOUR_MS).iter().map(|change| (change.id, change.after)),
    );
    said
}

pub(super) fn with(said: &BTreeMap<u128, Reasons>, reason: R) -> Vec<u128> {
    said.iter().filter(|(_, reasons)| reasons.contains(reason)).map(|(id, _)| *id).collect()
}

#[test]
fn one_click_for_each_impression_whatever_the_order_and_the_network() {
    let replayed = |id, time| Candidate { impression: 77, ..click(id, time, Marks::default()) };
    let clicks: Vec<_> = (0..1_000).map(|n| replayed(n, NOON + n as i64)).collect();
    let mut backwards = clicks.clone();
    backwards.reverse();
    for order in [clicks, backwards] {
        let said = settled(&mut judge(), &order);
        let duplicates = with(&said, R::DuplicateClick);
        assert_eq!(duplicates.len(), 999);
        assert!(!duplicates.contains(&0), "the first counts");
    }
    // Without an impression there is nothing to compare.
    let none = |id| Candidate { impression: 0, ..click(id, NOON, Marks::default()) };
    assert!(with(&settled(&mut judge(), &[none(1), none(2)]), R::DuplicateClick).is_empty());
}

#[test]
fn a_placement_that_hides_its_ads_is_found_out_after_four_clicks() {
    let hidden = |count: u128| {
        let clicks: Vec<_> =
            (0..count).map(|n| click(n, NOON + n as i64 * SECOND, Marks::UNVIEWED)).collect();
        with(&settled(&mut judge(), &clicks), R::HiddenAd).len()
    };
    assert_eq!(hidden(3), 0);
    assert_eq!(hidden(4), 4, "those before the alarm as well");
    assert_eq!(hidden(50), 50);
    // Ten minutes later a verdict doesn't change any more.
    let slow: Vec<_> =
        (0..5).map(|n| click(n, NOON + n as i64 * 400 * SECOND, Marks::UNVIEWED)).collect();
    assert_eq!(with(&settled(&mut judge(), &slow), R::HiddenAd), [3, 4]);
}

/// Each test of a placement: one click too few, just enough, one more; in order, backwards, and with
/// every click coming twice.
#[test]
fn each_test_of_a_placement_at_its_edge() {
    let rules = RuleSet::default();
    for (mark, reason) in crate::rules::excess::TESTS {
        let odds = crate::rules::excess::Odds::of(&rules.base().thresholds, reason);
        let enough = (odds.alarm / (odds.strange / odds.usual).ln()).ceil() as u128;
        for (count, found) in [(enough - 1, 0), (enough, enough), (enough + 1, enough + 1)] {
            let clicks: Vec<_> =
                (0..count).map(|n| click(n, NOON + n as i64 * SECOND, mark)).collect();
            let backwards: Vec<_> = clicks.iter().rev().copied().collect();
            let twice: Vec<_> = clicks.iter().flat_map(|click| [*click, *click]).collect();
            for order in [&clicks, &backwards, &twice] {
                let mut measured = judge();
                measured.count(&Delta {
                    campaign: 2,
                    site: 1 << 40,
                    placement: 3,
                    position: 1,
                    minute: NOON,
                    net_impressions: 1,
                });
                let said = settled(&mut measured, order);
                assert_eq!(with(&said, reason).len() as u128, found, "{reason}: {count}");
            }
        }
        // The same people again and again are one witness.
        let again: Vec<_> = (0..3 * enough)
            .map(|n| click(n, NOON + n as i64 * SECOND, Marks(mark.0 | Marks::AGAIN.0)))
            .collect();
        assert!(with(&settled(&mut judge(), &again), reason).is_empty(), "{reason}");
    }
}

#[test]
fn honest_visitors_of_a_dishonest_placement_are_counted() {
    let clicks: Vec<_> = (0..60)
        .map(|n| {
            let marks = if n % 10 == 9 { Marks::default() } else { Marks::UNVIEWED };
            click(n, NOON + n as i64 * SECOND, marks)
        })
        .collect();
    let found = with(&settled(&mut judge(), &clicks), R::HiddenAd);
    assert_eq!(found.len(), 54);
    assert!(found.iter().all(|id| id % 10 != 9));
}

#[test]
fn what_is_invalid_anyhow_says_nothing_about_a_placement() {
    let bots: Vec<_> = (0..20)
        .map(|n| {
            let mut bot = click(n, NOON + n as i64, Marks::UNVIEWED);
            bot.opinion.reasons.insert(R::BotAgent);
            bot
        })
        .chain([click(99, NOON + 50, Marks::UNVIEWED)])
        .collect();
    assert!(with(&settled(&mut judge(), &bots), R::HiddenAd).is_empty());
}

#[test]
fn clicks_without_impressions_mean_something_where_impressions_are_counted() {
    let clicks: Vec<_> =
        (0..9).map(|n| click(n, NOON + n as i64 * SECOND, Marks::UNPROVEN)).collect();
    assert!(with(&settled(&mut judge(), &clicks), R::ClickFlooding).is_empty());
    let mut measured = judge();
    measured.count(&Delta {
        campaign: 2,
        site: 1 << 40,
        placement: 3,
        position: 1,
        minute: NOON,
        net_impressions: 1,
    });
    assert_eq!(with(&settled(&mut measured, &clicks), R::ClickFlooding).len(), 9);
}

#[test]
fn publishers_with_the_same_clicking_networks() {
    let clicks = |common: u128| -> usize {
        let of = |site: u64| {
            (0..60u128).map(move |n| {
                let network = if n < common { n } else { n + 1_000 * u128::from(site) };
                let id = u128::from(site) << 32 | n;
                Candidate {
                    site: site << 40,
                    network: (network as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15),
                    ..click(id, NOON + id as i64 % 977 * SECOND, Marks::HOUSEHOLD)
                }
            })
        };
        let mut all: Vec<_> = of(1).chain(of(2)).collect();
        all.sort_by_key(|click| click.time);
        with(&settled(&mut judge(), &all), R::Collusion).len()
    };
    assert_eq!(clicks(0), 0);
    // Eight of 112 networks in common: 7 %.
    assert_eq!(clicks(8), 0);
    // Fifty of seventy: 71 %; those that come once there is enough to compare.
    assert!((20..=100).contains(&clicks(50)), "{}", clicks(50));
}

#[test]
fn an_account_in_two_places() {
    let at = |id: u128, hours: i64, country: &[u8; 2]| Candidate {
        account: 5,
        country: Some(*country),
        ..click(id, NOON + hours * HOUR_MS, Marks::default())
    };
    let said = settled(&mut judge(), &[at(1, 0, b"DE"), at(2, 1, b"JP"), at(3, 20, b"DE")]);
    assert_eq!(with(&said, R::ImpossibleTravel), [2]);
    let nobody = |id, hours, country| Candidate { account: 0, ..at(id, hours, country) };
    let said = settled(&mut judge(), &[nobody(1, 0, b"DE"), nobody(2, 1, b"JP")]);
    assert!(with(&said, R::ImpossibleTravel).is_empty());
}

#[test]
fn stage_one_may_change_its_mind_until_the_end() {
    let mut judge = judge();
    judge.observe(&click(1, NOON, Marks::default()));
    let opinion = Opinion { reasons: [R::NetworkRate].into_iter().collect(), ..Opinion::default() };
    let correction =
        Correction { id: 1, time: NOON, site: 1 << 40, campaign: 2, at: NOON, opinion };
    let change = judge.correct(&correction).unwrap();
    assert_eq!((change.before, change.after), (Reasons::NONE, opinion.reasons));
    assert_eq!(judge.correct(&correction), None, "nothing new");
    judge.close(NOON + 27 * 3_600 * SECOND);
    let back = Correction { opinion: Opinion::default(), ..correction };
    assert_eq!(judge.correct(&back), None, "it is forgotten");
}

#[test]
fn a_campaign_may_have_its_own_rules() {
    let text = "version = 9\n[[override]]\ncampaign = \"own\"\ntiers.hidden_ad = \"off\"";
    let mut judge = CampaignJudge::new(Arc::new(RuleSet::parse(text).unwrap()));
    let own = footfall_event::ads::name_hash("own");
    let clicks: Vec<_> = (0..20)
        .map(|n| Candidate { campaign: own, ..click(n, NOON + n as i64, Marks::UNVIEWED) })
        .collect();
    assert!(with(&settled(&mut judge, &clicks), R::HiddenAd).is_empty());
}

fn clicks() -> impl Strategy<Value = Vec<Candidate>> {
    let one = (0..5_400_000i64, 0..128u16, 1..4u64, 1..4u64, 0..30u128, 1..3u64, any::<bool>());
    let click = one.prop_map(|(offset, marks, site, placement, impression, campaign, bot)| {
        let mut candidate = Candidate {
            site: site << 40,
            placement,
            impression,
            campaign,
            ..click(0, NOON + offset, Marks(marks))
        };
        candidate.opinion.reasons.insert_if(bot && marks % 5 == 0, R::BotAgent);
        candidate
    });
    proptest::collection::vec(click, 1..120).prop_map(|mut clicks| {
        for (at, click) in clicks.iter_mut().enumerate() {
            click.id = at as u128;
            click.network = (at as u64 % 20 + 1) << 33;
        }
        clicks.sort_by_key(|click| click.time);
        clicks
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever is at most two minutes late.
    #[test]
    fn order_changes_no_verdict(
        clicks in clicks(),
        delays in proptest::collection::vec(0..120_000i64, 120),
    ) {
        let in_order = settled(&mut judge(), &clicks);
        let mut late: Vec<_> = clicks.iter().zip(&delays).map(|(c, d)| (c.time + d, *c)).collect();
        late.sort_by_key(|(arrival, _)| *arrival);
        let late: Vec<_> = late.into_iter().map(|(_, click)| click).collect();
        prop_assert_eq!(settled(&mut judge(), &late), in_order);
    }

    /// A restart from a snapshot, anywhere.
    #[test]
    fn a_restart_changes_no_verdict(clicks in clicks(), at in 0..120usize) {
        let whole = settled(&mut judge(), &clicks);
        let at = at.min(clicks.len());
        let mut first = judge();
        let mut said = BTreeMap::new();
        for click in &clicks[..at] {
            said.extend(first.close(click.time).iter().map(|change| (change.id, change.after)));
            let (reasons, changes) = first.observe(click);
            said.insert(click.id, reasons);
            said.extend(changes.iter().map(|change| (change.id, change.after)));
        }
        let stored = postcard::to_allocvec(&first).unwrap();
        let mut second: CampaignJudge = postcard::from_bytes(&stored).unwrap();
        second.set_rules(Arc::new(RuleSet::default()));
        said.extend(settled(&mut second, &clicks[at..]));
        prop_assert_eq!(said, whole);
    }
}
