//! A real ClickHouse for the loader: the embedded engine in a child process, behind a proxy that
//! can lose replies and be away.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use footfall_warehouse::{Settings, Warehouse, engine};
use tempfile::TempDir;

const DATA: &str = "FOOTFALL_TEST_ENGINE_DATA";
const LISTEN: &str = "FOOTFALL_TEST_ENGINE_LISTEN";

/// What the child does.
pub(crate) fn run_child() {
    let (Ok(data), Ok(address)) = (std::env::var(DATA), std::env::var(LISTEN)) else { return };
    let settings = engine::Settings { data: PathBuf::from(data), ..Default::default() };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        engine::run(settings, listener, std::future::pending::<()>()).await
    });
    std::process::exit(i32::from(ended.is_err()));
}

/// An engine and the proxy before it.
pub(crate) struct Engine {
    // Dropped in this order: the child ends before its folder goes.
    _child: Ended,
    data: TempDir,
    pub(crate) proxy: Arc<Proxy>,
    port: u16,
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Engine {
    pub(crate) fn start() -> Engine {
        let data = tempfile::tempdir().unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        let child = child(data.path(), &address);
        for _ in 0..600 {
            if TcpStream::connect(&address).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        let (proxy, port) = Proxy::start(address);
        Engine { _child: Ended(child), data, proxy, port }
    }

    /// The warehouse by way of the proxy, with its schema.
    pub(crate) fn warehouse(&self) -> Warehouse {
        let warehouse = Warehouse::connect(Settings {
            url: format!("http://127.0.0.1:{}", self.port),
            password: engine::password(self.data.path(), "footfall").unwrap(),
            ..Settings::default()
        });
        block_on(warehouse.migrate()).unwrap();
        warehouse
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn child(data: &Path, address: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "engine_child", "--ignored", "--nocapture"])
        .env(DATA, data)
        .env(LISTEN, address)
        .stdout(Stdio::null())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Forwards connections; loses the replies of inserts while told to, or refuses to serve.
pub(crate) struct Proxy {
    to: String,
    pub(crate) lose_replies: AtomicBool,
    pub(crate) away: AtomicBool,
    pub(crate) lost: AtomicU64,
}

impl Proxy {
    fn start(to: String) -> (Arc<Proxy>, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let proxy = Arc::new(Proxy {
            to,
            lose_replies: AtomicBool::new(false),
            away: AtomicBool::new(false),
            lost: AtomicU64::new(0),
        });
        let serving = Arc::clone(&proxy);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                serving.serve(client);
            }
        });
        (proxy, port)
    }

    fn serve(self: &Arc<Proxy>, client: TcpStream) {
        if self.away.load(Ordering::SeqCst) {
            return;
        }
        let Ok(server) = TcpStream::connect(&self.to) else { return };
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        let proxy = Arc::clone(self);
        std::thread::spawn(move || proxy.copy(from_client, to_server, false));
        let proxy = Arc::clone(self);
        std::thread::spawn(move || proxy.copy(server, client, true));
    }

    fn copy(&self, mut from: TcpStream, mut to: TcpStream, replies: bool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count) = from.read(&mut buffer) {
            let lose = replies && count > 0 && self.lose_replies.load(Ordering::SeqCst);
            self.lost.fetch_add(u64::from(lose), Ordering::SeqCst);
            let away = self.away.load(Ordering::SeqCst);
            if count == 0 || lose || away || to.write_all(&buffer[..count]).is_err() {
                break;
            }
        }
        drop(to.shutdown(Shutdown::Both));
        drop(from.shutdown(Shutdown::Both));
    }
}
