//! The endpoints over a real log in a temporary folder.
//!
//! - `server`: one to ask, and what its log holds.
//! - `beacons`: what browsers send. `api`: what programs send. `scripts`: what pages load.
//! - `visitors`: whose address counts, who is blocked, and that no address stays.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod beacons;
mod scripts;
mod server;
mod visitors;
