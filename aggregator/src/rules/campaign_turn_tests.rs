//! Stage 2: what comes a little earlier or later than a comparison.

use footfall_event::VerdictReason as R;

use super::tests::{NOON, SECOND, click, judge, with};
use super::*;
use crate::rules::{Marks, Opinion};

#[test]
fn what_stage_one_finds_out_after_its_first_look_is_not_compared() {
    // Four clicks make the alarm. One of them is invalid for another reason, said before or after the
    // others are compared: a shard may be ahead of another by so much.
    let hidden = |id: u128| click(id, NOON + id as i64 * SECOND, Marks::UNVIEWED);
    let said = |after_s: i64, early: bool| {
        let mut judge = judge();
        for id in 0..4 {
            judge.observe(&hidden(id));
        }
        let correction = Correction {
            id: 1,
            time: hidden(1).time,
            site: hidden(1).site,
            campaign: 2,
            at: hidden(1).time + after_s * SECOND,
            opinion: Opinion {
                reasons: [R::DatacentreNetwork].into_iter().collect(),
                marks: Marks::UNVIEWED,
            },
        };
        let mut said = BTreeMap::new();
        let mut say = |change: Change| {
            said.insert(change.id, change.after);
        };
        if early {
            judge.correct(&correction).into_iter().for_each(&mut say);
        }
        judge.close(NOON + HOUR_MS).into_iter().for_each(&mut say);
        if !early {
            judge.correct(&correction).into_iter().for_each(&mut say);
        }
        said
    };
    assert_eq!(said(181, true), said(181, false));
    assert_eq!(with(&said(181, true), R::HiddenAd), [0, 1, 2, 3]);
    // The first look itself comes before the comparison, and counts.
    assert_eq!(with(&said(180, true), R::HiddenAd), []);
}

#[test]
fn what_comes_about_the_end_of_an_hour_belongs_to_its_own_hour() {
    let hour = NOON.div_euclid(HOUR_MS);
    let conversion =
        |at: i64| Outcome { campaign: 2, site: 1 << 40, placement: 3, at, after_ms: 1 };
    let shown = |at: i64| Delta {
        campaign: 2,
        site: 1 << 40,
        placement: 3,
        position: 1,
        minute: at,
        net_impressions: 5,
    };
    let end = NOON + HOUR_MS;
    let before = [NOON + 5, end - 1].map(Some);
    let after = [end, end + 4 * 60 * SECOND, end + HOUR_MS + 1].map(Some);
    // The turn is the moment at which the first click of the next hour is compared.
    let clicks = [click(1, NOON + SECOND, Marks::default()), click(2, end + 1, Marks::default())];
    let place = |order: &[Option<i64>]| {
        let mut judge = judge();
        for click in &clicks {
            judge.observe(click);
        }
        judge.close(NOON + 10 * 60 * SECOND);
        for at in order {
            match at {
                Some(at) => {
                    judge.convert(&conversion(*at));
                    judge.count(&shown(*at));
                }
                None => drop(judge.close(end + 10 * 60 * SECOND)),
            }
        }
        let campaign = &judge.campaigns[&2];
        assert_eq!(campaign.hour, hour + 1);
        postcard::to_allocvec(&campaign.places).unwrap()
    };
    let late: Vec<_> = before.into_iter().chain([None]).chain(after).collect();
    let early: Vec<_> = after.into_iter().chain(before).chain([None]).collect();
    assert_eq!(place(&late), place(&early));
}
