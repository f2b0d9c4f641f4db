//! Keeps an event loop on a processor of its own while it is busy.
//!
//! Left to itself, a system's scheduler may leave two busy loops on one processor while another is idle.
//! A loop at leisure is better left to it: it can go elsewhere when somebody else keeps its processor
//! busy. What that brings and costs is in `docs/decisions/one-event-loop-per-processor.md`.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};

/// A loop that works for this share of the time is bound.
const BUSY: f64 = 0.15;
/// A bound loop that works for less than this is let go.
const LEISURE: f64 = 0.05;
/// How often it is looked at: so many waits, and so much time.
const LOOK_WAITS: u32 = 64;
const LOOK: Duration = Duration::from_millis(50);

/// The processors that this process may use.
#[derive(Clone)]
pub(super) struct Processors(Vec<usize>);

impl Processors {
    /// Those there are, if there is one for each of so many loops. When there are more, a quota says how
    /// many may be used and not which: then there is nothing to bind to.
    pub(super) fn for_each_of(loops: usize) -> Option<Processors> {
        let all = sched_getaffinity(None).ok()?;
        let numbers: Vec<usize> = (0..CpuSet::MAX_CPU).filter(|cpu| all.is_set(*cpu)).collect();
        (loops > 1 && numbers.len() == loops).then_some(Processors(numbers))
    }

    /// Leaves the calling thread to the scheduler.
    pub(super) fn release(&self) {
        bind_to(&self.0);
    }
}

/// Binds the calling thread. If the system refuses, everything is as it was.
fn bind_to(processors: &[usize]) {
    let mut set = CpuSet::new();
    processors.iter().for_each(|cpu| set.set(*cpu));
    if let Err(error) = sched_setaffinity(None, &set) {
        tracing::debug!(%error, "a thread can't be bound to a processor");
    }
}

/// One loop's place.
pub(super) struct Place {
    processors: Processors,
    own: usize,
    /// Of the loop's thread alone, which is the only one that takes it.
    load: Mutex<Option<Load>>,
}

impl Place {
    /// The place of a loop, by its number.
    pub(super) fn new(processors: Processors, number: usize) -> Place {
        let own = processors.0[number];
        Place { processors, own, load: Mutex::default() }
    }

    /// To be called by the loop's thread whenever it is about to wait.
    pub(super) fn look(&self) {
        let mut load = self.load.lock().unwrap_or_else(PoisonError::into_inner);
        let load = load.get_or_insert_with(|| Load::new(Instant::now(), worked()));
        load.waits += 1;
        if load.waits < LOOK_WAITS {
            return;
        }
        load.waits = 0;
        let now = Instant::now();
        if now.duration_since(load.since) < LOOK {
            return;
        }
        // A system call, unlike the clock.
        match load.changes(now, worked()) {
            Some(true) => bind_to(&[self.own]),
            Some(false) => self.processors.release(),
            None => {}
        }
    }
}

/// Processor time of the calling thread.
fn worked() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// How busy a loop is.
struct Load {
    waits: u32,
    since: Instant,
    worked: Duration,
    bound: bool,
}

impl Load {
    fn new(since: Instant, worked: Duration) -> Load {
        Load { waits: 0, since, worked, bound: false }
    }

    /// Whether the loop is to be bound, or let go, if that changes.
    fn changes(&mut self, now: Instant, worked: Duration) -> Option<bool> {
        let time = now.duration_since(self.since);
        let share = (worked - self.worked).as_secs_f64() / time.as_secs_f64();
        let bound = share >= if self.bound { LEISURE } else { BUSY };
        let changed = bound != self.bound;
        *self = Load { bound, ..Load::new(now, worked) };
        changed.then_some(bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_busy_is_bound_until_at_leisure() {
        let begin = Instant::now();
        let ms = Duration::from_millis;
        let mut load = Load::new(begin, ms(0));
        for (at, worked, expected) in [
            (100, 14, None),
            (200, 30, Some(true)),
            (300, 36, None), // less, but not leisure
            (400, 40, Some(false)),
            (500, 54, None),
        ] {
            assert_eq!(load.changes(begin + ms(at), ms(worked)), expected, "after {at} ms");
        }
    }

    /// On a thread of its own, which ends: the test's thread is not to stay bound.
    #[test]
    fn a_busy_thread_gets_its_processor_and_gives_it_back() {
        let count = || sched_getaffinity(None).unwrap().count();
        let all = count();
        let Some(processors) = Processors::for_each_of(all as usize) else { return };
        let thread = std::thread::spawn(move || {
            let place = Place::new(processors, 1);
            let look = |rest: Duration, until: u32| {
                let deadline = Instant::now() + Duration::from_secs(20);
                while count() != until {
                    assert!(Instant::now() < deadline, "{} processors", count());
                    std::thread::sleep(rest);
                    place.look();
                }
            };
            look(Duration::ZERO, 1);
            look(Duration::from_millis(2), all);
        });
        thread.join().unwrap();
    }
}
