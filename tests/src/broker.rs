//! A real Apache Kafka broker for tests: one KRaft process on loopback ports, its data in a
//! temporary folder.
//!
//! The process gets `PR_SET_PDEATHSIG` from `setpriv`, so that it can't outlive the tests even if
//! they are killed. That signal is tied to the *thread* that started the process, hence the keeper
//! thread: it starts the broker and stays until the broker is dropped or the process ends.
//!
//! `FOOTFALL_TEST_KAFKA=host:port` makes [`Broker::shared`] use that broker instead; what needs to
//! stop a broker asks [`Broker::own`], which then is `None`.

mod keeper;

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};

use self::keeper::Keeper;
use crate::tools;

const READY_TIMEOUT: Duration = Duration::from_secs(60);
const START_ATTEMPTS: u32 = 3;
const FOLDER_PREFIX: &str = "footfall-kafka-of-";
/// Any 22 characters of URL-safe base64 that decode to 16 bytes.
const CLUSTER_ID: &str = "Zm9vdGZhbGwtdGVzdC0xMA";

/// A running broker.
#[derive(Debug)]
pub struct Broker {
    bootstrap: String,
    own: Option<Own>,
}

/// The parts of a broker that this process started.
#[derive(Debug)]
struct Own {
    folder: tempfile::TempDir,
    keeper: Keeper,
    pid: Option<Pid>,
}

impl Broker {
    /// Starts a broker of its own and waits until it answers.
    ///
    /// # Errors
    /// When the jars are missing, or it does not answer within a minute.
    pub fn start() -> Result<Broker> {
        let mut attempt = 1;
        loop {
            match Broker::start_once() {
                Ok(broker) => return Ok(broker),
                // Another process may have taken one of the ports in between.
                Err(error) if attempt < START_ATTEMPTS => {
                    eprintln!("kafka did not start (attempt {attempt}): {error:#}");
                    attempt += 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn start_once() -> Result<Broker> {
        sweep();
        let prefix = format!("{FOLDER_PREFIX}{}-", std::process::id());
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir()?;
        let (port, controller_port) = (tools::free_port()?, tools::free_port()?);
        write_properties(folder.path(), port, controller_port)?;
        format_storage(folder.path())?;
        let keeper = Keeper::start()?;
        let own = Own { folder, keeper, pid: None };
        let mut broker = Broker { bootstrap: format!("127.0.0.1:{port}"), own: Some(own) };
        broker.start_again()?;
        Ok(broker)
    }

    /// The broker that all tests of this process share: the one that `FOOTFALL_TEST_KAFKA` names,
    /// else one that is started now and ends with the process.
    ///
    /// # Panics
    /// When it can't be started: no test of the binary can go on.
    pub fn shared() -> &'static Broker {
        static SHARED: OnceLock<Broker> = OnceLock::new();
        SHARED.get_or_init(|| match named_by_environment() {
            Some(bootstrap) => Broker { bootstrap, own: None },
            None => match Broker::start() {
                Ok(broker) => broker,
                Err(error) => panic!("no Kafka broker for the tests: {error:#}"),
            },
        })
    }

    /// A broker that the test may stop; `None`, with a printed word, when the tests were pointed
    /// at a broker of somebody else.
    ///
    /// # Errors
    /// As [`Broker::start`].
    pub fn own() -> Result<Option<Broker>> {
        if named_by_environment().is_some() {
            eprintln!(
                "skipped: needs to stop its broker, and FOOTFALL_TEST_KAFKA names a foreign one"
            );
            return Ok(None);
        }
        Broker::start().map(Some)
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// A topic prefix that no other test uses, not even one of an earlier run.
    pub fn prefix(&self, test: &str) -> String {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let millis = now.map_or(0, |since| since.as_millis());
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        format!("{test}-{millis:x}-{}-{number}.", std::process::id())
    }

    /// Ends the broker with SIGKILL, as a crash would.
    pub fn stop(&mut self) {
        if let Some(own) = &mut self.own
            && own.pid.take().is_some()
        {
            own.keeper.kill();
        }
    }

    /// Starts it again after [`Broker::stop`], on the same port and data, and waits until it
    /// answers.
    ///
    /// # Errors
    /// When it does not answer within a minute.
    pub fn start_again(&mut self) -> Result<()> {
        let bootstrap: SocketAddr = self.bootstrap.parse()?;
        let own = self.own.as_mut().context("not this process's broker")?;
        ensure!(own.pid.is_none(), "it runs already");
        own.pid = Some(own.keeper.spawn(java_command(own.folder.path())?)?);
        let deadline = Instant::now() + READY_TIMEOUT;
        while !answers(bootstrap) {
            if Instant::now() > deadline || own.keeper.has_ended() {
                own.keeper.kill();
                own.pid = None;
                bail!("kafka did not start:\n{}", end_of(&own.folder.path().join("output")));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Freezes the broker with SIGSTOP: connections stay open, nothing is answered.
    ///
    /// # Errors
    /// When the broker is not one that this process runs.
    pub fn pause(&self) -> Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets a frozen broker go on.
    ///
    /// # Errors
    /// When the broker is not one that this process runs.
    pub fn resume(&self) -> Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = self.own.as_ref().and_then(|own| own.pid).context("no broker of ours runs")?;
        Ok(kill_process(pid, signal)?)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Removes the folders of test processes that ended without dropping their broker (the shared one
/// never is dropped).
fn sweep() {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let rest = name.to_str().and_then(|name| name.strip_prefix(FOLDER_PREFIX));
        let pid = rest.and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new(&format!("/proc/{pid}")).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn named_by_environment() -> Option<String> {
    std::env::var("FOOTFALL_TEST_KAFKA").ok().filter(|name| !name.is_empty())
}

fn write_properties(folder: &Path, port: u16, controller_port: u16) -> Result<()> {
    let data = folder.join("data");
    let properties = format!(
        "process.roles=broker,controller\n\
         node.id=1\n\
         controller.quorum.voters=1@127.0.0.1:{controller_port}\n\
         listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}\n\
         advertised.listeners=PLAINTEXT://127.0.0.1:{port}\n\
         controller.listener.names=CONTROLLER\n\
         inter.broker.listener.name=PLAINTEXT\n\
         log.dirs={}\n\
         num.partitions=8\n\
         default.replication.factor=1\n\
         offsets.topic.replication.factor=1\n\
         offsets.topic.num.partitions=4\n\
         transaction.state.log.replication.factor=1\n\
         transaction.state.log.min.isr=1\n\
         transaction.state.log.num.partitions=4\n\
         group.initial.rebalance.delay.ms=0\n\
         group.min.session.timeout.ms=1000\n\
         auto.create.topics.enable=false\n",
        data.display()
    );
    fs::write(folder.join("server.properties"), properties)?;
    Ok(())
}

fn format_storage(folder: &Path) -> Result<()> {
    let output = java()?
        .args(["-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format", "-t", CLUSTER_ID])
        .arg("-c")
        .arg(folder.join("server.properties"))
        .output()
        .context("java can't be started: install Java 17 or newer")?;
    let text = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "the storage can't be formatted: {text}");
    Ok(())
}

/// `java` with the memory limits and the class path of the broker, ended with the thread that
/// starts it.
fn java() -> Result<Command> {
    let libs: PathBuf = tools::folder().join("kafka/libs");
    ensure!(
        libs.join("pom.xml").exists(),
        "no Kafka in {}: run tests/kafka/fetch.sh",
        libs.display()
    );
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "java", "-Xmx512m", "-XX:+UseSerialGC", "-cp"]);
    command.arg(libs.join("*")).stdin(Stdio::null());
    Ok(command)
}

fn java_command(folder: &Path) -> Result<Command> {
    let output = fs::File::options().create(true).append(true).open(folder.join("output"))?;
    let mut command = java()?;
    command.arg("kafka.Kafka").arg(folder.join("server.properties"));
    command.stdout(output.try_clone()?).stderr(output);
    Ok(command)
}

/// Whether the broker answers a request (ApiVersions, version 0). Its port is open long before.
fn answers(address: SocketAddr) -> bool {
    let ask = || -> std::io::Result<()> {
        let timeout = Duration::from_secs(1);
        let mut stream = TcpStream::connect_timeout(&address, timeout)?;
        stream.set_read_timeout(Some(timeout))?;
        let request = [0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 1, 0xff, 0xff];
        stream.write_all(&request)?;
        stream.read_exact(&mut [0; 8])
    };
    ask().is_ok()
}

fn end_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
