//! What the errors of transactional calls mean. The table was measured: see the tests.

use std::time::{Duration, Instant};

use rdkafka::error::{KafkaError, RDKafkaError, RDKafkaErrorCode};

/// The longest single call, so that ownership is checked in between.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// Why a transactional call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The same call again may succeed.
    Again(String),
    /// The call did not get through until the deadline.
    Late(String),
    /// The transaction must be aborted; its outputs may be sent in a new one.
    Abort(String),
    /// The same, because the group has a new generation: it may take a moment to be known.
    Stale(String),
    /// The member is not in the group any more.
    Expelled(String),
    /// Another owner has opened the shard.
    Fenced(String),
    /// The producer is of no use any more.
    Broken(String),
}

impl Trouble {
    pub(super) fn of(error: &KafkaError) -> Trouble {
        match error {
            KafkaError::Transaction(error) => Trouble::of_transaction(error),
            // Waiting for records that are on their way.
            KafkaError::Flush(_) => Trouble::Again(error.to_string()),
            other => Trouble::Abort(other.to_string()),
        }
    }

    fn of_transaction(error: &RDKafkaError) -> Trouble {
        let code = error.code();
        let reason = format!("{code}: {error}");
        if error.is_fatal() {
            return Trouble::of_fatal(code, reason);
        }
        if error.txn_requires_abort() {
            return match code {
                RDKafkaErrorCode::IllegalGeneration | RDKafkaErrorCode::RebalanceInProgress => {
                    Trouble::Stale(reason)
                }
                RDKafkaErrorCode::UnknownMemberId | RDKafkaErrorCode::FencedInstanceId => {
                    Trouble::Expelled(reason)
                }
                _ => Trouble::Abort(reason),
            };
        }
        if error.is_retriable() { Trouble::Again(reason) } else { Trouble::Broken(reason) }
    }

    /// A fatal error by its code.
    pub(super) fn of_fatal(code: RDKafkaErrorCode, reason: String) -> Trouble {
        match code {
            RDKafkaErrorCode::Fenced
            | RDKafkaErrorCode::ProducerFenced
            | RDKafkaErrorCode::InvalidProducerEpoch => Trouble::Fenced(reason),
            _ => Trouble::Broken(reason),
        }
    }

    pub(super) fn reason(self) -> String {
        match self {
            Trouble::Again(reason)
            | Trouble::Late(reason)
            | Trouble::Abort(reason)
            | Trouble::Stale(reason)
            | Trouble::Expelled(reason)
            | Trouble::Fenced(reason)
            | Trouble::Broken(reason) => reason,
        }
    }
}

/// Repeats the same call while that helps, until the deadline or until `go_on` says no. Returns
/// whether a call timed out on the way: its request may still arrive.
pub(super) fn persist(
    deadline: Instant,
    go_on: impl Fn() -> bool,
    mut call: impl FnMut(Duration) -> Result<(), KafkaError>,
) -> Result<bool, Trouble> {
    let mut timed_out = false;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let error = match call(left.clamp(Duration::from_millis(1), CALL_TIMEOUT)) {
            Ok(()) => return Ok(timed_out),
            Err(error) => error,
        };
        timed_out |= matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::OperationTimedOut | RDKafkaErrorCode::RequestTimedOut)
        );
        match Trouble::of(&error) {
            Trouble::Again(reason) if Instant::now() >= deadline || !go_on() => {
                return Err(Trouble::Late(reason));
            }
            Trouble::Again(_) => std::thread::sleep(RETRY_PAUSE),
            other => return Err(other),
        }
    }
}
