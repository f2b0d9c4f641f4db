//! The engine's process: opens the store, serves, and closes the store before it ends.

use std::fs::{self, File, OpenOptions};
use std::future::Future;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use super::http::{self, Engine};
use super::library::{Connection, Library};
use super::pool::Pool;
use super::secrets::Secrets;
use super::supervisor::SUPERVISED;
use super::{EngineError, Settings, find_library, tokens};

/// Requests under way get so long to end when the engine is told to.
const DRAIN: Duration = Duration::from_secs(10);
/// A request's head must arrive in this time.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The library allows one engine at a time in a process.
static RUNNING: AtomicBool = AtomicBool::new(false);

/// Runs the engine on `listener` until `shutdown` ends (or, under a [`super::Supervisor`], until
/// the parent is gone), then closes the store.
///
/// # Errors
/// When the library is missing, the store is in use or can't be opened, or a statement would not
/// end at shutdown.
pub async fn run(
    settings: Settings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), EngineError> {
    if RUNNING.swap(true, Ordering::SeqCst) {
        return Err(EngineError::Running);
    }
    let result = run_alone(settings, listener, shutdown).await;
    RUNNING.store(false, Ordering::SeqCst);
    result
}

async fn run_alone(
    settings: Settings,
    listener: TcpListener,
    shutdown: impl Future<Output = ()>,
) -> Result<(), EngineError> {
    let secrets = Secrets::open(&settings.data)?;
    let library = find_library(settings.library.as_deref())?;
    let lock = lock(&settings.store())?;
    let opened = {
        let settings = settings.clone();
        tokio::task::spawn_blocking(move || open(&settings, &library)).await
    };
    let (library, arguments, anchor) =
        opened.map_err(|_| EngineError::Start { store: settings.store() })??;
    let pool = |extra: &[&str], connections| {
        let arguments = arguments.iter().cloned().chain(extra.iter().map(|&s| s.to_owned()));
        let wait = Duration::from_secs(settings.wait_seconds_max);
        Arc::new(Pool::new(library, arguments.collect(), connections, wait))
    };
    let engine = Arc::new(Engine {
        queries: pool(&[], settings.queries_max),
        inserts: pool(&[], settings.inserts_max),
        reader: pool(&["--readonly=2"], settings.reader_queries_max),
        secrets,
        settings,
    });
    tracing::info!(store = %engine.settings.store().display(), "the engine is up");
    let parent = parent_gone();
    let stop = async {
        tokio::select! { () = shutdown => {}, () = parent => {} }
    };
    accept(&listener, &engine, stop).await;
    close(&engine, anchor).await?;
    drop(lock);
    Ok(())
}

/// Starts ClickHouse on the store. The connection returned keeps it up.
fn open(
    settings: &Settings,
    library: &Path,
) -> Result<(&'static Library, Vec<String>, Connection), EngineError> {
    let configuration = settings.write_files()?;
    tokens::forget_what_is_not_stored(&settings.store())
        .map_err(|source| EngineError::Folder { path: settings.store(), source })?;
    let arguments = vec![
        format!("--path={}", settings.store().display()),
        format!("--config-file={}", configuration.display()),
    ];
    let library = Library::load(library)?;
    let anchor =
        library.connect(&arguments).ok_or(EngineError::Start { store: settings.store() })?;
    Ok((library, arguments, anchor))
}

/// Ends all statements and connections; the last one closes the store.
async fn close(engine: &Engine, anchor: Connection) -> Result<(), EngineError> {
    let settings = &engine.settings;
    let pools = [
        (&engine.inserts, settings.inserts_max),
        (&engine.queries, settings.queries_max),
        (&engine.reader, settings.reader_queries_max),
    ];
    let mut anchor = anchor;
    let mut ended = true;
    for (pool, connections) in pools {
        let patience = Duration::from_millis(500);
        if pool.close(connections, patience).await {
            continue;
        }
        // Whatever runs for longer is ended by the engine itself.
        let kill = tokio::task::spawn_blocking(move || {
            let _ = anchor.query("KILL QUERY WHERE 1 ASYNC", "Null", &[]);
            anchor
        });
        anchor = kill.await.map_err(|_| EngineError::Busy)?;
        ended &= pool.close(connections, DRAIN).await;
    }
    if !ended {
        // Closing would wait for it without end.
        std::mem::forget(anchor);
        return Err(EngineError::Busy);
    }
    tokio::task::spawn_blocking(move || drop(anchor)).await.map_err(|_| EngineError::Busy)
}

async fn accept(listener: &TcpListener, engine: &Arc<Engine>, stop: impl Future<Output = ()>) {
    let service = TowerToHyperService::new(http::app(Arc::clone(engine)));
    let mut server = hyper::server::conn::http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let places = Arc::new(Semaphore::new(engine.settings.connections_max));
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let place = tokio::select! {
            place = Arc::clone(&places).acquire_owned() => place,
            () = &mut stop => break,
        };
        let socket = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        let socket: TcpStream = match socket {
            Ok((socket, _)) => socket,
            Err(error) => {
                tracing::warn!(%error, "could not take a connection");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let _ = socket.set_nodelay(true);
        let connection = server.serve_connection(TokioIo::new(socket), service.clone());
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // What goes wrong on a connection is its client's to see.
            let _ = connection.await;
            drop(place);
        });
    }
    let _ = tokio::time::timeout(DRAIN, graceful.shutdown()).await;
}

/// Locks the store against a second engine. The lock ends with the process.
fn lock(store: &Path) -> Result<File, EngineError> {
    let failed = |path: PathBuf| move |source| EngineError::Folder { path, source };
    fs::create_dir_all(store).map_err(failed(store.to_owned()))?;
    let path = store.join("engine.lock");
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(failed(path.clone()))?;
    let exclusive = rustix::fs::FlockOperation::NonBlockingLockExclusive;
    if rustix::fs::flock(&file, exclusive).is_err() {
        let mut owner = String::new();
        let _ = file.read_to_string(&mut owner);
        let owner =
            if owner.trim().is_empty() { "unknown".to_owned() } else { owner.trim().to_owned() };
        return Err(EngineError::InUse { store: store.to_owned(), owner });
    }
    file.set_len(0).map_err(failed(path.clone()))?;
    writeln!(file, "{}", std::process::id()).map_err(failed(path))?;
    Ok(file)
}

/// Ends when the supervising parent is gone: it holds the other end of our standard input.
///
/// A pipe and not the kernel's parent-death signal: that one is sent when the *thread* that
/// started the child ends, and exists on Linux only.
async fn parent_gone() {
    if std::env::var_os(SUPERVISED).is_none() {
        return std::future::pending().await;
    }
    let (send, receive) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        // Ends at the end of the input, or at an error: both mean that nobody is there.
        while matches!(std::io::stdin().read(&mut byte), Ok(1)) {}
        let _ = send.send(());
        // Whatever happens at shutdown: an engine without its parent must not stay.
        std::thread::sleep(2 * DRAIN);
        let _ =
            rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    });
    let _ = receive.await;
}
