//! Compressed bodies of batches.
//!
//! Snappy is not read here: Kafka wraps it in a framing of its own, few use it, and librdkafka is
//! there for it.

use std::io::{BufRead, Read};

use bytes::Bytes;

use super::Trouble;
use super::batch::{Batch, damaged};

/// A broker takes batches of a megabyte by default; no honest one unpacks to this.
const BODY_BYTES_MAX: usize = 256 << 20;

const NONE: i16 = 0;
const GZIP: i16 = 1;
const LZ4: i16 = 3;
const ZSTD: i16 = 4;

/// Where bodies are unpacked to, one after the other.
#[derive(Default)]
pub(super) struct Unpacker {
    room: Vec<u8>,
    plain: Option<Bytes>,
}

impl Unpacker {
    /// Unpacks the body of a batch.
    pub(super) fn unpack(&mut self, batch: &Batch) -> Result<(), Trouble> {
        self.plain = None;
        self.room.clear();
        let packed: &[u8] = batch.body();
        match batch.codec() {
            NONE => {
                self.plain = Some(batch.body().clone());
                Ok(())
            }
            GZIP => self.read(flate2::bufread::GzDecoder::new(packed)),
            LZ4 => self.copy(lz4_flex::frame::FrameDecoder::new(packed)),
            ZSTD => {
                let decoder = zstd::stream::read::Decoder::with_buffer(packed).map_err(damaged)?;
                self.read(decoder.single_frame())
            }
            other => Err(Trouble::Unfamiliar(format!("records of compression method {other}"))),
        }
    }

    /// What was unpacked last.
    pub(super) fn body(&self) -> &[u8] {
        self.plain.as_deref().unwrap_or(&self.room)
    }

    /// Lets go of what was unpacked last.
    pub(super) fn clear(&mut self) {
        self.plain = None;
    }

    fn read(&mut self, decoder: impl Read) -> Result<(), Trouble> {
        let mut decoder = decoder.take(BODY_BYTES_MAX as u64 + 1);
        decoder.read_to_end(&mut self.room).map_err(damaged)?;
        self.is_bounded()
    }

    /// As [`Unpacker::read`], out of the decoder's own buffer, which saves a zeroed one.
    fn copy(&mut self, mut decoder: impl BufRead) -> Result<(), Trouble> {
        loop {
            let piece = decoder.fill_buf().map_err(damaged)?;
            if piece.is_empty() {
                return Ok(());
            }
            self.room.extend_from_slice(piece);
            let length = piece.len();
            decoder.consume(length);
            self.is_bounded()?;
        }
    }

    fn is_bounded(&self) -> Result<(), Trouble> {
        if self.room.len() <= BODY_BYTES_MAX {
            return Ok(());
        }
        let max = BODY_BYTES_MAX;
        Err(Trouble::Lasting(format!("a batch of records unpacks to more than {max} bytes")))
    }
}
