//! A load generator whose requests come as people's do: each at a moment of its own, whatever became
//! of those before.
//!
//! The gaps between them are exponentially distributed, and what an answer takes is counted from the
//! moment when its request was due. So a server that stops for a moment is charged for everybody who
//! comes meanwhile; a generator that waits for answers, as most do, would leave these out. `wrk`,
//! besides, counts time in whole milliseconds: what it sends within a second are a thousand bursts.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::num::NonZeroU64;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustix::event::epoll::{self, EventData, EventFlags};
use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::fd::OwnedFd;

use crate::commands::simulate::dice::Dice;

/// Connections. A request that finds all of them busy waits for one, which counts as its time.
const CONNECTIONS: usize = 64;
/// How long the last answers may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of the requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived {
    pub(crate) requests: u64,
    pub(crate) requests_per_s: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p95_ms: f64,
    pub(crate) p99_ms: f64,
}

/// Gets `path` from `address`, `rate` times a second on average. Every answer has to be a redirect.
pub(crate) fn get(address: &str, path: &str, rate: f64, time: Duration) -> Result<Arrived> {
    // Sleeps are to end on time, not within the usual 50 µs.
    rustix::thread::set_current_timer_slack(NonZeroU64::new(1))?;
    let agent = super::ingest::AGENT;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: {agent}\r\n\r\n")
        .into_bytes();
    let mut generator = Generator::connect(address, request)?;
    // The same moments each time: who is measured in turns gets the same.
    let mut dice = Dice::new(1);
    let begin = Instant::now();
    let (mut next, end) = (begin, begin + time);
    while next < end || generator.is_busy() {
        while next <= Instant::now() && next < end {
            generator.due.push_back(next);
            next += Duration::from_secs_f64(dice.exponential(1.0 / rate));
        }
        generator.send()?;
        let until = if next < end { next } else { end + PATIENCE };
        ensure!(Instant::now() < end + PATIENCE, "requests are not answered");
        generator.receive(until.saturating_duration_since(Instant::now()))?;
    }
    let took = begin.elapsed();
    generator.times.sort_unstable();
    let times = &generator.times;
    let percentile = |percent: usize| -> Result<f64> {
        let time: &Duration = times.get(times.len() * percent / 100).context("nothing was sent")?;
        Ok(time.as_secs_f64() * 1_000.0)
    };
    Ok(Arrived {
        requests: times.len() as u64,
        requests_per_s: times.len() as f64 / took.as_secs_f64(),
        p50_ms: percentile(50)?,
        p95_ms: percentile(95)?,
        p99_ms: percentile(99)?,
    })
}

struct Generator {
    request: Vec<u8>,
    connections: Vec<Connection>,
    /// The connections without a request.
    idle: Vec<usize>,
    /// When the requests were due that have not been sent.
    due: VecDeque<Instant>,
    times: Vec<Duration>,
    queue: OwnedFd,
    events: Vec<epoll::Event>,
}

struct Connection {
    stream: TcpStream,
    /// When its request was due.
    due: Instant,
    /// What came of the answer.
    answer: Vec<u8>,
}

impl Generator {
    fn connect(address: &str, request: Vec<u8>) -> Result<Generator> {
        let queue = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let mut connections = Vec::with_capacity(CONNECTIONS);
        for number in 0..CONNECTIONS {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_nonblocking(true)?;
            epoll::add(&queue, &stream, EventData::new_u64(number as u64), EventFlags::IN)?;
            connections.push(Connection { stream, due: Instant::now(), answer: Vec::new() });
        }
        Ok(Generator {
            request,
            connections,
            idle: (0..CONNECTIONS).collect(),
            due: VecDeque::new(),
            times: Vec::new(),
            queue,
            events: Vec::with_capacity(CONNECTIONS),
        })
    }

    fn is_busy(&self) -> bool {
        !self.due.is_empty() || self.idle.len() < CONNECTIONS
    }

    /// Sends what is due.
    fn send(&mut self) -> Result<()> {
        while let (Some(&due), Some(&number)) = (self.due.front(), self.idle.last()) {
            let connection = &mut self.connections[number];
            connection.due = due;
            // It has been answered, so it has room for a request.
            connection.stream.write_all(&self.request)?;
            self.due.pop_front();
            self.idle.pop();
        }
        Ok(())
    }

    /// Waits for answers, at most so long.
    fn receive(&mut self, wait: Duration) -> Result<()> {
        // `epoll_wait` would round up to whole milliseconds.
        let mut queue = [PollFd::new(&self.queue, PollFlags::IN)];
        match rustix::event::poll(&mut queue, Some(&wait.try_into()?)) {
            Ok(0) | Err(rustix::io::Errno::INTR) => return Ok(()),
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        self.events.clear();
        let spare = rustix::buffer::spare_capacity(&mut self.events);
        epoll::wait(&self.queue, spare, Some(&Timespec::default()))?;
        for event in &self.events {
            let number = event.data.u64() as usize;
            let connection = &mut self.connections[number];
            if connection.read()? {
                self.times.push(connection.due.elapsed());
                self.idle.push(number);
            }
        }
        Ok(())
    }
}

impl Connection {
    /// Takes what came. Whether the answer is whole.
    fn read(&mut self) -> Result<bool> {
        let mut bytes = [0; 4_096];
        match self.stream.read(&mut bytes) {
            Ok(0) => bail!("the server closed a connection"),
            Ok(count) => self.answer.extend_from_slice(&bytes[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let is_whole = is_whole(&self.answer)?;
        if is_whole {
            self.answer.clear();
        }
        Ok(is_whole)
    }
}

/// Whether these are all bytes of an answer, which has to be a redirect.
fn is_whole(bytes: &[u8]) -> Result<bool> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut answer = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(head) = answer.parse(bytes)? else { return Ok(false) };
    ensure!(answer.code == Some(302), "answered {:?}", answer.code);
    let length = answer.headers.iter().find(|it| it.name.eq_ignore_ascii_case("content-length"));
    let body = match length {
        Some(header) => std::str::from_utf8(header.value)?.trim().parse()?,
        None => 0,
    };
    Ok(bytes.len() >= head + body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_ends_with_its_body() {
        let answer = b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 3\r\n\r\nabc";
        for cut in 0..answer.len() {
            assert!(!is_whole(&answer[..cut]).unwrap(), "{cut}");
        }
        assert!(is_whole(answer).unwrap());
        assert!(is_whole(b"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n").unwrap());
        assert!(is_whole(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n").is_err());
    }
}
