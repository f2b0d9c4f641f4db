//! The log on a real Kafka broker: the shared contract, and what only a cluster can do (fencing
//! between processes, take-over after a kill, a broker that goes away and comes back, topics that
//! others wrote).

// Helpers of tests are not tests to clippy.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use footfall_tests::Broker;
use footfall_topics::Log;
use footfall_topics::kafka::{KafkaLog, Settings};

mod contract;
#[path = "kafka/faults.rs"]
mod faults;
#[path = "kafka/following.rs"]
mod following;
#[path = "kafka/foreign.rs"]
mod foreign;
#[path = "kafka/foreign_faults.rs"]
mod foreign_faults;
#[path = "kafka/shards.rs"]
mod owning;
#[path = "kafka/support.rs"]
mod support;

/// The contract's cases share their topics, since hundreds of partitions are work for a broker; so
/// they run one after the other.
static TURN: Mutex<Option<Settings>> = Mutex::new(None);

/// The log on the broker that all tests share.
struct OnKafka {
    settings: Settings,
    log: Mutex<Option<Arc<KafkaLog>>>,
    _turn: MutexGuard<'static, Option<Settings>>,
}

impl OnKafka {
    fn start() -> OnKafka {
        let mut turn = TURN.lock().unwrap_or_else(|failed| failed.into_inner());
        let broker = Broker::shared();
        let make = || support::settings(broker, &broker.prefix("contract"));
        let settings = turn.get_or_insert_with(make).clone();
        let log = KafkaLog::open(settings.clone()).expect("the log opens");
        OnKafka { settings, log: Mutex::new(Some(log)), _turn: turn }
    }
}

impl contract::LogUnderTest for OnKafka {
    fn log(&self) -> Arc<dyn Log> {
        self.log.lock().unwrap().clone().unwrap()
    }

    fn restart(&self) {
        let mut log = self.log.lock().unwrap();
        log.take().unwrap().close(Duration::from_secs(10));
        *log = Some(KafkaLog::open(self.settings.clone()).expect("the log opens"));
    }

    fn compact(&self) -> bool {
        // A broker compacts when it thinks fit.
        false
    }

    fn tail_latency_max(&self) -> Duration {
        // A fetch that finds too little waits for more, `fetch.wait.max.ms` at the most.
        Duration::from_millis(250)
    }
}

contract!(crate::OnKafka::start);
