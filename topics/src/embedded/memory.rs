//! Memory of large blocks, used again and again.
//!
//! Fresh memory costs more than anything else that is done with a block: the system clears its pages
//! when they are first touched, and allocators soon give back what is freed. Shared by all logs of the
//! process. What it held is never seen by anybody: it is written over before it is read.

use std::sync::Mutex;

use bytes::Bytes;

use super::shared::lock;

/// Smaller memory is left to the allocator.
const LARGE_BYTES: usize = 32 << 10;
/// Sizes are rounded up to a multiple of this, so that memory fits the next block, too.
const STEP_BYTES: usize = 32 << 10;
/// So many bytes are kept at the most.
const KEPT_BYTES: usize = 32 << 20;

static KEPT: Mutex<Kept> = Mutex::new(Kept { bytes: 0, free: Vec::new() });

struct Kept {
    bytes: usize,
    free: Vec<Vec<u8>>,
}

/// Kept memory with room for so many bytes.
fn take(bytes: usize) -> Option<Vec<u8>> {
    if bytes < LARGE_BYTES {
        return None;
    }
    let mut kept = lock(&KEPT);
    let fits = |memory: &Vec<u8>| (bytes..=4 * bytes).contains(&memory.capacity());
    let at = kept.free.iter().rposition(fits)?;
    let memory = kept.free.swap_remove(at);
    kept.bytes -= memory.capacity();
    Some(memory)
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
        let memory = std::mem::take(&mut self.0);
        let mut kept = lock(&KEPT);
        if kept.bytes + memory.capacity() <= KEPT_BYTES {
            kept.bytes += memory.capacity();
            kept.free.push(memory);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_used_again_and_bounded() {
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
        let many: Vec<_> = (0..100).map(|_| share(filled(1 << 20))).collect();
        drop(many);
        let kept = lock(&KEPT);
        let bytes: usize = kept.free.iter().map(Vec::capacity).sum();
        assert!(kept.bytes == bytes && bytes <= KEPT_BYTES);
    }
}
