//! What an import keeps on disk while it runs, in `DATA/imports/`:
//!
//! - `JOB.json`: the random key from which the import's daily keys are derived. It is kept so that
//!   an import that broke off goes on with the same visitors, and destroyed when it has finished.
//! - `JOB.block`: the block that is being inserted ([`super::pending`]).
//! - `lock`: held while an import runs. Two at once could insert the same events twice.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, bail};
use footfall_event::Hex64;
use footfall_ingest::keys::{DayKeys, Key};
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The keys of an import that broke off and was never taken up again live so long.
const ABANDONED: Duration = Duration::from_secs(48 * 3_600);

/// An import in progress.
pub(crate) struct Job {
    path: PathBuf,
    key: Key,
    resumed: bool,
    _lock: File,
}

/// What `JOB.json` holds.
#[derive(Serialize, Deserialize)]
struct Stored {
    site: String,
    files: Vec<PathBuf>,
    key: (Hex64, Hex64),
}

impl Job {
    /// Begins the import of these files, or takes it up again.
    ///
    /// # Errors
    /// When another import runs on the data folder, or the folder can't be written.
    pub(crate) fn open(data: &Path, kind: &str, site: &str, files: &[PathBuf]) -> Result<Job> {
        let folder = folder(data);
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .with_context(|| format!("{} can't be made", folder.display()))?;
        let lock = lock(&folder)?;
        let mut files: Vec<PathBuf> = files
            .iter()
            .map(|file| std::fs::canonicalize(file).unwrap_or_else(|_| file.clone()))
            .collect();
        files.sort();
        let name = Hex64(xxh3_64(format!("{kind} {site} {files:?}").as_bytes()));
        let path = folder.join(format!("{name}.json"));
        destroy_abandoned(&folder, &path)?;
        let stored = match std::fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes).ok(),
            Err(_) => None,
        };
        let resumed = stored.is_some();
        let stored = match stored {
            Some(stored) => stored,
            None => {
                let key = (Hex64(rand::random()), Hex64(rand::random()));
                let stored = Stored { site: site.to_owned(), files, key };
                write_private(&path, &serde_json::to_vec(&stored)?)?;
                stored
            }
        };
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&stored.key.0.0.to_be_bytes());
        bytes[8..].copy_from_slice(&stored.key.1.0.to_be_bytes());
        Ok(Job { path, key: Key::new(bytes), resumed, _lock: lock })
    }

    /// The daily keys of this import.
    pub(crate) fn keys(&self) -> DayKeys {
        DayKeys::Derived(self.key)
    }

    /// Whether it was begun before and broke off.
    pub(crate) fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Where the block that is being inserted is kept.
    pub(crate) fn block_path(&self) -> PathBuf {
        self.path.with_extension("block")
    }

    /// The import has finished: its key is destroyed.
    pub(crate) fn finish(self) -> Result<()> {
        destroy(&self.path)
    }
}

/// The folder of a data folder's imports.
pub(crate) fn folder(data: &Path) -> PathBuf {
    data.join("imports")
}

/// Writes a file that only its owner may read, whole or not at all.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> Result<()> {
    let cant_write = || format!("{} can't be written", path.display());
    let unfinished = path.with_extension("tmp");
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)
        .with_context(cant_write)?;
    file.write_all(bytes).with_context(cant_write)?;
    file.sync_all().with_context(cant_write)?;
    std::fs::rename(&unfinished, path).with_context(cant_write)?;
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|folder| folder.sync_all()).with_context(cant_write)?;
    }
    Ok(())
}

fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let file = File::options().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => bail!(
            "another import is running on this data folder: run this one when it has finished, \
             or give it all files at once"
        ),
        Err(std::fs::TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("{} can't be locked", path.display()))
        }
    }
}

fn destroy_abandoned(folder: &Path, current: &Path) -> Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let is_other_job =
            path.extension().is_some_and(|ending| ending == "json") && path != current;
        let changed = std::fs::metadata(&path).and_then(|file| file.modified());
        let age = changed.ok().and_then(|at| SystemTime::now().duration_since(at).ok());
        if is_other_job && age.is_some_and(|age| age > ABANDONED) {
            destroy(&path)?;
        }
    }
    Ok(())
}

/// Overwrites the file before it is removed, for disks where that is worth something.
fn destroy(path: &Path) -> Result<()> {
    let cant = || format!("{} can't be destroyed: remove it by hand", path.display());
    let length = std::fs::metadata(path).with_context(cant)?.len() as usize;
    let mut file = File::options().write(true).open(path).with_context(cant)?;
    file.write_all(&vec![0; length]).with_context(cant)?;
    file.sync_all().with_context(cant)?;
    std::fs::remove_file(path).with_context(cant)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_job_goes_on_with_its_key_and_ends_without_it() {
        let data = tempfile::tempdir().unwrap();
        let files = [PathBuf::from("b.log"), PathBuf::from("a.log")];
        let job = Job::open(data.path(), "access-log", "a.test", &files).unwrap();
        assert!(!job.is_resumed());
        let (key, path) = (job.key, job.path.clone());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        drop(job);
        let turned = [files[1].clone(), files[0].clone()];
        let job = Job::open(data.path(), "access-log", "a.test", &turned).unwrap();
        assert!(job.is_resumed() && job.key == key);
        job.finish().unwrap();
        assert!(!path.exists());
        let job = Job::open(data.path(), "access-log", "a.test", &files).unwrap();
        assert!(!job.is_resumed() && job.key != key);
    }

    #[test]
    fn two_at_once_are_refused() {
        let data = tempfile::tempdir().unwrap();
        let _job = Job::open(data.path(), "events", "a.test", &[]).unwrap();
        let error = Job::open(data.path(), "events", "b.test", &[]).err().unwrap();
        assert!(error.to_string().contains("another import"), "{error}");
    }

    #[test]
    fn keys_of_abandoned_imports_are_destroyed() {
        let data = tempfile::tempdir().unwrap();
        let path = Job::open(data.path(), "events", "a.test", &[]).unwrap().path.clone();
        let long_ago = SystemTime::now() - ABANDONED - Duration::from_secs(60);
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        drop(Job::open(data.path(), "events", "b.test", &[]).unwrap());
        assert!(!path.exists());
    }
}
