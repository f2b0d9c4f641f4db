//! The bounded queue to the writer, and the signals that wake whoever waits.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, PoisonError},
    time::{Duration, Instant},
};

use super::{gather::Finished, group::Seal, shared::lock};
use crate::{AppendError, CommitError, Done, Position, RecordBatch};

/// How a commit's outcome gets back to its caller.
pub(super) type Reply = std::sync::mpsc::SyncSender<Result<(), CommitError>>;

/// What the writer is asked to do.
pub(super) enum Command {
    /// Store records.
    Append { batch: RecordBatch, done: Done, queued_at: Instant },
    /// Store blocks of records and positions, if the seal still holds.
    Commit {
        outputs: Vec<Finished>,
        records: u64,
        group: String,
        positions: Vec<Position>,
        seal: Seal,
        reply: Reply,
    },
    /// Answer when everything before has an outcome.
    Barrier { reply: Reply },
}

impl Command {
    fn bytes(&self) -> usize {
        const OVERHEAD: usize = 256;
        OVERHEAD
            + match self {
                // Forty bytes: what a batch keeps per record besides key and value.
                Command::Append { batch, .. } => batch.bytes() + batch.len() * 40,
                Command::Commit { outputs, .. } => {
                    outputs.iter().map(|block| block.bytes.len()).sum::<usize>()
                }
                Command::Barrier { .. } => 0,
            }
    }
}

/// The writer's queue, bounded in bytes.
pub(super) struct Queue {
    state: Mutex<QueueState>,
    filled: Condvar,
    bytes_max: usize,
}

#[derive(Default)]
struct QueueState {
    commands: VecDeque<Command>,
    bytes: usize,
    closed: bool,
}

impl Queue {
    pub(super) fn new(bytes_max: usize) -> Queue {
        Queue { state: Mutex::default(), filled: Condvar::new(), bytes_max }
    }

    /// Adds a command, or gives it back with the reason.
    pub(super) fn push(&self, command: Command) -> Result<(), Box<(Command, AppendError)>> {
        let bytes = command.bytes();
        let mut state = lock(&self.state);
        if state.closed {
            return Err(Box::new((command, AppendError::Closed)));
        }
        // One batch larger than the whole queue still gets through when nothing else waits.
        if state.bytes + bytes > self.bytes_max && !state.commands.is_empty() {
            return Err(Box::new((command, AppendError::Busy)));
        }
        state.bytes += bytes;
        state.commands.push_back(command);
        if state.commands.len() == 1 {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Moves some `bytes_max` bytes of commands to `into`; waits for the first at most `timeout`.
    /// `false` when the queue is closed and empty.
    pub(super) fn take(
        &self,
        into: &mut Vec<Command>,
        bytes_max: usize,
        timeout: Duration,
    ) -> bool {
        let mut state = lock(&self.state);
        if state.commands.is_empty() && !state.closed {
            let waited = self.filled.wait_timeout(state, timeout);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        let mut taken = 0;
        while taken < bytes_max {
            let Some(command) = state.commands.pop_front() else { break };
            taken += command.bytes();
            into.push(command);
        }
        state.bytes = state.bytes.saturating_sub(taken);
        !(state.closed && into.is_empty())
    }

    pub(super) fn close(&self) {
        lock(&self.state).closed = true;
        self.filled.notify_all();
    }
}

/// Wakes one waiting reader or member.
#[derive(Default)]
pub(super) struct Signal {
    raised: Mutex<bool>,
    condvar: Condvar,
}

impl Signal {
    pub(super) fn raise(&self) {
        *lock(&self.raised) = true;
        self.condvar.notify_all();
    }

    /// Waits until it is raised, at most until `deadline`, and lowers it.
    pub(super) fn wait(&self, deadline: Instant) {
        let mut raised = lock(&self.raised);
        while !*raised {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.condvar.wait_timeout(raised, left);
            raised = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        *raised = false;
    }
}
