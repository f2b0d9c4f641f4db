//! Engines for tests, each in a child process (the library allows one store per process).

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use footfall_warehouse::engine::{self, Supervisor};
use footfall_warehouse::{Settings, Warehouse};
use tempfile::TempDir;

const DATA: &str = "FOOTFALL_TEST_ENGINE_DATA";
const LISTEN: &str = "FOOTFALL_TEST_ENGINE_LISTEN";
const MEMORY: &str = "FOOTFALL_TEST_ENGINE_MEMORY";

/// What a child does.
pub(crate) fn run() {
    let Ok(data) = std::env::var(DATA) else { return };
    let mut settings = engine::Settings { data: PathBuf::from(data), ..Default::default() };
    settings.wait_seconds_max = 20;
    settings.result_bytes_max = 16 << 20;
    if let Ok(bytes) = std::env::var(MEMORY) {
        settings.memory_bytes_max = bytes.parse().unwrap();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let result = runtime.block_on(async {
        let address = std::env::var(LISTEN).unwrap();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let mut signal =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        engine::run(settings, listener, async move {
            let _ = signal.recv().await;
        })
        .await
    });
    if let Err(error) = result {
        eprintln!("engine: {error}");
        std::process::exit(7);
    }
    std::process::exit(0);
}

/// The command of a child on a folder and address.
pub(crate) fn command(data: &Path, address: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "engine_child", "--ignored", "--nocapture"]);
    command.env(DATA, data).env(LISTEN, address).env(MEMORY, "4000000000");
    command.stdout(std::process::Stdio::null());
    command
}

/// An address that was free a moment ago.
pub(crate) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// An engine of a test's own.
pub(crate) struct Engine {
    pub(crate) supervisor: Supervisor,
    pub(crate) address: String,
    pub(crate) data: TempDir,
}

impl Engine {
    pub(crate) async fn start() -> Engine {
        Engine::start_on(tempfile::tempdir().unwrap()).await
    }

    /// Starts it on a folder that another one may have had before.
    pub(crate) async fn start_on(data: TempDir) -> Engine {
        let address = free_address();
        let (folder, listen) = (data.path().to_owned(), address.clone());
        let supervisor = Supervisor::start(
            move || command(&folder, &listen).into(),
            format!("http://{address}"),
        );
        assert!(supervisor.ready(Duration::from_secs(60)).await, "the engine did not start");
        Engine { supervisor, address, data }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn password(&self, user: &str) -> String {
        engine::password(self.data.path(), user).unwrap()
    }

    pub(crate) fn warehouse(&self, database: &str) -> Warehouse {
        Warehouse::connect(Settings {
            url: self.url(),
            password: self.password("footfall"),
            database: database.to_owned(),
            ..Settings::default()
        })
    }

    /// The child's process id, as it wrote it beside its store.
    pub(crate) fn process(&self) -> i32 {
        let path = self.data.path().join("clickhouse/engine.lock");
        std::fs::read_to_string(path).unwrap().trim().parse().unwrap()
    }
}

/// Where the shared engine (or the server under test) is.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) url: String,
    pub(crate) user: String,
    pub(crate) password: String,
    /// Its data folder; `None` for a server.
    pub(crate) data: Option<PathBuf>,
}

/// One engine for all tests of this binary that do not end it. It ends with this process, which
/// holds its standard input.
pub(crate) fn shared() -> Shared {
    static SHARED: OnceLock<Shared> = OnceLock::new();
    SHARED.get_or_init(start_shared).clone()
}

fn start_shared() -> Shared {
    if let Ok(server) = std::env::var("FOOTFALL_TEST_CLICKHOUSE") {
        return of_server(&server);
    }
    // Nothing runs when a test binary ends: the next one clears the folder.
    let data = Path::new(env!("CARGO_TARGET_TMPDIR")).join("shared-engine");
    if data.exists() {
        std::fs::remove_dir_all(&data).unwrap();
    }
    let address = free_address();
    let mut command = command(&data, &address);
    command.stdin(std::process::Stdio::piped()).env("FOOTFALL_ENGINE_SUPERVISED", "1");
    let child = command.spawn().unwrap();
    // Kept open on purpose: the child ends when it closes, with this process.
    std::mem::forget(child);
    for _ in 0..600 {
        if std::net::TcpStream::connect(&address).is_ok() {
            let password = engine::password(&data, "footfall").unwrap();
            let user = "footfall".to_owned();
            return Shared { url: format!("http://{address}"), user, password, data: Some(data) };
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the shared engine did not start");
}

fn of_server(server: &str) -> Shared {
    let rest = server.strip_prefix("http://").expect("http://user:password@host:port");
    let (login, host) = rest.rsplit_once('@').expect("http://user:password@host:port");
    let (user, password) = login.split_once(':').expect("http://user:password@host:port");
    Shared {
        url: format!("http://{host}"),
        user: user.to_owned(),
        password: password.to_owned(),
        data: None,
    }
}

/// A database of a test's own on the shared engine, with the schema.
pub(crate) async fn database(name: &str) -> Warehouse {
    let shared = tokio::task::spawn_blocking(shared).await.unwrap();
    let database = format!("test_{name}_{}", std::process::id());
    let warehouse = Warehouse::connect(Settings {
        url: shared.url,
        user: shared.user,
        password: shared.password,
        database,
        ..Settings::default()
    });
    warehouse.migrate().await.unwrap();
    warehouse
}
