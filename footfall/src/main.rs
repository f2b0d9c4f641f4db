//! The program `footfall`: command line, configuration, and the roles put together.
//!
//! # Layout
//!
//! - `cli`: what may be said. `config`: the one configuration struct.
//! - `roles`: `serve`, `ingest`, `aggregate`, `dashboard`, `engine`: what runs on.
//! - `commands`: what does one thing and ends.
//! - `replays`: history judged again by other rules.
//! - `control`: how commands reach a running server. `http`: the server loop.
//! - `telemetry`: logs, metrics, health. `demo`: the small site under `/demo`.
//! - `bench`: the measurements of `make bench`. `evaluate`: how well fraud is told from people.

mod bench;
mod cli;
mod commands;
mod config;
mod control;
mod demo;
mod evaluate;
mod http;
mod replays;
mod roles;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match roles::run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("footfall: {error:#}");
            ExitCode::FAILURE
        }
    }
}
