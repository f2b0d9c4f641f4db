//! What has to be put right in the folder before the database opens it.

use std::path::Path;

use super::store::storage;
use crate::LogError;

/// The database writes this file last when it makes a folder.
const COMPLETE_MARKER: &str = "version";

/// Clears away a folder whose making was interrupted: without its marker the database would
/// refuse it, and nothing can have been stored yet.
pub(super) fn prepare(dir: &Path) -> Result<(), LogError> {
    if dir.try_exists().map_err(storage)?
        && !dir.join(COMPLETE_MARKER).try_exists().map_err(storage)?
    {
        std::fs::remove_dir_all(dir).map_err(storage)?;
    }
    std::fs::create_dir_all(dir).map_err(storage)
}
