//! `footfall bench ysb`: the Yahoo streaming benchmark with the aggregator's own decoding and
//! windows. Parse JSON events, keep the views, find each ad's campaign, count per campaign in
//! windows of ten seconds of event time; from a file, or from Kafka exactly once.
//!
//! The result is one line of JSON; the counts go to `--out`. Events and what they should add up to
//! are made by `--generate`. See <https://github.com/yahoo/streaming-benchmarks>.

mod file;
mod generate;
mod kafka;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use footfall_aggregator::tally::{Groups, Outcomes, Rule, Tally};

use super::cpu_seconds;
use crate::config::Config;

use generate::Plan;

/// `footfall bench ysb …`
#[derive(Debug, Args)]
pub(crate) struct YsbArgs {
    /// Events, one JSON object per line
    #[arg(long, value_name = "FILE", conflicts_with = "topic")]
    file: Option<PathBuf>,
    /// Topic with the events, one JSON object per record (with --kafka)
    #[arg(long, value_name = "TOPIC", required_unless_present = "file")]
    topic: Option<String>,
    /// Which campaign each ad belongs to: lines of ad,campaign
    #[arg(long, value_name = "FILE")]
    ads: PathBuf,
    /// Where the counts go: lines of campaign,window_start_ms,count
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// Make so many events, the ads and the expected counts instead of counting
    #[arg(long, value_name = "N")]
    generate: Option<u64>,
    /// The same seed makes the same events
    #[arg(long, default_value_t = 1, requires = "generate")]
    seed: u64,
    /// Go on where the run of this name stopped, and count it in (with --topic) [default: a run of
    /// its own]
    #[arg(long, value_name = "NAME", requires = "topic")]
    run: Option<String>,
}

/// Counts by campaign and first moment of the window, milliseconds since 1970.
type Counts = BTreeMap<(String, i64), u64>;

/// Makes events, or counts them.
pub(crate) fn run(config: &Config, args: &YsbArgs) -> Result<()> {
    let (start, cpu) = (Instant::now(), cpu_seconds());
    if args.topic.is_some() {
        ensure!(config.uses_kafka(), "--topic needs a cluster: give --kafka HOST:PORT");
    }
    if let Some(events) = args.generate {
        return make(config, args, &Plan { events, seed: args.seed });
    }
    let mut tally = Tally::new(Rule::yahoo(), read_ads(&args.ads)?);
    let mut counts = Counts::new();
    let (outcomes, seconds, cpu_seconds) = match (&args.file, &args.topic) {
        (Some(path), _) => {
            file::count(path, &mut tally)?;
            add(&mut tally, &mut counts);
            write_counts(&args.out, &counts)?;
            (tally.outcomes(), start.elapsed().as_secs_f64(), cpu_seconds() - cpu)
        }
        (None, Some(topic)) => {
            let settings = crate::roles::kafka_settings(config);
            let run = kafka::Run::new(settings, topic, args.run.as_deref());
            run.count(&mut tally)?;
            let measured = (start.elapsed().as_secs_f64(), cpu_seconds() - cpu);
            // What counts is what the log has committed, not what this process believes.
            run.read_back(&mut counts)?;
            write_counts(&args.out, &counts)?;
            (tally.outcomes(), measured.0, measured.1)
        }
        (None, None) => bail!("give --file FILE, or --kafka HOST:PORT and --topic TOPIC"),
    };
    say(&outcomes, counts.len(), seconds, cpu_seconds);
    Ok(())
}

fn say(outcomes: &Outcomes, windows: usize, seconds: f64, cpu_seconds: f64) {
    let line = serde_json::json!({
        "events": outcomes.events(),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
        "events_per_cpu_second": (outcomes.events() as f64 / cpu_seconds.max(1e-9)).round(),
        "counted": outcomes.counted,
        "left_out": outcomes.left_out,
        "unknown_ads": outcomes.unknown,
        "malformed": outcomes.malformed,
        "windows": windows,
    });
    println!("{line}");
}

fn make(config: &Config, args: &YsbArgs, plan: &Plan) -> Result<()> {
    let (mut ads, mut counts) = (create(&args.ads)?, create(&args.out)?);
    match (&args.file, &args.topic) {
        (Some(path), _) => {
            let mut events = create(path)?;
            plan.make(&mut ads, &mut counts, |event| {
                events.write_all(event)?;
                Ok(events.write_all(b"\n")?)
            })?;
            events.flush()?;
        }
        (None, Some(topic)) => {
            kafka::fill(crate::roles::kafka_settings(config), topic, |each| {
                plan.make(&mut ads, &mut counts, each)
            })?;
        }
        (None, None) => bail!("give --file FILE, or --kafka HOST:PORT and --topic TOPIC"),
    }
    ads.flush()?;
    counts.flush()?;
    println!("{}", serde_json::json!({ "generated": plan.events, "seed": plan.seed }));
    Ok(())
}

fn create(path: &Path) -> Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("{} can't be made", path.display()))?;
    Ok(BufWriter::with_capacity(1 << 20, file))
}

fn read_ads(path: &Path) -> Result<Groups> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("the ads in {} can't be read", path.display()))?;
    let mut groups = Groups::default();
    for (at, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let parts = line.split_once(',').filter(|(_, campaign)| !campaign.contains(','));
        let (ad, campaign) = parts.with_context(|| {
            format!("{}, line {}: expected ad,campaign", path.display(), at + 1)
        })?;
        groups.put(ad.trim(), campaign.trim());
    }
    ensure!(!groups.is_empty(), "{} names no ads: expected lines of ad,campaign", path.display());
    Ok(groups)
}

/// Moves what was counted since the last time into the sums.
fn add(tally: &mut Tally, counts: &mut Counts) {
    tally.drain(|campaign, start, count| {
        *counts.entry((campaign.to_owned(), start)).or_default() += count;
    });
}

fn write_counts(path: &Path, counts: &Counts) -> Result<()> {
    let mut out = create(path)?;
    for ((campaign, start), count) in counts {
        writeln!(out, "{campaign},{start},{count}")?;
    }
    Ok(out.flush()?)
}
