//! How current the figures are: what the program knows about the engine and the loader, for the
//! note on the page and the line at its foot.

use arc_swap::ArcSwap;

/// What is known about the way from the log to the figures. Times are milliseconds since 1970.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Freshness {
    /// Since when the warehouse has not answered; `None` while it does.
    pub engine_down_since: Option<i64>,
    /// Everything that was received until then is in the figures; `None` when that is not known
    /// (a dashboard that runs as a process of its own reads it from the warehouse).
    pub loaded_up_to: Option<i64>,
    /// Events in the log that wait to be loaded; `None` when that is not known.
    pub waiting: Option<u64>,
}

/// The handle through which the program tells the dashboard: one writer, many readers, no locks.
#[derive(Debug, Default)]
pub struct Status {
    current: ArcSwap<Freshness>,
}

impl Status {
    /// Replaces what is known.
    pub fn set(&self, freshness: Freshness) {
        self.current.store(std::sync::Arc::new(freshness));
    }

    /// What is known now.
    pub fn get(&self) -> Freshness {
        Freshness::clone(&self.current.load())
    }
}
