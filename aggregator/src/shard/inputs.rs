//! Reads a shard's input topics in step with each other, within bounded memory.
//!
//! When a shard is behind, one topic could be read hours ahead of another, and the other's events
//! would then be late. So records are taken in the order of their receipt across the topics, and a
//! topic that has more to give holds the others back until its next record is known. A topic that is
//! read too far ahead is put aside until it is needed.

use std::time::{Duration, Instant};

use footfall_event::Topic;
use footfall_topics::{LogError, Partition, Reader};

mod lane;

use lane::Lane;
pub(crate) use lane::Taken;

/// Bytes kept of one topic before it is put aside.
const LANE_BYTES_MAX: usize = 8 << 20;

/// Bytes asked for at once.
const POLL_BYTES_MAX: usize = 4 << 20;

/// A topic that doesn't say for so long whether it has more holds the others back no longer: what it
/// brings then may be late. A shard waits so only when it begins, or has a backlog.
const PATIENCE: Duration = Duration::from_secs(30);

/// Topics may be read this far ahead of each other, milliseconds of receipt. Little beside the two
/// minutes of lateness that the rules wait for, also where a sender makes up for hours: events of
/// minutes are received within a second then.
const STEP_MS: i64 = 1_000;

/// Records looked at together.
const STRIDE: usize = 64;

/// The inputs of one shard.
pub(crate) struct Inputs {
    reader: Box<dyn Reader>,
    lanes: Vec<Lane>,
    received_at: fn(&[u8]) -> Option<i64>,
    held_back_since: Option<Instant>,
    /// Nothing is taken that was received later.
    until: i64,
}

impl Inputs {
    /// Begins to read partition `shard` of each topic at an offset.
    ///
    /// # Errors
    /// When the log can't be asked.
    pub(crate) fn new(
        mut reader: Box<dyn Reader>,
        topics: &[Topic],
        shard: u32,
        offsets: &[u64],
        received_at: fn(&[u8]) -> Option<i64>,
    ) -> Result<Inputs, LogError> {
        let mut lanes = Vec::with_capacity(topics.len());
        for (&topic, &offset) in topics.iter().zip(offsets) {
            let partition = Partition { topic, number: shard };
            reader.assign(partition, offset)?;
            lanes.push(Lane::new(partition, offset));
        }
        Ok(Inputs { reader, lanes, received_at, held_back_since: None, until: i64::MAX })
    }

    /// The partitions, in the order of the topics.
    pub(crate) fn partitions(&self) -> Vec<Partition> {
        self.lanes.iter().map(|lane| lane.partition).collect()
    }

    /// For each topic the offset behind what was taken.
    pub(crate) fn ends(&self) -> Vec<u64> {
        self.lanes.iter().map(|lane| lane.taken_to).collect()
    }

    /// Bytes read and not yet taken.
    pub(crate) fn waiting_bytes(&self) -> usize {
        self.lanes.iter().map(|lane| lane.bytes).sum()
    }

    /// Whether one of the topics has no room for more.
    pub(crate) fn is_full(&self) -> bool {
        self.lanes.iter().any(|lane| lane.bytes > LANE_BYTES_MAX)
    }

    /// Whether there are records that may not be taken before another topic was read.
    pub(crate) fn is_held_back(&self) -> bool {
        self.held_back_since.is_some()
    }

    /// From now on nothing is taken that was received later than this.
    pub(crate) fn take_until(&mut self, received_at: i64) {
        self.until = received_at;
    }

    /// Whether everything was taken that may be, of what there is before these offsets.
    pub(crate) fn is_used_up(&self, ends: &[u64]) -> bool {
        self.lanes.iter().zip(ends).all(|(lane, end)| {
            match lane.front_received_at(self.received_at) {
                Some(at) => at > self.until,
                None => lane.read_to >= *end,
            }
        })
    }

    /// When the next record was received, of those that were read.
    pub(crate) fn next_received_at(&self) -> Option<i64> {
        self.lanes.iter().filter_map(|lane| lane.front_received_at(self.received_at)).min()
    }

    /// Reads more, if there is room. Waits at most `timeout`. Whether anything came.
    ///
    /// # Errors
    /// When the log can't be read.
    pub(crate) fn fill(&mut self, timeout: Duration) -> Result<bool, LogError> {
        for lane in &mut self.lanes {
            if lane.aside && lane.bytes < LANE_BYTES_MAX / 2 {
                self.reader.assign(lane.partition, lane.read_to)?;
                lane.aside = false;
            } else if !lane.aside && lane.bytes > LANE_BYTES_MAX {
                self.reader.unassign(lane.partition)?;
                lane.aside = true;
            }
        }
        if self.lanes.iter().all(|lane| lane.aside) {
            return Ok(false);
        }
        let mut came = false;
        for chunk in self.reader.poll(POLL_BYTES_MAX, timeout)? {
            came |= !chunk.is_empty();
            let of = |lane: &&mut Lane| lane.partition == chunk.partition;
            if let Some(lane) = self.lanes.iter_mut().find(of) {
                lane.accept(chunk);
            }
        }
        Ok(came)
    }

    /// Takes what may be worked on, in the order of receipt, up to the limits. Empty when a topic
    /// that has more holds the others back: fill again.
    pub(crate) fn take(&mut self, records_max: usize, bytes_max: usize) -> Taken {
        let mut taken = Taken::default();
        while taken.records < records_max && taken.bytes < bytes_max {
            let Some((index, bound)) = self.next_lane() else { break };
            let room = records_max - taken.records;
            taken.add(self.lanes[index].slice(room.min(STRIDE), bound, self.received_at));
        }
        taken
    }

    /// The topic whose next record was received first, and how far it may be read. `None` when there
    /// is nothing, or a topic that is not at its end has to be read first.
    fn next_lane(&mut self) -> Option<(usize, i64)> {
        let waiting = self.lanes.iter().any(Lane::may_bring_more);
        if waiting {
            let since = *self.held_back_since.get_or_insert_with(Instant::now);
            if since.elapsed() < PATIENCE {
                return None;
            }
        } else {
            self.held_back_since = None;
        }
        let mut first: Option<(i64, usize)> = None;
        let mut second = i64::MAX;
        for (index, lane) in self.lanes.iter().enumerate() {
            let Some(at) = lane.front_received_at(self.received_at) else { continue };
            match first {
                Some((best, _)) if at >= best => second = second.min(at),
                previous => {
                    second = previous.map_or(second, |(best, _)| best);
                    first = Some((at, index));
                }
            }
        }
        let (_, index) = first.filter(|(at, _)| *at <= self.until)?;
        Some((index, second.saturating_add(STEP_MS).min(self.until)))
    }

    /// Takes exactly up to the given offsets, reading as needed: for replay.
    ///
    /// # Errors
    /// When the log can't be read, or ends before.
    pub(crate) fn take_to(&mut self, ends: &[u64]) -> Result<Taken, LogError> {
        let mut taken = Taken::default();
        let mut silent_since = Instant::now();
        loop {
            for (lane, &end) in self.lanes.iter_mut().zip(ends) {
                lane.take_before(end, &mut taken);
            }
            let short = self.lanes.iter().zip(ends).find(|(lane, end)| lane.read_to < **end);
            let Some((lane, end)) = short else { break };
            if silent_since.elapsed() > Duration::from_secs(60) {
                let name = lane.partition.topic.name();
                let (read_to, number) = (lane.read_to, lane.partition.number);
                return Err(LogError::Storage(format!(
                    "{name}/{number} ends at {read_to}, but a batch reached {end}"
                )));
            }
            if self.fill(Duration::from_millis(100))? {
                silent_since = Instant::now();
            }
        }
        for (lane, &end) in self.lanes.iter_mut().zip(ends) {
            lane.taken_to = lane.taken_to.max(end);
        }
        Ok(taken)
    }

    /// The reader, for another use.
    ///
    /// # Errors
    /// When the log can't be asked.
    pub(crate) fn into_reader(mut self) -> Result<Box<dyn Reader>, LogError> {
        for lane in self.lanes.iter().filter(|lane| !lane.aside) {
            self.reader.unassign(lane.partition)?;
        }
        Ok(self.reader)
    }
}

#[cfg(test)]
#[path = "inputs_tests.rs"]
mod tests;
