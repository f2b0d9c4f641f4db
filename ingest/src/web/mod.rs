//! The endpoints. Each is thin: read → decide ([`take`]) → append → answer.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::service::Ingest;

mod api;
mod beacon;
mod body;
mod catalogue;
mod click;
mod notice;
mod pixel;
mod postback;
mod reply;
mod request;
pub mod script;
mod store;
pub mod take;

pub use click::click;

/// The beacon, the pixel, the events API, the script, clicks, postbacks and the catalogue of ads.
pub fn app(ingest: Arc<Ingest>) -> Router {
    Router::new()
        .route("/e", post(beacon::beacon).options(beacon::preflight))
        .route("/e.gif", get(pixel::pixel))
        .route("/api/v1/events", post(api::events))
        .route("/js/{name}", get(script::script))
        .route("/c/{ad}", get(click::routed))
        .route("/c/s/{token}", get(click::routed))
        .route("/robots.txt", get(click::robots))
        .route("/postback", get(postback::postback).post(postback::postback))
        .route(
            "/api/v1/advertisers/{id}",
            get(catalogue::advertiser).put(catalogue::advertiser).delete(catalogue::advertiser),
        )
        .route(
            "/api/v1/campaigns/{id}",
            get(catalogue::campaign).put(catalogue::campaign).delete(catalogue::campaign),
        )
        .route("/api/v1/ads/{id}", get(catalogue::ad).put(catalogue::ad).delete(catalogue::ad))
        .route(
            "/api/v1/placements/{id}",
            get(catalogue::placement).put(catalogue::placement).delete(catalogue::placement),
        )
        .with_state(ingest)
}
