//! Tells everybody what became of their commands.

use super::queue::Command;
use crate::{AppendError, CommitError, metrics};

/// Takes the commits of shards that have a new owner out and tells them.
pub(super) fn refuse_lost_commits(commands: &mut Vec<Command>) {
    commands.retain(|command| match command {
        Command::Commit { seal, reply, .. } if !seal.holds() => {
            drop(reply.try_send(Err(seal.lost())));
            false
        }
        _ => true,
    });
}

pub(super) fn accept(commands: &mut Vec<Command>) {
    let recorder = metrics::Appends::start();
    for command in commands.drain(..) {
        match command {
            Command::Append { batch, done, queued_at } => {
                recorder.appended(batch.len() as u64, queued_at.elapsed());
                done(Ok(()));
            }
            Command::Commit { records, reply, .. } => {
                recorder.committed(records);
                drop(reply.try_send(Ok(())));
            }
            Command::Barrier { reply } => drop(reply.try_send(Ok(()))),
        }
    }
}

/// Nothing of it was stored.
pub(super) fn refuse(commands: impl Iterator<Item = Command>, error: &AppendError) {
    for command in commands {
        match command {
            Command::Append { done, .. } => {
                metrics::append_failed(error);
                done(Err(error.clone()));
            }
            Command::Commit { reply, .. } => {
                drop(reply.try_send(Err(CommitError::Failed(error.to_string()))));
            }
            Command::Barrier { reply } => drop(reply.try_send(Ok(()))),
        }
    }
}

/// It may or may not have been stored.
pub(super) fn fail(commands: &mut Vec<Command>, error: &AppendError) {
    for command in commands.drain(..) {
        match command {
            Command::Append { done, .. } => {
                metrics::append_failed(error);
                done(Err(error.clone()));
            }
            Command::Commit { reply, .. } => {
                drop(reply.try_send(Err(CommitError::Unknown(error.to_string()))));
            }
            Command::Barrier { reply } => drop(reply.try_send(Ok(()))),
        }
    }
}
