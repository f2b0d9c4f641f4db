//! The browser's process and the pipe that it listens on: JSON messages, each ended by a NUL.

use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};

/// How long the browser may take to answer a command.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);
/// How long the browser may take to end.
const END_TIMEOUT: Duration = Duration::from_secs(5);
/// Events that are kept; the oldest go first.
const EVENTS_MAX: usize = 20_000;

/// Nothing that talks to anyone but the pages under test, and no sandbox, since containers have none.
/// The last two make it look like a person's browser: tests are visitors, not declared bots.
const SWITCHES: &[&str] = &[
    "--headless",
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--mute-audio",
    "--lang=en-US",
    "--window-size=1280,900",
    "--disable-blink-features=AutomationControlled",
    "--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) \
     Chrome/150.0.0.0 Safari/537.36",
];

#[derive(Debug)]
pub(super) struct Pipe {
    child: Mutex<Child>,
    input: Mutex<Option<ChildStdin>>,
    heard: Arc<Heard>,
    next_id: AtomicU64,
    profile: tempfile::TempDir,
}

/// What the browser said, filled by the reading thread.
#[derive(Debug, Default)]
struct Heard {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    replies: HashMap<u64, Value>,
    events: VecDeque<Value>,
    /// How many events came before the first that is kept.
    forgotten: usize,
    closed: bool,
}

impl Pipe {
    pub(super) fn open(switches: &[&str]) -> Result<Pipe> {
        let profile = tempfile::Builder::new().prefix("footfall-chromium-").tempdir()?;
        let program = std::env::var_os("CHROMIUM").unwrap_or_else(|| "chromium".into());
        // The browser listens on descriptors 3 and 4, which only a shell can hand it without
        // unsafe code; stdin and stdout are the pipe's ends on this side.
        let mut child = Command::new("sh")
            .args(["-c", r#"exec "$0" "$@" 3<&0 4>&1 0</dev/null 1>/dev/null"#])
            .arg(&program)
            .args(SWITCHES)
            .args(switches)
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .context("no shell to start the browser with")?;
        let input = child.stdin.take();
        let output = child.stdout.take().context("the browser has no pipe")?;
        let heard = Arc::new(Heard::default());
        let listener = heard.clone();
        std::thread::spawn(move || listener.listen(BufReader::new(output)));
        Ok(Pipe {
            child: Mutex::new(child),
            input: Mutex::new(input),
            heard,
            next_id: AtomicU64::new(1),
            profile,
        })
    }

    pub(super) fn call(&self, session: Option<&str>, method: &str, params: Value) -> Result<Value> {
        let id = self.next_id.fetch_add(1, Ordering::Relaxed);
        let mut message = json!({"id": id, "method": method, "params": params});
        if let Some(session) = session {
            message["sessionId"] = session.into();
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        let mut input = self.input.lock().expect(UNPOISONED);
        let pipe = input.as_mut().context("the browser was ended")?;
        pipe.write_all(&bytes).with_context(|| format!("{method}: {GONE}"))?;
        drop(input);
        let reply = self.heard.wait(REPLY_TIMEOUT, |state| state.replies.remove(&id));
        let mut reply = reply.with_context(|| format!("{method} was not answered"))?;
        if let Some(error) = reply.get("error") {
            bail!("{method} was refused: {error}");
        }
        Ok(reply["result"].take())
    }

    /// How many events there were so far.
    pub(super) fn events_seen(&self) -> usize {
        let state = self.heard.lock();
        state.forgotten + state.events.len()
    }

    /// What `pick` makes of the events from number `from` on.
    pub(super) fn events<T>(&self, from: usize, pick: impl Fn(&Value) -> Option<T>) -> Vec<T> {
        self.heard.lock().since(from).filter_map(pick).collect()
    }

    /// Waits for an event, beginning with number `from`.
    pub(super) fn wait_for_event(
        &self,
        from: usize,
        patience: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<()> {
        self.heard.wait(patience, |state| state.since(from).any(&wanted).then_some(()))
    }
}

const UNPOISONED: &str = "no thread panics while it holds the lock";
const GONE: &str = "the browser is gone (is chromium installed? CHROMIUM names another one)";

impl Heard {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect(UNPOISONED)
    }

    fn listen(&self, mut pipe: impl BufRead) {
        let mut message = Vec::new();
        while matches!(pipe.read_until(0, &mut message), Ok(1..)) {
            message.pop();
            if let Ok(value) = serde_json::from_slice::<Value>(&message) {
                self.lock().take_in(value);
                self.changed.notify_all();
            }
            message.clear();
        }
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn wait<T>(
        &self,
        patience: Duration,
        mut look: impl FnMut(&mut State) -> Option<T>,
    ) -> Result<T> {
        let end = Instant::now() + patience;
        let mut state = self.lock();
        loop {
            if let Some(found) = look(&mut state) {
                return Ok(found);
            }
            if state.closed {
                bail!(GONE);
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                bail!("nothing within {patience:?}");
            }
            state = self.changed.wait_timeout(state, left).expect(UNPOISONED).0;
        }
    }
}

impl State {
    fn take_in(&mut self, message: Value) {
        if let Some(id) = message["id"].as_u64() {
            self.replies.insert(id, message);
            return;
        }
        self.events.push_back(message);
        if self.events.len() > EVENTS_MAX {
            self.events.pop_front();
            self.forgotten += 1;
        }
    }

    fn since(&self, from: usize) -> impl Iterator<Item = &Value> {
        self.events.iter().skip(from.saturating_sub(self.forgotten))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // The end of the pipe ends the browser; the profile can go when all its processes are gone.
        drop(self.input.lock().expect(UNPOISONED).take());
        let mut child = self.child.lock().expect(UNPOISONED);
        let end = Instant::now() + END_TIMEOUT;
        while matches!(child.try_wait(), Ok(None)) {
            if Instant::now() > end {
                let _ = child.kill();
                let _ = child.wait();
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        // Its helpers end a moment later and may still write; a leftover is not worth a failure.
        for _ in 0..20 {
            if std::fs::remove_dir_all(self.profile.path()).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(25));
        }
    }
}
