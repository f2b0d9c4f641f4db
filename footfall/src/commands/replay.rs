//! `footfall replay`: what other rules would have said.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use footfall_aggregator::rules::RuleSet;

use super::import::progress_bar;
use super::{now_ms, say};
use crate::cli::ReplayArgs;
use crate::config::{Config, parse_duration};
use crate::control::Access;
use crate::replays::{Job, Replays, State, Summary};

/// How often it is asked how far it is.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Runs the command.
///
/// # Errors
/// When there are no rules, they make no sense, or log or warehouse can't be reached.
pub(crate) fn run(config: &Config, args: &ReplayArgs, json: bool) -> Result<()> {
    let file = config.rules.as_ref().context("which rules? Name them with --rules FILE")?;
    let rules = std::fs::read_to_string(file)
        .with_context(|| format!("the rules {} can't be read", file.display()))?;
    RuleSet::parse(&rules).with_context(|| format!("in {}", file.display()))?;
    let from_ms = args.from.as_deref().map_or(Ok(i64::MIN / 2), time)?;
    let job = Job { rules, from_ms };
    let summary = match Access::open(config)? {
        Access::Direct { ref log, ref view } => {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(2)
                .enable_all()
                .build()?;
            let mut config = config.clone();
            let (_, engine) = runtime.block_on(crate::roles::open_warehouse(&mut config))?;
            let replays = Replays::new(&config, log.clone(), view.clone());
            let _entered = runtime.enter();
            let running = replays.start(job)?;
            let summary = watch(|| Ok(running.state()));
            if let Some(engine) = engine {
                runtime.block_on(engine.stop());
            }
            summary?
        }
        ref server => {
            server.start_replay(job)?;
            watch(|| server.replay_state())?
        }
    };
    say(json, &summary, || text(&summary));
    Ok(())
}

/// Shows how far it is until it is over.
fn watch(state: impl Fn() -> Result<State>) -> Result<Summary> {
    let mut bar = progress_bar();
    loop {
        let State { done, total, ended } = state()?;
        bar.follow(done, total);
        if let Some(outcome) = ended {
            bar.end();
            return outcome.map_err(|error| anyhow!(error));
        }
        std::thread::sleep(ASK_EVERY);
    }
}

/// A date, a time, or so long ago.
fn time(text: &str) -> Result<i64> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(now_ms().saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX)));
    }
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time.as_millisecond());
    }
    let date: jiff::civil::Date = text.parse().map_err(|_| {
        anyhow!("--from {text:?}: expected such as 7d, 2026-02-01 or 2026-02-01T12:00:00Z")
    })?;
    Ok(date.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp().as_millisecond())
}

fn text(summary: &Summary) -> String {
    let Summary { rules, events, clicks, invalid, seconds } = summary;
    let pace = *events as f64 / seconds.max(0.001);
    format!(
        "Version {rules}: {invalid} of {clicks} clicks are invalid.\n\
         {events} events in {seconds:.1} s, {pace:.0} a second. The page of rules compares them with \
         what is in force."
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_understood_and_others_refused() {
        assert_eq!(time("1970-01-02").unwrap(), 86_400_000);
        assert_eq!(time("1970-01-01T00:00:01Z").unwrap(), 1_000);
        assert!((now_ms() - time("2h").unwrap() - 7_200_000).abs() < 60_000);
        assert!(time("yesterday").unwrap_err().to_string().contains("7d"));
    }
}
