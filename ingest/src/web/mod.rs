//! The endpoints. Each is thin: read → decide ([`take`]) → append → answer.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::service::Ingest;

mod api;
mod beacon;
mod body;
mod pixel;
mod reply;
mod request;
pub mod script;
mod store;
pub mod take;

/// The beacon, the pixel, the events API and the script.
pub fn app(ingest: Arc<Ingest>) -> Router {
    Router::new()
        .route("/e", post(beacon::beacon).options(beacon::preflight))
        .route("/e.gif", get(pixel::pixel))
        .route("/api/v1/events", post(api::events))
        .route("/js/{name}", get(script::script))
        .with_state(ingest)
}
