//! Memory of large blocks, used again and again.
//!
//! Fresh memory costs more than anything else that is done with a block: the system clears its pages
//! when they are first touched, and allocators soon give back what is freed. Shared by all logs of the
//! process. What it held is never seen by anybody: it is written over before it is read. What nobody
//! has needed for a while goes back to the system ([`trim`]).

use std::sync::Mutex;

use bytes::Bytes;

use super::shared::lock;

/// Smaller memory is left to the allocator.
const LARGE_BYTES: usize = 32 << 10;
/// Sizes are rounded up to a multiple of this, so that memory fits the next block, too.
const STEP_BYTES: usize = 32 << 10;
/// So many bytes are kept at the most: what two shards that catch up have under way.
const KEPT_BYTES: usize = 128 << 20;

static KEPT: Mutex<Kept> = Mutex::new(Kept { bytes: 0, free: Vec::new(), least: 0 });

/// Memory that nobody uses.
struct Kept {
    bytes: usize,
    free: Vec<Vec<u8>>,
    /// The fewest bytes that there were since the last trimming: nobody has needed these.
    least: usize,
}

impl Kept {
    /// Memory with room for so many bytes.
    fn take(&mut self, bytes: usize) -> Option<Vec<u8>> {
        let fits = |memory: &Vec<u8>| (bytes..=4 * bytes).contains(&memory.capacity());
        let at = self.free.iter().rposition(fits)?;
        let memory = self.free.swap_remove(at);
        self.bytes -= memory.capacity();
        self.least = self.least.min(self.bytes);
        Some(memory)
    }

    /// Keeps memory, if there is not enough already.
    fn give(&mut self, memory: Vec<u8>) {
        if self.bytes + memory.capacity() <= KEPT_BYTES {
            self.bytes += memory.capacity();
            self.free.push(memory);
        }
    }

    /// What nobody has needed since the last time.
    fn trim(&mut self) -> Vec<Vec<u8>> {
        let needed = self.bytes - self.least;
        let mut trimmed = Vec::new();
        while self.bytes > needed
            && let Some(memory) = self.free.pop()
        {
            self.bytes -= memory.capacity();
            trimmed.push(memory);
        }
        self.least = self.bytes;
        trimmed
    }
}

/// Kept memory with room for so many bytes.
fn take(bytes: usize) -> Option<Vec<u8>> {
    if bytes < LARGE_BYTES { None } else { lock(&KEPT).take(bytes) }
}

/// Gives back to the system what nobody has needed since the last call. To be called now and then.
pub(super) fn trim() {
    let trimmed = lock(&KEPT).trim();
    drop(trimmed);
}

fn rounded(bytes: usize) -> usize {
    if bytes < LARGE_BYTES { bytes } else { bytes.next_multiple_of(STEP_BYTES) }
}

/// An empty vector with room for so many bytes.
pub(super) fn empty(bytes: usize) -> Vec<u8> {
    let mut memory = take(bytes).unwrap_or_else(|| Vec::with_capacity(rounded(bytes)));
    memory.clear();
    memory
}

/// A vector of at least so many bytes, whatever they are.
pub(super) fn filled(bytes: usize) -> Vec<u8> {
    let Some(mut memory) = take(bytes) else { return vec![0; rounded(bytes)] };
    memory.resize(memory.len().max(bytes), 0);
    memory
}

/// Shares bytes; their memory is used again after the last one who holds them.
pub(super) fn share(bytes: Vec<u8>) -> Bytes {
    if bytes.capacity() < LARGE_BYTES { bytes.into() } else { Bytes::from_owner(Shared(bytes)) }
}

struct Shared(Vec<u8>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        lock(&KEPT).give(std::mem::take(&mut self.0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again() {
        let first = share(filled(100_000));
        let at = first.as_ptr();
        let part = first.slice(10..20);
        drop(first);
        // Other tests may take it in between; that it is used at all is what counts.
        drop(part);
        let used = (0..100).any(|_| {
            let next = empty(90_000);
            assert!(next.is_empty() && next.capacity() >= 90_000);
            let same = next.as_ptr() == at;
            drop(share(next));
            same
        });
        assert!(used);
    }

    #[test]
    fn what_is_kept_is_bounded_and_goes_when_nobody_needs_it() {
        const PIECES: usize = KEPT_BYTES / (1 << 20);
        let mut kept = Kept { bytes: 0, free: Vec::new(), least: 0 };
        let memory = |_| Vec::with_capacity(1 << 20);
        (0..2 * PIECES).map(memory).for_each(|memory| kept.give(memory));
        assert_eq!(kept.bytes, KEPT_BYTES);
        // A quarter is in use at times.
        kept.trim();
        for _ in 0..3 {
            let used: Vec<_> = (0..PIECES / 4).filter_map(|_| kept.take(1 << 20)).collect();
            assert_eq!(used.len(), PIECES / 4);
            used.into_iter().for_each(|memory| kept.give(memory));
            kept.trim();
            assert_eq!(kept.bytes, KEPT_BYTES / 4);
        }
        kept.trim();
        assert_eq!((kept.bytes, kept.free.len()), (0, 0));
        assert_eq!(kept.take(1 << 20), None);
    }
}
