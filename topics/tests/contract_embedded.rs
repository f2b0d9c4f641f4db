//! The contract of the log, on the embedded one.

#![allow(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use footfall_topics::{
    Log,
    embedded::{EmbeddedLog, Settings},
};

mod contract;

struct Embedded {
    folder: tempfile::TempDir,
    log: Mutex<Option<Arc<EmbeddedLog>>>,
}

impl Embedded {
    fn start() -> Embedded {
        let folder = tempfile::tempdir().unwrap();
        let log = EmbeddedLog::open(Settings::new(folder.path())).unwrap();
        Embedded { folder, log: Mutex::new(Some(log)) }
    }
}

impl contract::LogUnderTest for Embedded {
    fn log(&self) -> Arc<dyn Log> {
        self.log.lock().unwrap().clone().unwrap()
    }

    fn restart(&self) {
        let mut log = self.log.lock().unwrap();
        log.take().unwrap().close(Duration::from_secs(10));
        *log = Some(EmbeddedLog::open(Settings::new(self.folder.path())).unwrap());
    }

    fn compact(&self) -> bool {
        self.log.lock().unwrap().as_ref().unwrap().tidy().unwrap();
        true
    }

    fn tail_latency_max(&self) -> Duration {
        Duration::from_millis(50)
    }
}

contract!(crate::Embedded::start);
