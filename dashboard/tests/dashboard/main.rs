//! The dashboard's pages over a real ClickHouse engine, asked as a browser would ask.
//!
//! - `world`: an engine in a child process, a log in a folder, and events whose figures are known.
//! - `figures`: exact figures on pages and in exports; time zones; hostile names; empty and away.
//! - `rows`: roll-ups beside rows, made at random, in several time zones.
//! - `market`: a site's ads with known windows.
//! - `ads`: pages and lists about ads, their money, rates and corrections.
//! - `clicks`, `evidence`: lists of clicks, credit reports, what speaks against one click.
//! - `compare`: two versions of the rules.
//! - `access`: sign-in, forms, keys, headers.
//! - `ranking`, `feeds`: what ad servers ask for, over the log alone.

#![allow(clippy::unwrap_used)]

mod access;
mod ads;
mod clicks;
mod compare;
mod evidence;
mod feeds;
mod figures;
mod market;
mod ranking;
mod rows;
mod shift;
mod world;

/// Not a test: what the engine's process runs. It takes its folder and address from the environment.
#[test]
#[ignore = "run by the other tests as a child process"]
fn engine_child() {
    world::run_engine();
}
