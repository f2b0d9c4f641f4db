//! `footfall bench`: our figures, each beside a baseline measured in the same run.
//!
//! The machine is shared and noisy, so a figure means something only as a ratio to its baseline or
//! against its target; both are printed. Everything runs on loopback in temporary folders.

mod aggregate;
mod arrivals;
mod catalogue;
mod child;
mod dashboard;
mod ingest;
mod judging;
mod latency;
mod redirect;
mod replay;
mod traffic;
mod wrk;
mod yahoo;
mod ysb;

use anyhow::Result;
use clap::{Args, Subcommand, ValueEnum};

use crate::config::Config;

/// What to measure.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct BenchArgs {
    #[command(subcommand)]
    engine: Option<EngineBench>,
    /// Measure only these
    #[arg(value_enum)]
    only: Vec<Figure>,
    /// Seconds of load for each figure that needs load
    #[arg(long, default_value_t = 10)]
    seconds: u32,
    /// Million events for the aggregator and the loader
    #[arg(long, default_value_t = 2)]
    million: usize,
    /// Million stored events under the dashboard
    #[arg(long, default_value_t = 10)]
    stored: usize,
    /// Serve the bare baseline handler on this address (used by the measurements themselves)
    #[arg(long, hide = true)]
    bare: Option<std::net::SocketAddr>,
    /// Serve ingest alone on this address (used by the measurements themselves)
    #[arg(long, hide = true, requires = "folder")]
    ingest: Option<std::net::SocketAddr>,
    /// The folder of that ingest
    #[arg(long, hide = true)]
    folder: Option<std::path::PathBuf>,
}

/// A published benchmark, run alone.
#[derive(Debug, Subcommand)]
enum EngineBench {
    /// Yahoo's streaming benchmark: views per campaign in windows of ten seconds
    Ysb(ysb::YsbArgs),
}

/// One measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Figure {
    /// Single-event beacons, durable, beside a bare handler
    Beacons,
    /// Batches of 50 by the keyed API
    Batches,
    /// Clicks, recorded, beside nginx's `return 302`
    Redirect,
    /// Starting and changing with 500,000 ads
    Catalogue,
    /// Embedded log to judged events
    Aggregate,
    /// Judged events into ClickHouse
    Load,
    /// Beacon to visible by query at half the peak rate
    Latency,
    /// Memory of `serve` at rest
    Memory,
    /// The site's page over stored events
    Dashboard,
    /// The rules: time for an event, memory for ten million visitors
    Judging,
    /// Stored ad events judged again
    Replay,
    /// Yahoo's streaming benchmark: from a file, and with --kafka from there
    Yahoo,
}

/// One line of the result.
pub(crate) struct Row {
    figure: &'static str,
    ours: String,
    baseline: String,
    target: &'static str,
    holds: bool,
}

/// Runs the measurements and prints the table.
pub(crate) fn run(config: &Config, args: &BenchArgs) -> Result<()> {
    if let Some(EngineBench::Ysb(args)) = &args.engine {
        return ysb::run(config, args);
    }
    if let Some(address) = args.bare {
        return ingest::serve_bare(address);
    }
    if let (Some(address), Some(folder)) = (args.ingest, &args.folder) {
        return ingest::serve_ingest(address, folder);
    }
    let wanted = |figure| args.only.is_empty() || args.only.contains(&figure);
    let mut rows = Vec::new();
    if wanted(Figure::Memory) {
        rows.push(latency::memory()?);
    }
    if wanted(Figure::Beacons) {
        rows.push(ingest::beacons(args.seconds)?);
    }
    if wanted(Figure::Batches) {
        rows.push(ingest::batches(args.seconds)?);
    }
    if wanted(Figure::Redirect) {
        rows.push(redirect::measure(args.seconds)?);
    }
    if wanted(Figure::Catalogue) {
        rows.extend(catalogue::measure()?);
    }
    if wanted(Figure::Aggregate) || wanted(Figure::Load) {
        rows.extend(aggregate::measure(args.million * 1_000_000)?);
    }
    if wanted(Figure::Latency) {
        rows.push(latency::end_to_end(args.seconds)?);
    }
    if wanted(Figure::Judging) {
        rows.extend(judging::measure());
    }
    if wanted(Figure::Replay) {
        rows.push(replay::measure(args.million * 1_000_000)?);
    }
    if wanted(Figure::Dashboard) {
        rows.extend(dashboard::measure(args.stored * 1_000_000)?);
    }
    if wanted(Figure::Yahoo) {
        rows.extend(yahoo::measure(config, args.million as u64 * 1_000_000)?);
    }
    print(&rows);
    Ok(())
}

fn print(rows: &[Row]) {
    println!("| figure | ours | baseline | target | holds |");
    println!("|---|---|---|---|---|");
    for row in rows {
        let holds = if row.holds { "yes" } else { "NO" };
        println!("| {} | {} | {} | {} | {holds} |", row.figure, row.ours, row.baseline, row.target);
    }
}

/// Seconds of processor time that this process has used.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// A number with thousands separated, for people.
pub(crate) fn grouped(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
