//! The report: Markdown with tables, and two plots.

use std::fmt::Write;

use footfall_aggregator::rules::RuleSet;
use footfall_event::VerdictReason;

use super::adversary::FAMILIES;
use super::metrics::{Estimate, Figures};
use super::plot;
use super::world::Cohort;
use super::{EvaluateArgs, Found, HELD_OUT, SWEEP};

/// The report, and its plots by file name.
pub(super) fn write(
    args: &EvaluateArgs,
    rules: &RuleSet,
    found: &Found,
) -> (String, Vec<(&'static str, String)>) {
    let mut out = String::new();
    let mut plots = Vec::new();
    head(&mut out, args, rules, found);
    plots.push(("cohorts.svg", cohorts(&mut out, found)));
    families(&mut out, args, found);
    if !found.sweep.is_empty() {
        plots.push(("recall.svg", sweep(&mut out, found)));
        ablation(&mut out, found);
    }
    (out, plots)
}

fn over(days: &[Figures], of: impl Fn(&Figures) -> f64) -> Estimate {
    Estimate::of(&days.iter().map(of).collect::<Vec<_>>())
}

// Writing to a text can't fail.
macro_rules! say {
    ($out:expr, $($text:tt)*) => { let _ = writeln!($out, $($text)*); };
}

fn head(out: &mut String, args: &EvaluateArgs, rules: &RuleSet, found: &Found) {
    let last = args.first_seed + args.seeds - 1;
    say!(out, "# How well invalid traffic is recognised (simulated)\n");
    say!(
        out,
        "Every figure here is **simulated**: a day of honest traffic and one family of fraud, made \
         from a seed and judged by the rules, version {}. It says what the rules do to traffic like \
         this, and nothing about how much fraud a real site has.\n",
        rules.version()
    );
    say!(out, "- Made by `{}` on {}", args.command(), jiff::Timestamp::now().strftime("%Y-%m-%d"));
    let kept = if args.first_seed >= HELD_OUT { "not looked at" } else { "looked at" };
    say!(
        out,
        "- Seeds {} to {last}, {kept} when thresholds were set (that was done on seeds 1 to 5); \
         intervals are 95 % over seeds",
        args.first_seed
    );
    let codes = |tuned: bool| {
        let rows = FAMILIES.iter().filter(|row| row.3 == tuned);
        let mut codes: Vec<_> = rows.map(|row| row.1).collect();
        codes.dedup();
        codes.join(", ")
    };
    say!(
        out,
        "- Thresholds were set on the families {}; {} were held out and are reported apart",
        codes(true),
        codes(false)
    );
    let clicks = over(&found.honest, |day| (day.honest + day.repeats) as f64).mean;
    say!(
        out,
        "- Judged record by record by the aggregator's two stages; the sweep and what each signal adds, \
         where they are shown, by the rules alone (a test compares both)"
    );
    say!(out, "- A day has {} impressions and {clicks:.0} clicks without fraud", found.impressions);
    say!(
        out,
        "- Positive: the verdict at the end is invalid. Flagged is neither caught nor false\n"
    );
}

fn cohorts(out: &mut String, found: &Found) -> String {
    say!(out, "## Honest clicks judged invalid (simulated)\n");
    say!(out, "| people | share judged invalid | limit | holds |");
    say!(out, "|---|---|---|---|");
    let mut row = |name: &str, estimate: Estimate, limit: f64| {
        let holds = if estimate.mean <= limit { "yes" } else { "NO" };
        say!(out, "| {name} | {} | {} % | {holds} |", estimate.percent(), 100.0 * limit);
    };
    row("all", over(&found.honest, Figures::false_positives), 0.005);
    let mut bars = Vec::new();
    for (cohort, name, _) in Cohort::ALL {
        let estimate = over(&found.honest, |day| day.of_cohort(cohort));
        row(name, estimate, 0.01);
        bars.push((name, estimate.mean));
    }
    let flagged = over(&found.honest, |day| day.honest_flagged as f64 / day.honest as f64);
    let repeats = over(&found.honest, |day| day.repeats_invalid as f64 / day.repeats.max(1) as f64);
    say!(out, "\nFlagged, and billed: {} of honest clicks.", flagged.percent());
    say!(
        out,
        "A person's second click on the same ad is not billable by rule, and neither honest nor \
         fraud here; {} of these are judged invalid.\n",
        repeats.percent()
    );
    causes(out, found);
    say!(out, "\n![Honest clicks judged invalid, by cohort (simulated)](cohorts.svg)\n");
    plot::bars("Honest clicks judged invalid", &bars, 0.01)
}

/// Which rule makes which cohort's false positives.
fn causes(out: &mut String, found: &Found) {
    let mut header = String::from("| first reason | all |");
    for (_, name, _) in Cohort::ALL {
        let _ = write!(header, " {name} |");
    }
    say!(out, "{header}");
    say!(out, "|---|---|{}", "---|".repeat(Cohort::ALL.len()));
    for reason in VerdictReason::ALL {
        let all = over(&found.honest, |day| {
            let of_reason = day.wrong.iter().filter(|((of, _), _)| of == reason);
            of_reason.map(|(_, wrong)| *wrong).sum::<usize>() as f64 / day.honest.max(1) as f64
        });
        if all.mean <= 0.0 {
            continue;
        }
        let mut row = format!("| `{reason}` | {:.3} % |", 100.0 * all.mean);
        for (cohort, ..) in Cohort::ALL {
            let share = over(&found.honest, |day| {
                let wrong = day.wrong.get(&(*reason, Some(cohort))).copied().unwrap_or(0);
                let of = day.cohorts.get(&cohort).map_or(0, |(all, _)| *all);
                wrong as f64 / of.max(1) as f64
            });
            let _ = write!(row, " {:.2} % |", 100.0 * share.mean);
        }
        say!(out, "{row}");
    }
}

fn families(out: &mut String, args: &EvaluateArgs, found: &Found) {
    for (tuned, title) in [
        (
            false,
            "Families that thresholds were not fitted to (they were seen, though, while rules were written)",
        ),
        (true, "Families on which thresholds were set"),
    ] {
        say!(out, "## {title} (simulated, {} % of clicks)\n", 100.0 * args.intensity);
        say!(
            out,
            "| | family | recall | target | holds | recall at 0.1 % / 1 % false positives | average \
             precision | flagged | false positives | fraud billed | honest clicks not billed | delay \
             p50 / p95 |"
        );
        say!(out, "|---|---|---|---|---|---|---|---|---|---|---|---|");
        for ((_, code, name, _, target), days) in
            found.rows.iter().zip(&found.families).filter(|((.., set_on, _), _)| *set_on == tuned)
        {
            let recall = over(days, Figures::recall);
            let (goal, holds) = match target {
                Some(target) => (
                    format!("≥ {:.0} %", 100.0 * target),
                    if recall.mean >= *target { "yes" } else { "NO" },
                ),
                None => ("as it is".to_owned(), "–"),
            };
            let seconds = |at: usize| over(days, |day| day.delay[at] as f64 / 1_000.0).mean;
            say!(
                out,
                "| {code} | {name} | {} | {goal} | {holds} | {:.1} % / {:.1} % | {:.3} | {:.1} % | \
                 {:.2} % | €{:.0} | €{:.0} | {:.0} s / {:.0} s |",
                recall.percent(),
                100.0 * over(days, |day| day.recall_at[0]).mean,
                100.0 * over(days, |day| day.recall_at[1]).mean,
                over(days, |day| day.average_precision).mean,
                100.0 * over(days, |day| day.fraud_flagged as f64 / day.fraud.max(1) as f64).mean,
                100.0 * over(days, Figures::false_positives).mean,
                over(days, |day| day.money()[0]).mean,
                over(days, |day| day.money()[1]).mean,
                seconds(0),
                seconds(1),
            );
        }
        say!(out, "");
    }
}

fn sweep(out: &mut String, found: &Found) -> String {
    say!(out, "## Recall by intensity (simulated, one seed)\n");
    let mut header = String::from("| | family |");
    for share in SWEEP {
        let _ = write!(header, " {} % |", 100.0 * share);
    }
    say!(out, "{header} least share with half recognised |");
    say!(out, "|---|---|{}---|", "---|".repeat(SWEEP.len()));
    let mut lines = Vec::new();
    for ((_, code, name, ..), recalls) in found.rows.iter().zip(&found.sweep) {
        let cells: Vec<_> =
            recalls.iter().map(|recall| format!("{:.0} %", 100.0 * recall)).collect();
        let least = SWEEP.iter().zip(recalls).find(|(_, recall)| **recall >= 0.5);
        let least = least.map_or("none".to_owned(), |(share, _)| format!("{} %", 100.0 * share));
        say!(out, "| {code} | {name} | {} | {least} |", cells.join(" | "));
        let points = SWEEP.iter().copied().zip(recalls.iter().copied()).collect();
        lines.push((format!("{code} {}", name.split(',').next_back().unwrap_or(name)), points));
    }
    say!(out, "\n![Recall by intensity (simulated)](recall.svg)\n");
    plot::recall(&lines)
}

fn ablation(out: &mut String, found: &Found) {
    say!(out, "## What each signal adds (simulated, one seed)\n");
    let first = |of: fn(&Figures) -> f64| {
        let sum: f64 = found.families.iter().map(|days| of(&days[0])).sum();
        sum / found.families.len() as f64
    };
    let (recall, wrong) = (first(Figures::recall), first(Figures::false_positives));
    say!(
        out,
        "Mean over all families: {:.2} % of fraud is recognised, {:.3} % of honest clicks are judged \
         invalid. Without one signal:\n",
        100.0 * recall,
        100.0 * wrong
    );
    say!(out, "| without | recall | false positives |");
    say!(out, "|---|---|---|");
    for (reason, without, wrong_without) in &found.ablation {
        say!(
            out,
            "| `{reason}` | {:+.2} points | {:+.3} points |",
            100.0 * (without - recall),
            100.0 * (wrong_without - wrong)
        );
    }
    say!(out, "");
}
