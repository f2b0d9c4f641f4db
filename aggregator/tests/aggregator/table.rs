//! Single situations. Each event is a batch of its own, so that every difference is written.

use footfall_event::{Activity, Verdict, VerdictReason};

use crate::world::{Act, HOUR, MIDNIGHT, MINUTE, Totals, World, expected, limits};

/// `"pageview 10:00 /p1"` lines → acts of person 1. Minutes are relative to noon, or to midnight
/// with `+`/`-`; `late N` is the delay of arrival in minutes.
fn acts(lines: &str) -> Vec<Act> {
    let mut acts = Vec::new();
    for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let mut words = line.split_whitespace();
        let activity = Activity::parse(words.next().unwrap()).unwrap();
        let minute: f64 = words.next().unwrap().parse().unwrap();
        let time = MIDNIGHT + (minute * MINUTE as f64) as i64;
        let mut act = Act::new(acts.len() as u128 + 1, 1, activity, time);
        while let Some(word) = words.next() {
            let mut number = || words.next().unwrap().parse::<i64>().unwrap();
            match word {
                "path" => act.path = number() as u8,
                "source" => act.source = number() as u8,
                "engaged" => act.engaged_ms = number() as u32,
                "received" => act.received_at = MIDNIGHT + number() * MINUTE,
                "bot" => act.bot = true,
                "id" => act.id = number() as u128,
                other => panic!("{other}"),
            }
        }
        acts.push(act);
    }
    acts
}

fn run(lines: &str) -> (World, Vec<Act>) {
    let acts = acts(lines);
    let mut world = World::new(limits());
    for act in &acts {
        world.batch(std::slice::from_ref(act));
    }
    (world, acts)
}

/// Sums over all visits: visits, bounces, page views, duration in minutes, engaged milliseconds.
fn sums(totals: &Totals) -> [i64; 5] {
    let mut sums = [0; 5];
    for measures in totals.visits.values() {
        for (sum, value) in sums.iter_mut().zip(measures) {
            *sum += value;
        }
    }
    sums[3] /= MINUTE;
    sums
}

#[track_caller]
fn check(lines: &str, expect: [i64; 5]) -> World {
    let (world, acts) = run(lines);
    let totals = world.totals();
    assert_eq!(sums(&totals), expect);
    assert_eq!(totals, expected(&acts));
    world
}

#[test]
fn one_page_view_bounces() {
    check("pageview 600", [1, 1, 1, 0, 0]);
}

#[test]
fn a_second_page_view_takes_the_bounce_back() {
    check("pageview 600\n pageview 605 path 1", [1, 0, 2, 5, 0]);
}

#[test]
fn a_search_or_action_is_no_bounce() {
    check("pageview 600\n search 601", [1, 0, 1, 1, 0]);
    check("pageview 600\n action 601", [1, 0, 1, 1, 0]);
}

#[test]
fn a_visit_without_page_view_is_no_bounce() {
    check("action 600", [1, 0, 0, 0, 0]);
}

#[test]
fn engagement_prolongs_and_counts() {
    check("pageview 600\n engagement 610 engaged 4000", [1, 1, 1, 10, 4_000]);
}

#[test]
fn engagement_and_click_open_nothing() {
    check("engagement 600 engaged 4000\n click 601", [0, 0, 0, 0, 0]);
}

#[test]
fn thirty_minutes_continue_and_a_bit_more_does_not() {
    check("pageview 600\n pageview 630", [1, 0, 2, 30, 0]);
    check("pageview 600\n pageview 630.001", [2, 2, 2, 0, 0]);
}

#[test]
fn an_engagement_bridges_the_gap() {
    check("pageview 600\n engagement 625\n pageview 650", [1, 0, 2, 50, 0]);
}

#[test]
fn a_late_page_view_joins_two_visits() {
    check(
        "pageview 600 path 1 source 1\n pageview 640 path 2 source 2\n pageview 620 path 3 received 641",
        [1, 0, 3, 40, 0],
    );
}

#[test]
fn a_late_page_view_becomes_the_entry_and_gives_the_source() {
    let world = check(
        "pageview 610 path 2 source 2\n pageview 600 path 1 source 1 received 611",
        [1, 0, 2, 10, 0],
    );
    let totals = world.totals();
    let ((dimensions, exit), _) = totals.exits.first_key_value().unwrap();
    assert_eq!((&*dimensions.3, &**exit, &*dimensions.4), ("/p1", "/p2", "S1"));
}

#[test]
fn an_orphan_finds_its_visit() {
    check("engagement 610 engaged 5\n pageview 600 received 611", [1, 1, 1, 10, 5]);
    check("engagement 610 engaged 5\n pageview 611", [1, 1, 1, 0, 0]);
}

#[test]
fn a_visit_goes_on_across_midnight_and_keeps_its_day() {
    let world = check("pageview -10 path 1\n pageview 5 path 2\n engagement 20", [1, 0, 2, 30, 0]);
    let totals = world.totals();
    let day_before = MIDNIGHT - 10 * MINUTE;
    assert!(totals.visits.keys().all(|dimensions| dimensions.1 == day_before));
    // Both days have had a visitor, only the first has a visit.
    assert_eq!(totals.new_visitors.values().sum::<i64>(), 2);
    let with_visit: i64 =
        totals.visitors.iter().filter(|(key, _)| key.2 == "any").map(|(_, count)| count).sum();
    assert_eq!(with_visit, 1);
}

#[test]
fn the_day_before_may_arrive_after_midnight() {
    check("pageview 5 path 2\n pageview -10 path 1 received 6", [1, 0, 2, 15, 0]);
    check(
        "pageview 25\n engagement -20 engaged 7 received 26\n pageview -30 received 27\n pageview 3 received 28",
        [1, 0, 3, 55, 7],
    );
}

#[test]
fn two_visits_are_one_visitor_per_value() {
    let world = check(
        "pageview 600 source 1\n pageview 700 source 1\n pageview 800 source 2",
        [3, 3, 3, 0, 0],
    );
    let totals = world.totals();
    let count = |name: &str| -> i64 {
        totals.visitors.iter().filter(|(key, _)| key.2 == name).map(|(_, count)| count).sum()
    };
    assert_eq!((count("any"), count("source"), count("entry")), (1, 2, 1));
}

#[test]
fn repeats_are_counted_once() {
    let (world, _) =
        run("pageview 600 id 9\n pageview 600 id 9 received 650\n pageview 600 id 9 received 1900");
    assert_eq!((world.stats.stored, world.stats.repeats), (1, 2));
}

#[test]
fn bots_have_visits_of_their_own() {
    let (world, acts) = run("pageview 600\n pageview 601 bot\n pageview 602 bot path 1");
    assert_eq!(world.totals(), expected(&acts));
    let judged = world.judged();
    let verdicts: Vec<_> = judged.iter().map(|e| e.judged.as_ref().unwrap().verdict).collect();
    assert_eq!(verdicts, [Verdict::Valid, Verdict::Invalid, Verdict::Invalid]);
    let reasons = &judged[1].judged.as_ref().unwrap().reasons;
    assert_eq!(reasons, &[VerdictReason::BotAgent]);
}

#[test]
fn what_is_later_than_an_hour_is_a_visit_of_its_own() {
    let (world, _) = run(
        "pageview 600\n pageview 601\n pageview 700\n pageview 610 received 701 path 1\n pageview 612 received 702",
    );
    // 600+601, 700, and the two late ones together; the first visit is not rewritten.
    assert_eq!(sums(&world.totals()), [3, 1, 5, 3, 0]);
    assert_eq!(world.stats.late, 2);
    let late: Vec<_> = world.judged().iter().map(|e| e.judged.as_ref().unwrap().late).collect();
    assert_eq!(late, [false, false, false, true, true]);
}

#[test]
fn imports_are_neither_late_nor_too_old() {
    let mut world = World::new(limits());
    let now = MIDNIGHT + 600 * MINUTE;
    world.batch(&acts("pageview 600 id 100"));
    for (n, days) in [(1, 400), (2, 400), (3, 2)] {
        let mut act = acts("pageview 0").remove(0);
        act.id = n;
        act.time = now - days * 24 * HOUR + n as i64 * MINUTE;
        act.received_at = now;
        let mut event = act.event();
        event.via = footfall_event::record::Via::Import;
        let record = (act.activity.topic(), event.to_json());
        world.records(std::slice::from_ref(&record));
        world.records(&[record]);
    }
    assert_eq!((world.stats.stored, world.stats.repeats, world.stats.late), (4, 3, 0));
    assert_eq!(sums(&world.totals()), [3, 2, 4, 1, 0]);
}

#[test]
fn the_session_of_an_event_is_that_of_its_visit() {
    let (world, _) = run("pageview 600\n engagement 601\n pageview 602\n click 700\n pageview 800");
    let of: Vec<_> = world.judged().iter().map(|e| e.judged.as_ref().unwrap().session).collect();
    assert!(of[0].is_some() && of[0] == of[1] && of[1] == of[2]);
    assert_eq!(of[3], None);
    assert!(of[4].is_some() && of[4] != of[0]);
}

#[test]
fn a_days_two_months_later_are_new_visitors() {
    let minutes = 60 * 24 * 60;
    let (world, _) = run(&format!("pageview 600\n pageview {}", 600 + minutes));
    assert_eq!(world.totals().new_visitors.values().sum::<i64>(), 2);
}
