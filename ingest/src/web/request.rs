//! What a request says about its sender.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};

use crate::service::Ingest;

/// The other end of the request's connection. Requests that don't come through a socket have none
/// and count as local.
pub(super) fn peer(parts: &Parts) -> IpAddr {
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
    peer.map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(socket)| socket.ip())
}

/// The client's address.
pub(super) fn client(ingest: &Ingest, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
    let lines = headers.get_all("x-forwarded-for").into_iter();
    // All lines or none: behind one that is no text, the rest may be anybody's.
    let lines: Option<Vec<&str>> = lines.map(|value| value.to_str().ok()).collect();
    ingest.client_address(peer, lines.unwrap_or_default().into_iter())
}

/// A header's text; empty when it is absent or no text.
pub(super) fn text(headers: &HeaderMap, name: header::HeaderName) -> &str {
    headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

/// Whether the browser asks not to be counted.
pub(super) fn opted_out(headers: &HeaderMap) -> bool {
    let says_one = |name: &str| headers.get(name).is_some_and(|value| value.as_bytes() == b"1");
    says_one("sec-gpc") || says_one("dnt")
}
