//! What a store was made with: opening it with anything else is refused.

use fjall::{Database, Keyspace, PersistMode};

use super::store::storage;
use crate::LogError;

/// Version of the layout on disk.
const FORMAT: u32 = 1;

/// Compares format and number of partitions with the store's, or notes them in a new one.
pub(super) fn check_format(
    db: &Database,
    meta: &Keyspace,
    partitions: u32,
) -> Result<(), LogError> {
    let expected = [FORMAT.to_be_bytes(), partitions.to_be_bytes()].concat();
    match meta.get("format").map_err(storage)? {
        Some(found) if *found == *expected => Ok(()),
        Some(found) => {
            let number = |at: usize| {
                let bytes = found.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
                bytes.map_or(0, u32::from_be_bytes)
            };
            Err(LogError::Format(match number(0) {
                FORMAT => format!(
                    "the log has {} partitions and the configuration says {partitions}: the number \
                     can't be changed once there is data; set it back to {}",
                    number(4),
                    number(4)
                ),
                other => format!(
                    "the log was written in format {other}, this version reads format {FORMAT}: \
                     use the version that wrote it, or start with an empty folder"
                ),
            }))
        }
        None => {
            let mut batch = db.batch().durability(Some(PersistMode::SyncAll));
            batch.insert(meta, "format", expected);
            batch.commit().map_err(storage)
        }
    }
}
