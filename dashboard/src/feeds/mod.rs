//! `GET /api/v1/feeds/{topic}`: follow a topic over HTTP, as server-sent events or as NDJSON.
//!
//! A feed reads the log on a thread of its own and hands pieces of bounded size through a short
//! queue to the connection. Whoever doesn't take them for a while is cut off with a word that says
//! so, and goes on later from the id it saw last: ids are positions in the topic's partitions, so the
//! server remembers nothing about anybody.
//!
//! # Layout
//!
//! - `page`: the handler. `follow`: the thread. `body`: the connection's end of the queue.
//! - `place`: ids. `sight`: which records a reader may see. `form`: how they are written.
//!
//! What a key may not see is left out without a trace: it can't be told from records that don't
//! exist.

mod body;
mod follow;
mod form;
pub(crate) mod page;
mod place;
mod sight;

use std::sync::Arc;

use footfall_event::Topic;
use footfall_topics::Log;
use tokio::sync::{Semaphore, watch};

/// What feeds share.
pub(crate) struct Feeds {
    log: Arc<dyn Log>,
    /// Feeds at the same time.
    permits: Arc<Semaphore>,
    stopping: watch::Sender<bool>,
}

impl Feeds {
    pub(crate) fn new(log: Arc<dyn Log>, feeds_max: usize) -> Feeds {
        Feeds {
            log,
            permits: Arc::new(Semaphore::new(feeds_max)),
            stopping: watch::Sender::new(false),
        }
    }

    /// Ends all feeds, and those that begin from now on.
    pub(crate) fn stop(&self) {
        self.stopping.send_replace(true);
    }
}

/// Whether a topic may be followed at all. The others hold secrets, or are ways between parts of the
/// program that may change with any version.
const fn is_public(topic: Topic) -> bool {
    match topic {
        Topic::Pageviews
        | Topic::Engagements
        | Topic::Searches
        | Topic::Actions
        | Topic::Impressions
        | Topic::Views
        | Topic::Clicks
        | Topic::Conversions
        | Topic::DeadLetters
        | Topic::JudgedEvents
        | Topic::Sessions
        | Topic::AdWindows
        | Topic::SearchWindows
        | Topic::Verdicts
        | Topic::AdPerformance
        | Topic::Alerts => true,
        Topic::Catalog
        | Topic::Blocklist
        | Topic::Salts
        | Topic::AdDeltas
        | Topic::AdClicks
        | Topic::AdConversions
        | Topic::Shards
        | Topic::Batches
        | Topic::Snapshots => false,
    }
}
