//! Sequential tests at their alarm, and what calms them.

use super::*;

const ODDS: Odds = Odds { usual: 0.1, strange: 0.9, alarm: 6.0 };

fn feed(excess: &mut Excess, marks: &str) -> Vec<u128> {
    let mut found = Vec::new();
    for (i, mark) in marks.bytes().enumerate() {
        let at = (i as i64, i as u128);
        let all = excess.own;
        let out = excess.click(at, mark == b'x', all, ODDS);
        found.extend(out.into_iter().map(|(_, id)| id));
    }
    found
}

#[test]
fn the_alarm_comes_with_the_click_that_is_one_too_many() {
    // ln 9 = 2.2 for each marked click: two are too few, three are enough.
    let mut excess = Excess::default();
    assert!(feed(&mut excess, "xx").is_empty() && !excess.is_alarmed());
    let mut excess = Excess::default();
    assert_eq!(feed(&mut excess, "xxx"), [0, 1, 2]);
    assert!(excess.is_alarmed());
}

#[test]
fn clicks_without_the_mark_are_never_found_and_calm_the_test() {
    let mut excess = Excess::default();
    assert_eq!(feed(&mut excess, "ox.xox..oox...xo"), []);
    assert!(!excess.is_alarmed());
    let mut excess = Excess::default();
    assert_eq!(feed(&mut excess, "oxxoxxxxo"), [1, 2, 4, 5, 6, 7]);
    assert!(excess.is_alarmed());
    feed(&mut excess, "oooooo");
    assert!(!excess.is_alarmed());
}

#[test]
fn what_is_usual_is_learnt_from_the_other_placements() {
    // Where half of all clicks have the mark, three in a row prove nothing.
    let mut excess = Excess::default();
    let all = Tally { clicks: 10_000, marked: 5_000 };
    for id in 0..5 {
        assert!(excess.click((0, id), true, all, ODDS).is_empty());
    }
    // But nobody becomes what is usual by being the most.
    let flooded = Tally { clicks: 10_000, marked: 9_900 };
    let mut excess = Excess::default();
    assert!((excess.usual(flooded, ODDS) - 0.54).abs() < 1e-9);
    for id in 0..20 {
        excess.click((0, id), true, flooded, ODDS);
    }
    assert!(excess.is_alarmed());
}

#[test]
fn the_same_people_again_prove_nothing_and_are_found_with_the_others() {
    let mut excess = Excess::default();
    let all = Tally::default();
    assert!(excess.click((0, 0), true, all, ODDS).is_empty());
    for id in 1..50 {
        assert!(excess.repeat((0, id), true).is_empty() && !excess.is_alarmed());
    }
    assert!(excess.click((0, 50), true, all, ODDS).is_empty());
    assert_eq!(excess.click((0, 51), true, all, ODDS).len(), 52);
    assert_eq!(excess.repeat((0, 52), true), [(0, 52)]);
    assert!(excess.repeat((0, 53), false).is_empty(), "it has not the mark");
}

#[test]
fn what_is_strange_keeps_its_odds() {
    let near = |found: f64, right: f64| (found - right).abs() < 1e-9;
    assert!(near(ODDS.scaled(0.1).strange, 0.9));
    // 81 to 1: from one in a hundred to nine in twenty.
    assert!(near(ODDS.scaled(0.01).strange, 0.45));
    assert!(near(ODDS.scaled(0.5).strange, 81.0 / 82.0));
}
