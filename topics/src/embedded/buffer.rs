//! The memory that writes are put together in: direct writes need it aligned, and whole pages.

/// What direct writes begin and end at: the page, which is a multiple of every common disk's sector.
pub(super) const PAGE_BYTES: usize = 4 << 10;
/// Bytes written by one call at the most.
pub(super) const BUFFER_BYTES: usize = 1 << 20;

/// Aligned memory that writes are put together in.
pub(super) struct PageBuffer {
    memory: Vec<u8>,
    /// Where the aligned part begins.
    from: usize,
    used: usize,
}

impl PageBuffer {
    pub(super) fn new() -> PageBuffer {
        let memory = vec![0; BUFFER_BYTES + PAGE_BYTES];
        let from = memory.as_ptr().align_offset(PAGE_BYTES);
        PageBuffer { memory, from, used: 0 }
    }

    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    /// Copies as much as there is room for; what is left.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> &'a [u8] {
        let (now, later) = bytes.split_at(bytes.len().min(BUFFER_BYTES - self.used));
        let at = self.from + self.used;
        self.memory[at..at + now.len()].copy_from_slice(now);
        self.used += now.len();
        later
    }

    /// The first `count` bytes; zeros from where they were not filled.
    pub(super) fn padded(&mut self, count: usize) -> &[u8] {
        self.memory[self.from + self.used..self.from + count].fill(0);
        &self.memory[self.from..self.from + count]
    }

    /// What was copied.
    pub(super) fn filled(&self) -> &[u8] {
        &self.memory[self.from..self.from + self.used]
    }
}
