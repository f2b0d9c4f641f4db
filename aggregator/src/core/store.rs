//! Snapshots of a core: one version byte, the length of the first part, the people and texts in
//! postcard, then the ids as they lie in memory (there are millions of them).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::Core;
use super::ads::Ads;
use super::intern::Interner;
use super::people::People;
use crate::rules::NetworkJudge;
use crate::shard::RestoreError;

/// Raised whenever a snapshot of the code before can't be read; the state is then replayed.
const VERSION: u8 = 5;

/// Room for a visitor in a snapshot, to begin with.
const PERSON_BYTES: usize = 300;

#[derive(Serialize, Deserialize)]
struct Stored<'a> {
    people: Cow<'a, People>,
    interner: Cow<'a, Interner>,
    ads: Cow<'a, Ads>,
    judge: Cow<'a, NetworkJudge>,
    watermark_ms: i64,
    clock_ms: i64,
    swept_at_ms: i64,
}

impl Core {
    pub(super) fn store(&self) -> Vec<u8> {
        debug_assert!(self.changes.is_empty(), "snapshots are taken between batches");
        let stored = Stored {
            people: Cow::Borrowed(&self.people),
            interner: Cow::Borrowed(&self.interner),
            ads: Cow::Borrowed(&self.ads),
            judge: Cow::Borrowed(&self.judge),
            watermark_ms: self.watermark_ms,
            clock_ms: self.clock_ms,
            swept_at_ms: self.swept_at_ms,
        };
        let bytes = PERSON_BYTES * self.people.len() + 16 * self.ids.len();
        let mut out = Vec::with_capacity(bytes);
        out.push(VERSION);
        out.extend_from_slice(&[0; 8]);
        let mut out =
            postcard::to_extend(&stored, out).expect("plain data in memory can be stored");
        let head = out.len() as u64 - 9;
        out[1..9].copy_from_slice(&head.to_le_bytes());
        self.ids.store(&mut out);
        out
    }

    pub(super) fn load(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        let Some((&[version], rest)) = bytes.split_first_chunk::<1>() else {
            return Err(RestoreError::Torn);
        };
        if version != VERSION {
            return Err(RestoreError::Version { found: version, expected: VERSION });
        }
        let (length, rest) = rest.split_first_chunk::<8>().ok_or(RestoreError::Torn)?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok();
        let (head, ids) =
            length.and_then(|length| rest.split_at_checked(length)).ok_or(RestoreError::Torn)?;
        let stored: Stored<'_> = postcard::from_bytes(head).map_err(|_| RestoreError::Torn)?;
        let mut fresh = Core::new(self.limits).among(self.shards);
        fresh.ids.load(ids).ok_or(RestoreError::Torn)?;
        fresh.people = stored.people.into_owned();
        fresh.interner = stored.interner.into_owned();
        fresh.ads = stored.ads.into_owned();
        fresh.judge = stored.judge.into_owned().with(self.judge.rules(), self.limits.judge);
        fresh.watermark_ms = stored.watermark_ms;
        fresh.clock_ms = stored.clock_ms;
        fresh.swept_at_ms = stored.swept_at_ms;
        *self = fresh;
        Ok(())
    }
}
