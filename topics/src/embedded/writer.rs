//! The one thread that writes records: gathers what waits into one atomic, synced write, then tells
//! everybody.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{
    commit::{NewBlock, Write, WriteError},
    gather::{Finished, Gatherer},
    layout::position_key,
    outcome::{accept, fail, refuse, refuse_lost_commits},
    queue::Command,
    shared::{Shared, now_ms},
    space::Need,
    store::Store,
};
use crate::{Position, RecordBatch};

/// Bytes gathered into one write at the most: bounds how long the first has to wait for the last.
const GATHER_BYTES_MAX: usize = 8 << 20;
/// Pause between attempts to cut off a write that failed.
const REPAIR_PAUSE: Duration = Duration::from_secs(1);

/// Runs until the log is closed and everything queued has an outcome.
pub(super) fn run(shared: &Arc<Shared>) {
    let Ok(store) = shared.store() else { return };
    let gatherer = Gatherer::new(shared.layout);
    let mut writer = Writer { shared: shared.clone(), store, gatherer, now_ms: 0 };
    let mut commands = Vec::new();
    while shared.queue.take(&mut commands, GATHER_BYTES_MAX, REPAIR_PAUSE) {
        writer.handle(&mut commands);
        debug_assert!(commands.is_empty());
    }
}

struct Writer {
    shared: Arc<Shared>,
    store: Arc<Store>,
    gatherer: Gatherer,
    now_ms: i64,
}

impl Writer {
    fn handle(&mut self, commands: &mut Vec<Command>) {
        self.shared.set_trouble(self.store.repair().err());
        if commands.is_empty() {
            return;
        }
        self.now_ms = now_ms();
        self.refuse_without_room(commands);
        refuse_lost_commits(commands);
        let (write, ends) = self.gather(commands);
        match self.store.commit(write) {
            Ok(()) => {
                self.publish(&ends);
                accept(commands);
            }
            Err(WriteError { error, undone: true }) => refuse(commands.drain(..), &error),
            Err(WriteError { error, undone: false }) => {
                self.shared.set_trouble(Some(error.clone()));
                fail(commands, &error);
            }
        }
    }

    /// One write of everything, and where its partitions end after it. Appends are encoded here,
    /// commits were by their senders.
    fn gather(&mut self, commands: &mut [Command]) -> (Write, Vec<(usize, u64)>) {
        let batches = commands.iter().filter_map(records);
        let mut finished = self.gatherer.encode(batches, self.now_ms);
        let mut write = Write { now_ms: self.now_ms, ..Write::default() };
        for command in commands {
            if let Command::Commit { outputs, group, positions, .. } = command {
                finished.append(outputs);
                for position in positions {
                    let key = position_key(group, position.partition);
                    write.meta.push((key, position_value(position)));
                }
            }
        }
        let mut ends: Vec<(usize, u64)> = Vec::new();
        for Finished { slot, partition, span, sum, bytes } in finished {
            let end = match ends.iter_mut().find(|(of, _)| *of == slot) {
                Some((_, end)) => end,
                None => {
                    ends.push((slot, self.store.index[slot].end()));
                    &mut ends.last_mut().expect("one was pushed").1
                }
            };
            let first = *end;
            *end += u64::from(span);
            let block = NewBlock { slot, partition, first, span, sum, bytes, replacing: false };
            write.blocks.push(block);
        }
        (write, ends)
    }

    /// Takes out what there is no room for and says so.
    fn refuse_without_room(&self, commands: &mut Vec<Command>) {
        let outcomes = [Need::Append, Need::Outputs, Need::Positions].map(|need| {
            let asked = commands.iter().any(|command| need_of(command) == Some(need));
            if asked { self.shared.room(need).err() } else { None }
        });
        if outcomes.iter().all(Option::is_none) {
            return;
        }
        let mut rest = Vec::new();
        for command in std::mem::take(commands) {
            let error = need_of(&command).and_then(|need| outcomes[need as usize].as_ref());
            match error {
                Some(error) => refuse(std::iter::once(command), error),
                None => rest.push(command),
            }
        }
        *commands = rest;
    }

    /// Lets readers see what was written.
    fn publish(&self, ends: &[(usize, u64)]) {
        for (slot, end) in ends {
            self.store.index[*slot].end.store(*end, Ordering::Release);
        }
        for (slot, _) in ends {
            self.shared.notify(*slot);
        }
    }
}

fn need_of(command: &Command) -> Option<Need> {
    match command {
        Command::Append { .. } => Some(Need::Append),
        Command::Commit { outputs, .. } if outputs.is_empty() => Some(Need::Positions),
        Command::Commit { .. } => Some(Need::Outputs),
        Command::Barrier { .. } => None,
    }
}

fn records(command: &Command) -> Option<&RecordBatch> {
    match command {
        Command::Append { batch, .. } => Some(batch),
        Command::Commit { .. } | Command::Barrier { .. } => None,
    }
}

fn position_value(position: &Position) -> Vec<u8> {
    let mut value = Vec::with_capacity(8 + position.metadata.len());
    value.extend_from_slice(&position.offset.to_be_bytes());
    value.extend_from_slice(position.metadata.as_bytes());
    value
}
