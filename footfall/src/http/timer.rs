//! The timer of one connection. hyper asks for a new one for each request's head and drops it when
//! the head is there, after some microseconds as a rule; each time the runtime's timer wheel, which
//! all threads share, would be locked twice. So the runtime's timer is kept from request to request
//! and only moved when it fires: at most once in each timeout.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};

type Alarm = Pin<Box<tokio::time::Sleep>>;

/// Makes the timers of one connection; every connection needs its own.
#[derive(Clone, Default)]
pub(super) struct ConnectionTimer {
    /// The runtime's timer, while nobody waits for it.
    kept: Arc<Mutex<Option<Alarm>>>,
}

impl Timer for ConnectionTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        self.sleep_until(self.now() + duration)
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let deadline = tokio::time::Instant::from_std(deadline);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).take();
        // One that fires too late is of no use.
        let alarm = kept.filter(|alarm| alarm.deadline() <= deadline);
        let alarm = alarm.unwrap_or_else(|| Box::pin(tokio::time::sleep_until(deadline)));
        Box::pin(Waiting { deadline, alarm: Some(alarm), timer: self.clone() })
    }

    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }
}

/// Ready at its deadline. Its alarm may go off before, which is when it is moved.
struct Waiting {
    deadline: tokio::time::Instant,
    alarm: Option<Alarm>,
    timer: ConnectionTimer,
}

impl Future for Waiting {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let deadline = self.deadline;
        let alarm = self.alarm.as_mut().expect("it is taken out when this is dropped");
        while alarm.as_mut().poll(context).is_ready() {
            if alarm.deadline() >= deadline {
                return Poll::Ready(());
            }
            alarm.as_mut().reset(deadline);
        }
        Poll::Pending
    }
}

impl Sleep for Waiting {}

impl Drop for Waiting {
    fn drop(&mut self) {
        *self.timer.kept.lock().unwrap_or_else(PoisonError::into_inner) = self.alarm.take();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long a wait takes. Bounds from below are exact; those from above only tell seconds from
    /// minutes.
    async fn wait(timer: &ConnectionTimer, millis: u64) -> Duration {
        let began = Instant::now();
        timer.sleep(Duration::from_millis(millis)).await;
        began.elapsed()
    }

    #[tokio::test]
    async fn each_wait_ends_at_its_own_deadline() {
        let timer = ConnectionTimer::default();
        // Waits that are given up leave an alarm that goes off long before the next deadline.
        for _ in 0..5 {
            let given_up = timer.sleep(Duration::from_millis(40));
            assert!(tokio::time::timeout(Duration::from_millis(1), given_up).await.is_err());
        }
        assert!(wait(&timer, 150).await >= Duration::from_millis(150));
        assert!(wait(&timer, 20).await >= Duration::from_millis(20));
        // After a longer one that is given up, too, the alarm comes in time.
        let given_up = timer.sleep(Duration::from_secs(600));
        assert!(tokio::time::timeout(Duration::from_millis(1), given_up).await.is_err());
        assert!(wait(&timer, 20).await < Duration::from_secs(300));
    }
}
