//! Puts the parts of a role together, runs them until told to stop, and ends them in the order in
//! which nothing is lost: first no new requests, then the aggregator, the loader, the engine, and
//! the log last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use axum::Router;
use footfall_ingest::Ingest;
use footfall_topics::Log;
use footfall_topics::catalog::CatalogView;
use footfall_topics::spool::{self, Spool};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::parts::Aggregator;
use super::started::Started;
use super::warehouse::{self, Engine};
use crate::config::Config;
use crate::telemetry::{self, Ready};
use crate::{control, demo, http};

/// How long the start waits for the embedded engine. Without it everything else works all the same.
const ENGINE_PATIENCE: Duration = Duration::from_secs(20);

impl Parts {
    fn name(self) -> &'static str {
        match self {
            Parts { ingest: true, aggregate: true, dashboard: true } => "serve",
            Parts { ingest: true, .. } => "ingest",
            Parts { aggregate: true, .. } => "aggregate",
            _ => "dashboard",
        }
    }

    fn is_serve(self) -> bool {
        self.name() == "serve"
    }
}

/// Runs a role until SIGTERM or SIGINT.
pub(crate) fn run(mut config: Config, parts: Parts, json: bool) -> Result<()> {
    telemetry::start_logging();
    let role = parts.name();
    if !parts.is_serve() && !config.uses_kafka() {
        bail!(
            "`footfall {role}` shares its work with other processes over Kafka: give --kafka \
             HOST:PORT, or run everything in one process with `footfall serve`"
        );
    }
    if !parts.is_serve() && (parts.aggregate || parts.dashboard) && !config.uses_clickhouse_server()
    {
        bail!(
            "`footfall {role}` needs a ClickHouse server: give --clickhouse \
             http://USER:PASSWORD@HOST:8123 (`footfall engine` runs an embedded one)"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(run_until_stopped(&mut config, parts, json));
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

async fn run_until_stopped(config: &mut Config, parts: Parts, json: bool) -> Result<()> {
    let stop = stop_on_signal()?;
    // The listeners come first: a port in use is found before anything is started.
    let metrics_listener = bind(config.metrics_listen, "--metrics-listen").await?;
    let mut listener = None;
    if parts.ingest || parts.dashboard {
        let bound = bind(config.listen, "--listen").await?;
        config.listen = bound.local_addr()?;
        listener = Some(bound);
    }
    let metrics = telemetry::start_metrics()?;
    let cores = Arc::new(http::Cores::start()?);
    let log = open_log(config, parts)?;
    let view = CatalogView::follow(log.clone())?;
    let needs_engine = parts.is_serve() && !config.uses_clickhouse_server();
    let engine = if needs_engine { Some(Engine::start(config)?) } else { None };

    let outcome = async {
        let mut running =
            Running::start(config, parts, &log, &view, engine.as_ref(), &stop).await?;
        let metrics_address = metrics_listener.local_addr()?;
        let metrics_app = telemetry::app(metrics, running.all_ready());
        let metrics_stop = stop.clone().cancelled_owned();
        let (http_settings, metrics_cores) = (config.http.clone(), cores.clone());
        tokio::spawn(async move {
            let (listener, settings) = (metrics_listener, &http_settings);
            http::serve(listener, metrics_app, settings, &metrics_cores, metrics_stop).await;
        });
        if let (Some(_), Some(aggregator)) = (&engine, &running.aggregator) {
            // Whoever follows the printed address at once should find figures, not a note.
            aggregator.set_up(ENGINE_PATIENCE).await;
        }
        let started = Started {
            listen: listener.as_ref().map(|_| config.listen),
            metrics: metrics_address,
            engine: engine.as_ref().map(|_| config.engine_listen),
            login: running.login.take(),
        };
        started.say(parts.name(), config, config.demo.unwrap_or(parts.is_serve()), json);
        let router = std::mem::take(&mut running.router);
        let app = http::App { clicks: running.ingest.clone(), router };
        match listener {
            Some(listener) => {
                http::serve(listener, app, &config.http, &cores, stop.cancelled()).await;
            }
            None => stop.cancelled().await,
        }
        tracing::info!("stopping");
        running.stop(Duration::from_secs(config.http.drain_timeout_s)).await
    }
    .await;
    if let Some(engine) = engine {
        engine.stop().await;
    }
    let timeout = Duration::from_secs(config.http.drain_timeout_s);
    tokio::task::spawn_blocking(move || log.close(timeout)).await?;
    outcome
}

/// The parts of a role while they run.
#[derive(Default)]
struct Running {
    /// What is answered on the public listener.
    router: Router,
    /// Whether each part is ready.
    ready: Vec<Ready>,
    /// The link with which the owner signs in for the first time.
    login: Option<String>,
    ingest: Option<Arc<Ingest>>,
    aggregator: Option<Aggregator>,
}

impl Running {
    /// Starts them: who judges before who accepts.
    async fn start(
        config: &Config,
        parts: Parts,
        log: &Arc<dyn Log>,
        view: &CatalogView,
        engine: Option<&Engine>,
        stop: &CancellationToken,
    ) -> Result<Running> {
        let mut running = Running::default();
        if parts.aggregate {
            let aggregator = Aggregator::start(config, log, view).await?;
            running.ready.push(aggregator.ready());
            running.aggregator = Some(aggregator);
        }
        if parts.ingest {
            let ingest = super::parts::ingest(config, log, view).await?;
            running.router = running.router.merge(footfall_ingest::app(ingest.clone()));
            running.ingest = Some(ingest.clone());
            running.ready.push(Arc::new(move || ingest.ready()));
            if config.demo.unwrap_or(parts.is_serve()) {
                demo::set_up(view, &config.public_url()).await?;
                running.router = running.router.merge(demo::app());
            }
        }
        if parts.dashboard {
            let (app, ready, login) =
                dashboard(config, log, view, engine, running.aggregator.as_ref(), stop).await?;
            running.router = running.router.merge(app).fallback(footfall_dashboard::not_found);
            running.ready.push(ready);
            running.login = login;
        }
        if config.uses_kafka() {
            std::fs::create_dir_all(&config.data)?;
        } else {
            control::listen(config, log.clone(), view.clone())?;
        }
        Ok(running)
    }

    /// Ready when all parts are.
    fn all_ready(&self) -> Ready {
        let all = self.ready.clone();
        Arc::new(move || all.iter().try_for_each(|ready| ready.as_ref()()))
    }

    /// Stores what was accepted, then judges what was stored.
    async fn stop(self, timeout: Duration) -> Result<()> {
        if let Some(ingest) = self.ingest {
            tokio::task::spawn_blocking(move || ingest.close(timeout)).await?;
        }
        if let Some(aggregator) = self.aggregator {
            aggregator.stop().await;
        }
        Ok(())
    }
}

/// Runs the embedded engine alone.
pub(crate) fn engine(mut config: Config, json: bool) -> Result<()> {
    telemetry::start_logging();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let stop = stop_on_signal()?;
        let listener = bind(config.engine_listen, "--engine-listen").await?;
        config.engine_listen = listener.local_addr()?;
        let settings = warehouse::engine_settings(&config);
        let mut running = std::pin::pin!(footfall_warehouse::engine::run(
            settings,
            listener,
            stop.cancelled_owned()
        ));
        tokio::select! {
            ended = &mut running => return Ok(ended?),
            answers = answering(&config) => answers?,
        }
        let address = config.engine_listen;
        if json {
            println!("{}", serde_json::json!({ "engine": address }));
        } else {
            println!("The embedded ClickHouse engine listens on http://{address}");
        }
        Ok(running.await?)
    })
}

/// Waits until the configured engine answers.
async fn answering(config: &Config) -> Result<()> {
    let warehouse = super::warehouse_client(config)?;
    while warehouse.ping().await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

/// The log of a role. In front of Kafka, ingest has a spool for the time that Kafka is away.
fn open_log(config: &Config, parts: Parts) -> Result<Arc<dyn Log>> {
    if !(config.uses_kafka() && parts.ingest) {
        return super::open_log(config);
    }
    std::fs::create_dir_all(&config.data)?;
    let settings = spool::Settings {
        dir: config.data.join("spool"),
        bytes_max: config.log.spool_bytes_max,
        ..spool::Settings::default()
    };
    Ok(Spool::open(super::kafka_settings(config), settings)?)
}

async fn dashboard(
    config: &Config,
    log: &Arc<dyn Log>,
    view: &CatalogView,
    engine: Option<&Engine>,
    aggregator: Option<&Aggregator>,
    stop: &CancellationToken,
) -> Result<(Router, Ready, Option<String>)> {
    let dashboard = super::parts::dashboard(config, log, view, engine, aggregator)?;
    let (fed, stopped) = (dashboard.clone(), stop.clone().cancelled_owned());
    tokio::spawn(async move {
        stopped.await;
        fed.stop_feeds();
    });
    let ready: Ready = {
        let dashboard = dashboard.clone();
        Arc::new(move || dashboard.ready())
    };
    let login = footfall_dashboard::auth::ensure_owner_link(view, &config.public_url()).await?;
    Ok((footfall_dashboard::app(dashboard), ready, login))
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    match TcpListener::bind(address).await {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
            bail!("{address} is in use by another program: choose another with {flag}")
        }
        Err(error) => Err(error).with_context(|| format!("can't listen on {address} ({flag})")),
    }
}

/// A token that is cancelled by SIGTERM or SIGINT.
fn stop_on_signal() -> Result<CancellationToken> {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let token = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        token.cancel();
    });
    Ok(stop)
}
