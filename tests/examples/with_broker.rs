//! Runs a command with `--kafka HOST:PORT` of a broker that lives as long as the command:
//! `with_broker COMMAND ARGUMENT…`. For measurements; the tests start theirs themselves.

use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use footfall_tests::Broker;

fn main() -> Result<ExitCode> {
    let mut arguments = std::env::args().skip(1);
    let program = arguments.next().context("expected a command")?;
    let broker = Broker::start()?;
    let status =
        Command::new(program).args(arguments).args(["--kafka", broker.bootstrap()]).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
