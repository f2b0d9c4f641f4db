//! The shard machinery on the embedded log: whatever breaks, every event is passed on once and the
//! visits are those of an undisturbed run.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use footfall_aggregator::{Handle, RuleLibrary, Settings, run_ads, run_aggregator};
use footfall_event::{Activity, Topic};
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::{Log, Ownership, Partition, RecordBatch, append_blocking};
use tokio_util::sync::CancellationToken;

use crate::faulty::{FAULTS, Fault, Faulty};
use crate::world::{Act, HOUR, MIDNIGHT, MINUTE, World, expected, limits};

const SHARDS: u32 = 2;

pub(crate) fn open(dir: &std::path::Path) -> Arc<EmbeddedLog> {
    let settings = embedded::Settings {
        partitions: SHARDS,
        min_free_bytes: 0,
        ..embedded::Settings::new(dir)
    };
    EmbeddedLog::open(settings).unwrap()
}

pub(crate) fn quick() -> Settings {
    Settings { commit_interval_ms: 5, linger_ms: 1, snapshot_interval_s: 0, ..Settings::default() }
}

/// Random traffic of a few persons over a day, in time.
pub(crate) fn traffic(seed: u64, count: usize) -> Vec<Act> {
    let mut state = seed | 1;
    let mut random = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut now = MIDNIGHT - 3 * HOUR;
    let mut acts = Vec::new();
    for n in 0..count {
        now += random(2 * MINUTE as u64) as i64;
        acts.push(Act {
            id: (u128::from(seed) << 64) | (n as u128 + 1),
            person: 1 + random(20),
            activity: [Activity::Pageview, Activity::Engagement, Activity::Search, Activity::Click]
                [random(4) as usize],
            time: now,
            received_at: now,
            path: random(5) as u8,
            source: random(3) as u8,
            engaged_ms: random(3) as u32 * 500,
            bot: random(9) == 0,
        });
    }
    acts
}

pub(crate) fn append(log: &dyn Log, acts: &[Act]) {
    let mut batch = RecordBatch::new();
    for act in acts {
        let shard = (act.person % u64::from(SHARDS)) as u32;
        batch.push(act.activity.topic(), shard, b"", &act.event().to_json());
    }
    append_blocking(log, batch).unwrap();
}

pub(crate) struct Running {
    handle: Handle,
    ads: Handle,
    stop: CancellationToken,
}

pub(crate) fn start(log: Arc<dyn Log>, settings: Settings) -> Running {
    start_with(log, RuleLibrary::built_in(), settings)
}

pub(crate) fn start_with(log: Arc<dyn Log>, rules: RuleLibrary, settings: Settings) -> Running {
    let rules = Arc::new(rules);
    let stop = CancellationToken::new();
    let handle =
        run_aggregator(log.clone(), rules.clone(), settings.clone(), stop.clone()).unwrap();
    let ads = run_ads(log, rules, settings, stop.clone()).unwrap();
    Running { handle, ads, stop }
}

impl Running {
    pub(crate) fn stop(self) {
        self.stop.cancel();
        self.handle.join().unwrap();
        self.ads.join().unwrap();
    }
}

/// All records of a topic.
pub(crate) fn records(log: &dyn Log, topic: Topic) -> Vec<(u32, u64, Vec<u8>)> {
    let mut all = Vec::new();
    for number in 0..SHARDS {
        let partition = Partition { topic, number };
        let offsets = log.offsets(partition).unwrap();
        let mut reader = log.reader().unwrap();
        reader.assign(partition, offsets.start).unwrap();
        let mut next = offsets.start;
        while next < offsets.end {
            for chunk in reader.poll(1 << 20, Duration::from_millis(100)).unwrap() {
                next = next.max(chunk.next_offset);
                all.extend(
                    chunk.iter().map(|record| (number, record.offset, record.value.to_vec())),
                );
            }
        }
    }
    all
}

#[track_caller]
pub(crate) fn wait_until(what: &str, mut done: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(60);
    while !done() {
        assert!(Instant::now() < until, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn count(log: &dyn Log, topic: Topic) -> u64 {
    let end = |number| log.offsets(Partition { topic, number }).unwrap().end;
    (0..SHARDS).map(end).sum()
}

/// Every event passed on once, and the sums are those of the definitions.
#[track_caller]
pub(crate) fn check(log: &dyn Log, acts: &[Act]) {
    wait_until("the last event", || count(log, Topic::JudgedEvents) >= acts.len() as u64);
    std::thread::sleep(Duration::from_millis(50));
    let mut world = World::new(limits());
    for topic in [Topic::JudgedEvents, Topic::Sessions, Topic::DeadLetters] {
        world.outputs.extend(records(log, topic).into_iter().map(|(_, _, value)| (topic, value)));
    }
    let mut ids: Vec<u128> = world.judged().iter().map(|event| event.id.as_u128()).collect();
    ids.sort_unstable();
    let mut sent: Vec<u128> = acts.iter().map(|act| act.id).collect();
    sent.sort_unstable();
    assert_eq!(ids, sent);
    assert_eq!(world.totals(), expected(acts));
    assert_eq!(world.of(Topic::DeadLetters).count(), 0);
}

#[test]
fn events_become_judged_events_and_visits() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let acts = traffic(1, 500);
    let running = start(log.clone(), Settings::default());
    for part in acts.chunks(100) {
        append(log.as_ref(), part);
    }
    check(log.as_ref(), &acts);
    wait_until("the lag's end", || {
        let state = running.handle.progress().state();
        state.shards == [0, 1] && state.lag_events == 0 && state.records == 500
    });
    running.stop();
}

#[test]
fn restarts_with_and_without_snapshot_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let acts = traffic(2, 1_200);
    for (round, part) in acts.chunks(100).enumerate() {
        let inner = open(dir.path());
        let log = Faulty::new(inner.clone());
        log.without_snapshots.store(round % 3 != 2, Ordering::SeqCst);
        let settings = Settings { batch_records_max: 30, ..quick() };
        let running = start(log.clone(), settings);
        for some in part.chunks(20) {
            append(inner.as_ref(), some);
            std::thread::sleep(Duration::from_millis(3));
        }
        let expect = (round as u64 + 1) * 100;
        wait_until("the round's end", || count(inner.as_ref(), Topic::JudgedEvents) == expect);
        if round == 11 {
            check(inner.as_ref(), &acts);
        }
        running.stop();
        drop(log);
        inner.close(Duration::from_secs(5));
    }
}

#[test]
fn every_kind_of_broken_commit_is_survived() {
    let dir = tempfile::tempdir().unwrap();
    let inner = open(dir.path());
    let log = Faulty::new(inner.clone());
    let (mut commits, mut faults) = (0u64, 0);
    log.plan(move |_, _| {
        commits += 1;
        let fault: Fault = FAULTS[faults % FAULTS.len()];
        let now = commits % 4 == 3 && faults < 2 * FAULTS.len();
        faults += usize::from(now);
        now.then_some(fault)
    });
    let acts = traffic(3, 2_000);
    let running = start(log.clone(), Settings { batch_records_max: 25, ..quick() });
    for part in acts.chunks(50) {
        append(inner.as_ref(), part);
        std::thread::sleep(Duration::from_millis(5));
    }
    check(inner.as_ref(), &acts);
    assert_eq!(log.faults.load(Ordering::SeqCst), 2 * FAULTS.len() as u64);
    running.stop();
}

#[test]
fn shards_go_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let inner = open(dir.path());
    let log = Faulty::new(inner.clone());
    let acts = traffic(4, 1_000);
    let running = start(log.clone(), quick());
    let say = |changes: &[Ownership]| {
        log.say(changes);
        wait_until("the message's delivery", || log.was_heard());
    };
    for (round, part) in acts.chunks(50).enumerate() {
        append(inner.as_ref(), part);
        let shard = (round % 2) as u32;
        match round % 5 {
            0 => say(&[Ownership::Revoked(shard), Ownership::Gained(shard)]),
            1 => say(&[Ownership::Lost(shard), Ownership::Gained(shard)]),
            2 => {
                say(&[Ownership::Revoked(0), Ownership::Revoked(1)]);
                std::thread::sleep(Duration::from_millis(30));
                say(&[Ownership::Gained(1), Ownership::Gained(0)]);
            }
            3 => say(&[Ownership::Gained(shard)]),
            _ => {}
        }
    }
    check(inner.as_ref(), &acts);
    running.stop();
}

/// Which moment a shard has reached it tells every shard of the next stage on both topics, and once
/// that it rests.
#[test]
fn a_shard_with_nothing_left_to_read_rests() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let acts = traffic(7, 400);
    let running = start(log.clone(), Settings { rest_after_ms: 30, ..quick() });
    let said = |text: &str| {
        let all = [Topic::AdClicks, Topic::AdDeltas].map(|topic| records(log.as_ref(), topic));
        let is_said = |record: &[u8]| String::from_utf8_lossy(record).contains(text);
        all.concat().iter().filter(|(_, _, record)| is_said(record)).count()
    };
    let everybody = 2 * (SHARDS * SHARDS) as usize;
    for part in acts.chunks(200) {
        let before = said("\"rests\":true");
        append(log.as_ref(), part);
        wait_until("the rest of both", || said("\"rests\":true") >= before + everybody);
        std::thread::sleep(Duration::from_millis(150));
        let times = (said("\"rests\":true") - before) / everybody;
        assert!(times <= 3, "not again and again, but {times} times");
    }
    assert!(said("\"note\":\"reached\"") > said("\"rests\":true"));
    check(log.as_ref(), &acts);
    running.stop();
}

#[test]
fn a_second_owner_takes_over_and_the_first_can_do_no_harm() {
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let acts = traffic(5, 900);
    let first = start(log.clone(), quick());
    append(log.as_ref(), &acts[..300]);
    wait_until("the first part", || count(log.as_ref(), Topic::JudgedEvents) == 300);
    let second = start(log.clone(), quick());
    append(log.as_ref(), &acts[300..600]);
    wait_until("the second part", || count(log.as_ref(), Topic::JudgedEvents) == 600);
    second.stop();
    append(log.as_ref(), &acts[600..]);
    check(log.as_ref(), &acts);
    first.stop();
}

#[test]
fn a_backlog_of_hours_is_not_late() {
    // All page views of a day lie in one topic, all engagements in another: read one after the
    // other, the second would be a day late.
    let dir = tempfile::tempdir().unwrap();
    let log = open(dir.path());
    let acts = traffic(6, 3_000);
    for activity in Activity::ALL {
        let of: Vec<Act> = acts.iter().filter(|act| act.activity == activity).cloned().collect();
        append(log.as_ref(), &of);
    }
    let running = start(log.clone(), Settings { batch_records_max: 40, ..quick() });
    check(log.as_ref(), &acts);
    running.stop();
}
