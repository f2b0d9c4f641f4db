//! `footfall evaluate`: how well the rules tell fraud from people, in a simulated market.
//!
//! A day of honest traffic is made from a seed, a family of fraud is added at a given intensity, and
//! the aggregator's two stages judge it, record by record, as in service; only the sweep and the
//! ablation, which are hundreds of days, go through the rules alone. What comes out is honest about
//! itself: every figure is simulated, thresholds were set while looking at half of the families only,
//! and the seeds that are reported are not those that were looked at.
//!
//! # Layout
//!
//! - `world`: honest people. `adversary`: the families. `act`: what both do.
//! - `stages`: a day through the aggregator's own stages. `judging`: through the rules alone.
//! - `metrics`: figures of a day, and intervals.
//! - `report`, `plot`: Markdown and SVG.

mod act;
mod adversary;
mod judging;
mod metrics;
mod plot;
mod report;
mod stages;
mod world;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use clap::Args;
use footfall_aggregator::rules::RuleSet;
use footfall_event::VerdictReason;
use footfall_event::verdict::Tier;

use adversary::{FAMILIES, Family, Row};
use metrics::Figures;
use world::World;

/// Seeds from here on were never looked at while thresholds were set.
const HELD_OUT: u64 = 1_010;
/// Intensities of the sweep: shares of all clicks.
const SWEEP: [f64; 6] = [0.001, 0.005, 0.02, 0.05, 0.1, 0.3];

/// What to evaluate.
#[derive(Clone, Debug, Args)]
pub(crate) struct EvaluateArgs {
    /// Rules to evaluate instead of the built-in ones
    #[arg(long, value_name = "FILE")]
    rules: Option<PathBuf>,
    /// Days with seeds of their own
    #[arg(long, value_name = "N", default_value_t = 5)]
    seeds: u64,
    /// First seed; from 1010 on seeds were not used when thresholds were set
    #[arg(long, value_name = "N", default_value_t = HELD_OUT)]
    first_seed: u64,
    /// Honest people of a day; 130,000 make more than a million impressions
    #[arg(long, value_name = "N", default_value_t = 130_000)]
    people: usize,
    /// Fraud as a share of all clicks
    #[arg(long, value_name = "SHARE", default_value_t = 0.05)]
    intensity: f64,
    /// Only these families, by their codes; all when none is named
    #[arg(long = "family", value_name = "CODE")]
    families: Vec<String>,
    /// Leave out the sweep over intensities and the ablation
    #[arg(long)]
    quick: bool,
    /// Write report.md and its plots into this folder
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl EvaluateArgs {
    /// The command that makes this report.
    fn command(&self) -> String {
        let mut command = format!(
            "footfall evaluate --seeds {} --first-seed {} --people {} --intensity {}",
            self.seeds, self.first_seed, self.people, self.intensity
        );
        for code in &self.families {
            command.push_str(&format!(" --family {code}"));
        }
        if let Some(rules) = &self.rules {
            command.push_str(&format!(" --rules {}", rules.display()));
        }
        if self.quick {
            command.push_str(" --quick");
        }
        if let Some(out) = &self.out {
            command.push_str(&format!(" --out {}", out.display()));
        }
        command
    }
}

/// Judges an honest day: how many events, and seconds of processor time. For the benchmark.
pub(crate) fn cost() -> (usize, f64) {
    let mut world = World::new(HELD_OUT, 130_000);
    world.acts.sort_by_key(|act| act.time);
    let rules = Arc::new(RuleSet::default());
    let before = processor_seconds();
    let day = judging::judge(&mut world, &rules);
    assert!(!day.clicks.is_empty(), "a day has clicks");
    (world.acts.len(), processor_seconds() - before)
}

fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

/// One day: who attacks, how much, and which seed.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    family: Option<Family>,
    intensity: f64,
    seed: u64,
    without: Option<VerdictReason>,
    by: By,
}

/// What judges a day. Both say the same; the stages take some seven times as long.
#[derive(Clone, Copy, Debug, PartialEq)]
enum By {
    /// The aggregator's stages, with the records around the rules.
    Stages,
    /// The rules alone.
    Rules,
}

/// Everything that was found.
struct Found {
    /// Days without fraud.
    honest: Vec<Figures>,
    /// The families that were asked for.
    rows: Vec<Row>,
    /// Days of each family at the chosen intensity.
    families: Vec<Vec<Figures>>,
    /// For each family, the recall at each intensity of [`SWEEP`], one seed.
    sweep: Vec<Vec<f64>>,
    /// What each signal adds: recall over all families, and false positives, when it is off.
    ablation: Vec<(VerdictReason, f64, f64)>,
    impressions: usize,
}

/// Runs the evaluation, prints the report, and writes it where that was asked for.
pub(crate) fn run(args: &EvaluateArgs) -> Result<()> {
    ensure!((0.0..0.9).contains(&args.intensity), "--intensity is a share: from 0 to 0.9");
    ensure!(args.seeds > 0 && args.people >= 1_000, "one seed and 1,000 people are the least");
    let rules = match &args.rules {
        None => RuleSet::default(),
        Some(path) => {
            let text = std::fs::read_to_string(path)
                .with_context(|| format!("reading {}", path.display()))?;
            RuleSet::parse(&text).with_context(|| format!("in {}", path.display()))?
        }
    };
    let found = evaluate(args, &rules, chosen(&args.families)?);
    let (report, plots) = report::write(args, &rules, &found);
    crate::commands::print(report.trim_end());
    if let Some(folder) = &args.out {
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("report.md"), &report)?;
        for (name, plot) in plots {
            std::fs::write(folder.join(name), plot)?;
        }
    }
    Ok(())
}

/// The families with these codes.
fn chosen(codes: &[String]) -> Result<Vec<Row>> {
    let known: std::collections::BTreeSet<_> = FAMILIES.iter().map(|row| row.1).collect();
    if let Some(code) = codes.iter().find(|code| !known.contains(code.as_str())) {
        let known: Vec<_> = known.into_iter().collect();
        anyhow::bail!("--family {code}: there is no such family; there are {}", known.join(", "));
    }
    let wanted = |row: &&Row| codes.is_empty() || codes.iter().any(|code| code == row.1);
    Ok(FAMILIES.iter().filter(wanted).copied().collect())
}

fn evaluate(args: &EvaluateArgs, rules: &RuleSet, rows: Vec<Row>) -> Found {
    let seeds: Vec<u64> = (args.first_seed..args.first_seed + args.seeds).collect();
    let day =
        |family, intensity, seed| Run { family, intensity, seed, without: None, by: By::Stages };
    let mut runs: Vec<Run> = seeds.iter().map(|seed| day(None, 0.0, *seed)).collect();
    for (family, ..) in &rows {
        runs.extend(seeds.iter().map(|seed| day(Some(*family), args.intensity, *seed)));
    }
    let main = runs.len();
    let mut ablated = Vec::new();
    if !args.quick {
        for (family, ..) in &rows {
            let swept = SWEEP.iter().map(|share| day(Some(*family), *share, seeds[0]));
            runs.extend(swept.map(|run| Run { by: By::Rules, ..run }));
        }
        let filters = VerdictReason::ALL.iter().copied();
        ablated = filters.filter(|r| rules.base().tier(*r) == Tier::Filter).collect();
        for reason in &ablated {
            for (family, ..) in &rows {
                let run = day(Some(*family), args.intensity, seeds[0]);
                runs.push(Run { without: Some(*reason), by: By::Rules, ..run });
            }
        }
    }
    let figures = judge_all(&runs, rules, args.people);
    let of_seeds = |at: usize| -> Vec<Figures> {
        let first = seeds.len() * at;
        figures[first..first + seeds.len()].iter().map(|day| day.0.clone()).collect()
    };
    let families = (1..=rows.len()).map(of_seeds).collect();
    let swept = if args.quick { &[][..] } else { &figures[main..] };
    let sweep = swept
        .chunks(SWEEP.len())
        .take(rows.len())
        .map(|points| points.iter().map(|day| day.0.recall()).collect())
        .collect();
    let ablation = ablated
        .iter()
        .zip(swept.get(SWEEP.len() * rows.len()..).unwrap_or_default().chunks(rows.len()))
        .map(|(reason, days)| {
            let count = days.len() as f64;
            let recall = days.iter().map(|day| day.0.recall()).sum::<f64>() / count;
            let wrong = days.iter().map(|day| day.0.false_positives()).sum::<f64>() / count;
            (*reason, recall, wrong)
        })
        .collect();
    Found { honest: of_seeds(0), rows, families, sweep, ablation, impressions: figures[0].1 }
}

/// All days, on as many threads as there are cores.
fn judge_all(runs: &[Run], rules: &RuleSet, people: usize) -> Vec<(Figures, usize)> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let done = std::sync::Mutex::new(vec![(Figures::default(), 0); runs.len()]);
    std::thread::scope(|scope| {
        for _ in 0..threads.min(runs.len()) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(run) = runs.get(at) else { break };
                    let figures = judge_one(*run, rules, people);
                    done.lock().expect("no thread panics while it holds the lock")[at] = figures;
                }
            });
        }
    });
    done.into_inner().expect("all threads have ended")
}

fn judge_one(run: Run, rules: &RuleSet, people: usize) -> (Figures, usize) {
    let mut world = World::new(run.seed, people);
    if let Some(family) = run.family {
        let clicks = world.acts.iter().filter(|act| act.deed == act::Deed::Click).count() as f64;
        let fraud = clicks * run.intensity / (1.0 - run.intensity);
        world.attack(family, (fraud.round() as usize).max(1));
    }
    let rules = match run.without {
        Some(reason) => rules.without(reason),
        None => rules.clone(),
    };
    let rules = Arc::new(rules);
    let day = match run.by {
        By::Stages => stages::judge(&mut world, &rules),
        By::Rules => judging::judge(&mut world, &rules),
    };
    (Figures::of(&day, rules.base()), day.impressions)
}

#[cfg(test)]
mod tests;
