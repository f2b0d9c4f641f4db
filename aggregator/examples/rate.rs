//! Measures the aggregator: events per CPU-second from the embedded log to judged events.
//!
//! ```text
//! cargo run --release -p footfall-aggregator --example rate -- [EVENTS] [PARTITIONS] [BATCH_MIB] [core]
//! ```
//!
//! First the core alone is measured, on batches in memory, as often as [`REPEATS`] says: on a busy
//! machine the fastest run tells most. With `core` that is all. Otherwise it fills a log in a temporary
//! folder with events as the ingest writes them (see `traffic`), then runs the aggregator over it and
//! counts the CPU time of all threads: reading, the core, commits, and the log's own threads. The
//! filling is not measured. What the core wrote is made rows of, as the loader does, beside the general
//! JSON parser.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use footfall_aggregator::core::Core;
use footfall_aggregator::shard::{Input, Stage};
use footfall_aggregator::{RuleLibrary, Settings, run_aggregator};
use footfall_event::{Event, Topic};
use footfall_topics::embedded::{self, EmbeddedLog};
use footfall_topics::{Log, Partition, RecordBatch, append_blocking};
use footfall_warehouse::{EventBlock, SessionBlock};
use tokio_util::sync::CancellationToken;

use traffic::Step;

// The same traffic as `footfall bench`.
#[path = "../../footfall/src/bench/traffic.rs"]
mod traffic;

// As in the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Events of one batch in the measurement of the core: about a second of one of four partitions.
const BATCH: usize = 5_000;

/// Runs of the core alone.
const REPEATS: usize = 5;

/// Events of the visits that begin in a second, all partitions together: a busy day's peak. The fewer,
/// the more of a visit's events meet in one batch, which makes them cheaper.
const PER_SECOND: f64 = 20_000.0;

fn main() {
    let core_only = std::env::args().any(|argument| argument == "core");
    let mut arguments = std::env::args().skip(1).filter_map(|argument| argument.parse().ok());
    let events: u64 = arguments.next().unwrap_or(2_000_000);
    let partitions = arguments.next().unwrap_or(4) as u32;
    let mut aggregate = Settings::default();
    if let Some(mib) = arguments.next() {
        aggregate.batch_bytes_max = (mib as usize) << 20;
    }
    let steps = traffic::steps(events as usize, PER_SECOND, start());
    core_alone(&steps, u64::from(partitions));
    if core_only {
        return;
    }
    let dir = tempfile::tempdir().expect("a temporary folder");
    let settings = embedded::Settings { partitions, ..embedded::Settings::new(dir.path()) };
    let log = EmbeddedLog::open(settings).expect("the log opens");
    fill(log.as_ref(), &steps);
    whole(log, events, aggregate);
}

fn start() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.expect("after 1970").as_millis() as i64 - 3_600_000
}

/// The steps of partition `number` out of `partitions`.
fn part(steps: &[Step], number: u64, partitions: u64) -> impl Iterator<Item = &Step> {
    steps.iter().filter(move |step| step.visitor % partitions == number)
}

fn core_alone(steps: &[Step], partitions: u64) {
    let records: Vec<(Topic, Vec<u8>)> = part(steps, 0, partitions)
        .map(|step| (step.activity.topic(), step.event().to_json()))
        .collect();
    let mut outputs = RecordBatch::new();
    for _ in 0..REPEATS {
        outputs = run_core(&records);
    }
    make_rows(&outputs);
}

/// What the loader does before an insert.
fn make_rows(outputs: &RecordBatch) {
    let records = |topic| -> Vec<&[u8]> {
        let of = outputs.iter().filter(|(partition, ..)| partition.topic == topic);
        of.map(|(_, _, value)| value).collect()
    };
    let (events, visits) = (records(Topic::JudgedEvents), records(Topic::Sessions));
    let mut block = EventBlock::default();
    let took = micros_each(&events, |records| {
        block.clear();
        records.iter().for_each(|record| block.push(record).expect("a judged event"));
    });
    let general = micros_each(&events, |records| {
        block.clear();
        for record in records {
            let event: Event<'_> = serde_json::from_slice(record).expect("an event");
            block.push_event(&event).expect("judged");
        }
    });
    let mut block = SessionBlock::default();
    let visit = micros_each(&visits, |records| {
        block.clear();
        records.iter().for_each(|record| block.push(record).expect("a difference"));
    });
    println!(
        "rows: {took:.2} µs an event ({general:.2} with the general parser), {visit:.2} a visit"
    );
}

/// The clock of a thread's processor time is coarse: many rounds, after one in which the memory comes.
fn micros_each(records: &[&[u8]], mut round: impl FnMut(&[&[u8]])) -> f64 {
    const ROUNDS: usize = 100;
    round(records);
    let began = thread_seconds();
    (0..ROUNDS).for_each(|_| round(records));
    (thread_seconds() - began) * 1e6 / (ROUNDS * records.len()) as f64
}

/// Returns what the last batch made.
fn run_core(records: &[(Topic, Vec<u8>)]) -> RecordBatch {
    let bytes: usize = records.iter().map(|(_, value)| value.len()).sum();
    let mut core = Core::new(Settings::default().core_limits());
    let mut out = RecordBatch::new();
    let (began, mut written, mut deltas, mut delta_bytes) = (thread_seconds(), 0, 0, 0);
    for (number, batch) in records.chunks(BATCH).enumerate() {
        let inputs: Vec<Input<'_>> = batch
            .iter()
            .enumerate()
            .map(|(index, (topic, value))| Input {
                topic: *topic,
                offset: (number * BATCH + index) as u64,
                key: b"",
                value,
            })
            .collect();
        core.process(&inputs, 0, &mut out);
        written += out.bytes();
        for (partition, _, value) in out.iter() {
            deltas += usize::from(partition.topic == Topic::Sessions);
            delta_bytes += value.len() * usize::from(partition.topic == Topic::Sessions);
        }
        if (number + 1) * BATCH < records.len() {
            out.clear();
        }
    }
    let seconds = thread_seconds() - began;
    let events = records.len();
    println!(
        "core alone, {events} events: {:.2} µs each; {} bytes an event in, {} out; \
         {:.2} differences of visits an event, {} bytes each",
        seconds * 1e6 / events as f64,
        bytes / events,
        written / events,
        deltas as f64 / events as f64,
        delta_bytes / deltas.max(1),
    );
    out
}

fn fill(log: &dyn Log, steps: &[Step]) {
    let partitions = u64::from(log.partitions(Topic::Pageviews));
    for steps in steps.chunks(5_000) {
        let mut batch = RecordBatch::new();
        for step in steps {
            let partition = (step.visitor % partitions) as u32;
            batch.push(step.activity.topic(), partition, b"", &step.event().to_json());
        }
        append_blocking(log, batch).expect("the log takes it");
    }
}

/// CPU seconds of this thread.
fn thread_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = stat.split(' ').next().and_then(|field| field.parse::<f64>().ok());
    nanoseconds.unwrap_or(f64::NAN) / 1e9
}

/// CPU seconds by name of thread.
fn cpu_seconds() -> BTreeMap<String, f64> {
    let mut seconds = BTreeMap::new();
    for task in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let Ok(stat) = std::fs::read_to_string(task.path().join("stat")) else { continue };
        let Some((name, rest)) = stat.rsplit_once(") ") else { continue };
        let name = name.split_once('(').map_or("", |(_, name)| name);
        let fields: Vec<&str> = rest.split(' ').collect();
        let ticks = |index: usize| fields.get(index).and_then(|f| f.parse::<f64>().ok());
        // utime and stime, in hundredths of a second.
        let used = (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0)) / 100.0;
        let name = name.trim_end_matches(|c: char| c.is_ascii_digit());
        *seconds.entry(name.to_owned()).or_insert(0.0) += used;
    }
    seconds
}

fn whole(log: Arc<EmbeddedLog>, events: u64, aggregate: Settings) {
    let partitions = log.partitions(Topic::JudgedEvents);
    let records = |topic| -> u64 {
        let end = |number| log.offsets(Partition { topic, number }).map_or(0, |found| found.end);
        (0..partitions).map(end).sum()
    };
    let before = cpu_seconds();
    let began = Instant::now();
    let stop = CancellationToken::new();
    let rules = Arc::new(RuleLibrary::built_in());
    let handle = run_aggregator(log.clone(), rules, aggregate, stop.clone()).expect("it starts");
    while records(Topic::JudgedEvents) < events {
        std::thread::sleep(Duration::from_millis(20));
    }
    let elapsed = began.elapsed().as_secs_f64();
    let after = cpu_seconds();
    let used: BTreeMap<&String, f64> = after
        .iter()
        .map(|(name, seconds)| (name, seconds - before.get(name).unwrap_or(&0.0)))
        .filter(|(_, seconds)| *seconds > 0.0)
        .collect();
    let total: f64 = used.values().sum();
    println!(
        "embedded log to judged events: {events} events, {:.0} events/s, {:.0} events per CPU-second; \
         {:.2} differences of visits an event",
        events as f64 / elapsed,
        events as f64 / total,
        records(Topic::Sessions) as f64 / events as f64,
    );
    println!("CPU seconds by thread: {used:.2?}");
    stop.cancel();
    drop(handle.join());
    log.close(Duration::from_secs(10));
}
