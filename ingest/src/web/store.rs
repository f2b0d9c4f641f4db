//! Appending what was taken, and what to say when the log can't.

use axum::http::StatusCode;
use footfall_event::Rejected;
use footfall_topics::AppendError;

use super::reply::status_of;
use super::take::Taken;
use crate::accept::Rejection;
use crate::metrics::{Counted, count};
use crate::service::Ingest;

/// A refusal by the log, with the seconds after which to try again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) rejection: Rejection,
    pub(super) retry_after_s: u64,
}

/// Stores the records. When it returns without error, they are durable. Counts all outcomes.
pub(super) async fn store(ingest: &Ingest, taken: &mut Taken) -> Result<(), Refused> {
    let batch = std::mem::take(&mut taken.batch);
    let result = footfall_topics::append(&*ingest.log, batch).await;
    let result = result.map_err(|error| refused(&error));
    if let Err(refused) = &result {
        taken.tally.refuse_accepted(refused.rejection.reason);
    }
    taken.tally.flush();
    result
}

/// Refuses a request as a whole, which counts as one event of unknown type. With the answer's status.
pub(super) fn refuse_whole(refused: Refused) -> (Refused, StatusCode) {
    count(None, Counted::Rejected(refused.rejection.reason));
    let status = status_of(refused.rejection.reason);
    (refused, status)
}

/// What the sender is told when the log does not take its events.
pub(super) fn refused(error: &AppendError) -> Refused {
    let retry_after_s = match error {
        AppendError::Busy | AppendError::Closed => 1,
        AppendError::Unavailable(_) | AppendError::TooLarge(_) => 5,
        AppendError::Full(_) => 30,
    };
    // The log's own message may name paths: the sender gets only what concerns it.
    let (reason, detail) = match error {
        AppendError::Full(_) => (Rejected::Unavailable, "the log is full"),
        AppendError::Busy => (Rejected::Unavailable, "too much is waiting to be stored"),
        AppendError::Unavailable(_) => (Rejected::Unavailable, "the log can't be written now"),
        AppendError::TooLarge(_) => (Rejected::TooLarge, "a record is larger than the log takes"),
        AppendError::Closed => (Rejected::Unavailable, "the server is going down"),
    };
    Refused { rejection: Rejection::new(reason, detail), retry_after_s }
}
