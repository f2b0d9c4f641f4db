//! What lies in the spool's folder besides its log.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::LogError;

/// What is remembered of the cluster, to start while it is away.
#[derive(Serialize, Deserialize)]
pub(super) struct Known {
    pub(super) topic_prefix: String,
    pub(super) partitions: u32,
}

pub(super) fn read(file: &Path) -> Option<Known> {
    serde_json::from_slice(&std::fs::read(file).ok()?).ok()
}

pub(super) fn write(file: &Path, known: &Known) -> Result<(), LogError> {
    let text = serde_json::to_vec(known).map_err(|error| LogError::Storage(error.to_string()))?;
    std::fs::write(file, text)
        .map_err(|error| LogError::Storage(format!("{}: {error}", file.display())))
}

/// Bytes of all files in a folder: what its records have at the most.
pub(super) fn bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).sum()
}
