//! Events from a file, one per line.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use footfall_aggregator::tally::Tally;

/// What is read at once: large enough that reading costs nothing but the copy, small enough that
/// the copy is still in the processor's cache when it is looked at.
const READ_BYTES: usize = 256 << 10;
/// A line may not be longer: it is no event.
const LINE_BYTES_MAX: usize = 16 << 20;

/// Counts every line of a file.
pub(super) fn count(path: &Path, tally: &mut Tally) -> Result<()> {
    let named = || format!("the events in {} can't be read", path.display());
    let mut file = File::open(path).with_context(named)?;
    let mut buffer = vec![0; READ_BYTES];
    let mut filled = 0;
    loop {
        let read = file.read(&mut buffer[filled..]).with_context(named)?;
        if read == 0 {
            break;
        }
        let end = filled + read;
        let Some(last) = memchr::memrchr(b'\n', &buffer[filled..end]) else {
            filled = end;
            if filled == buffer.len() {
                ensure!(
                    filled < LINE_BYTES_MAX,
                    "{} has a line of more than {LINE_BYTES_MAX} bytes: expected an event per line",
                    path.display()
                );
                buffer.resize(2 * filled, 0);
            }
            continue;
        };
        let whole = filled + last + 1;
        tally.lines(&buffer[..whole]);
        buffer.copy_within(whole..end, 0);
        filled = end - whole;
    }
    tally.lines(&buffer[..filled]);
    Ok(())
}
