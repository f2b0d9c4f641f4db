//! The log on a real Kafka broker: the shared contract, and what only a cluster can do (fencing
//! between processes, take-over after a kill, a broker that goes away and comes back).

// Helpers of tests are not tests to clippy.
#![allow(clippy::unwrap_used)]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use footfall_tests::Broker;
use footfall_topics::Log;
use footfall_topics::kafka::{KafkaLog, Settings};

mod contract;
#[path = "kafka/faults.rs"]
mod faults;
#[path = "kafka/following.rs"]
mod following;
#[path = "kafka/shards.rs"]
mod owning;
#[path = "kafka/support.rs"]
mod support;

/// A log of its own on the broker that all tests share.
struct OnKafka {
    settings: Settings,
    log: Mutex<Option<Arc<KafkaLog>>>,
}

impl OnKafka {
    fn start() -> OnKafka {
        let broker = Broker::shared();
        let settings = support::settings(broker, &broker.prefix("contract"));
        let log = KafkaLog::open(settings.clone()).expect("the log opens");
        OnKafka { settings, log: Mutex::new(Some(log)) }
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
