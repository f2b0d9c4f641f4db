//! The parent's side of the engine: starts it, watches it, starts it again, ends it.

use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;

/// Set in the child's environment: its standard input is a pipe that we hold.
pub(super) const SUPERVISED: &str = "FOOTFALL_ENGINE_SUPERVISED";

/// A child that does not answer after so long is ended and started again.
const START_LIMIT: Duration = Duration::from_secs(60);
/// How often a child that answers is asked whether it still does.
const CHECK: Duration = Duration::from_secs(5);
/// A child that answers nothing for so long (asked each [`CHECK`]) is ended.
const SILENCE_LIMIT: Duration = Duration::from_secs(60);
/// A child has so long to end by itself.
const END_LIMIT: Duration = Duration::from_secs(15);
const BACK_OFF_MIN: Duration = Duration::from_millis(100);
const BACK_OFF_MAX: Duration = Duration::from_secs(10);

/// Whether the engine answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Started, or to be started, and not answering yet.
    Down {
        /// Since when.
        since: Instant,
    },
    /// Answering.
    Up {
        /// Since when.
        since: Instant,
    },
}

impl State {
    /// Whether the engine answers.
    pub fn is_up(&self) -> bool {
        matches!(self, State::Up { .. })
    }
}

/// Keeps one engine running as a child process.
///
/// The child ends with this process, however that ends: it holds the other end of the child's
/// standard input.
pub struct Supervisor {
    state: watch::Receiver<State>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Supervisor {
    /// Starts the child that `command` makes (called once per start; its standard input and one
    /// environment variable are set here) and keeps it running. `url` is where it will answer.
    pub fn start(
        command: impl FnMut() -> Command + Send + 'static,
        url: impl Into<String>,
    ) -> Supervisor {
        let (state_send, state) = watch::channel(State::Down { since: Instant::now() });
        let (stop, stop_receive) = oneshot::channel();
        let watch = Watch { command: Box::new(command), url: url.into(), state: state_send };
        let task = tokio::spawn(watch.run(stop_receive));
        Supervisor { state, stop: Some(stop), task }
    }

    /// Whether the engine answers now.
    pub fn state(&self) -> State {
        *self.state.borrow()
    }

    /// Follows the state.
    pub fn watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Waits until the engine answers; `false` when it does not within `limit`.
    pub async fn ready(&self, limit: Duration) -> bool {
        let mut state = self.state.clone();
        let up = state.wait_for(State::is_up);
        matches!(tokio::time::timeout(limit, up).await, Ok(Ok(_)))
    }

    /// Ends the child (asking first) and waits until it has ended.
    pub async fn shutdown(mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = self.task.await;
    }
}

/// Why watching a child ended.
enum Ended {
    Exited(std::io::Result<ExitStatus>),
    Silent,
    Stopped,
}

struct Watch {
    command: Box<dyn FnMut() -> Command + Send>,
    url: String,
    state: watch::Sender<State>,
}

impl Watch {
    async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut back_off = BACK_OFF_MIN;
        loop {
            let started = Instant::now();
            match self.spawn() {
                Ok(mut child) => {
                    // Taken out of the child, since waiting for a child closes its input.
                    let input = child.stdin.take();
                    let ended = self.follow(&mut child, &mut stop).await;
                    self.set_down();
                    match ended {
                        Ended::Stopped => return end(child, input).await,
                        Ended::Exited(status) => {
                            let status = status.map_or_else(|e| e.to_string(), |s| s.to_string());
                            tracing::warn!(status, "the engine ended and is started again");
                        }
                        Ended::Silent => {
                            tracing::warn!("the engine does not answer and is started again");
                            end(child, input).await;
                        }
                    }
                }
                Err(error) => tracing::error!(%error, "the engine can't be started"),
            }
            metrics::counter!(crate::metrics::ENGINE_RESTARTS).increment(1);
            if started.elapsed() > BACK_OFF_MAX {
                back_off = BACK_OFF_MIN;
            }
            tokio::select! {
                () = tokio::time::sleep(back_off) => {}
                _ = &mut stop => return,
            }
            back_off = (back_off * 2).min(BACK_OFF_MAX);
        }
    }

    fn spawn(&mut self) -> std::io::Result<Child> {
        let mut command = (self.command)();
        command.stdin(Stdio::piped()).env(SUPERVISED, "1").kill_on_drop(true);
        // A terminal's Ctrl-C is for us; we end the child when we are done with it.
        command.process_group(0);
        command.spawn()
    }

    /// Follows one child to its end.
    async fn follow(&mut self, child: &mut Child, stop: &mut oneshot::Receiver<()>) -> Ended {
        let mut heard = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            let is_up = self.state.borrow().is_up();
            tokio::select! {
                status = child.wait() => return Ended::Exited(status),
                _ = &mut *stop => return Ended::Stopped,
                () = tokio::time::sleep(pause) => {}
            }
            if answers(&self.url).await {
                heard = Instant::now();
                pause = CHECK;
                if !is_up {
                    self.state.send_replace(State::Up { since: heard });
                    metrics::gauge!(crate::metrics::ENGINE_UP).set(1.0);
                    tracing::info!("the engine answers");
                }
            } else if heard.elapsed() > if is_up { SILENCE_LIMIT } else { START_LIMIT } {
                return Ended::Silent;
            }
        }
    }

    fn set_down(&self) {
        if self.state.borrow().is_up() {
            self.state.send_replace(State::Down { since: Instant::now() });
        }
        metrics::gauge!(crate::metrics::ENGINE_UP).set(0.0);
    }
}

/// Ends a child: asks, waits, and kills what stays.
async fn end(mut child: Child, input: Option<ChildStdin>) {
    drop(input);
    if let Some(id) = child.id().and_then(|id| rustix::process::Pid::from_raw(id as i32)) {
        let _ = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    }
    if tokio::time::timeout(END_LIMIT, child.wait()).await.is_err() {
        tracing::warn!("the engine did not end in time and is killed");
        let _ = child.kill().await;
    }
}

/// Asks `/ping`, without a client's machinery: one line each way.
async fn answers(url: &str) -> bool {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let host = url.trim_start_matches("http://").trim_end_matches('/');
    let ask = async {
        let mut socket = tokio::net::TcpStream::connect(host).await?;
        let request = format!("GET /ping HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
        socket.write_all(request.as_bytes()).await?;
        let mut answer = [0; 12];
        socket.read_exact(&mut answer).await?;
        std::io::Result::Ok(&answer == b"HTTP/1.1 200")
    };
    matches!(tokio::time::timeout(Duration::from_secs(2), ask).await, Ok(Ok(true)))
}
