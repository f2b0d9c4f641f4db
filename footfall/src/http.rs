//! The HTTP server loop: axum's own has neither timeouts, nor `TCP_NODELAY`, nor a cap on
//! connections. Every listener of the program is served by [`serve`].

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use footfall_ingest::Ingest;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt;

mod cores;
mod processor;
mod timer;

pub(crate) use cores::Cores;
use timer::ConnectionTimer;

/// Limits of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Settings {
    /// Connections at the same time; more wait in the kernel's queue.
    pub(crate) connections_max: usize,
    /// Seconds for a request's head to arrive, and for an idle connection to say something.
    pub(crate) header_timeout_s: u64,
    /// Bytes of a request's head.
    pub(crate) header_bytes_max: usize,
    /// Seconds that requests in flight get to finish when the server stops.
    pub(crate) drain_timeout_s: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            connections_max: 10_000,
            header_timeout_s: 10,
            header_bytes_max: 32 * 1024,
            drain_timeout_s: 10,
        }
    }
}

/// What a listener answers with.
#[derive(Clone, Default)]
pub(crate) struct App {
    /// Answers clicks, if there are any on this listener, before the router is asked.
    pub(crate) clicks: Option<Arc<Ingest>>,
    pub(crate) router: Router,
}

impl From<Router> for App {
    fn from(router: Router) -> App {
        App { clicks: None, router }
    }
}

/// Serves `app` until `shutdown`, then lets requests in flight finish. Connections are answered by
/// `cores`.
pub(crate) async fn serve(
    listener: TcpListener,
    app: impl Into<App>,
    settings: &Settings,
    cores: &Cores,
    shutdown: impl Future<Output = ()>,
) {
    let app = app.into();
    let connections = Arc::new(Semaphore::new(settings.connections_max));
    let graceful = GracefulShutdown::new();
    let mut http = hyper::server::conn::http1::Builder::new();
    http.header_read_timeout(Duration::from_secs(settings.header_timeout_s))
        .max_buf_size(settings.header_bytes_max.max(8 * 1024))
        .pipeline_flush(true);
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let permit = tokio::select! {
            permit = connections.clone().acquire_owned() => permit.expect("never closed"),
            () = &mut shutdown => break,
        };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let given = accepted.and_then(|(stream, peer)| {
            drop(stream.set_nodelay(true));
            let service = service(app.clone(), peer);
            cores.give(stream, |stream: TcpStream| {
                let http = http.timer(ConnectionTimer::default());
                let connection = http.serve_connection(TokioIo::new(stream), service);
                let connection = graceful.watch(connection);
                async move {
                    // Errors here are the client's: it went away, was too slow, or spoke no HTTP.
                    drop(connection.await);
                    drop(permit);
                }
            })
        });
        if let Err(error) = given {
            // Out of file descriptors, or the peer is gone already: both pass.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    drop(listener);
    let limit = Duration::from_secs(settings.drain_timeout_s);
    if tokio::time::timeout(limit, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were still in flight after the drain timeout");
    }
}

fn service(
    app: App,
    peer: SocketAddr,
) -> impl hyper::service::Service<
    http::Request<hyper::body::Incoming>,
    Response = axum::response::Response,
    Error = std::convert::Infallible,
    Future: Send,
> {
    hyper::service::service_fn(move |request: http::Request<hyper::body::Incoming>| {
        let click = app.clicks.as_ref();
        let click = click.and_then(|ingest| footfall_ingest::click(ingest, &request, peer.ip()));
        let routed = match click {
            Some(answer) => Err(answer),
            None => {
                let mut request = request.map(axum::body::Body::new);
                request.extensions_mut().insert(ConnectInfo(peer));
                Ok(app.router.clone().oneshot(request))
            }
        };
        async {
            match routed {
                Ok(answer) => answer.await,
                Err(click) => Ok(click),
            }
        }
    })
}
