//! By which rules events are judged that are read again: replayed after a restart, or judged anew.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use footfall_aggregator::library::adopt;
use footfall_aggregator::replay::{ReplayProgress, replay};
use footfall_aggregator::rules::RuleSet;
use footfall_aggregator::{RuleLibrary, Settings};
use footfall_event::ads::Revision;
use footfall_event::{Activity, Id, Topic, Verdict, VerdictReason};
use footfall_topics::Log;
use footfall_topics::catalog::CatalogView;

use crate::faulty::Faulty;
use crate::machinery::{
    append, check, count, open, quick, records, start, start_with, traffic, wait_until,
};
use crate::world::{Act, HOUR, MIDNIGHT, MINUTE};

/// Whatever is replayed is judged by the rules of its time; what is judged later by those of now.
#[test]
fn a_replay_judges_by_the_rules_of_its_time() {
    let dir = tempfile::tempdir().unwrap();
    let click = |id: u128, time: i64| Act::new(id, 2 * id as u64, Activity::Click, time);
    let judged = |log: &dyn Log, n: u64| {
        wait_until("the click", || count(log, Topic::JudgedEvents) == n);
    };
    // Of each click is said at once that it names no impression, as long as that is a reason.
    let inner = open(dir.path());
    let view = || CatalogView::follow(inner.clone()).unwrap();
    let log = Faulty::new(inner.clone());
    log.without_snapshots.store(true, Ordering::SeqCst);
    let running = start_with(log.clone(), RuleLibrary::new(view()), quick());
    append(inner.as_ref(), &[click(1, MIDNIGHT)]);
    judged(inner.as_ref(), 1);
    let rules = "version = 9\n[tiers]\nno_impression = \"off\"";
    assert!(adopt(&view(), rules, "ann").unwrap());
    let library = RuleLibrary::new(view());
    assert_eq!(library.current().version(), 9);
    running.stop();
    // The same program, started again: everything before is replayed.
    let running = start_with(log.clone(), library, quick());
    append(inner.as_ref(), &[click(2, MIDNIGHT + MINUTE)]);
    judged(inner.as_ref(), 2);
    running.stop();
    let running = start_with(log.clone(), RuleLibrary::new(view()), quick());
    append(inner.as_ref(), &[Act { activity: Activity::Search, ..click(3, MIDNIGHT + HOUR) }]);
    judged(inner.as_ref(), 3);
    wait_until("the second look", || count(inner.as_ref(), Topic::Verdicts) > 0);
    running.stop();
    let revisions = records(inner.as_ref(), Topic::Verdicts);
    let revisions: Vec<Revision<'_>> =
        revisions.iter().map(|(_, _, json)| serde_json::from_slice(json).unwrap()).collect();
    assert_eq!(revisions.len(), 1, "{revisions:?}");
    let first = &revisions[0];
    assert_eq!((first.id.as_u128(), first.verdict, first.rules), (1, Verdict::Valid, 9));
    drop(log);
    inner.close(Duration::from_secs(5));
}

/// The verdict on each click, hindsight included.
fn in_force(log: &dyn Log) -> BTreeMap<Id, (Verdict, Vec<VerdictReason>)> {
    let mut verdicts = BTreeMap::new();
    for (_, _, json) in records(log, Topic::JudgedEvents) {
        let event = footfall_event::Event::from_json(&json).unwrap();
        let judged = event.judged.unwrap();
        if event.activity == Activity::Click {
            verdicts.insert(event.id, (judged.verdict, judged.reasons));
        }
    }
    for (_, _, json) in records(log, Topic::Verdicts) {
        let revision: Revision<'_> = serde_json::from_slice(&json).unwrap();
        verdicts.insert(revision.id, (revision.verdict, revision.reasons));
    }
    verdicts
}

/// History judged again by the same rules says the same; by others it says what they say.
#[test]
fn history_is_judged_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let acts = traffic(8, 2_000);
    // Hours pass between two parts: what runs already may see a topic's next part before another's.
    for part in acts.chunks(100) {
        append(log.as_ref(), part);
    }
    let running = start(log.clone(), quick());
    check(log.as_ref(), &acts);
    let last = Act { id: 1, time: MIDNIGHT + 9 * HOUR, ..acts[0].clone() };
    let last = Act { activity: Activity::Pageview, received_at: last.time, bot: false, ..last };
    for person in [2, 3] {
        append(log.as_ref(), &[Act { id: u128::from(person), person, ..last.clone() }]);
    }
    wait_until("the end", || count(log.as_ref(), Topic::JudgedEvents) == 2_002);
    let judge = |rules: RuleSet, from| {
        let progress = ReplayProgress::default();
        let found = replay(log.as_ref(), &Arc::new(rules), &Settings::default(), from, &progress);
        let (done, total) =
            (progress.done.load(Ordering::SeqCst), progress.total.load(Ordering::SeqCst));
        assert_eq!((done, total), (2_002, 2_002));
        found.unwrap()
    };
    let again = judge(RuleSet::default(), i64::MIN);
    let found: BTreeMap<_, _> =
        again.iter().map(|click| (click.id, (click.verdict, click.reasons.clone()))).collect();
    assert!(found.len() > 300, "{}", found.len());
    // What the last events say about clicks follows behind them.
    wait_until("the same verdicts", || in_force(log.as_ref()) == found);
    running.stop();
    assert_eq!(in_force(log.as_ref()), found);
    let without = judge(RuleSet::default().without(VerdictReason::BotAgent), MIDNIGHT);
    assert!(without.len() < again.len() && without.iter().all(|click| click.time >= MIDNIGHT));
    assert!(without.iter().all(|click| !click.reasons.contains(&VerdictReason::BotAgent)));
    log.close(Duration::from_secs(5));
}
