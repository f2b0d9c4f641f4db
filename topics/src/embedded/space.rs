//! Whether there is room for more: on the disk, and in the share of it that the log may use.

use std::{
    path::PathBuf,
    sync::Mutex,
    time::{Duration, Instant},
};

use super::shared::lock;
use crate::AppendError;

/// How long an answer of the file system is good for.
const FRESH: Duration = Duration::from_millis(100);

/// Appends stop at this share (percent) of `max_bytes`: the rest is for what consumers write while
/// they make room.
const APPEND_PERCENT: u64 = 85;

/// What room is needed for. The further down, the longer it is allowed: a full log gets room again
/// only when its consumers go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Records from outside.
    Append,
    /// A consumer's outputs.
    Outputs,
    /// Only a consumer's positions.
    Positions,
}

pub(super) struct Space {
    dir: PathBuf,
    min_free_bytes: u64,
    max_bytes: u64,
    last: Mutex<Option<(Instant, u64)>>,
}

impl Space {
    pub(super) fn new(dir: PathBuf, min_free_bytes: u64, max_bytes: u64) -> Space {
        Space { dir, min_free_bytes, max_bytes, last: Mutex::new(None) }
    }

    /// Whether more may be stored when the log has `used` bytes.
    pub(super) fn check(&self, used: u64, need: Need) -> Result<(), AppendError> {
        let (max_bytes, min_free_bytes) = match need {
            Need::Append => (self.max_bytes / 100 * APPEND_PERCENT, self.min_free_bytes),
            Need::Outputs => (self.max_bytes, self.min_free_bytes / 2),
            Need::Positions => (u64::MAX, self.min_free_bytes / 4),
        };
        if used >= max_bytes {
            return Err(AppendError::Full(format!(
                "it holds {used} bytes of records, {APPEND_PERCENT} % of log.max_bytes are {}, and \
                 none of them may be dropped yet: let the consumers catch up, or raise \
                 log.max_bytes",
                self.max_bytes / 100 * APPEND_PERCENT
            )));
        }
        match self.free_bytes() {
            Some(free) if free < min_free_bytes => Err(AppendError::Full(format!(
                "{free} bytes are free on the disk of {}, log.min_free_bytes is {}: make room",
                self.dir.display(),
                self.min_free_bytes
            ))),
            _ => Ok(()),
        }
    }

    /// Bytes that this user may still write to the disk; `None` when it can't be asked.
    fn free_bytes(&self) -> Option<u64> {
        let mut last = lock(&self.last);
        if let Some((at, free)) = *last
            && at.elapsed() < FRESH
        {
            return Some(free);
        }
        let status = match rustix::fs::statvfs(&self.dir) {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%error, "the free space of {} is unknown", self.dir.display());
                return None;
            }
        };
        let free = status.f_bavail.saturating_mul(status.f_frsize);
        *last = Some((Instant::now(), free));
        Some(free)
    }
}
