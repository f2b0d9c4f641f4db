//! Measures the embedded log on this machine's disk.
//!
//! `cargo run --release -p footfall-topics --example embedded_speed -- [folder] [seconds]`
//!
//! Appends are durable (one `fdatasync` per gathered write) before they count. Besides the clock it
//! prints the processor time of each thread, per million records. The folder is made
//! in the current directory if none is given, and removed afterwards.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use footfall_topics::{
    Log, Partition, Position, RecordBatch, Topic, append,
    embedded::{EmbeddedLog, Settings},
};

const RECORD_BYTES: usize = 600;
const PARTITIONS: u32 = 4;

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().unwrap_or_else(|| "embedded-speed".to_owned()));
    let seconds = arguments.next().map_or(Ok(5), |seconds| seconds.parse())?;
    let duration = Duration::from_secs(seconds);
    if dir.try_exists()? {
        anyhow::bail!("{} exists: name a folder that doesn't", dir.display());
    }
    let result = measure(&dir, duration);
    std::fs::remove_dir_all(&dir)?;
    result
}

fn measure(dir: &std::path::Path, duration: Duration) -> anyhow::Result<()> {
    let log = EmbeddedLog::open(Settings { partitions: PARTITIONS, ..Settings::new(dir) })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("memory when open: {} MB", resident_mb());
    for (name, records) in
        [("single-record appends, 128 tasks", 1), ("appends of 50 records, 128 tasks", 50)]
    {
        let cpu = Cpu::now();
        let measured = runtime.block_on(appends(&log, 128, records, duration));
        report(name, &measured);
        cpu.report(measured.records);
    }
    println!("memory after appends: {} MB", resident_mb());
    commits(&*log, 200, 500, RECORD_BYTES)?;
    commits(&*log, 20, 50_000, 1_000)?;
    read(&*log, Topic::JudgedEvents, "sequential read of commits")?;
    read(&*log, Topic::Pageviews, "sequential read, warm")?;
    log.close(Duration::from_secs(30));
    drop(log);
    let begin = Instant::now();
    let log = EmbeddedLog::open(Settings { partitions: PARTITIONS, ..Settings::new(dir) })?;
    println!("opened again in {:?}, memory {} MB", begin.elapsed(), resident_mb());
    read(&*log, Topic::Pageviews, "sequential read after opening")?;
    println!("memory after reading: {} MB", resident_mb());
    log.close(Duration::from_secs(30));
    println!("on disk: {} MB", folder_bytes(dir)? / 1_000_000);
    Ok(())
}

struct Measured {
    records: u64,
    elapsed: Duration,
    latencies: Vec<Duration>,
}

fn report(name: &str, measured: &Measured) {
    let at = |percent: usize| measured.latencies[(measured.latencies.len() - 1) * percent / 100];
    println!(
        "{name}: {:.0} records/s, latency p50 {:?} p99 {:?} max {:?}",
        measured.records as f64 / measured.elapsed.as_secs_f64(),
        at(50),
        at(99),
        at(100)
    );
}

/// A record that compresses about as well as events do.
fn value(seed: u64, bytes: usize) -> Vec<u8> {
    let mut value = format!(
        "{{\"id\":\"{:032x}\",\"kind\":\"pageview\",",
        seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    )
    .into_bytes();
    let mut state = seed | 1;
    while value.len() < bytes {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        value.extend_from_slice(format!("\"field\":\"{:x}\",", state >> 44).as_bytes());
    }
    value.truncate(bytes);
    value
}

async fn appends(
    log: &Arc<EmbeddedLog>,
    tasks: u64,
    batch_records: u64,
    duration: Duration,
) -> Measured {
    let begin = Instant::now();
    let count = Arc::new(AtomicU64::new(0));
    let mut running = Vec::new();
    for task in 0..tasks {
        let (log, count) = (log.clone(), count.clone());
        running.push(tokio::spawn(async move {
            let value = value(task, RECORD_BYTES);
            let mut latencies = Vec::new();
            while begin.elapsed() < duration {
                let mut batch = RecordBatch::with_capacity(RECORD_BYTES * batch_records as usize);
                for record in 0..batch_records {
                    let partition = (task + record) as u32 % PARTITIONS;
                    batch.push(Topic::Pageviews, partition, b"", &value);
                }
                let sent = Instant::now();
                append(&*log, batch).await.expect("the append succeeds");
                latencies.push(sent.elapsed());
                count.fetch_add(batch_records, Ordering::Relaxed);
            }
            latencies
        }));
    }
    let mut latencies = Vec::new();
    for task in running {
        latencies.extend(task.await.expect("no task panics"));
    }
    latencies.sort();
    Measured { records: count.load(Ordering::Relaxed), elapsed: begin.elapsed(), latencies }
}

fn commits(log: &dyn Log, commits: u32, records: u64, bytes: usize) -> anyhow::Result<()> {
    let mut member = log.join("speed")?;
    member.poll(Duration::from_secs(1))?;
    let mut shard = member.opener().open(0)?;
    let mut outputs = RecordBatch::new();
    for record in 0..records {
        outputs.push(Topic::JudgedEvents, 0, b"", &value(record, bytes));
    }
    let (begin, cpu) = (Instant::now(), Cpu::now());
    for commit in 0..commits {
        let partition = Partition { topic: Topic::Pageviews, number: 0 };
        let offset = u64::from(commit);
        shard.commit(&outputs, &[Position { partition, offset, metadata: String::new() }])?;
    }
    let elapsed = begin.elapsed() / commits;
    println!("commit of {records} records of {bytes} bytes: {elapsed:?}");
    cpu.report(u64::from(commits) * records);
    Ok(())
}

/// Processor time of this process's threads so far, in hundredths of a second, by name.
struct Cpu(BTreeMap<String, u64>);

impl Cpu {
    fn now() -> Cpu {
        let mut by_name = BTreeMap::new();
        let tasks = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
        for stat in tasks.filter_map(|task| std::fs::read_to_string(task.path().join("stat")).ok())
        {
            let Some((name, rest)) = stat.split_once('(').and_then(|(_, it)| it.rsplit_once(") "))
            else {
                continue;
            };
            let ticks = rest.split(' ').skip(11).take(2).filter_map(|it| it.parse::<u64>().ok());
            *by_name.entry(name.to_owned()).or_default() += ticks.sum::<u64>();
        }
        Cpu(by_name)
    }

    /// Prints what was used since.
    fn report(&self, records: u64) {
        for (name, ticks) in Cpu::now().0 {
            let used = ticks - self.0.get(&name).copied().unwrap_or(0);
            if used > 0 {
                let seconds = used as f64 / 100.0;
                let per_million = seconds * 1e6 / records as f64;
                println!("    {name}: {seconds} s, {per_million:.3} s per million records");
            }
        }
    }
}

fn read(log: &dyn Log, topic: Topic, name: &str) -> anyhow::Result<()> {
    let mut reader = log.reader()?;
    for number in 0..PARTITIONS {
        reader.assign(Partition { topic, number }, 0)?;
    }
    let (begin, cpu) = (Instant::now(), Cpu::now());
    let (mut records, mut bytes, mut ends) = (0u64, 0u64, 0);
    while ends < PARTITIONS {
        for chunk in reader.poll(4 << 20, Duration::from_secs(1))? {
            for record in chunk.iter() {
                records += 1;
                bytes +=
                    record.value.iter().step_by(64).map(|byte| u64::from(*byte & 1)).sum::<u64>();
            }
            ends += u32::from(chunk.is_empty() && chunk.at_end);
        }
    }
    let elapsed = begin.elapsed();
    println!(
        "{name}: {records} records, {:.0} records/s (check {bytes})",
        records as f64 / elapsed.as_secs_f64()
    );
    cpu.report(records);
    Ok(())
}

fn resident_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0) / 1_000
}

fn folder_bytes(dir: &std::path::Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt as _;
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        bytes +=
            if metadata.is_dir() { folder_bytes(&entry.path())? } else { metadata.blocks() * 512 };
    }
    Ok(bytes)
}
