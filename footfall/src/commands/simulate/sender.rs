//! Sends events to a server as the real senders do: with a key in batches on the events API,
//! without one as beacons of single browsers, clicks on ads by the redirect. A fixed number of threads, each with its own
//! connection; the queue to them is short, so that a slow server slows the sending down instead
//! of filling the memory.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Result;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::answer::{Answer, Reply, Tally, beacon_answer};
use super::redirect::{self, ClickIds};
use super::world::SimEvent;

/// A server that answers nothing for so long is given up.
const SILENCE_MAX: Duration = Duration::from_secs(15);
/// An answer may take so long.
const ANSWER_MAX: Duration = Duration::from_secs(30);
/// A refusal that passes (429, 503) is tried again so often.
const TRIES_MAX: u32 = 5;

/// How events are sent.
#[derive(Clone, Debug)]
pub(super) enum Way {
    /// `POST /api/v1/events` with this key.
    Api { key: String },
    /// `POST /e` as a page of this origin.
    Beacon { origin: String },
}

impl Way {
    fn threads(&self) -> usize {
        match self {
            Way::Api { .. } => 4,
            Way::Beacon { .. } => 16,
        }
    }
}

/// What all threads share.
struct Shared {
    server: String,
    url: String,
    clicks: ClickIds,
    way: Way,
    start_ms: i64,
    tally: Mutex<Tally>,
    last_answer: Mutex<Instant>,
    failure: Mutex<Option<String>>,
    failed: AtomicBool,
}

/// The threads that send.
pub(super) struct Sender {
    shared: Arc<Shared>,
    queue: std::sync::mpsc::SyncSender<Vec<SimEvent>>,
    threads: Vec<JoinHandle<()>>,
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    // Only counts are kept in there: a panic elsewhere leaves them usable.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sender {
    /// Starts the threads. `start_ms` is the moment of the world's beginning.
    pub(super) fn start(server: &str, way: Way, start_ms: i64) -> Result<Sender> {
        let path = match &way {
            Way::Api { .. } => "/api/v1/events",
            Way::Beacon { .. } => "/e",
        };
        let threads = way.threads();
        let shared = Arc::new(Shared {
            server: server.trim_end_matches('/').to_owned(),
            url: format!("{}{path}", server.trim_end_matches('/')),
            clicks: ClickIds::default(),
            way,
            start_ms,
            tally: Mutex::default(),
            last_answer: Mutex::new(Instant::now()),
            failure: Mutex::default(),
            failed: AtomicBool::new(false),
        });
        let (queue, receiver) = std::sync::mpsc::sync_channel::<Vec<SimEvent>>(threads);
        let receiver = Arc::new(Mutex::new(receiver));
        let mut handles = Vec::new();
        for number in 0..threads {
            let (shared, receiver) = (Arc::clone(&shared), Arc::clone(&receiver));
            let work = move || {
                let agent = agent();
                loop {
                    let batch = locked(&receiver).recv();
                    let Ok(mut batch) = batch else { break };
                    batch.iter_mut().for_each(|event| shared.clicks.add_to(event));
                    shared.send(&agent, &batch);
                }
            };
            handles.push(std::thread::Builder::new().name(format!("send-{number}")).spawn(work)?);
        }
        Ok(Sender { shared, queue, threads: handles })
    }

    /// How many events go into one request.
    pub(super) fn batch_max(&self) -> usize {
        match self.shared.way {
            Way::Api { .. } => 1_000,
            Way::Beacon { .. } => 1,
        }
    }

    /// Hands a batch to the next free thread; waits when all are busy.
    pub(super) fn send(&self, batch: Vec<SimEvent>) {
        if !batch.is_empty() && !self.has_failed() {
            // The threads only end when the queue is closed, so there is somebody to receive it.
            drop(self.queue.send(batch));
        }
    }

    /// Whether it makes no sense to go on; [`Sender::finish`] says why.
    pub(super) fn has_failed(&self) -> bool {
        self.shared.failed.load(Ordering::Relaxed)
    }

    /// The counts so far.
    pub(super) fn tally(&self) -> Tally {
        locked(&self.shared.tally).clone()
    }

    /// Waits until everything was answered. The counts, and why it failed, if it did.
    pub(super) fn finish(self) -> (Tally, Option<String>) {
        drop(self.queue);
        for thread in self.threads {
            drop(thread.join());
        }
        let failure = locked(&self.shared.failure).take();
        (locked(&self.shared.tally).clone(), failure)
    }
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(ANSWER_MAX))
        .build()
        .into()
}

impl Shared {
    fn send(&self, agent: &ureq::Agent, batch: &[SimEvent]) {
        if self.failed.load(Ordering::Relaxed) {
            return;
        }
        locked(&self.tally).sent += batch.len() as u64;
        for attempt in 1..=TRIES_MAX {
            match self.request(agent, batch) {
                Ok(answer) => {
                    *locked(&self.last_answer) = Instant::now();
                    let passing = matches!(answer.status, 429 | 503);
                    if passing && attempt < TRIES_MAX && !self.failed.load(Ordering::Relaxed) {
                        std::thread::sleep(answer.retry_after);
                        continue;
                    }
                    return self.count(batch.len() as u64, answer);
                }
                Err(error) => return self.unanswered(batch.len() as u64, &error),
            }
        }
    }

    fn unanswered(&self, events: u64, error: &ureq::Error) {
        let mut tally = locked(&self.tally);
        tally.unanswered += events;
        let nothing_yet = tally.accepted == 0;
        drop(tally);
        let refused = matches!(
            error,
            ureq::Error::Io(io) if io.kind() == std::io::ErrorKind::ConnectionRefused
        ) || matches!(error, ureq::Error::HostNotFound | ureq::Error::BadUri(_));
        if (nothing_yet && refused) || locked(&self.last_answer).elapsed() > SILENCE_MAX {
            let server = &self.server;
            self.fail(format!(
                "the server {server} can't be reached ({error}): start one with `footfall serve`, \
                 or say where it is with --to"
            ));
        }
    }

    fn fail(&self, why: String) {
        locked(&self.failure).get_or_insert(why);
        self.failed.store(true, Ordering::Relaxed);
    }

    fn count(&self, events: u64, answer: Reply) {
        if answer.status == 401 || answer.status == 403 {
            return self.fail(
                "the server refuses the key: make one with `footfall key add --site SITE`"
                    .to_owned(),
            );
        }
        let mut tally = locked(&self.tally);
        tally.accepted += answer.body.accepted;
        let mut known = answer.body.accepted;
        for refusal in answer.body.dropped {
            *tally.dropped.entry(refusal.reason).or_default() += 1;
            known += 1;
        }
        for refusal in answer.body.rejected {
            if tally.detail.is_empty() && !refusal.detail.is_empty() {
                tally.detail = format!("{}: {}", refusal.reason, refusal.detail);
            }
            *tally.rejected.entry(refusal.reason).or_default() += 1;
            known += 1;
        }
        if known < events {
            // Refused as a whole.
            *tally.rejected.entry(format!("http_{}", answer.status)).or_default() += events - known;
        }
    }

    fn request(&self, agent: &ureq::Agent, batch: &[SimEvent]) -> Result<Reply, ureq::Error> {
        if let [click] = batch
            && click.is_redirect()
        {
            return self.redirect(agent, click);
        }
        match &self.way {
            Way::Api { key } => {
                let events: Vec<Value> = batch.iter().map(|event| self.api_event(event)).collect();
                let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
                serde_json::to_writer(&mut encoder, &events).map_err(std::io::Error::from)?;
                encoder.flush()?;
                let mut answer = agent
                    .post(&self.url)
                    .header("Authorization", &format!("Bearer {key}"))
                    .header("Content-Type", "application/json")
                    .header("Content-Encoding", "gzip")
                    .send(encoder.finish()?)?;
                let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec()?;
                Ok(Reply::new(&answer, serde_json::from_slice(&body).unwrap_or_default()))
            }
            Way::Beacon { origin } => {
                let event = &batch[0];
                let mut body = event.body.clone();
                body.insert("time".to_owned(), json!(self.start_ms + event.at_ms as i64));
                body.insert("sent_at".to_owned(), json!(crate::commands::now_ms()));
                let mut answer = agent
                    .post(&self.url)
                    .header("Origin", origin)
                    .header("User-Agent", event.user_agent)
                    .header("Content-Type", "text/plain;charset=UTF-8")
                    .send(serde_json::to_vec(&body).map_err(std::io::Error::from)?)?;
                // Read to the end, so that the connection can be used again.
                answer.body_mut().with_config().limit(1 << 20).read_to_vec()?;
                let body = beacon_answer(&answer);
                Ok(Reply::new(&answer, body))
            }
        }
    }

    /// Follows a link to an ad as far as the redirect.
    fn redirect(&self, agent: &ureq::Agent, click: &SimEvent) -> Result<Reply, ureq::Error> {
        let mut answer = agent
            .get(redirect::address(&self.server, click))
            .header("User-Agent", click.user_agent)
            .header("Referer", click.body["url"].as_str().unwrap_or_default())
            .header("X-Forwarded-For", &click.ip.to_string())
            .call()?;
        answer.body_mut().with_config().limit(1 << 20).read_to_vec()?;
        let accepted = u64::from(answer.status() == 302);
        let destination = answer.headers().get("location").and_then(|to| to.to_str().ok());
        if let Some(destination) = destination {
            self.clicks.keep(click.visit, destination);
        }
        Ok(Reply::new(&answer, Answer { accepted, ..Answer::default() }))
    }

    fn api_event(&self, event: &SimEvent) -> Value {
        let mut body = event.body.clone();
        body.insert("time".to_owned(), json!(self.start_ms + event.at_ms as i64));
        body.insert("ip".to_owned(), json!(event.ip));
        body.insert("user_agent".to_owned(), json!(event.user_agent));
        Value::Object(body)
    }
}
