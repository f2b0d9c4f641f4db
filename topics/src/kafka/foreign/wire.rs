//! Reads a topic by Kafka's own protocol, without librdkafka.
//!
//! librdkafka allocates, queues and frees an operation for each record, which takes longer than all
//! that is done with it here. This reads responses of some megabytes and hands out slices of them;
//! `docs/decisions/foreign-topics-by-the-protocol.md` has the figures. The protocol's messages are
//! those of `kafka-protocol`; it decodes record batches one allocation per field and record, hence
//! the decoder of our own in `batch`.
//!
//! Committed records only: `chunk` leaves out what was rolled back, and the broker sends nothing
//! from the first open transaction on. While a response is worked through the next one is on its
//! way, so at most one response per leading broker is held, and what the sockets buffer.
//!
//! It knows no TLS, no SASL, no snappy, no record format before Kafka 0.11, no fetching from
//! followers and none of librdkafka's options. What it meets of these it reports as
//! [`Trouble::Unfamiliar`], and librdkafka reads on from the same place.
//!
//! # Layout
//!
//! `link`: a connection. `leaders`: who leads which partition. `fetch`: asks them in turn. `chunk`:
//! one partition's part of a response. `batch`: the format of its batches. `unpack`: compression.

use std::time::{Duration, Instant};

use super::Place;
use crate::kafka::settings::Settings;

mod batch;
mod chunk;
mod fetch;
mod leaders;
mod link;
mod unpack;

use batch::Records;
use chunk::Step;
use fetch::Fetch;
use unpack::Unpacker;

/// What is in the way.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Something that this way of reading does not know, and librdkafka does.
    Unfamiliar(String),
    /// It won't pass by itself.
    Lasting(String),
    /// A connection or a leader that is away.
    Passing(String),
}

/// The batch that is being handed out.
struct Current {
    partition: usize,
    records: Records,
    last: i64,
}

/// Reads the partitions of one topic.
pub(super) struct Wire {
    fetch: Fetch,
    unpacker: Unpacker,
    current: Option<Current>,
}

impl Wire {
    /// Whether a cluster can be read so, by what the settings say: in the clear, and with none of
    /// the options that only librdkafka knows.
    pub(super) fn suits(settings: &Settings) -> bool {
        settings.options.iter().all(|(name, value)| {
            name == "security.protocol" && value.eq_ignore_ascii_case("plaintext")
        })
    }

    /// Begins at these places. Connects when it is read.
    pub(super) fn new(settings: &Settings, topic: &str, places: &[Place]) -> Result<Wire, Trouble> {
        let fetch = Fetch::new(settings, topic, places.iter().map(|place| place.next).collect())?;
        Ok(Wire { fetch, unpacker: Unpacker::default(), current: None })
    }

    /// Hands out what is there until `records_max` were handed out, all ends are reached, or nothing
    /// comes for `timeout`. `records` and `places` are right whatever comes back.
    pub(super) fn read(
        &mut self,
        places: &mut [Place],
        records: &mut u64,
        records_max: u64,
        timeout: Duration,
        mut each: impl FnMut(&[u8]),
    ) -> Result<(), Trouble> {
        let (mut asked, mut deadline) = (false, Instant::now() + timeout);
        loop {
            let before = *records;
            self.hand_out(places, records, records_max, &mut each)?;
            let at_end = places.iter().all(|place| place.ended);
            if *records >= records_max || at_end && (asked || *records > 0) {
                return Ok(());
            }
            if *records > before {
                deadline = Instant::now() + timeout;
            }
            asked = true;
            self.unpacker.clear();
            if !self.fetch.receive(deadline)? {
                return Ok(());
            }
            for chunk in self.fetch.chunks() {
                places[chunk.partition].ended = false;
            }
        }
    }

    fn hand_out(
        &mut self,
        places: &mut [Place],
        records: &mut u64,
        records_max: u64,
        each: &mut impl FnMut(&[u8]),
    ) -> Result<(), Trouble> {
        while *records < records_max {
            let Some(current) = &mut self.current else {
                if self.advance(places)? {
                    continue;
                }
                break;
            };
            let body = self.unpacker.body();
            let place = &mut places[current.partition];
            while *records < records_max {
                let Some((offset, value)) = current.records.next(body)? else {
                    place.next = place.next.max(current.last.saturating_add(1));
                    self.current = None;
                    break;
                };
                // The broker sends whole batches, also if the first record wanted is in the middle.
                if offset >= place.next {
                    each(value);
                    *records += 1;
                    place.next = offset.saturating_add(1);
                }
            }
        }
        Ok(())
    }

    /// Goes on to the next batch; `false` when everything that came was handed out.
    fn advance(&mut self, places: &mut [Place]) -> Result<bool, Trouble> {
        let Some(chunk) = self.fetch.chunks().front_mut() else { return Ok(false) };
        let partition = chunk.partition;
        let place = &mut places[partition];
        match chunk.step() {
            Ok(Step::Records(batch)) => match self.unpacker.unpack(&batch) {
                Ok(()) => {
                    let (records, last) = (Records::new(&batch), batch.last());
                    self.current = Some(Current { partition, records, last });
                }
                Err(trouble) => return Err(self.fetch.named(partition, trouble)),
            },
            Ok(Step::Skip(behind)) => place.next = place.next.max(behind),
            Ok(Step::End) => {
                place.next = place.next.max(chunk.end);
                place.ended = place.next >= chunk.stable;
                self.fetch.chunks().pop_front();
            }
            Err(trouble) => return Err(self.fetch.named(partition, trouble)),
        }
        Ok(true)
    }
}
