//! Kafka's record batches, format 2: header, checksum, and the records in the unpacked body.
//!
//! Records are handed out as slices of the body, with no allocation per record; that is why the
//! decoder is our own. See <https://kafka.apache.org/documentation/#recordbatch>. Times, keys and
//! headers are passed over.

use bytes::{Buf, Bytes};

use super::Trouble;

/// Bytes up to and with the length field, which counts what comes after it.
const PREFIX: usize = 12;
/// Where the format number stands in this format and the two before it.
const FORMAT_AT: usize = 16;
const CHECKSUM_AT: usize = 17;
/// What the checksum covers begins here.
const CHECKED_FROM: usize = 21;
const HEADER: usize = 61;
const FORMAT: u8 = 2;
const TRANSACTIONAL: i16 = 1 << 4;
const CONTROL: i16 = 1 << 5;
/// The type of the control record that ends an aborted transaction.
const ABORT: i16 = 0;

/// What is wrong with a batch.
pub(super) fn damaged(what: impl std::fmt::Display) -> Trouble {
    Trouble::Lasting(format!("a damaged batch of records: {what}"))
}

/// A batch of records as the broker keeps it.
pub(super) struct Batch {
    base: i64,
    last: i64,
    attributes: i16,
    producer: i64,
    records: u32,
    checksum: u32,
    checked: Bytes,
    body: Bytes,
}

impl Batch {
    /// Takes the first batch off; `None` when what is left is not a whole one, which is how a
    /// response that has reached its limit ends.
    pub(super) fn take(bytes: &mut Bytes) -> Result<Option<Batch>, Trouble> {
        let Some(length) = whole(bytes)? else {
            bytes.clear();
            return Ok(None);
        };
        let format = bytes[FORMAT_AT];
        if format != FORMAT {
            return Err(Trouble::Unfamiliar(format!("records of format {format}")));
        }
        if length < HEADER {
            return Err(damaged(format_args!("{length} bytes long")));
        }
        let batch = bytes.split_to(length);
        let base = (&batch[..]).get_i64();
        let mut rest = &batch[CHECKED_FROM..];
        let attributes = rest.get_i16();
        let last = base.saturating_add(i64::from(rest.get_i32()));
        rest.advance(8 + 8);
        let producer = rest.get_i64();
        rest.advance(2 + 4);
        let records = u32::try_from(rest.get_i32()).map_err(damaged)?;
        Ok(Some(Batch {
            base,
            last,
            attributes,
            producer,
            records,
            checksum: (&batch[CHECKSUM_AT..]).get_u32(),
            body: batch.slice(HEADER..),
            checked: batch.slice(CHECKED_FROM..),
        }))
    }

    /// The last offset that the batch covers, whether there is a record or not.
    pub(super) fn last(&self) -> i64 {
        self.last
    }

    /// The producer's number.
    pub(super) fn producer(&self) -> i64 {
        self.producer
    }

    /// Whether its records are part of a transaction.
    pub(super) fn is_transactional(&self) -> bool {
        self.attributes & TRANSACTIONAL != 0
    }

    /// Whether it ends a transaction instead of holding anybody's records.
    pub(super) fn is_control(&self) -> bool {
        self.attributes & CONTROL != 0
    }

    /// Number of the compression method, 0 for none.
    pub(super) fn codec(&self) -> i16 {
        self.attributes & 7
    }

    /// The records, packed.
    pub(super) fn body(&self) -> &Bytes {
        &self.body
    }

    /// Whether a control batch says that the transaction was given up.
    pub(super) fn is_abort(&self) -> Result<bool, Trouble> {
        self.check()?;
        let (key, _, _) = Records::new(self)
            .record(&self.body)
            .ok_or_else(|| damaged("a transaction's end that can't be read"))?;
        // A version number, then the type.
        match key {
            Some(key) if key.len() >= 4 => Ok((&key[2..]).get_i16() == ABORT),
            _ => Err(damaged("a transaction's end without a type")),
        }
    }

    /// Compares the checksum (CRC-32C).
    pub(super) fn check(&self) -> Result<(), Trouble> {
        if crc32c::crc32c(&self.checked) == self.checksum {
            return Ok(());
        }
        Err(damaged(format_args!("wrong checksum at offset {}", self.base)))
    }
}

/// The offset behind the last whole batch, if there is a whole one.
pub(super) fn end_of(mut bytes: &[u8]) -> Result<Option<i64>, Trouble> {
    let mut end = None;
    while let Some(length) = whole(bytes)? {
        if bytes[FORMAT_AT] == FORMAT && length >= HEADER {
            let base = (&bytes[..]).get_i64();
            let last = base.saturating_add(i64::from((&bytes[CHECKED_FROM + 2..]).get_i32()));
            end = Some(last.saturating_add(1));
        }
        bytes = &bytes[length..];
    }
    Ok(end)
}

/// The first batch's length, if all of it is there.
fn whole(bytes: &[u8]) -> Result<Option<usize>, Trouble> {
    if bytes.len() <= FORMAT_AT {
        return Ok(None);
    }
    let length = (&bytes[8..]).get_i32();
    let length = usize::try_from(length).map_err(damaged)? + PREFIX;
    if length <= FORMAT_AT {
        return Err(damaged(format_args!("{length} bytes long")));
    }
    Ok((bytes.len() >= length).then_some(length))
}

/// Where in a batch's unpacked body the next record begins.
pub(super) struct Records {
    at: usize,
    left: u32,
    base: i64,
}

/// Key, value, and how far the record's offset is from the batch's first.
type Parts<'a> = (Option<&'a [u8]>, Option<&'a [u8]>, i64);

impl Records {
    /// At the first record.
    pub(super) fn new(batch: &Batch) -> Records {
        Records { at: 0, left: batch.records, base: batch.base }
    }

    /// Offset and value (empty if there is none) of the next record.
    #[inline]
    pub(super) fn next<'a>(&mut self, body: &'a [u8]) -> Result<Option<(i64, &'a [u8])>, Trouble> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        match self.record(body) {
            Some((_, value, delta)) => {
                Ok(Some((self.base.saturating_add(delta), value.unwrap_or_default())))
            }
            None => Err(damaged(format_args!("a record that can't be read after {}", self.base))),
        }
    }

    #[inline]
    fn record<'a>(&mut self, body: &'a [u8]) -> Option<Parts<'a>> {
        let length = usize::try_from(varint(body, &mut self.at)?).ok()?;
        let end = self.at.checked_add(length)?;
        let record = body.get(..end)?;
        // The attributes of a record have no meaning yet.
        let mut at = self.at + 1;
        varint(record, &mut at)?;
        let delta = varint(record, &mut at)?;
        let key = field(record, &mut at)?;
        let value = field(record, &mut at)?;
        self.at = end;
        Some((key, value, delta))
    }
}

/// A key or a value; the outer `None` means that it can't be read.
#[inline]
fn field<'a>(record: &'a [u8], at: &mut usize) -> Option<Option<&'a [u8]>> {
    let length = varint(record, at)?;
    if length < 0 {
        return Some(None);
    }
    let end = at.checked_add(usize::try_from(length).ok()?)?;
    let bytes = record.get(*at..end)?;
    *at = end;
    Some(Some(bytes))
}

/// A number of variable length, its sign in the lowest bit.
#[inline]
fn varint(bytes: &[u8], at: &mut usize) -> Option<i64> {
    let (mut number, mut shift) = (0_u64, 0);
    loop {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some((number >> 1) as i64 ^ -((number & 1) as i64));
        }
        shift += 7;
        if shift > 63 {
            return None;
        }
    }
}

#[cfg(test)]
mod tests;
