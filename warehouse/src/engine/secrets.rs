//! The engine's two users and their passwords.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::EngineError;

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `footfall`: everything.
    Owner,
    /// `reader`: SELECT only.
    Reader,
}

/// The passwords of both users, made at the first start.
pub(crate) struct Secrets {
    owner: String,
    reader: String,
}

/// Path of the password of the user `footfall` or `reader`.
pub fn password_path(data: &Path, user: &str) -> PathBuf {
    data.join("secrets").join(format!("clickhouse-{user}"))
}

/// The password of the user `footfall` or `reader`, made if it does not exist yet, in a file that
/// only its owner may read.
///
/// # Errors
/// When the file can't be read or made.
pub fn password(data: &Path, user: &str) -> Result<String, EngineError> {
    let path = password_path(data, user);
    read_or_make(&path).map_err(|source| EngineError::Folder { path, source })
}

fn read_or_make(path: &Path) -> io::Result<String> {
    match fs::read_to_string(path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if let Some(folder) = path.parent() {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let secret = hex::encode(rand::random::<[u8; 24]>());
    // Written beside and linked into place: whoever makes it first wins, nobody reads a half.
    let fresh = path.with_extension(format!("new-{}", rand::random::<u32>()));
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    let linked = match fs::hard_link(&fresh, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::read_to_string(path) {
                Ok(text) if !text.trim().is_empty() => Ok(text.trim().to_owned()),
                _ => return fs::rename(&fresh, path).map(|()| secret),
            }
        }
        other => other.map(|()| secret),
    };
    fs::remove_file(&fresh)?;
    linked
}

impl Secrets {
    pub(crate) fn open(data: &Path) -> Result<Secrets, EngineError> {
        Ok(Secrets { owner: password(data, "footfall")?, reader: password(data, "reader")? })
    }

    /// The role of a user with this password.
    pub(crate) fn role(&self, user: &str, password: &str) -> Option<Role> {
        let (role, expected) = match user {
            "footfall" => (Role::Owner, &self.owner),
            "reader" => (Role::Reader, &self.reader),
            _ => return None,
        };
        equal(expected.as_bytes(), password.as_bytes()).then_some(role)
    }
}

/// Compares without telling by its time how far the texts agree.
fn equal(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn passwords_are_made_once_and_belong_to_their_owner() {
        let data = tempfile::tempdir().unwrap();
        let first = Secrets::open(data.path()).unwrap();
        let second = Secrets::open(data.path()).unwrap();
        assert_eq!(first.owner, second.owner);
        assert_ne!(first.owner, first.reader);
        assert_eq!(first.owner.len(), 48);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&password_path(data.path(), "reader")), 0o600);
        assert_eq!(mode(&data.path().join("secrets")), 0o700);
        assert_eq!(fs::read_dir(data.path().join("secrets")).unwrap().count(), 2);
        assert_eq!(first.role("footfall", &first.owner), Some(Role::Owner));
        assert_eq!(first.role("reader", &first.reader), Some(Role::Reader));
        assert_eq!(first.role("reader", &first.owner), None);
        assert_eq!(first.role("footfall", ""), None);
        assert_eq!(first.role("default", ""), None);
    }
}
